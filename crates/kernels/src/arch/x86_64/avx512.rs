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

use crate::simd::{Floats, LANES, Line, MAX_GROUPS, Output, Simd};

macro_rules! avx512 {
    ($($code:tt)+) => {
        compiled_for! {
            "avx2,fma,popcnt,avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni" $($code)+
        }
    };
}

/// Token of AVX-512 with VNNI and VBMI, which is Ice Lake, Zen 4 and later: `vpdpbusd` on 512 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512(());

impl Avx512 {
    /// The token, if this CPU has the instructions.
    pub fn new() -> Option<Self> {
        avx512!(is here).then_some(Self(()))
    }
}

// SAFETY: the search compresses the numbers of 32 groups, of which the mask lets only those pass that are in every row and not
// 0, and counts the mask's bits.
unsafe impl Simd for Avx512 {
    type Ints = __m512i;
    type Reals = __m512;

    const REGISTER: usize = LANES;
    const HAS_32_REGISTERS: bool = true;

    avx512! { run }

    avx512! {
        fn load_ints(self, values: &[i32; LANES]) -> __m512i {
            // SAFETY: 64 readable bytes, and the load needs no alignment.
            unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
        }

        fn store_ints(self, values: __m512i) -> [i32; LANES] {
            let mut array = [0; LANES];
            // SAFETY: 64 writable bytes, and the store needs no alignment.
            unsafe { _mm512_storeu_si512(array.as_mut_ptr().cast(), values) };
            array
        }

        fn dot4(self, sums: __m512i, x: [u8; 4], w: &Line) -> __m512i {
            // SAFETY: a line is 64 readable bytes at a multiple of 64.
            let w = unsafe { _mm512_load_si512((&raw const *w).cast()) };
            _mm512_dpbusd_epi32(sums, _mm512_set1_epi32(i32::from_ne_bytes(x)), w)
        }

        fn add_ints(self, a: __m512i, b: __m512i) -> __m512i {
            _mm512_add_epi32(a, b)
        }

        fn subtract_scaled(self, a: __m512i, b: __m512i, factor: i32) -> __m512i {
            _mm512_sub_epi32(a, _mm512_mullo_epi32(b, _mm512_set1_epi32(factor)))
        }

        fn to_reals(self, values: __m512i) -> __m512 {
            _mm512_cvtepi32_ps(values)
        }

        fn load(self, values: &Floats) -> __m512 {
            // SAFETY: 64 readable bytes, and the load needs no alignment.
            unsafe { _mm512_loadu_ps(values.as_ptr()) }
        }

        fn splat(self, value: f32) -> __m512 {
            _mm512_set1_ps(value)
        }

        fn store(self, values: __m512) -> Floats {
            let mut array = [0.0; LANES];
            // SAFETY: 64 writable bytes, and the store needs no alignment.
            unsafe { _mm512_storeu_ps(array.as_mut_ptr(), values) };
            array
        }

        fn add(self, a: __m512, b: __m512) -> __m512 {
            _mm512_add_ps(a, b)
        }

        fn multiply(self, a: __m512, b: __m512) -> __m512 {
            _mm512_mul_ps(a, b)
        }

        fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
            _mm512_fmadd_ps(a, b, c)
        }

        fn divide(self, a: __m512, b: __m512) -> __m512 {
            _mm512_div_ps(a, b)
        }

        fn square_root(self, a: __m512) -> __m512 {
            _mm512_sqrt_ps(a)
        }

        fn max(self, a: __m512, b: __m512) -> __m512 {
            _mm512_max_ps(a, b)
        }

        fn min(self, a: __m512, b: __m512) -> __m512 {
            _mm512_min_ps(a, b)
        }

        fn to_bytes(self, x: __m512, output: Output) -> [u8; LANES] {
            let zero_point = i32::from(output.zero_point);
            let [min, max] = [output.min, output.max].map(|bound| _mm512_set1_epi32(i32::from(bound) - zero_point));
            let clamped = _mm512_min_epi32(_mm512_max_epi32(_mm512_cvtps_epi32(x), min), max);
            let moved = _mm512_add_epi32(clamped, _mm512_set1_epi32(zero_point));
            let mut bytes = [0; LANES];
            // SAFETY: 16 writable bytes, and the store needs no alignment.
            unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), _mm512_cvtepi32_epi8(moved)) };
            bytes
        }

        fn lookup(self, table: &[u8; 256], x: &[u8], out: &mut [u8]) -> bool {
            let mut quarters = [_mm512_setzero_si512(); 4];
            for (quarter, values) in quarters.iter_mut().zip(table.as_chunks::<64>().0) {
                // SAFETY: 64 readable bytes, and the load needs no alignment.
                *quarter = unsafe { _mm512_loadu_si512(values.as_ptr().cast()) };
            }
            let look_up = |x: __m512i| {
                let low = _mm512_permutex2var_epi8(quarters[0], x, quarters[1]);
                let high = _mm512_permutex2var_epi8(quarters[2], x, quarters[3]);
                _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(x), high)
            };
            let (whole, tail) = x.as_chunks::<64>();
            let (whole_out, tail_out) = out.as_chunks_mut::<64>();
            for (x, out) in whole.iter().zip(whole_out) {
                // SAFETY: 64 bytes to read and as many to write, and neither needs an alignment.
                unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), look_up(_mm512_loadu_si512(x.as_ptr().cast()))) };
            }
            let present = (1 << tail.len().min(tail_out.len())) - 1;
            // SAFETY: the mask keeps the load and the store within the slices.
            unsafe {
                let x = _mm512_maskz_loadu_epi8(present, tail.as_ptr().cast());
                _mm512_mask_storeu_epi8(tail_out.as_mut_ptr().cast(), present, look_up(x));
            }
            true
        }

        fn nonzero_groups<const R: usize>(
            self,
            rows: [&[[u8; 4]]; R],
            numbers: &mut [MaybeUninit<u16>; MAX_GROUPS],
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
            // SAFETY: 64 readable bytes, and the load needs no alignment.
            let ramp = unsafe { _mm512_loadu_si512(RAMP.as_ptr().cast()) };
            let mut count = 0;
            for first in (0..groups).step_by(32) {
                let present = u32::MAX >> (32 - (groups - first).min(32));
                let mut nonzero = 0;
                for half in [0, 16] {
                    let mut all = _mm512_setzero_si512();
                    for row in rows {
                        let at = row.as_ptr().wrapping_add(first + half).cast();
                        // SAFETY: the mask keeps the load within the row.
                        let groups = unsafe { _mm512_maskz_loadu_epi32((present >> half) as __mmask16, at) };
                        all = _mm512_or_si512(all, groups);
                    }
                    nonzero |= u32::from(_mm512_test_epi32_mask(all, all)) << half;
                }
                let set = _mm512_add_epi16(ramp, _mm512_set1_epi16(first as i16));
                let set = _mm512_maskz_compress_epi16(nonzero, set);
                // SAFETY: 64 writable bytes: at most `first` were counted before, and `first + 32` is at most MAX_GROUPS.
                unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().add(count).cast(), set) };
                count += nonzero.count_ones() as usize;
            }
            count
        }
    }
}
