//! AVX2, with or without VNNI on 256 bits: sixteen lanes are two registers, lanes 0..8 and 8..16.
//!
//! `vpmaddubsw` (u8 · i8, pairs added in 16 bits) saturates: 255·127 + 255·127 = 64,770 is more than 32,767, and though
//! calibration aims at 7-bit activations, 128 does occur. So both sides are widened to 16 bits and `vpmaddwd` adds pairs
//! in 32 bits, where nothing can overflow: |255·-128 · 2| = 65,280.
//!
//! ```text
//! x   x0 x1 x2 x3 │ x0 x1 x2 x3 │ …      as i16, in every lane
//! w   w0 w1 w2 w3 │ w4 w5 w6 w7 │ …      sign-extended: 16 weights a register, four neurons
//! madd  p0   p1   │  p2   p3    │ …      i32; a horizontal add of neighbours gives the four-term sums
//! ```

use std::arch::x86_64::*;

use super::{Floats, LANES, Simd};

/// AVX2 and FMA.
pub(crate) struct Avx2;

/// AVX-VNNI: `vpdpbusd` on 256 bits, which multiplies to 32 bits and cannot saturate.
pub(crate) struct AvxVnni;

/// Everything but `dot4` is the same for both.
macro_rules! halves {
    () => {
        type Sums = [__m256i; 2];

        #[inline(always)]
        unsafe fn zero() -> [__m256i; 2] {
            // SAFETY: the caller's contract.
            unsafe { [_mm256_setzero_si256(); 2] }
        }

        #[inline(always)]
        unsafe fn add(a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
            // SAFETY: the caller's contract.
            unsafe { [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])] }
        }

        #[inline(always)]
        unsafe fn to_array(sums: [__m256i; 2]) -> [i32; LANES] {
            let mut array = [0i32; LANES];
            let (low, high) = array.split_at_mut(LANES / 2);
            // SAFETY: the caller's contract; each half is 32 writable bytes, and the stores need no alignment.
            unsafe {
                _mm256_storeu_si256(low.as_mut_ptr().cast(), sums[0]);
                _mm256_storeu_si256(high.as_mut_ptr().cast(), sums[1]);
            }
            array
        }

        #[inline(always)]
        unsafe fn fma(a: Floats, b: Floats, c: Floats) -> Floats {
            let mut out = [0.0; LANES];
            for half in [0, LANES / 2] {
                // SAFETY: the caller's contract; eight floats from `half` on lie within each array.
                unsafe {
                    let a = _mm256_loadu_ps(a.as_ptr().add(half));
                    let b = _mm256_loadu_ps(b.as_ptr().add(half));
                    let c = _mm256_loadu_ps(c.as_ptr().add(half));
                    _mm256_storeu_ps(out.as_mut_ptr().add(half), _mm256_fmadd_ps(a, b, c));
                }
            }
            out
        }

        #[inline(always)]
        unsafe fn multiply_add(a: Floats, b: Floats, c: Floats) -> Floats {
            // SAFETY: the caller's contract.
            unsafe { Self::fma(a, b, c) }
        }
    };
}

// SAFETY: the methods use AVX2 and FMA alone, which the caller has proved.
unsafe impl Simd for Avx2 {
    halves!();

    #[inline(always)]
    unsafe fn dot4(sums: [__m256i; 2], x: [u8; 4], w: &[i8; 4 * LANES]) -> [__m256i; 2] {
        // SAFETY: the caller's contract; each load reads 16 of the 64 weights.
        unsafe {
            let x = _mm256_cvtepu8_epi16(_mm_set1_epi32(i32::from_ne_bytes(x)));
            let pairs = |at: usize| {
                let w = _mm256_cvtepi8_epi16(_mm_loadu_si128(w.as_ptr().add(at).cast()));
                _mm256_madd_epi16(x, w)
            };
            // `vphaddd` works within 128-bit halves: neurons 0 1 4 5 │ 2 3 6 7, which the permutation puts in order.
            let eight = |a, b| _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0b11_01_10_00);
            [
                _mm256_add_epi32(sums[0], eight(pairs(0), pairs(16))),
                _mm256_add_epi32(sums[1], eight(pairs(32), pairs(48))),
            ]
        }
    }
}

// SAFETY: the methods use AVX2, FMA and AVX-VNNI alone, which the caller has proved.
unsafe impl Simd for AvxVnni {
    halves!();

    #[inline(always)]
    unsafe fn dot4(sums: [__m256i; 2], x: [u8; 4], w: &[i8; 4 * LANES]) -> [__m256i; 2] {
        // SAFETY: the caller's contract; each load reads 32 of the 64 weights.
        unsafe {
            let x = _mm256_set1_epi32(i32::from_ne_bytes(x));
            let load = |at: usize| _mm256_loadu_si256(w.as_ptr().add(at).cast());
            [_mm256_dpbusd_avx_epi32(sums[0], x, load(0)), _mm256_dpbusd_avx_epi32(sums[1], x, load(32))]
        }
    }
}
