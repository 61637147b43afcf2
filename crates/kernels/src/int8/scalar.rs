//! The definition of the answer, in plain Rust, on row-major weights `[outputs, inputs]`.

use super::stage::Stage;
use crate::simd::{LANES, portable::Portable};

pub(super) fn product<T: Stage>(
    weights: &[i8],
    inputs: usize,
    x: &[u8],
    zero_point: u8,
    stage: &T,
    out: &mut [T::Out],
) {
    let outputs = weights.len() / inputs;
    for (x, out) in x.chunks_exact(inputs).zip(out.chunks_exact_mut(outputs)) {
        for (o, (row, out)) in weights.chunks_exact(inputs).zip(out).enumerate() {
            let products =
                x.iter().zip(row).map(|(&x, &w)| (i32::from(x) - i32::from(zero_point)) * i32::from(w));
            // SAFETY: the portable type needs no instruction set.
            let [vector] = unsafe { stage.apply::<Portable, 1>(o / LANES, [[products.sum(); LANES]]) };
            *out = vector[o % LANES];
        }
    }
}
