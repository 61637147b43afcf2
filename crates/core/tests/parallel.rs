//! Threads change nothing: an engine gives on all of them, to the bit, what it gives on one.

use digit8_core::Kernel;
use digit8_core::digits::{CLASSES, PIXELS};
use digit8_core::float::Mlp;
use digit8_core::int8::Scheme;
use digit8_core::quant::{Calibration, Granularity, calibrate, quantize};
use digit8_core::random::Random;

/// One image, fewer than threads, and counts around those in which work is dealt out.
const COUNTS: [usize; 7] = [0, 1, 2, 33, 34, 67, 1000];

/// Images of zeros and of noise.
fn images(count: usize) -> Vec<u8> {
    let mut random = Random::new(8);
    (0..count * PIXELS).map(|_| random.below(512).saturating_sub(256) as u8).collect()
}

fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|logit| logit.to_bits()).collect()
}

/// Both answers for every number of images.
fn assert_equal(name: &str, mut both: impl FnMut(&[u8], &mut [f32], &mut [f32])) {
    let pixels = images(COUNTS[COUNTS.len() - 1]);
    for count in COUNTS {
        let (mut one, mut all) = (vec![0.0; count * CLASSES], vec![f32::NAN; count * CLASSES]);
        both(&pixels[..count * PIXELS], &mut one, &mut all);
        assert_eq!(bits(&one), bits(&all), "{name}, {count} images");
    }
}

#[test]
fn float_logits_are_the_same_on_all_threads() {
    let mlp = Mlp::random([37, 21], 3).unwrap();
    for kernel in Kernel::available() {
        let mut engine = mlp.engine(kernel);
        assert_equal(&format!("float32 {}", kernel.name()), |pixels, one, all| {
            engine.logits(pixels, one);
            engine.logits_parallel(pixels, all);
        });
    }
}

#[test]
fn int8_logits_are_the_same_on_all_threads() {
    let mlp = Mlp::random([37, 21], 3).unwrap();
    for scheme in Scheme::ALL {
        let observe = || calibrate(&mlp, Kernel::best(), scheme, &images(50), |_| ());
        let calibration = Calibration::of(scheme, observe).unwrap();
        let int8 = quantize(&mlp, calibration, Granularity::PerChannel).unwrap();
        for kernel in Kernel::available() {
            let mut engine = int8.engine(kernel);
            assert_equal(&format!("{scheme} {}", kernel.name()), |pixels, one, all| {
                engine.logits(pixels, one);
                engine.logits_parallel(pixels, all);
            });
        }
    }
}
