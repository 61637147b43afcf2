//! AVX2: sixteen lanes are two registers of 256 bits, lanes 0..8 and 8..16.
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
//! does occur. [`Simd::MAY_SATURATE`] asks for 127 at most; larger activations are multiplied in parts.
//!
//! A panel's seven vectors are fourteen of the sixteen registers; one is the activations', one is for pairs.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use crate::gemm::nonzero;
use crate::simd::{Floats, LANES, Line, MAX_GROUPS, Output, Simd, TableLine, Work};

macro_rules! avx2 {
    ($($code:tt)+) => { compiled_for! { "avx2,fma,popcnt" $($code)+ } };
}

/// Token of AVX2 and FMA, or of these with [VNNI on 256 bits](super::avxvnni): but for the products, both compute alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ymm<const VNNI: bool>(pub(super) ());

/// AVX2 and FMA.
pub type Avx2 = Ymm<false>;

impl Avx2 {
    /// The token, if this CPU has the instructions.
    pub fn new() -> Option<Self> {
        avx2!(is here).then_some(Self(()))
    }
}

type Ints = [__m256i; 2];
type Reals = [__m256; 2];

/// The operations in which AVX2 and AVX-VNNI differ.
pub(crate) trait Products: Copy {
    const MAY_SATURATE: bool;
    fn run<W: Work>(self, work: W) -> W::Output;
    fn dot4(self, sums: Ints, x: [u8; 4], w: &Line) -> Ints;
}

impl Products for Avx2 {
    const MAY_SATURATE: bool = true;

    avx2! { run }

    avx2! {
        fn dot4(self, sums: Ints, x: [u8; 4], w: &Line) -> Ints {
            let x = _mm256_set1_epi32(i32::from_ne_bytes(x));
            let [w0, w1] = halves(w);
            let [pairs0, pairs1] = [_mm256_maddubs_epi16(x, w0), _mm256_maddubs_epi16(x, w1)];
            let ones = _mm256_set1_epi16(1);
            [
                _mm256_add_epi32(sums[0], _mm256_madd_epi16(pairs0, ones)),
                _mm256_add_epi32(sums[1], _mm256_madd_epi16(pairs1, ones)),
            ]
        }
    }
}

/// A line in two registers.
#[target_feature(enable = "avx")]
#[inline]
pub(super) fn halves(line: &Line) -> Ints {
    let at = (&raw const *line).cast::<__m256i>();
    // SAFETY: a line is twice 32 readable bytes at a multiple of 64.
    unsafe { [_mm256_load_si256(at), _mm256_load_si256(at.add(1))] }
}

// SAFETY: the search writes at `count` the numbers of eight groups of which it counts those that are not 0, first, and leaves
// the groups behind the last whole eight to the default.
unsafe impl<const VNNI: bool> Simd for Ymm<VNNI>
where
    Self: Products,
{
    type Ints = Ints;
    type Reals = Reals;

    const REGISTER: usize = 8;
    const HAS_32_REGISTERS: bool = false;
    const MAY_SATURATE: bool = <Self as Products>::MAY_SATURATE;

    #[inline(always)]
    fn run<W: Work>(self, work: W) -> W::Output {
        Products::run(self, work)
    }

    #[inline(always)]
    fn dot4(self, sums: Ints, x: [u8; 4], w: &Line) -> Ints {
        Products::dot4(self, sums, x, w)
    }

    avx2! {
        fn load_ints(self, values: &[i32; LANES]) -> Ints {
            let at = values.as_ptr().cast::<__m256i>();
            // SAFETY: twice 32 readable bytes, and the loads need no alignment.
            unsafe { [_mm256_loadu_si256(at), _mm256_loadu_si256(at.add(1))] }
        }

        fn store_ints(self, values: Ints) -> [i32; LANES] {
            let mut array = [0; LANES];
            let at = array.as_mut_ptr().cast::<__m256i>();
            // SAFETY: twice 32 writable bytes, and the stores need no alignment.
            unsafe {
                _mm256_storeu_si256(at, values[0]);
                _mm256_storeu_si256(at.add(1), values[1]);
            }
            array
        }

        fn add_ints(self, a: Ints, b: Ints) -> Ints {
            [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])]
        }

        fn subtract_scaled(self, a: Ints, b: Ints, factor: i32) -> Ints {
            let factor = _mm256_set1_epi32(factor);
            [
                _mm256_sub_epi32(a[0], _mm256_mullo_epi32(b[0], factor)),
                _mm256_sub_epi32(a[1], _mm256_mullo_epi32(b[1], factor)),
            ]
        }

        fn to_reals(self, values: Ints) -> Reals {
            [_mm256_cvtepi32_ps(values[0]), _mm256_cvtepi32_ps(values[1])]
        }

        fn load(self, values: &Floats) -> Reals {
            // SAFETY: twice 32 readable bytes, and the loads need no alignment.
            unsafe { [_mm256_loadu_ps(values.as_ptr()), _mm256_loadu_ps(values.as_ptr().add(8))] }
        }

        fn splat(self, value: f32) -> Reals {
            [_mm256_set1_ps(value); 2]
        }

        fn store(self, values: Reals) -> Floats {
            let mut array = [0.0; LANES];
            // SAFETY: twice 32 writable bytes, and the stores need no alignment.
            unsafe {
                _mm256_storeu_ps(array.as_mut_ptr(), values[0]);
                _mm256_storeu_ps(array.as_mut_ptr().add(8), values[1]);
            }
            array
        }

        fn add(self, a: Reals, b: Reals) -> Reals {
            [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])]
        }

        fn multiply(self, a: Reals, b: Reals) -> Reals {
            [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])]
        }

        fn fma(self, a: Reals, b: Reals, c: Reals) -> Reals {
            [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])]
        }

        fn divide(self, a: Reals, b: Reals) -> Reals {
            [_mm256_div_ps(a[0], b[0]), _mm256_div_ps(a[1], b[1])]
        }

        fn square_root(self, a: Reals) -> Reals {
            [_mm256_sqrt_ps(a[0]), _mm256_sqrt_ps(a[1])]
        }

        fn max(self, a: Reals, b: Reals) -> Reals {
            [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])]
        }

        fn min(self, a: Reals, b: Reals) -> Reals {
            [_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])]
        }

        fn to_bytes(self, x: Reals, output: Output) -> [u8; LANES] {
            // What is outside of 16 bits saturates, and stays outside of the final clamp. Packing works on halves of 128
            // bits, so that the sixteen come as lanes 0..4, 8..12, 4..8, 12..16.
            let words = _mm256_packs_epi32(_mm256_cvtps_epi32(x[0]), _mm256_cvtps_epi32(x[1]));
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(words);
            let moved = _mm256_adds_epi16(words, _mm256_set1_epi16(i16::from(output.zero_point)));
            let packed = _mm_packus_epi16(_mm256_castsi256_si128(moved), _mm256_extracti128_si256(moved, 1));
            let raised = _mm_max_epu8(packed, _mm_set1_epi8(output.min as i8));
            let clamped = _mm_min_epu8(raised, _mm_set1_epi8(output.max as i8));
            let mut bytes = [0; LANES];
            // SAFETY: 16 writable bytes, and the store needs no alignment.
            unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), clamped) };
            bytes
        }

        fn along_line(self, x: &[u8; LANES], line: TableLine) -> [u8; LANES] {
            // SAFETY: 16 readable bytes, and the load needs no alignment.
            let x = _mm256_cvtepu8_epi16(unsafe { _mm_loadu_si128(x.as_ptr().cast()) });
            // `vpmulhrsw` gives (a · b + 2¹⁴) >> 15.
            let scaled = _mm256_mulhrs_epi16(_mm256_slli_epi16::<7>(x), _mm256_set1_epi16(line.factor));
            let moved = _mm256_srli_epi16::<7>(_mm256_add_epi16(scaled, _mm256_set1_epi16(line.offset)));
            let packed = _mm_packus_epi16(_mm256_castsi256_si128(moved), _mm256_extracti128_si256(moved, 1));
            let mut bytes = [0; LANES];
            // SAFETY: 16 writable bytes, and the store needs no alignment.
            unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), packed) };
            bytes
        }

        fn nonzero_groups<const R: usize>(
            self,
            rows: [&[[u8; 4]]; R],
            numbers: &mut [MaybeUninit<u16>; MAX_GROUPS],
        ) -> usize {
            let whole = rows.iter().map(|row| row.len()).fold(MAX_GROUPS, usize::min) / 8 * 8;
            let zero = _mm256_setzero_si256();
            let mut count = 0;
            for first in (0..whole).step_by(8) {
                let mut all = zero;
                for row in rows {
                    // SAFETY: `first + 8` is at most the length of every row: 32 readable bytes.
                    all = _mm256_or_si256(all, unsafe { _mm256_loadu_si256(row.as_ptr().add(first).cast()) });
                }
                let is_zero = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(all, zero)));
                let bits = !is_zero as u8;
                let set = i64::from_le_bytes(nonzero::SET_BITS[usize::from(bits)]);
                let set = _mm_cvtepu8_epi16(_mm_cvtsi64_si128(set));
                let set = _mm_add_epi16(set, _mm_set1_epi16(first as i16));
                // SAFETY: 16 writable bytes: at most `first` were counted before, and `first + 8` is at most MAX_GROUPS.
                unsafe { _mm_storeu_si128(numbers.as_mut_ptr().add(count).cast(), set) };
                count += bits.count_ones() as usize;
            }
            nonzero::search_from(whole, count, rows, numbers)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `dot4` of one pair of activations and weights on its own.
    fn product(simd: Avx2, x: [u8; 2], w: [i8; 2]) -> i32 {
        struct Dot4([u8; 4], Line);
        impl Work for Dot4 {
            type Output = i32;

            #[inline(always)]
            fn run<S: Simd>(self, simd: S) -> i32 {
                simd.store_ints(simd.dot4(simd.load_ints(&[0; LANES]), self.0, &self.1))[0]
            }
        }
        Simd::run(simd, Dot4([x[0], x[1], 0, 0], Line([[w[0] as u8, w[1] as u8, 0, 0]; LANES])))
    }

    #[test]
    fn pairs_saturate_above_128_and_not_below() {
        let Some(simd) = Avx2::new() else { return println!("not covered: this CPU has no AVX2") };
        let exact =
            |x: [u8; 2], w: [i8; 2]| (0..2).map(|at| i32::from(x[at]) * i32::from(w[at])).sum::<i32>();
        for x in [[128, 128], [128, 127], [127, 128], [127, 127], [128, 0], [1, 128]] {
            for w in (-128..=127).flat_map(|a| (-128..=127).map(move |b| [a, b])) {
                assert_eq!(product(simd, x, w), exact(x, w), "{x:?} · {w:?}");
            }
        }
        let (x, w) = ([129, 129], [-128, -128]);
        assert_eq!((product(simd, x, w), exact(x, w)), (-32_768, -33_024));
    }
}
