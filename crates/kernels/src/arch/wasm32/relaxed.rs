//! WebAssembly's relaxed SIMD besides [`simd128`](super::simd128), with the same registers and another layout of weights.
//!
//! ```text
//! x    x0 x1 x2 x3 x0 x1 x2 x3 …   four activations, in every lane                      (0..=127)
//! w    w0 w1 w2 w3 w4 w5 w6 w7 …   their weights of each of four neurons                (i8)
//! s         s0          s1    …    i32x4_relaxed_dot_i8x16_i7x16_add                    (i32)
//! ```
//!
//! What the relaxed product gives is defined where `x` is at most 127: then the sums of pairs, which some engines round to
//! `i16` in between, are within ±32,512, and all engines agree. [`Simd::MAY_SATURATE`](crate::simd::Simd::MAY_SATURATE) sees to
//! that.

use std::arch::wasm32::*;

use super::simd128::{Lanes, Products, V128};
use crate::simd::{Line, Work};

impl Products for V128<true> {
    const MAY_SATURATE: bool = true;

    #[inline(always)]
    fn run<W: Work>(self, work: W) -> W::Output {
        #[target_feature(enable = "relaxed-simd")]
        fn compiled<W: Work>(simd: V128<true>, work: W) -> W::Output {
            work.run(simd)
        }
        compiled(self, work)
    }

    fn arrange(line: Line) -> Line {
        line
    }

    #[inline(always)]
    fn dot4(self, sums: Lanes, x: [u8; 4], w: &Line) -> Lanes {
        let x = i32x4_splat(i32::from_ne_bytes(x));
        let w = w.0.as_chunks::<4>().0;
        std::array::from_fn(|at| {
            // SAFETY: 16 readable bytes, and the load needs no alignment.
            let w = unsafe { v128_load(w[at].as_ptr().cast()) };
            i32x4_relaxed_dot_i8x16_i7x16_add(w, x, sums[at])
        })
    }

    #[inline(always)]
    fn accumulate(self, a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        std::array::from_fn(|at| f32x4_relaxed_madd(a[at], b[at], c[at]))
    }
}
