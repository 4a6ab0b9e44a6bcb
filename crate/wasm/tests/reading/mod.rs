//! Files for the analyzer to ask: bytes behind a JavaScript function that answers late, out of
//! order or not at all.

use bluepane_forge::Dump;
use js_sys::{Function, Promise, Reflect, Uint8Array, global};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// How the reads of a file are answered.
#[derive(Clone, Copy, Debug)]
pub enum Answers {
    /// Each as soon as it can be.
    AtOnce,
    /// The last that was asked first.
    InReverse,
    /// Not from this offset on: the promise is rejected.
    RejectedFrom(u64),
    /// The function itself throws.
    Thrown,
    /// With fewer bytes than were asked for.
    Short,
    /// With text instead of bytes.
    Text,
}

/// A file that counts what is asked of it.
pub struct Reader {
    pub function: Function,
    /// Offset and length of every read.
    pub asked: Rc<RefCell<Vec<(u64, u64)>>>,
    /// Most reads that were under way at the same time.
    pub at_once: Rc<Cell<usize>>,
}

impl Reader {
    pub fn new(file: &Rc<Dump>, answers: Answers) -> Self {
        let asked = Rc::new(RefCell::new(Vec::new()));
        let at_once = Rc::new(Cell::new(0));
        let under_way = Rc::new(Cell::new(0_usize));
        let file = Rc::clone(file);
        let (log, most) = (Rc::clone(&asked), Rc::clone(&at_once));
        let read = move |offset: f64, length: f64| -> Result<JsValue, JsValue> {
            let number = log.borrow().len();
            log.borrow_mut().push((offset as u64, length as u64));
            under_way.set(under_way.get() + 1);
            most.set(most.get().max(under_way.get()));
            let under_way = Rc::clone(&under_way);
            let ended = Closure::once_into_js(move || under_way.set(under_way.get() - 1));
            let promise = answer(&file, offset as u64, length as u64, number, answers)?;
            Ok(promise.finally_with(ended.unchecked_ref()).into())
        };
        let closure = Closure::<dyn FnMut(f64, f64) -> Result<JsValue, JsValue>>::new(read);
        Self {
            function: closure.into_js_value().unchecked_into(),
            asked,
            at_once,
        }
    }
}

trait Finally {
    fn finally_with(&self, then: &Function) -> Promise;
}

impl Finally for Promise {
    fn finally_with(&self, then: &Function) -> Promise {
        let finally: Function = Reflect::get(self, &"finally".into())
            .expect("a promise has finally")
            .unchecked_into();
        finally
            .call1(self, then)
            .expect("finally gives a promise")
            .unchecked_into()
    }
}

/// A range of a file that may be larger than all memory; holes are zero.
fn part_of(file: &Dump, offset: u64, length: u64) -> Vec<u8> {
    let end = (offset + length).min(file.len());
    let mut part = vec![0; end.saturating_sub(offset) as usize];
    for (start, piece) in file.pieces() {
        let from = start.max(offset);
        let to = (start + piece.len() as u64).min(end);
        if from < to {
            part[(from - offset) as usize..(to - offset) as usize]
                .copy_from_slice(&piece[(from - start) as usize..(to - start) as usize]);
        }
    }
    part
}

fn answer(
    file: &Dump,
    offset: u64,
    length: u64,
    number: usize,
    answers: Answers,
) -> Result<Promise, JsValue> {
    let part = Uint8Array::from(&part_of(file, offset, length)[..]);
    let whole: JsValue = part.clone().into();
    Ok(match answers {
        Answers::AtOnce => Promise::resolve(&whole),
        // Two hundred at most are awaited in a round; what comes later in it answers sooner.
        Answers::InReverse => later(whole, 200 - (number % 200) as i32),
        Answers::RejectedFrom(limit) if offset + length > limit => {
            Promise::reject(&js_sys::Error::new("the file is gone"))
        }
        Answers::RejectedFrom(_) => Promise::resolve(&whole),
        Answers::Thrown => return Err(js_sys::Error::new("no such file").into()),
        Answers::Short => {
            let half: JsValue = part.slice(0, part.length() / 2).into();
            Promise::resolve(&half)
        }
        Answers::Text => Promise::resolve(&JsValue::from("not bytes")),
    })
}

/// Resolves with `value` after so many milliseconds; in a window as in a worker.
pub fn later(value: JsValue, milliseconds: i32) -> Promise {
    Promise::new(&mut |resolve, _| {
        let set_timeout: Function = Reflect::get(&global(), &"setTimeout".into())
            .expect("every browser has setTimeout")
            .unchecked_into();
        set_timeout
            .call3(&global(), &resolve, &milliseconds.into(), &value)
            .expect("setTimeout takes a function");
    })
}
