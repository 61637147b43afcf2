//! The definition of the answer, in plain Rust, on row-major weights `[outputs, inputs]`.

use super::Weights;
use super::stage::Stage;
use crate::simd::{LANES, portable::Portable};

pub(super) fn product<T: Stage>(w: &Weights, x: &[u8], zx: u8, stage: &T, out: &mut [T::Out]) {
    for (x, out) in x.chunks_exact(w.inputs).zip(out.chunks_exact_mut(w.outputs)) {
        for (o, (row, out)) in w.values.chunks_exact(w.inputs).zip(out).enumerate() {
            let sum = x.iter().zip(row).map(|(&x, &w)| (i32::from(x) - i32::from(zx)) * i32::from(w)).sum();
            let first = o / LANES * LANES;
            // SAFETY: the portable type needs no instruction set.
            *out = unsafe { stage.apply::<Portable>(first, [sum; LANES]) }[o - first];
        }
    }
}
