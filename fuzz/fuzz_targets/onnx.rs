//! ONNX files: a sentence, or a network that can be written and read again.
#![no_main]

use digit8_core::file::{Info, read, write};
use digit8_interchange::import::{Scaling, import};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match import(bytes, Scaling::Normalized) {
    Ok(imported) => {
        let file = write(&imported.model, &Info::new()).expect("a network that was read can be written");
        read(&file).expect("and read again");
    }
    Err(error) => assert!(!error.to_string().is_empty()),
});
