//! The definition of the answer, in plain Rust. Packed weights are the weights: row-major `[outputs, inputs]`.

use super::{Dequantize, Requantize, Weights};

pub(super) fn accumulate(w: &Weights, x: &[u8], x_zero_point: u8, acc: &mut [i32]) {
    for_each_sum(w, x, x_zero_point, acc, |_, sum| sum);
}

pub(super) fn requantize(w: &Weights, x: &[u8], x_zero_point: u8, stage: &Requantize, out: &mut [u8]) {
    for_each_sum(w, x, x_zero_point, out, |o, sum| {
        let t = stage.addend[o].mul_add(stage.factor, sum as f32);
        round_and_clamp(t * stage.multiplier[o], stage.zero_point, stage.floor)
    });
}

pub(super) fn dequantize(w: &Weights, x: &[u8], zx: u8, x_scale: f32, stage: &Dequantize, out: &mut [f32]) {
    for_each_sum(w, x, zx, out, |o, sum| {
        let y = (sum as f32).mul_add(x_scale * stage.weight_scale[o], stage.bias[o]);
        if stage.relu { y.max(0.0) } else { y }
    });
}

/// Rule 4 of PyTorch's arithmetic: multiply by the reciprocal, round half to even, then add the zero point.
pub(super) fn quantize_one(x: f32, inverse_scale: f32, zero_point: u8) -> u8 {
    round_and_clamp(x * inverse_scale, zero_point, 0)
}

/// `clamp(rint(x) + zero_point, floor, 255)`; a NaN counts as 0.
fn round_and_clamp(x: f32, zero_point: u8, floor: u8) -> u8 {
    // `as` saturates, and 2³¹ is far outside the clamp, so that no finite or infinite value can go astray.
    let rounded = x.round_ties_even() as i32;
    rounded.saturating_add(zero_point.into()).clamp(floor.into(), 255) as u8
}

fn for_each_sum<T>(w: &Weights, x: &[u8], zx: u8, out: &mut [T], mut stage: impl FnMut(usize, i32) -> T) {
    for (x, out) in x.chunks_exact(w.inputs).zip(out.chunks_exact_mut(w.outputs)) {
        for (o, (row, out)) in w.packed.chunks_exact(w.inputs).zip(out).enumerate() {
            let sum = x.iter().zip(row).map(|(&x, &w)| (i32::from(x) - i32::from(zx)) * i32::from(w)).sum();
            *out = stage(o, sum);
        }
    }
}
