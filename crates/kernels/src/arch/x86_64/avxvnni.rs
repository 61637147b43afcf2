//! AVX-VNNI: AVX2 with `vpdpbusd` on 256 bits, on CPUs without AVX-512. Registers and packed weights are as with
//! [AVX2](super::avx2).
//!
//! ```text
//! x     x0 x1 x2 x3 │ x0 x1 x2 x3 │ …     four activations, in every lane                 (u8)
//! w     w0 w1 w2 w3 │ w4 w5 w6 w7 │ …     four weights of each of eight neurons           (i8)
//! sum        s0     │      s1     │ …     s0 += x0·w0 + x1·w1 + x2·w2 + x3·w3             (i32)
//! ```
//!
//! The products are of 32 bits and cannot saturate.

use std::arch::x86_64::*;

use super::avx2::{Products, Ymm, halves};
use crate::simd::Line;

macro_rules! avxvnni {
    ($($code:tt)+) => { compiled_for! { "avx2,fma,popcnt,avxvnni" $($code)+ } };
}

/// AVX-VNNI: `vpdpbusd` on 256 bits.
pub type AvxVnni = Ymm<true>;

impl AvxVnni {
    /// The token, if this CPU has the instructions.
    pub fn new() -> Option<Self> {
        avxvnni!(is here).then_some(Self(()))
    }
}

impl Products for AvxVnni {
    const MAY_SATURATE: bool = false;

    avxvnni! { run }

    avxvnni! {
        fn dot4(self, sums: [__m256i; 2], x: [u8; 4], w: &Line) -> [__m256i; 2] {
            let x = _mm256_set1_epi32(i32::from_ne_bytes(x));
            let [w0, w1] = halves(w);
            [_mm256_dpbusd_avx_epi32(sums[0], x, w0), _mm256_dpbusd_avx_epi32(sums[1], x, w1)]
        }
    }
}
