//! What holds of scales, zero points and integers, whatever the numbers.

use digit8_core::quant::{QParams, Range, Scale, dynamic_qparams};
use proptest::prelude::*;

/// Reals of every magnitude whose steps and sums stay finite.
fn real() -> impl Strategy<Value = f32> {
    (-1.0f32..1.0, -45i32..36).prop_map(|(mantissa, exponent)| mantissa * 10f32.powi(exponent))
}

fn range() -> impl Strategy<Value = Range> {
    (real(), real()).prop_map(|(a, b)| Range { min: a.min(b), max: a.max(b) })
}

/// Within half a step, and what `f32` rounds off.
fn assert_near(x: f32, found: f32, scale: Scale) {
    let (error, step) = (f64::from(x) - f64::from(found), f64::from(scale.get()));
    let rounding = 1e-6 * f64::from(x).abs();
    assert!(error.abs() <= 0.5 * step * (1.0 + 1e-4) + rounding, "{x} became {found}, in steps of {step}");
}

fn assert_sound(qparams: QParams) {
    let scale = qparams.scale.get();
    assert!(scale > 0.0 && scale.is_finite() && scale.recip().is_finite(), "scale {scale}");
    assert!(qparams.zero_point.0 <= 127, "zero point {}", qparams.zero_point);
    assert_eq!(qparams.quantize(0.0), qparams.zero_point.0, "zero has a mark of its own");
    assert_eq!(qparams.dequantize(qparams.zero_point.0), 0.0);
    for q in 0..=255 {
        assert_eq!(qparams.quantize(qparams.dequantize(q)), q, "a mark is on itself");
    }
}

proptest! {
    #[test]
    fn observed_values_come_back_within_half_a_step(range in range(), share in 0f32..=1.0) {
        let qparams = QParams::affine("x", range).unwrap();
        assert_sound(qparams);
        let x = (range.min + share * (range.max - range.min)).clamp(range.min, range.max);
        assert_near(x, qparams.dequantize(qparams.quantize(x)), qparams.scale);
    }

    #[test]
    fn a_batch_comes_back_within_half_a_step(range in range(), share in 0f32..=1.0) {
        let qparams = dynamic_qparams(range.min, range.max);
        assert_sound(qparams);
        let x = (range.min + share * (range.max - range.min)).clamp(range.min, range.max);
        assert_near(x, qparams.dequantize(qparams.quantize(x)), qparams.scale);
    }

    #[test]
    fn weights_come_back_within_half_a_step(range in range(), share in 0f32..=1.0) {
        let scale = Scale::symmetric("w", range).unwrap();
        let w = (range.min + share * (range.max - range.min)).clamp(range.min, range.max);
        assert_near(w, f32::from(scale.quantize_weight(w)) * scale.get(), scale);
        prop_assert_eq!(scale.quantize_weight(0.0), 0);
    }

    #[test]
    fn order_is_kept(range in range(), a in real(), b in real()) {
        let (a, b) = (a.min(b), a.max(b));
        for qparams in [QParams::affine("x", range).unwrap(), dynamic_qparams(range.min, range.max)] {
            prop_assert!(qparams.quantize(a) <= qparams.quantize(b));
        }
        let scale = Scale::symmetric("w", range).unwrap();
        prop_assert!(scale.quantize_weight(a) <= scale.quantize_weight(b));
    }

    #[test]
    fn any_bits_give_parameters_or_an_error(min in any::<u32>(), max in any::<u32>(), x in any::<u32>()) {
        let [min, max, x] = [min, max, x].map(f32::from_bits);
        let usable = min.is_finite() && max.is_finite() && min <= max;
        let range = Range { min, max };
        if let Ok(qparams) = QParams::affine("x", range) {
            prop_assert!(usable && qparams.scale.get().is_finite() && qparams.scale.get() > 0.0);
            qparams.quantize(x);
        } else {
            prop_assert!(!usable || !(max - min).is_finite());
        }
        prop_assert_eq!(Scale::symmetric("w", range).is_ok(), usable);
        // What a batch holds is not checked: this must only end.
        dynamic_qparams(min, max).quantize(x);
    }

    #[test]
    fn a_scale_is_positive_and_has_a_reciprocal(bits in any::<u32>()) {
        let width = f32::from_bits(bits);
        let good = width > 0.0 && width.is_finite() && width.recip().is_finite();
        prop_assert_eq!(Scale::new(width).is_ok(), good);
    }
}

#[test]
fn what_is_no_scale_is_refused() {
    for width in [0.0, -0.0, -1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40] {
        let message = Scale::new(width).unwrap_err().to_string();
        assert!(message.contains("expected a positive number"), "{message}");
    }
    for (min, max) in [(f32::NAN, 1.0), (0.0, f32::INFINITY), (1.0, -1.0), (f32::MIN, f32::MAX)] {
        let message = QParams::affine("linear2", Range { min, max }).unwrap_err().to_string();
        assert!(message.contains("cannot quantize linear2"), "{message}");
    }
}
