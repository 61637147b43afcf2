//! A recipe gives the same bits everywhere: the digests of the files that it makes are kept, and every kernel here, and every module of
//! the page in `tests/browser/recipes.test.js`, comes to them.

use std::collections::BTreeMap;
use std::fmt::Write;

use digit8_core::Kernel;
use digit8_core::digits::{Digits, PIXELS};
use digit8_core::file::{self, Info, Model};
use digit8_core::quant::make;
use sha2::{Digest, Sha256};

const NETWORK: &[u8] = include_bytes!("../../www/models/notebook-float32.safetensors");
const DIGESTS: &str = include_str!("../fixtures/recipes.json");

/// Noise on a fifth of each image; the test in JavaScript makes the same.
fn digits(count: usize) -> Digits {
    let mut state = 1u32;
    let mut pixel = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 8 & 0xFF < 51 { (state >> 24) as u8 } else { 0 }
    };
    let images = (0..count * PIXELS).map(|_| pixel()).collect();
    Digits::new(images, (0..count).map(|at| (at % 10) as u8).collect()).unwrap()
}

#[test]
fn recipes_give_the_bits_that_are_kept() {
    let Model::Float(mlp) = file::read(NETWORK).unwrap().0 else { panic!("a float network") };
    let digests: BTreeMap<String, String> = serde_json::from_str(DIGESTS).unwrap();
    let digits = digits(100);
    assert!(digests.len() >= 5);
    for (recipe, expected) in digests {
        for kernel in Kernel::available() {
            let made = make(&mlp, &recipe.parse().unwrap(), digits.images(), &digits, kernel, &mut |_| true);
            let file = file::write(&Model::Int8(made.unwrap().int8), &Info::new()).unwrap();
            let found = Sha256::digest(&file).iter().fold(String::new(), |mut text, byte| {
                _ = write!(text, "{byte:02x}");
                text
            });
            assert_eq!(found, expected, "{recipe} on {}", kernel.name());
        }
    }
}
