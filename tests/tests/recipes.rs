//! A recipe gives the same bits everywhere: every kernel here comes to the same tensors, and their digests are left for
//! `tests/browser/recipes.test.js`, which holds every module of the page against them.

use std::collections::BTreeMap;
use std::fmt::Write;

use digit8_core::Kernel;
use digit8_core::digits::{Digits, PIXELS};
use digit8_core::file::{self, Info, Model};
use digit8_core::quant::make;
use sha2::{Digest, Sha256};

const NETWORK: &[u8] = include_bytes!("../../www/models/notebook-float32.safetensors");

const RECIPES: [&str; 6] = [
    "scheme=fused/per-channel/observer=histogram",
    "scheme=fused/weight-bits=3/per-channel/weight-range=mse/activation-bits=8/observer=entropy/equalize/rounding=gptq",
    "weight-bits=4,ternary,binary/weight-range=mse/activation-bits=5/observer=mse/correct-bias",
    "scheme=fused/weight-bits=4/per-channel/observer=percentile:99.9/rounding=adaround",
    "scheme=fused/weight-bits=2/per-channel/weight-range=mse/rounding=gptq/retrain=2",
    "scheme=dynamic/weight-bits=binary/weight-range=mse/retrain=3",
];

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
fn recipes_give_every_kernel_the_same_tensors() {
    let Model::Float(mlp) = file::read(NETWORK).unwrap().model else { panic!("a float network") };
    let digits = digits(100);
    let digest = |recipe: &str, kernel: Kernel| {
        let made = make(&mlp, &recipe.parse().unwrap(), digits.images(), &digits, kernel, &mut |_| true);
        let file = file::write(&Model::Int8(made.unwrap().int8), &Info::new()).unwrap();
        // Behind the header, which begins with its length: the tensors.
        let header = file.first_chunk().map_or(0, |length| u64::from_le_bytes(*length)) as usize;
        Sha256::digest(&file[8 + header..]).iter().fold(String::new(), |mut text, byte| {
            _ = write!(text, "{byte:02x}");
            text
        })
    };
    let mut digests = BTreeMap::new();
    for recipe in RECIPES {
        let scalar = digest(recipe, Kernel::Scalar);
        for kernel in Kernel::available() {
            assert_eq!(digest(recipe, kernel), scalar, "{recipe} on {}", kernel.name());
        }
        digests.insert(recipe, scalar);
    }
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/recipes.json");
    std::fs::write(path, serde_json::to_string_pretty(&digests).unwrap()).unwrap();
}
