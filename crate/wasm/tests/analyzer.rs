//! The analyzer through its JavaScript interface, in a browser's worker as in the page. The dumps
//! are forged: no real machine's memory is needed, and the forge shares no layout with the core.

#![cfg(target_arch = "wasm32")]

mod reading;

use bluepane_forge::{Dump, Scenario, forge};
use bluepane_wasm::Analyzer;
use js_sys::{Function, Reflect};
use reading::{Answers, Reader};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

const STOP: &str = r#"
[machine]
build = 9600
[system]
computer_name = "PAYROLL-07"
[stop]
code = 0x7a
parameters = ["0xfffff6e00006af98", "0xffffffffc000009a", "0x5b7c1880", "0xffffc0000d5f3a10"]
"#;

fn dump(kind: &str) -> Rc<Dump> {
    let scenario = Scenario::from_toml(&format!(
        "{STOP}[dump]
kind = \"{kind}\"
"
    ));
    let scenario = scenario.expect("the scenario is sound");
    Rc::new(forge(&scenario).expect("the machine can be forged"))
}

/// A file of these bytes.
fn file(bytes: &[u8]) -> Rc<Dump> {
    let mut file = Dump::default();
    file.put(0, bytes.to_vec());
    Rc::new(file)
}

/// What `on_progress` was told, in order.
type Told = Rc<RefCell<Vec<JsValue>>>;

fn listener() -> (Function, Told) {
    let told = Told::default();
    let log = Rc::clone(&told);
    let closure = Closure::<dyn FnMut(JsValue)>::new(move |value| log.borrow_mut().push(value));
    (closure.into_js_value().unchecked_into(), told)
}

async fn analyze(bytes: &Rc<Dump>, answers: Answers) -> (Analyzer, JsValue, Reader, Told) {
    let analyzer = Analyzer::new("MEMORY.DMP", bytes.len() as f64).expect("a size");
    let reader = Reader::new(bytes, answers);
    let (on_progress, told) = listener();
    let report = analyzer
        .run(reader.function.clone(), on_progress)
        .await
        .expect("a report");
    (analyzer, report, reader, told)
}

/// The value at a path of names and indices, `undefined` where there is none.
fn at(value: &JsValue, path: &str) -> JsValue {
    path.split('.').fold(value.clone(), |value, name| {
        Reflect::get(&value, &name.into()).unwrap_or(JsValue::UNDEFINED)
    })
}

fn text(value: &JsValue, path: &str) -> String {
    at(value, path)
        .as_string()
        .unwrap_or_else(|| panic!("{path} is no text: {:?}", at(value, path)))
}

fn number(value: &JsValue, path: &str) -> f64 {
    at(value, path)
        .as_f64()
        .unwrap_or_else(|| panic!("{path} is no number: {:?}", at(value, path)))
}

/// The report as JSON text without what differs from run to run.
fn timeless(report: &JsValue) -> String {
    let copy = js_sys::Object::assign(&js_sys::Object::new(), report.unchecked_ref());
    Reflect::delete_property(&copy, &"stats".into()).expect("a plain object");
    js_sys::JSON::stringify(&copy).expect("plain data").into()
}

#[wasm_bindgen_test]
async fn a_minidump_becomes_a_report_with_wide_numbers_as_hex_text() {
    let bytes = dump("triage");
    let (_, report, reader, _) = analyze(&bytes, Answers::AtOnce).await;
    assert_eq!(text(&report, "file.kind"), "triage");
    assert_eq!(text(&report, "file.name"), "MEMORY.DMP");
    assert_eq!(number(&report, "bugcheck.code"), f64::from(0x7a));
    assert_eq!(text(&report, "bugcheck.name"), "KERNEL_DATA_INPAGE_ERROR");
    let wide = text(&report, "bugcheck.parameters.0.value");
    assert_eq!(wide, "0xfffff6e00006af98");
    assert_eq!(text(&report, "file.size"), format!("{:#x}", bytes.len()));
    assert_eq!(number(&report, "system.build"), 9600.0);
    assert!(at(&report, "error").is_undefined());
    let modules = js_sys::Array::from(&at(&report, "modules"));
    assert!(modules.length() > 0, "no module is listed");
    assert!(text(&modules.get(0), "base").starts_with("0xffff"));
    assert_eq!(
        number(&report, "stats.reads"),
        reader.asked.borrow().len() as f64
    );
}

#[wasm_bindgen_test]
async fn the_reads_of_a_round_are_asked_side_by_side_and_may_be_answered_in_any_order() {
    for kind in ["triage", "bitmap-kernel", "full"] {
        let bytes = dump(kind);
        let (_, in_order, first, _) = analyze(&bytes, Answers::AtOnce).await;
        let (_, reversed, second, _) = analyze(&bytes, Answers::InReverse).await;
        assert_eq!(timeless(&in_order), timeless(&reversed), "{kind}");
        assert_eq!(*first.asked.borrow(), *second.asked.borrow(), "{kind}");
        let rounds = number(&reversed, "stats.rounds") as usize;
        let reads = second.asked.borrow().len();
        let fewest = reads.div_ceil(rounds.max(1));
        let at_once = second.at_once.get();
        assert!(
            at_once >= fewest,
            "{kind}: {reads} reads in {rounds} rounds, {at_once} at once"
        );
    }
}

#[wasm_bindgen_test]
async fn no_read_leaves_the_file_and_none_is_asked_twice_in_a_row() {
    let bytes = dump("bitmap-kernel");
    let (_, _, reader, _) = analyze(&bytes, Answers::AtOnce).await;
    let asked = reader.asked.borrow();
    for &(offset, length) in asked.iter() {
        assert!(
            length > 0 && offset + length <= bytes.len() as u64,
            "{offset:#x}+{length:#x}"
        );
    }
    assert!(asked.windows(2).all(|pair| pair[0] != pair[1]));
}

#[wasm_bindgen_test]
async fn progress_grows_and_conclusions_are_told_at_once() {
    let (_, report, _, told) = analyze(&dump("bitmap-kernel"), Answers::AtOnce).await;
    let told = told.borrow();
    assert!(!told.is_empty());
    let mut concluded = None;
    for pair in told.windows(2) {
        for count in ["done", "rounds", "reads", "bytesRead"] {
            assert!(
                number(&pair[0], count) <= number(&pair[1], count),
                "{count} went back"
            );
        }
    }
    for value in told.iter() {
        assert!(!text(value, "step").is_empty());
        assert!(number(value, "done") <= number(value, "total"));
        let known = at(value, "report");
        if !known.is_undefined() {
            assert_eq!(text(value, "report.file.name"), "MEMORY.DMP");
        }
        if text(value, "step") == "diagnosis" {
            concluded.get_or_insert(known);
        }
    }
    let last = told.last().expect("something was told");
    assert_eq!(number(last, "done"), number(last, "total"));
    let concluded = concluded.expect("conclusions are told");
    assert_eq!(
        text(&concluded, "bugcheck.name"),
        text(&report, "bugcheck.name")
    );
}

#[wasm_bindgen_test]
async fn an_analysis_that_is_cancelled_reads_no_more_and_its_report_says_so() {
    let bytes = dump("full");
    let analyzer = Analyzer::new("MEMORY.DMP", bytes.len() as f64).expect("a size");
    let reader = Reader::new(&bytes, Answers::AtOnce);
    analyzer.cancel();
    let (on_progress, _) = listener();
    let run = analyzer.run(reader.function.clone(), on_progress).await;
    let report = run.expect("a report all the same");
    assert!(reader.asked.borrow().is_empty(), "it reads on");
    assert!(at(&report, "bugcheck").is_undefined());
    let codes: Vec<String> = js_sys::Array::from(&at(&report, "notes"))
        .iter()
        .map(|note| text(&note, "code"))
        .collect();
    assert!(
        codes.iter().any(|code| code == "stopped-early"),
        "{codes:?}"
    );
}

#[wasm_bindgen_test]
async fn cancel_may_be_called_while_the_analysis_runs() {
    let bytes = dump("full");
    let analyzer = Rc::new(Analyzer::new("MEMORY.DMP", bytes.len() as f64).expect("a size"));
    let reader = Reader::new(&bytes, Answers::InReverse);
    let stopper = Rc::clone(&analyzer);
    let closure = Closure::<dyn FnMut(JsValue)>::new(move |_| stopper.cancel());
    let on_progress = closure.into_js_value().unchecked_into();
    let run = analyzer.run(reader.function.clone(), on_progress).await;
    let report = run.expect("a report all the same");
    assert_eq!(text(&report, "file.name"), "MEMORY.DMP");
    assert_eq!(number(&report, "stats.rounds"), 1.0);
}

#[wasm_bindgen_test]
async fn reads_that_fail_end_in_a_report_and_never_in_a_made_up_one() {
    let bytes = dump("triage");
    for answers in [Answers::RejectedFrom(0), Answers::Thrown, Answers::Text] {
        let (_, report, _, _) = analyze(&bytes, answers).await;
        assert!(at(&report, "bugcheck").is_undefined(), "{answers:?}");
        assert!(!text(&report, "error.text").is_empty(), "{answers:?}");
    }
}

#[wasm_bindgen_test]
async fn a_file_that_can_be_read_in_part_is_reported_in_part() {
    let bytes = dump("full");
    let (_, report, _, _) = analyze(&bytes, Answers::RejectedFrom(0x20000)).await;
    assert_eq!(number(&report, "bugcheck.code"), f64::from(0x7a));
    let (_, short, _, _) = analyze(&bytes, Answers::Short).await;
    assert_eq!(text(&short, "file.name"), "MEMORY.DMP");
}

#[wasm_bindgen_test]
async fn what_on_progress_throws_ends_the_run() {
    let bytes = dump("triage");
    let analyzer = Analyzer::new("MEMORY.DMP", bytes.len() as f64).expect("a size");
    let reader = Reader::new(&bytes, Answers::AtOnce);
    let thrower = Function::new_no_args("throw new Error('enough')");
    let error = analyzer
        .run(reader.function.clone(), thrower)
        .await
        .expect_err("the error comes back");
    assert_eq!(text(&error, "message"), "enough");
}

#[wasm_bindgen_test]
fn a_size_that_no_file_has_is_refused() {
    for size in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
        assert!(Analyzer::new("x", size).is_err(), "{size}");
    }
}

#[wasm_bindgen_test]
async fn a_file_that_is_no_dump_gets_a_sentence() {
    for bytes in [
        &b""[..],
        b"Dear diary, today the server stopped again. ",
        &[0; 70_000],
    ] {
        let (analyzer, report, _, _) = analyze(&file(bytes), Answers::AtOnce).await;
        assert!(at(&report, "bugcheck").is_undefined());
        let said = text(&report, "error.text");
        assert!(said.ends_with('.') && said.contains(' '), "{said}");
        let first = said.split('.').next().unwrap_or_default();
        assert!(analyzer.text(false).replace("\n  ", " ").contains(first));
    }
}

#[wasm_bindgen_test]
async fn the_report_is_given_as_text_markdown_html_and_json_and_redacted_on_demand() {
    let (analyzer, report, _, _) = analyze(&dump("triage"), Answers::AtOnce).await;
    let ways: [(&str, fn(&Analyzer, bool) -> String); 4] = [
        ("text", Analyzer::text),
        ("markdown", Analyzer::markdown),
        ("html", Analyzer::html),
        ("json", |analyzer, redact| {
            analyzer.json(redact).expect("JSON")
        }),
    ];
    let name = at(&report, "system.computer_name").as_string();
    for (way, give) in ways {
        // Markdown has a backslash before an underscore.
        let whole = give(&analyzer, false).replace('\\', "");
        assert!(whole.contains("KERNEL_DATA_INPAGE_ERROR"), "{way}");
        if let Some(name) = &name {
            assert!(
                !give(&analyzer, true).contains(name),
                "{way} names the machine"
            );
        }
    }
    let json = js_sys::JSON::parse(&analyzer.json(false).expect("JSON")).expect("sound JSON");
    assert_eq!(timeless(&json), timeless(&report));
    let page = analyzer.html(false);
    assert!(
        page.starts_with("<!") && !page.contains("<script"),
        "an HTML report without scripts"
    );
}
