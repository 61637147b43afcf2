//! What is done with whole tensors between the layers: quantizing reals, and finding their range.

use super::Output;
use crate::Kernel;
use crate::simd::{LANES, Simd, Work};

/// Quantizes reals: `clamp(rint(x · inverse_scale) + zero_point, min, max)`, the zero point added after rounding.
///
/// # Panics
/// If the slices differ in length.
pub fn quantize(kernel: Kernel, x: &[f32], inverse_scale: f32, output: Output, out: &mut [u8]) {
    assert_eq!(x.len(), out.len(), "an output for each value");
    kernel.run(Quantize { x, inverse_scale, output, out });
}

struct Quantize<'a> {
    x: &'a [f32],
    inverse_scale: f32,
    output: Output,
    out: &'a mut [u8],
}

impl Work for Quantize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let quantize = |x: &[f32; LANES]| {
            let scaled = simd.multiply(simd.load(x), simd.splat(self.inverse_scale));
            // Below 2³¹: what is too large becomes the greatest output.
            simd.to_bytes(simd.min(simd.splat(1000.0), scaled), self.output)
        };
        let (vectors, tail) = self.x.as_chunks();
        let (out, out_tail) = self.out.as_chunks_mut();
        for (out, x) in out.iter_mut().zip(vectors) {
            *out = quantize(x);
        }
        out_tail.copy_from_slice(&quantize(&padded(tail))[..tail.len()]);
    }
}

/// The least and the greatest of `x` and 0.
pub fn min_max(kernel: Kernel, x: &[f32]) -> (f32, f32) {
    kernel.run(MinMax(x))
}

struct MinMax<'a>(&'a [f32]);

impl Work for MinMax<'_> {
    type Output = (f32, f32);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (f32, f32) {
        let (vectors, tail) = self.0.as_chunks();
        let (mut min, mut max) = (simd.splat(0.0), simd.splat(0.0));
        for x in vectors.iter().chain([&padded(tail)]) {
            let x = simd.load(x);
            (min, max) = (simd.min(x, min), simd.max(x, max));
        }
        (simd.store(min).into_iter().fold(0.0, f32::min), simd.store(max).into_iter().fold(0.0, f32::max))
    }
}

/// Fewer than sixteen values and zeros.
#[inline(always)]
fn padded(tail: &[f32]) -> [f32; LANES] {
    let mut last = [0.0; LANES];
    last[..tail.len()].copy_from_slice(tail);
    last
}

/// The least and the greatest of `x`; zeros, for none.
// Not inlined, so that it is compiled as this crate is: for speed, also where the rest of a module is to be small.
#[inline(never)]
pub fn extremes(x: &[u8]) -> (u8, u8) {
    (x.iter().copied().min().unwrap_or(0), x.iter().copied().max().unwrap_or(0))
}
