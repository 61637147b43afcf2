//! AVX2, with or without VNNI on 256 bits: sixteen lanes are two registers, lanes 0..8 and 8..16.
//!
//! ```text
//! x     x0 x1 x2 x3 │ x0 x1 x2 x3 │ …     four activations, in every lane         (u8)
//! w     w0 w1 w2 w3 │ w4 w5 w6 w7 │ …     four weights of each of eight neurons   (i8)
//! pairs   p0    p1  │   p2    p3  │ …     vpmaddubsw: p0 = x0·w0 + x1·w1          (i16, saturating)
//! sum        s0     │      s1     │ …     vpmaddwd with ones, added: s += p0 + p1 (i32)
//! ```
//!
//! `vpmaddubsw` saturates: 255·127 + 255·127 = 64,770 is more than 32,767. It cannot where no activation is above 128: the
//! extremes are then 128·127·2 = 32,512 and 128·-128·2 = -32,768, and both are `i16`. Calibration aims at 0..=127, and 128
//! does occur. [`Simd::SEVEN_BITS`] asks for 127 at most; larger activations are multiplied in parts.
//!
//! A panel's seven vectors are fourteen of the sixteen registers; one is the activations', one is for pairs.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use crate::int8::Output;

use super::{Floats, LANES, Line, MAX_GROUPS, Simd};

/// AVX2 and FMA.
pub(crate) struct Avx2;

/// AVX-VNNI: `vpdpbusd` on 256 bits, which multiplies to 32 bits and cannot saturate.
pub(crate) struct AvxVnni;

/// Everything but `dot4` is the same for both.
macro_rules! halves {
    () => {
        type Ints = [__m256i; 2];
        type Reals = [__m256; 2];

        const TWO_CHAINS: bool = false;

        #[inline(always)]
        unsafe fn load_ints(values: &[i32; LANES]) -> [__m256i; 2] {
            let at = values.as_ptr().cast::<__m256i>();
            // SAFETY: the caller's contract; twice 32 readable bytes, and the loads need no alignment.
            unsafe { [_mm256_loadu_si256(at), _mm256_loadu_si256(at.add(1))] }
        }

        #[inline(always)]
        unsafe fn store_ints(values: [__m256i; 2]) -> [i32; LANES] {
            let mut array = [0; LANES];
            let at = array.as_mut_ptr().cast::<__m256i>();
            // SAFETY: the caller's contract; twice 32 writable bytes, and the stores need no alignment.
            unsafe {
                _mm256_storeu_si256(at, values[0]);
                _mm256_storeu_si256(at.add(1), values[1]);
            }
            array
        }

        #[inline(always)]
        unsafe fn add_ints(a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
            // SAFETY: the caller's contract.
            unsafe { [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])] }
        }

        #[inline(always)]
        unsafe fn subtract_scaled(a: [__m256i; 2], b: [__m256i; 2], factor: i32) -> [__m256i; 2] {
            // SAFETY: the caller's contract.
            unsafe {
                let factor = _mm256_set1_epi32(factor);
                [
                    _mm256_sub_epi32(a[0], _mm256_mullo_epi32(b[0], factor)),
                    _mm256_sub_epi32(a[1], _mm256_mullo_epi32(b[1], factor)),
                ]
            }
        }

        #[inline(always)]
        unsafe fn to_reals(values: [__m256i; 2]) -> [__m256; 2] {
            // SAFETY: the caller's contract.
            unsafe { [_mm256_cvtepi32_ps(values[0]), _mm256_cvtepi32_ps(values[1])] }
        }

        #[inline(always)]
        unsafe fn load(values: &Floats) -> [__m256; 2] {
            // SAFETY: the caller's contract; twice 32 readable bytes, and the loads need no alignment.
            unsafe { [_mm256_loadu_ps(values.as_ptr()), _mm256_loadu_ps(values.as_ptr().add(8))] }
        }

        #[inline(always)]
        unsafe fn splat(value: f32) -> [__m256; 2] {
            // SAFETY: the caller's contract.
            unsafe { [_mm256_set1_ps(value); 2] }
        }

        #[inline(always)]
        unsafe fn store(values: [__m256; 2]) -> Floats {
            let mut array = [0.0; LANES];
            // SAFETY: the caller's contract; twice 32 writable bytes, and the stores need no alignment.
            unsafe {
                _mm256_storeu_ps(array.as_mut_ptr(), values[0]);
                _mm256_storeu_ps(array.as_mut_ptr().add(8), values[1]);
            }
            array
        }

        #[inline(always)]
        unsafe fn add(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            // SAFETY: the caller's contract.
            unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
        }

        #[inline(always)]
        unsafe fn multiply(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            // SAFETY: the caller's contract.
            unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
        }

        #[inline(always)]
        unsafe fn fma(a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
            // SAFETY: the caller's contract.
            unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
        }

        #[inline(always)]
        unsafe fn divide(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            // SAFETY: the caller's contract.
            unsafe { [_mm256_div_ps(a[0], b[0]), _mm256_div_ps(a[1], b[1])] }
        }

        #[inline(always)]
        unsafe fn square_root(a: [__m256; 2]) -> [__m256; 2] {
            // SAFETY: the caller's contract.
            unsafe { [_mm256_sqrt_ps(a[0]), _mm256_sqrt_ps(a[1])] }
        }

        #[inline(always)]
        unsafe fn max(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            // SAFETY: the caller's contract.
            unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
        }

        #[inline(always)]
        unsafe fn min(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            // SAFETY: the caller's contract.
            unsafe { [_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])] }
        }

        #[inline(always)]
        unsafe fn to_bytes(x: [__m256; 2], output: Output) -> [u8; LANES] {
            let mut bytes = [0; LANES];
            // SAFETY: the caller's contract; `bytes` is 16 writable bytes, and the store needs no alignment.
            unsafe {
                // Eight integers in 16 bits; what is outside of them saturates, and stays outside of the final clamp.
                let words = |x: __m256| {
                    let rounded = _mm256_cvtps_epi32(x);
                    _mm_packs_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1))
                };
                let zero_point = _mm_set1_epi16(i16::from(output.zero_point));
                let low = _mm_adds_epi16(words(x[0]), zero_point);
                let high = _mm_adds_epi16(words(x[1]), zero_point);
                let raised = _mm_max_epu8(_mm_packus_epi16(low, high), _mm_set1_epi8(output.min as i8));
                let clamped = _mm_min_epu8(raised, _mm_set1_epi8(output.max as i8));
                _mm_storeu_si128(bytes.as_mut_ptr().cast(), clamped);
            }
            bytes
        }

        #[inline(always)]
        unsafe fn nonzero_groups<const R: usize>(
            rows: [&[[u8; 4]]; R],
            found: &mut [MaybeUninit<u16>; MAX_GROUPS],
        ) -> usize {
            let whole = rows.iter().map(|row| row.len()).fold(MAX_GROUPS, usize::min) / 8 * 8;
            let mut count = 0;
            for first in (0..whole).step_by(8) {
                // SAFETY: the caller's contract; every row has 32 readable bytes there, and `found` has room for all
                // MAX_GROUPS numbers: at most `first` were counted before, and `count + 8` is at most MAX_GROUPS.
                unsafe {
                    let values = rows.iter().fold(_mm256_setzero_si256(), |all, row| {
                        _mm256_or_si256(all, _mm256_loadu_si256(row.as_ptr().add(first).cast()))
                    });
                    let blank = _mm256_cmpeq_epi32(values, _mm256_setzero_si256());
                    let ink = !_mm256_movemask_ps(_mm256_castsi256_ps(blank)) as u32 & 0xff;
                    // One bit a group, spread to one byte a group, picks the numbers 0..8.
                    let bytes = _pdep_u64(u64::from(ink), 0x0101_0101_0101_0101) * 0xff;
                    let numbers = _pext_u64(0x0706_0504_0302_0100, bytes);
                    let numbers = _mm_cvtepu8_epi16(_mm_cvtsi64_si128(numbers as i64));
                    let numbers = _mm_add_epi16(numbers, _mm_set1_epi16(first as i16));
                    _mm_storeu_si128(found.as_mut_ptr().add(count).cast(), numbers);
                    count += ink.count_ones() as usize;
                }
            }
            super::nonzero_groups_from(whole, count, rows, found)
        }
    };
}

// SAFETY: the methods use AVX2, FMA, BMI2 and POPCNT alone, which the caller has proved.
unsafe impl Simd for Avx2 {
    halves!();

    const SEVEN_BITS: bool = true;

    #[inline(always)]
    unsafe fn dot4(sums: [__m256i; 2], x: [u8; 4], w: &Line) -> [__m256i; 2] {
        let w = (&raw const *w).cast::<__m256i>();
        // SAFETY: the caller's contract; a line is twice 32 readable bytes at a multiple of 64.
        unsafe {
            let x = _mm256_set1_epi32(i32::from_ne_bytes(x));
            let eight = |sums, w| {
                let pairs = _mm256_maddubs_epi16(x, _mm256_load_si256(w));
                _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
            };
            [eight(sums[0], w), eight(sums[1], w.add(1))]
        }
    }
}

// SAFETY: the methods use AVX2, FMA, BMI2, POPCNT and AVX-VNNI alone, which the caller has proved.
unsafe impl Simd for AvxVnni {
    halves!();

    #[inline(always)]
    unsafe fn dot4(sums: [__m256i; 2], x: [u8; 4], w: &Line) -> [__m256i; 2] {
        let w = (&raw const *w).cast::<__m256i>();
        // SAFETY: the caller's contract; a line is twice 32 readable bytes at a multiple of 64.
        unsafe {
            let x = _mm256_set1_epi32(i32::from_ne_bytes(x));
            [
                _mm256_dpbusd_avx_epi32(sums[0], x, _mm256_load_si256(w)),
                _mm256_dpbusd_avx_epi32(sums[1], x, _mm256_load_si256(w.add(1))),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `dot4` on its own, from sums of 0.
    #[target_feature(enable = "avx2,fma,bmi2,popcnt")]
    fn products(x: [u8; 4], w: &Line) -> [i32; LANES] {
        // SAFETY: this function's own target features are the instruction set.
        unsafe { Avx2::store_ints(Avx2::dot4(Avx2::load_ints(&[0; LANES]), x, w)) }
    }

    #[test]
    fn pairs_saturate_above_128_and_not_below() {
        if crate::isa::Avx2::new().is_none() {
            return println!("not covered: this CPU has no AVX2");
        }
        // SAFETY: the token proves that the CPU has AVX2 and what comes with it.
        let products =
            |x, w: [i8; 2]| unsafe { products(x, &Line([[w[0] as u8, w[1] as u8, 0, 0]; LANES]))[0] };
        let exact =
            |x: [u8; 4], w: [i8; 2]| (0..2).map(|at| i32::from(x[at]) * i32::from(w[at])).sum::<i32>();
        for x in [[128, 128], [128, 127], [127, 128], [127, 127], [128, 0], [1, 128]] {
            let x = [x[0], x[1], 0, 0];
            for w in (-128..=127).flat_map(|a| (-128..=127).map(move |b| [a, b])) {
                assert_eq!(products(x, w), exact(x, w), "{x:?} · {w:?}");
            }
        }
        let (x, w) = ([129, 129, 0, 0], [-128, -128]);
        assert_eq!((products(x, w), exact(x, w)), (-32_768, -33_024));
    }
}
