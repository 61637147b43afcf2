//! WebAssembly's relaxed SIMD besides [`simd128`](super::simd128), with the same registers and another layout of weights.
//!
//! ```text
//! x    x0 x1 x2 x3 x0 x1 x2 x3 …   four activations, in every lane                      (0..=127)
//! w    w0 w1 w2 w3 w4 w5 w6 w7 …   their weights of each of four neurons                (i8)
//! s         s0          s1    …    i32x4_relaxed_dot_i8x16_i7x16_add                    (i32)
//! ```
//!
//! On ARM and on x86 with AVX-VNNI that is one instruction. On x86 without, engines make five of it, two of which build a constant:
//! there the pairs' sums, which are one instruction, are added by another product with ones that stay in a register.
//!
//! What the relaxed product gives is defined where `x` is at most 127: then the sums of pairs, which some engines round to
//! `i16` in between, are within ±32,512, and all engines agree. [`Simd::MAY_SATURATE`](crate::simd::Simd::MAY_SATURATE) sees to
//! that.

use std::arch::wasm32::*;

use super::simd128::{Lanes, Products, V128};
use crate::simd::{Line, Work};

/// Products of relaxed SIMD.
#[derive(Clone, Copy)]
pub(crate) struct Relaxed {
    /// Whether this engine adds the products of pairs in an instruction of their own.
    by_pairs: bool,
}

impl Relaxed {
    /// The instructions, and how this engine multiplies. That takes a handful of them, so nobody needs to keep the answer.
    #[inline(always)]
    pub fn new() -> Self {
        // Where activations may not be so large, engines show what they are made of: only x86's older instruction saturates.
        let products = i32x4_relaxed_dot_i8x16_i7x16_add(i8x16_splat(127), u8x16_splat(255), i32x4_splat(0));
        Self { by_pairs: i32x4_extract_lane::<0>(products) == 2 * i32::from(i16::MAX) }
    }
}

impl Products for V128<Relaxed> {
    const MAY_SATURATE: bool = true;

    #[inline(always)]
    fn run<W: Work>(self, work: W) -> W::Output {
        #[target_feature(enable = "relaxed-simd")]
        fn compiled<W: Work>(simd: V128<Relaxed>, work: W) -> W::Output {
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
        // SAFETY: 16 readable bytes, and the load needs no alignment.
        let w: Lanes = std::array::from_fn(|at| unsafe { v128_load(w[at].as_ptr().cast()) });
        if self.0.by_pairs {
            let pairs = w.map(|w| i16x8_relaxed_dot_i8x16_i7x16(w, x));
            std::array::from_fn(|at| i32x4_add(sums[at], i32x4_dot_i16x8(pairs[at], i16x8_splat(1))))
        } else {
            std::array::from_fn(|at| i32x4_relaxed_dot_i8x16_i7x16_add(w[at], x, sums[at]))
        }
    }

    #[inline(always)]
    fn accumulate(self, a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        std::array::from_fn(|at| f32x4_relaxed_madd(a[at], b[at], c[at]))
    }
}
