//! AVX-512 with VNNI: sixteen lanes are one register.
//!
//! ```text
//! x   x0 x1 x2 x3 │ x0 x1 x2 x3 │ … │ x0 x1 x2 x3      four activations, in every lane   (u8)
//! w   w0 w1 w2 w3 │ w4 w5 w6 w7 │ … │ w60 …    w63      four weights of each of 16 neurons (i8)
//! sum      s0     │      s1     │ … │      s15          s += x0·w0 + x1·w1 + x2·w2 + x3·w3 (i32)
//! ```
//!
//! `vpdpbusd` multiplies to 32 bits and wraps there: sums of 2¹⁶ products are exact, whatever the bytes.

use std::arch::x86_64::*;

use super::{Floats, LANES, MAX_GROUPS, Simd};

/// AVX-512 with VNNI and VBMI.
pub(crate) struct Avx512;

// SAFETY: the methods use AVX-512 F and VNNI alone, which the caller has proved.
unsafe impl Simd for Avx512 {
    type Sums = __m512i;

    #[inline(always)]
    unsafe fn zero() -> __m512i {
        // SAFETY: the caller's contract.
        unsafe { _mm512_setzero_si512() }
    }

    #[inline(always)]
    unsafe fn dot4(sums: __m512i, x: [u8; 4], w: &[i8; 4 * LANES]) -> __m512i {
        // SAFETY: the caller's contract; `w` is 64 readable bytes, and the load needs no alignment.
        unsafe {
            let x = _mm512_set1_epi32(i32::from_ne_bytes(x));
            _mm512_dpbusd_epi32(sums, x, _mm512_loadu_si512(w.as_ptr().cast()))
        }
    }

    #[inline(always)]
    unsafe fn add(a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the caller's contract.
        unsafe { _mm512_add_epi32(a, b) }
    }

    #[inline(always)]
    unsafe fn to_array(sums: __m512i) -> [i32; LANES] {
        let mut array = [0; LANES];
        // SAFETY: the caller's contract; `array` is 64 writable bytes, and the store needs no alignment.
        unsafe { _mm512_storeu_si512(array.as_mut_ptr().cast(), sums) };
        array
    }

    #[inline(always)]
    unsafe fn fma(a: Floats, b: Floats, c: Floats) -> Floats {
        let mut out = [0.0; LANES];
        // SAFETY: the caller's contract; the arrays are 64 bytes each, and nothing needs alignment.
        unsafe {
            let (a, b, c) =
                (_mm512_loadu_ps(a.as_ptr()), _mm512_loadu_ps(b.as_ptr()), _mm512_loadu_ps(c.as_ptr()));
            _mm512_storeu_ps(out.as_mut_ptr(), _mm512_fmadd_ps(a, b, c));
        }
        out
    }

    #[inline(always)]
    unsafe fn multiply_add(a: Floats, b: Floats, c: Floats) -> Floats {
        // SAFETY: the caller's contract.
        unsafe { Self::fma(a, b, c) }
    }

    #[inline(always)]
    unsafe fn lookup(table: &[u8; 256], x: &[u8], out: &mut [u8]) {
        // SAFETY: the caller's contract; the table is four times 64 readable bytes, and the masks keep every load and
        // store within its chunk.
        unsafe {
            let quarter = |at: usize| _mm512_loadu_si512(table.as_ptr().add(64 * at).cast());
            let [q0, q1, q2, q3] = [quarter(0), quarter(1), quarter(2), quarter(3)];
            for (x, out) in x.chunks(64).zip(out.chunks_mut(64)) {
                let present = u64::MAX >> (64 - x.len().min(out.len()));
                let x = _mm512_maskz_loadu_epi8(present, x.as_ptr().cast());
                let low = _mm512_permutex2var_epi8(q0, x, q1);
                let high = _mm512_permutex2var_epi8(q2, x, q3);
                let found = _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(x), high);
                _mm512_mask_storeu_epi8(out.as_mut_ptr().cast(), present, found);
            }
        }
    }

    #[inline(always)]
    unsafe fn nonzero_groups(x: &[[u8; 4]], found: &mut [u16; MAX_GROUPS]) -> usize {
        let mut count = 0;
        for (block, groups) in x.chunks(LANES).take(MAX_GROUPS / LANES).enumerate() {
            let present = ((1u32 << groups.len()) - 1) as __mmask16;
            // SAFETY: the caller's contract; the mask keeps the load within `groups`, and `found` has room for all
            // MAX_GROUPS numbers: at most 16 · block were counted before, and `count + 16` is at most MAX_GROUPS.
            unsafe {
                let values = _mm512_maskz_loadu_epi32(present, groups.as_ptr().cast());
                let ink = _mm512_test_epi32_mask(values, values);
                let first = _mm512_set1_epi32((block * LANES) as i32);
                let ramp = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                let numbers = _mm512_maskz_compress_epi32(ink, _mm512_add_epi32(first, ramp));
                _mm256_storeu_si256(found.as_mut_ptr().add(count).cast(), _mm512_cvtepi32_epi16(numbers));
                count += ink.count_ones() as usize;
            }
        }
        count
    }
}
