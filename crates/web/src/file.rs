//! Model files, with their headers read by JavaScript's own JSON parser: with another one, the module would be half as large
//! again, and the first answer would come that much later.

use digit8_core::file::{Model, Tensors, View, missing, model};
use digit8_core::{Error, Result};
use js_sys::{Array, JSON, Object, Reflect};
use wasm_bindgen::prelude::*;

/// The model in a safetensors file.
///
/// # Errors
/// As those of [`digit8_core::file::read`].
pub fn read(file: &[u8]) -> Result<Model> {
    let short = || Error::File("the file is cut short".into());
    let (length, rest) = file.split_first_chunk().ok_or_else(short)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| short())?;
    let (header, data) = rest.split_at_checked(length).ok_or_else(short)?;
    let header = std::str::from_utf8(header).ok().and_then(parsed);
    let header = header.ok_or_else(|| Error::File("its header is not JSON".into()))?;
    let info = get(&header, "__metadata__").and_then(|metadata| get(&metadata, "digit8")?.as_string());
    let scheme = info.and_then(|info| get(&parsed(&info)?, "scheme")?.as_string());
    model(&File { header, data }, scheme.as_deref())
}

struct File<'a> {
    header: JsValue,
    data: &'a [u8],
}

impl Tensors for File<'_> {
    fn tensor(&self, name: &str) -> Result<View<'_>> {
        let found = get(&self.header, name).ok_or_else(|| {
            let names = self.header.dyn_ref::<Object>().map(|header| Object::keys(header).iter().collect());
            let names: Vec<JsValue> = names.unwrap_or_default();
            let names: Vec<String> = names.iter().filter_map(JsValue::as_string).collect();
            missing(name, &names.iter().map(String::as_str).collect::<Vec<_>>())
        })?;
        let dtype = get(&found, "dtype").and_then(|dtype| dtype.as_string());
        let view = || {
            let shape = numbers(&found, "shape")?;
            let &[start, end] = &numbers(&found, "data_offsets")?[..] else { return None };
            Some(View { dtype: dtype?, shape, data: self.data.get(start..end)? })
        };
        view().ok_or_else(|| Error::File(format!("{name} is not described as a tensor in the file")))
    }
}

fn parsed(json: &str) -> Option<JsValue> {
    JSON::parse(json).ok()
}

fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into()).ok().filter(|value| !value.is_undefined())
}

fn numbers(object: &JsValue, name: &str) -> Option<Vec<usize>> {
    let number = |value: JsValue| Some(value.as_f64()? as usize);
    get(object, name)?.dyn_ref::<Array>()?.iter().map(number).collect()
}
