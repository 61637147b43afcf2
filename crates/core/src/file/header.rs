//! The header by serde's JSON parser: what everything but the page's module uses.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Entry, Info, METADATA, Tensors};
use crate::{Error, Result};

/// A header's JSON.
pub(super) struct Json {
    tensors: Map<String, Value>,
    /// Digit8's own metadata; `None` if something else stands in its place.
    origin: Option<Map<String, Value>>,
}

impl Json {
    pub(super) fn parse(header: &str) -> Result<Self> {
        let wrong = |error| Error::File(format!("its header is not the JSON expected: {error}"));
        let mut tensors: Map<String, Value> = serde_json::from_str(header).map_err(wrong)?;
        let metadata = tensors.remove("__metadata__");
        let origin = match metadata.as_ref().and_then(|metadata| metadata.get(METADATA)) {
            Some(text) => text.as_str().and_then(|text| serde_json::from_str(text).ok()),
            None => Some(Map::new()),
        };
        Ok(Self { tensors, origin })
    }

    /// What is known of the model's origin, if it can be read.
    pub(super) fn info(&self) -> Option<Info> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let origin = self.origin.as_ref()?;
        Some(origin.iter().map(|(key, value)| (key.clone(), text(value))).collect::<BTreeMap<_, _>>())
    }
}

impl Tensors for Json {
    fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    fn entry(&self, name: &str) -> Option<Entry> {
        let found = self.tensors.get(name)?;
        let numbers = |key: &str| {
            // 100 may be written as 1e2, as JavaScript's parser has it.
            let number = |value: &Value| value.as_f64().filter(|number| *number == f64::from(*number as u32));
            let number = |value: &Value| Some(number(value)? as usize);
            found.get(key)?.as_array()?.iter().map(number).collect::<Option<Vec<_>>>()
        };
        let &[start, end] = &numbers("data_offsets")?[..] else { return None };
        Some(Entry {
            dtype: found.get("dtype")?.as_str()?.into(),
            shape: numbers("shape")?,
            bytes: start..end,
        })
    }

    fn origin(&self, key: &str) -> Option<String> {
        Some(self.origin.as_ref()?.get(key)?.as_str()?.to_owned())
    }
}
