//! Model files, natively and as the page reads them: both the same; and what is a model comes back from its own file, and answers
//! on every kernel, with the same integers.
#![no_main]

use digit8_core::compare::logits;
use digit8_core::digits::PIXELS;
use digit8_core::file::{self, Entry, Loaded, Model, Tensors, container};
use digit8_core::{Kernel, Result};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// A header as JavaScript has it: every number is a double.
struct Page {
    tensors: Value,
    origin: Option<Value>,
}

impl Page {
    fn model(file: &[u8]) -> Result<(Model, Vec<String>)> {
        let (header, data) = container::open(file)?;
        let tensors: Value = serde_json::from_str(header).unwrap_or(Value::Null);
        let text = tensors["__metadata__"]["digit8"].as_str();
        let origin = text.and_then(|text| serde_json::from_str(text).ok());
        file::model(&Page { tensors, origin }, data)
    }
}

impl Tensors for Page {
    fn names(&self) -> Vec<String> {
        let names = self.tensors.as_object().into_iter().flat_map(|tensors| tensors.keys().cloned());
        names.filter(|name| name != "__metadata__").collect()
    }

    fn entry(&self, name: &str) -> Option<Entry> {
        let found = self.tensors.get(name)?;
        let numbers = |key: &str| {
            let number = |value: &Value| value.as_f64().filter(|x| *x == f64::from(*x as u32)).map(|x| x as usize);
            found.get(key)?.as_array()?.iter().map(number).collect::<Option<Vec<_>>>()
        };
        let &[start, end] = &numbers("data_offsets")?[..] else { return None };
        Some(Entry { dtype: found.get("dtype")?.as_str()?.into(), shape: numbers("shape")?, bytes: start..end })
    }

    fn origin(&self, key: &str) -> Option<String> {
        self.origin.as_ref()?.get(key)?.as_str().map(str::to_owned)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (native, page) = (file::read(bytes), Page::model(bytes));
    assert_eq!(native.is_ok(), page.is_ok(), "{:?} and {:?}", native.err(), page.err());
    let Ok(Loaded { model, info, .. }) = native else { return };
    assert_eq!(page.unwrap().0, model);
    let written = file::write(&model, &info).unwrap();
    let again = file::read(&written).unwrap();
    assert_eq!(again.model, model);
    assert!(again.notes.is_empty(), "{:?}", again.notes);
    assert_eq!(file::write(&again.model, &again.info).unwrap(), written);

    let pixels: Vec<u8> = (0..2 * PIXELS).map(|at| (at * 7919 % 256) as u8).collect();
    let scalar = logits(&model, Kernel::Scalar, &pixels);
    for kernel in Kernel::available() {
        let answers = logits(&model, kernel, &pixels);
        // Reals are summed in another order by each kernel; integers are not.
        if matches!(model, Model::Int8(_)) {
            let bits = |logits: &[f32]| logits.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&answers), bits(&scalar), "{}", kernel.name());
        }
    }
});
