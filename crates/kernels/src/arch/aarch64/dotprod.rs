//! NEON with products of bytes (`FEAT_DotProd`: Apple's chips, Cortex-A76 and later), with the registers of
//! [`neon`](super::neon) and another layout of weights.
//!
//! ```text
//! x    x0 x1 x2 x3 x0 x1 x2 x3 …   four activations, in every lane                      (i8: 0..=127)
//! w    w0 w1 w2 w3 w4 w5 w6 w7 …   their weights of each of four neurons                (i8)
//! s         s0          s1    …    sdot: s0 += x0·w0 + x1·w1 + x2·w2 + x3·w3            (i32)
//! ```
//!
//! Both factors are signed, so activations may be up to 127. (`usdot` takes all, but few CPUs have it.)

use std::arch::aarch64::*;
use std::arch::asm;

use super::neon::{Ints, Neon, Products, sixteen};
use crate::simd::Line;

macro_rules! dotprod {
    ($($code:tt)+) => { compiled_for! { "neon,dotprod" $($code)+ } };
}

impl Neon<true> {
    /// The token, if this CPU has the instructions.
    pub fn new() -> Option<Self> {
        dotprod!(is here).then_some(Self(()))
    }
}

impl Products for Neon<true> {
    fn arrange(line: Line) -> Line {
        line
    }

    dotprod! { run }

    dotprod! {
        fn dot4(self, sums: Ints, x: [u8; 4], w: &Line) -> Ints {
            let x = vreinterpretq_s8_s32(vdupq_n_s32(i32::from_le_bytes(x)));
            let mut sums = sums;
            for (at, sum) in sums.iter_mut().enumerate() {
                // The intrinsic is not stable in the compiler that this crate is for.
                // SAFETY: the features of this function have the instruction, which touches no memory and no flags.
                unsafe {
                    asm!(
                        "sdot {sum:v}.4s, {x:v}.16b, {w:v}.16b",
                        sum = inlateout(vreg) *sum,
                        x = in(vreg) x,
                        w = in(vreg) sixteen(w, at),
                        options(pure, nomem, nostack, preserves_flags),
                    );
                }
            }
            sums
        }
    }
}
