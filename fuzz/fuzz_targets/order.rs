//! NumPy archives with the order of training images: an error, or batches; and training refuses images that are not there.
#![no_main]

use digit8_core::Kernel;
use digit8_core::digits::{Digits, PIXELS};
use digit8_core::float::{Mlp, Schedule, Settings, train};
use digit8_data::order;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(order) = order::parse(bytes) else { return };
    let images = order.iter().map(Vec::len).sum::<usize>();
    let digits = Digits::new(vec![7; 4 * PIXELS], vec![0, 1, 2, 3]).unwrap();
    let settings = Settings {
        batch: 2,
        epochs: 1,
        seed: 0,
        learning_rate: 0.001,
        schedule: Schedule::Constant,
        smoothing: 0.0,
        weight_decay: 0.0,
        average: 0.0,
    };
    // Many steps of a small network take long, and say no more.
    if images < 100 && order.len() < 100 {
        let mlp = Mlp::random([2, 2], 0).unwrap();
        let known = order.iter().flatten().all(|&image| image < 4);
        let trained = train(&mlp, Kernel::Scalar, &digits, &settings, Some(&order[..]), &mut |_| ());
        assert!(known || trained.is_err());
    }
});
