//! Model files, with their headers read by JavaScript's own JSON parser: with another one, the module would be half as large
//! again, and the first answer would come that much later.

use digit8_core::file::{self, Entry, Model, Tensors, container};
use digit8_core::{Error, Result, verdict};
use js_sys::{Array, JSON, Object, Reflect};
use wasm_bindgen::prelude::*;

/// What a file holds.
pub struct Read {
    /// The model.
    pub model: Model,
    /// What was done to read it, a sentence each.
    pub notes: Vec<String>,
    /// The least probability at which its answers are to be believed, 0 to 1.
    pub threshold: f64,
}

/// The model in a safetensors file, and what was done to read it.
///
/// # Errors
/// As those of [`digit8_core::file::read`].
pub fn read(file: &[u8]) -> Result<Read> {
    let (header, data) = container::open(file)?;
    let tensors = parsed(header).ok_or_else(|| Error::File("its header is not JSON".into()))?;
    let metadata = get(&tensors, METADATA).and_then(|metadata| get(&metadata, "digit8")?.as_string());
    let origin = metadata.and_then(|text| parsed(&text));
    let header = Header { tensors, origin };
    let threshold = header.origin(verdict::METADATA).map(|text| js_sys::parse_float(&text));
    let threshold = threshold.filter(|threshold| (0.0..=1.0).contains(threshold)).unwrap_or(verdict::SURE);
    let (model, notes) = file::model(&header, data)?;
    Ok(Read { model, notes, threshold })
}

const METADATA: &str = "__metadata__";

struct Header {
    tensors: JsValue,
    origin: Option<JsValue>,
}

impl Tensors for Header {
    fn names(&self) -> Vec<String> {
        let keys = self.tensors.dyn_ref::<Object>().map(Object::keys).unwrap_or_default();
        keys.iter().filter_map(|key| key.as_string()).filter(|name| name != METADATA).collect()
    }

    fn entry(&self, name: &str) -> Option<Entry> {
        let found = get(&self.tensors, name)?;
        let &[start, end] = &numbers(&found, "data_offsets")?[..] else { return None };
        let dtype = get(&found, "dtype")?.as_string()?;
        Some(Entry { dtype, shape: numbers(&found, "shape")?, bytes: start..end })
    }

    fn origin(&self, key: &str) -> Option<String> {
        get(self.origin.as_ref()?, key)?.as_string()
    }
}

fn parsed(json: &str) -> Option<JsValue> {
    JSON::parse(json).ok()
}

fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into()).ok().filter(|value| !value.is_undefined())
}

fn numbers(object: &JsValue, name: &str) -> Option<Vec<usize>> {
    let number = |value: JsValue| value.as_f64().filter(|number| *number == f64::from(*number as u32));
    let number = |value: JsValue| Some(number(value)? as usize);
    get(object, name)?.dyn_ref::<Array>()?.iter().map(number).collect()
}
