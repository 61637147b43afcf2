//! Files of drawings: every line is a digit or is reported, and every drawing an image.
#![no_main]

use digit8_core::digits::PIXELS;
use digit8_data::strokes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
    let mut reported = 0;
    if let Ok(drawings) = strokes::parse(bytes, |_, _| reported += 1) {
        assert!(!drawings.is_empty());
        // A byte order mark alone is no line.
        assert!(drawings.len() + reported == lines || drawings.len() + reported + 1 == lines);
        let digits = strokes::images(&drawings, |point| point).expect("what is drawn has an image");
        assert!(digits.images().chunks_exact(PIXELS).all(|image| image.iter().any(|&pixel| pixel > 0)));
    }
});
