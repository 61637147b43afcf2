//! IDX files of images and of labels, compressed or not: an error, or as many digits as the header says.
#![no_main]

use digit8_core::digits::{Digits, PIXELS};
use digit8_core::idx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(bytes) = digit8_data::decompressed(bytes.to_vec()) else { return };
    let (images, labels) = (idx::images(&bytes), idx::labels(&bytes));
    if let Ok(images) = &images {
        assert_eq!(images.len(), bytes.len() - 16);
        assert!(images.len().is_multiple_of(PIXELS));
    }
    if let Ok(labels) = &labels {
        assert_eq!(labels.len(), bytes.len() - 8);
        if let Ok(digits) = Digits::new(vec![0; labels.len() * PIXELS], labels.clone()) {
            assert!(digits.labels().iter().all(|&label| label < 10));
        }
    }
    assert!(images.is_err() || labels.is_err());
});
