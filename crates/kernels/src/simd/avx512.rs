//! AVX-512 with VNNI: sixteen lanes are one register.
//!
//! ```text
//! x   x0 x1 x2 x3 │ x0 x1 x2 x3 │ … │ x0 x1 x2 x3      four activations, in every lane   (u8)
//! w   w0 w1 w2 w3 │ w4 w5 w6 w7 │ … │ w60 …    w63      four weights of each of 16 neurons (i8)
//! sum      s0     │      s1     │ … │      s15          s += x0·w0 + x1·w1 + x2·w2 + x3·w3 (i32)
//! ```
//!
//! `vpdpbusd` multiplies to 32 bits and wraps there: sums of 2¹⁶ products are exact, whatever the bytes. Its result is
//! there after four cycles and a core begins one or two a cycle, so eight sums must be in flight: the panel's seven twice.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use crate::int8::Output;

use super::{Floats, LANES, Line, MAX_GROUPS, Simd};

/// AVX-512 with VNNI and VBMI.
pub(crate) struct Avx512;

// SAFETY: the methods use AVX-512 F, BW, VBMI, VBMI2 and VNNI alone, which the caller has proved.
unsafe impl Simd for Avx512 {
    type Ints = __m512i;
    type Reals = __m512;

    const TWO_CHAINS: bool = true;

    #[inline(always)]
    unsafe fn load_ints(values: &[i32; LANES]) -> __m512i {
        // SAFETY: the caller's contract; 64 readable bytes, and the load needs no alignment.
        unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
    }

    #[inline(always)]
    unsafe fn store_ints(values: __m512i) -> [i32; LANES] {
        let mut array = [0; LANES];
        // SAFETY: the caller's contract; `array` is 64 writable bytes, and the store needs no alignment.
        unsafe { _mm512_storeu_si512(array.as_mut_ptr().cast(), values) };
        array
    }

    #[inline(always)]
    unsafe fn dot4(sums: __m512i, x: [u8; 4], w: &Line) -> __m512i {
        // SAFETY: the caller's contract; a line is 64 readable bytes at a multiple of 64.
        unsafe {
            let x = _mm512_set1_epi32(i32::from_ne_bytes(x));
            _mm512_dpbusd_epi32(sums, x, _mm512_load_si512((&raw const *w).cast()))
        }
    }

    #[inline(always)]
    unsafe fn add_ints(a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the caller's contract.
        unsafe { _mm512_add_epi32(a, b) }
    }

    #[inline(always)]
    unsafe fn subtract_scaled(a: __m512i, b: __m512i, factor: i32) -> __m512i {
        // SAFETY: the caller's contract.
        unsafe { _mm512_sub_epi32(a, _mm512_mullo_epi32(b, _mm512_set1_epi32(factor))) }
    }

    #[inline(always)]
    unsafe fn to_reals(values: __m512i) -> __m512 {
        // SAFETY: the caller's contract.
        unsafe { _mm512_cvtepi32_ps(values) }
    }

    #[inline(always)]
    unsafe fn load(values: &Floats) -> __m512 {
        // SAFETY: the caller's contract; 64 readable bytes, and the load needs no alignment.
        unsafe { _mm512_loadu_ps(values.as_ptr()) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        // SAFETY: the caller's contract.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn store(values: __m512) -> Floats {
        let mut array = [0.0; LANES];
        // SAFETY: the caller's contract; `array` is 64 writable bytes, and the store needs no alignment.
        unsafe { _mm512_storeu_ps(array.as_mut_ptr(), values) };
        array
    }

    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the caller's contract.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn multiply(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the caller's contract.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the caller's contract.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn divide(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the caller's contract.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn square_root(a: __m512) -> __m512 {
        // SAFETY: the caller's contract.
        unsafe { _mm512_sqrt_ps(a) }
    }

    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the caller's contract.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the caller's contract.
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn to_bytes(x: __m512, output: Output) -> [u8; LANES] {
        let mut bytes = [0; LANES];
        // SAFETY: the caller's contract; `bytes` is 16 writable bytes, and the store needs no alignment.
        unsafe {
            // Above by 1000 at most, so that adding the zero point cannot overflow.
            let rounded = _mm512_min_epi32(_mm512_cvtps_epi32(x), _mm512_set1_epi32(1000));
            let moved = _mm512_add_epi32(rounded, _mm512_set1_epi32(i32::from(output.zero_point)));
            let raised = _mm512_max_epi32(moved, _mm512_set1_epi32(i32::from(output.min)));
            let clamped = _mm512_min_epi32(raised, _mm512_set1_epi32(i32::from(output.max)));
            _mm_storeu_si128(bytes.as_mut_ptr().cast(), _mm512_cvtepi32_epi8(clamped));
        }
        bytes
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
    unsafe fn nonzero_groups<const R: usize>(
        rows: [&[[u8; 4]]; R],
        found: &mut [MaybeUninit<u16>; MAX_GROUPS],
    ) -> usize {
        const RAMP: [u16; 32] = {
            let mut ramp = [0; 32];
            let mut at = 0;
            while at < 32 {
                ramp[at] = at as u16;
                at += 1;
            }
            ramp
        };
        let groups = rows.iter().map(|row| row.len()).fold(MAX_GROUPS, usize::min);
        let mut count = 0;
        for first in (0..groups).step_by(32) {
            let present = u32::MAX >> (32 - (groups - first).min(32));
            // SAFETY: the caller's contract; the masks keep the loads within the rows, and `found` has room for all
            // MAX_GROUPS numbers: at most `first` were counted before, and `count + 32` is at most MAX_GROUPS.
            unsafe {
                let half = |at: usize| {
                    let mask = (present >> at) as __mmask16;
                    let groups = |row: &[[u8; 4]]| {
                        _mm512_maskz_loadu_epi32(mask, row.as_ptr().wrapping_add(first + at).cast())
                    };
                    let all = rows
                        .iter()
                        .fold(_mm512_setzero_si512(), |all, row| _mm512_or_si512(all, groups(row)));
                    u32::from(_mm512_test_epi32_mask(all, all)) << at
                };
                let ink = half(0) | half(16);
                let ramp = _mm512_loadu_si512(RAMP.as_ptr().cast());
                let numbers = _mm512_add_epi16(ramp, _mm512_set1_epi16(first as i16));
                let numbers = _mm512_maskz_compress_epi16(ink, numbers);
                _mm512_storeu_si512(found.as_mut_ptr().add(count).cast(), numbers);
                count += ink.count_ones() as usize;
            }
        }
        count
    }
}
