//! Names as people know them: decorations of the compiler taken off.

use msvc_demangler::DemangleFlags;
use std::borrow::Cow;

/// Texts that the compiler named by their content: no place that a stack leads to.
const STRING_LITERAL: &str = "??_C@";
/// The compiler shortens what would be longer than this.
const LONGEST: usize = 4096;

/// `SC_DISK::Start` of `?Start@SC_DISK@@…`, as the debugger shows it; `KeBugCheckEx` of
/// `_KeBugCheckEx@20`, when `thirty_two` says that 32-bit C decorates so. Nothing for a literal.
#[must_use]
pub fn readable(name: &str, thirty_two: bool) -> Option<Cow<'_, str>> {
    if name.is_empty() || name.starts_with(STRING_LITERAL) {
        return None;
    }
    if let Some(block) = block_of_function(name) {
        return Some(Cow::Owned(block));
    }
    if name.starts_with('?') && name.len() <= LONGEST {
        // Types in the words of Microsoft's tools: `unsigned __int64`, `char *`.
        let as_debugger = DemangleFlags::NAME_ONLY
            | DemangleFlags::MS_TYPENAMES
            | DemangleFlags::SPACE_BEFORE_POINTER;
        let plain = msvc_demangler::demangle(name, as_debugger).ok();
        return Some(plain.map_or(Cow::Borrowed(name), Cow::Owned));
    }
    Some(Cow::Borrowed(if thirty_two {
        undecorated(name)
    } else {
        name
    }))
}

/// What compilers make of a block of a C function that handles or ends something, as the debugger shows
/// it: `KeUserModeCallback$fin$0` of `?fin$0@0@KeUserModeCallback@@`.
fn block_of_function(name: &str) -> Option<String> {
    let (block, rest) = name.strip_prefix('?')?.split_once('@')?;
    let (kind, number) = block.split_once('$')?;
    let forms = [("0@", "@@"), ("?0?", "@4HA")].into_iter();
    let mut inner = forms.filter_map(|(begin, end)| rest.strip_prefix(begin)?.strip_suffix(end));
    let function = inner.next()?;
    let plain = |text: &str| !text.is_empty() && !text.contains(['@', '?']);
    let known = ["fin", "filt", "dtor", "catch"].contains(&kind);
    let fits = known && number.bytes().all(|b| b.is_ascii_digit()) && plain(function);
    fits.then(|| format!("{function}${block}"))
}

/// Without what 32-bit calling conventions add: `_name`, `_name@8`, `@name@8`.
fn undecorated(name: &str) -> &str {
    let Some(rest) = name.strip_prefix(['_', '@']) else {
        return name;
    };
    match rest.rsplit_once('@') {
        Some((plain, bytes)) if bytes.bytes().all(|b| b.is_ascii_digit()) => plain,
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn names_lose_their_decorations() {
        let plain = |name| readable(name, false).map(|n| n.into_owned());
        assert_eq!(plain("KeBugCheckEx").as_deref(), Some("KeBugCheckEx"));
        assert_eq!(
            plain("??0SC_DISK@@QEAA@XZ").as_deref(),
            Some("SC_DISK::SC_DISK")
        );
        assert_eq!(
            plain("??1SC_DEVICE@@UEAA@XZ").as_deref(),
            Some("SC_DEVICE::~SC_DEVICE")
        );
        assert_eq!(
            plain("?SubmitCommand@ADAPTER@@QEAAJPEAX@Z").as_deref(),
            Some("ADAPTER::SubmitCommand")
        );
        assert_eq!(
            plain("??$twice@_K@Queue@disk@acme@@QEAA_K_K@Z").as_deref(),
            Some("acme::disk::Queue::twice<unsigned __int64>")
        );
        assert_eq!(plain("??$of@PEAD@@YAXXZ").as_deref(), Some("of<char *>"));
        assert_eq!(plain("??_C@_00CNPNBAHC@?$AA@"), None);
        assert_eq!(
            plain("?filt$10@0@RtlUserThreadStart@@").as_deref(),
            Some("RtlUserThreadStart$filt$10")
        );
        assert_eq!(plain("?dtor$6@?0?f@4HA").as_deref(), Some("f$dtor$6"));
        assert_eq!(plain("?fin$x@0@f@@").as_deref(), Some("?fin$x@0@f@@"));
        assert_eq!(plain("?nonsense").as_deref(), Some("?nonsense"));
    }

    #[test]
    fn names_of_32_bit_systems_lose_their_underscore_and_size() {
        let plain = |name| readable(name, true).map(|n| n.into_owned());
        assert_eq!(plain("_KeBugCheckEx@20").as_deref(), Some("KeBugCheckEx"));
        assert_eq!(plain("@KfLowerIrql@4").as_deref(), Some("KfLowerIrql"));
        assert_eq!(
            plain("_MmAvailablePages").as_deref(),
            Some("MmAvailablePages")
        );
        assert_eq!(plain("HalpX").as_deref(), Some("HalpX"));
    }
}
