//! WebAssembly's 128-bit SIMD, with or without its relaxed instructions: sixteen lanes are four registers.
//!
//! ```text
//! x    x0 x1 x0 x1 x0 x1 x0 x1     a pair of activations, four times                    (i16, from u8)
//! w    w0 w1 w4 w5 w8 w9 …         their weights of each of four neurons                (i16, from i8)
//! s      s0    s1    s2    s3      i32x4_dot_i16x8, added: s0 += x0·w0 + x1·w1          (i32, exact)
//! ```
//!
//! So a line has the pairs `x0 x1` of four neurons before the pairs `x2 x3`; [`Simd::arrange`] puts them there.
//!
//! ```text
//! x    x0 x1 x2 x3 x0 x1 x2 x3 …   four activations, in every lane                      (0..=127)
//! w    w0 w1 w2 w3 w4 w5 w6 w7 …   their weights of each of four neurons                (i8)
//! s         s0          s1    …    i32x4_relaxed_dot_i8x16_i7x16_add                    (i32)
//! ```
//!
//! What the relaxed product gives is defined where `x` is at most 127: then the sums of pairs, which some engines round to
//! `i16` in between, are within ±32,512, and all engines agree. [`Simd::SEVEN_BITS`] sees to that.
//!
//! A panel's three vectors are twelve registers, of sixteen that engines have on x86.

use std::arch::wasm32::*;
use std::mem::MaybeUninit;

use crate::int8::Output;

use super::{Floats, LANES, Line, MAX_GROUPS, Simd};

/// The instructions of `simd128`, which the whole module is compiled for.
#[cfg(kernel = "simd128")]
pub(crate) struct Simd128;

/// These and the relaxed ones.
#[cfg(kernel = "relaxed")]
pub(crate) struct Relaxed;

/// Everything but the products is the same for both.
macro_rules! quarters {
    () => {
        type Ints = [v128; 4];
        type Reals = [v128; 4];

        const TWO_CHAINS: bool = false;

        #[inline(always)]
        unsafe fn load_ints(values: &[i32; LANES]) -> [v128; 4] {
            let fours = values.as_chunks::<4>().0;
            // SAFETY: 16 readable bytes, and the load needs no alignment.
            std::array::from_fn(|at| unsafe { v128_load(fours[at].as_ptr().cast()) })
        }

        #[inline(always)]
        unsafe fn store_ints(values: [v128; 4]) -> [i32; LANES] {
            let mut array = [0; LANES];
            for (four, values) in array.as_chunks_mut::<4>().0.iter_mut().zip(values) {
                // SAFETY: 16 writable bytes, and the store needs no alignment.
                unsafe { v128_store(four.as_mut_ptr().cast(), values) };
            }
            array
        }

        #[inline(always)]
        unsafe fn add_ints(a: [v128; 4], b: [v128; 4]) -> [v128; 4] {
            std::array::from_fn(|at| i32x4_add(a[at], b[at]))
        }

        #[inline(always)]
        unsafe fn subtract_scaled(a: [v128; 4], b: [v128; 4], factor: i32) -> [v128; 4] {
            let factor = i32x4_splat(factor);
            std::array::from_fn(|at| i32x4_sub(a[at], i32x4_mul(b[at], factor)))
        }

        #[inline(always)]
        unsafe fn to_reals(values: [v128; 4]) -> [v128; 4] {
            values.map(|sums| f32x4_convert_i32x4(sums))
        }

        #[inline(always)]
        unsafe fn load(values: &Floats) -> [v128; 4] {
            let fours = values.as_chunks::<4>().0;
            // SAFETY: 16 readable bytes, and the load needs no alignment.
            std::array::from_fn(|at| unsafe { v128_load(fours[at].as_ptr().cast()) })
        }

        #[inline(always)]
        unsafe fn splat(value: f32) -> [v128; 4] {
            [f32x4_splat(value); 4]
        }

        #[inline(always)]
        unsafe fn store(values: [v128; 4]) -> Floats {
            let mut array = [0.0; LANES];
            for (four, values) in array.as_chunks_mut::<4>().0.iter_mut().zip(values) {
                // SAFETY: 16 writable bytes, and the store needs no alignment.
                unsafe { v128_store(four.as_mut_ptr().cast(), values) };
            }
            array
        }

        #[inline(always)]
        unsafe fn add(a: [v128; 4], b: [v128; 4]) -> [v128; 4] {
            std::array::from_fn(|at| f32x4_add(a[at], b[at]))
        }

        #[inline(always)]
        unsafe fn multiply(a: [v128; 4], b: [v128; 4]) -> [v128; 4] {
            std::array::from_fn(|at| f32x4_mul(a[at], b[at]))
        }

        #[inline(always)]
        unsafe fn divide(a: [v128; 4], b: [v128; 4]) -> [v128; 4] {
            std::array::from_fn(|at| f32x4_div(a[at], b[at]))
        }

        #[inline(always)]
        unsafe fn square_root(x: [v128; 4]) -> [v128; 4] {
            x.map(|x| f32x4_sqrt(x))
        }

        #[inline(always)]
        unsafe fn fma(a: [v128; 4], b: [v128; 4], c: [v128; 4]) -> [v128; 4] {
            fma(a, b, c)
        }

        #[inline(always)]
        unsafe fn max(a: [v128; 4], b: [v128; 4]) -> [v128; 4] {
            std::array::from_fn(|at| f32x4_pmax(b[at], a[at]))
        }

        #[inline(always)]
        unsafe fn min(a: [v128; 4], b: [v128; 4]) -> [v128; 4] {
            std::array::from_fn(|at| f32x4_pmin(b[at], a[at]))
        }

        #[inline(always)]
        unsafe fn to_bytes(x: [v128; 4], output: Output) -> [u8; LANES] {
            let integers = x.map(|x| {
                // The comparison is false for NaN; the conversion saturates on the other side.
                let small = f32x4_lt(x, f32x4_splat(2_147_483_648.0));
                i32x4_trunc_sat_f32x4(f32x4_nearest(v128_bitselect(x, f32x4_splat(-1e9), small)))
            });
            bytes(integers, output)
        }

        #[inline(always)]
        unsafe fn requantize(terms: [[v128; 4]; 4], output: Output) -> [u8; LANES] {
            match requantize(terms) {
                Some(integers) => bytes(integers, output),
                None => exact_requantize::<Self>(terms, output),
            }
        }

        #[inline(always)]
        unsafe fn nonzero_groups<const R: usize>(
            rows: [&[[u8; 4]]; R],
            found: &mut [MaybeUninit<u16>; MAX_GROUPS],
        ) -> usize {
            let whole = rows.iter().map(|row| row.len()).fold(MAX_GROUPS, usize::min) / 4 * 4;
            let mut count = 0;
            for first in (0..whole).step_by(4) {
                let values = rows.iter().fold(u64x2_splat(0), |all, row| {
                    // SAFETY: 16 readable bytes in every row there, and the load needs no alignment.
                    v128_or(all, unsafe { v128_load(row.as_ptr().add(first).cast()) })
                });
                let ink = usize::from(u32x4_bitmask(u32x4_ne(values, u32x4_splat(0))));
                let numbers = u64x2_splat(NUMBERS[ink] + first as u64 * 0x0001_0001_0001_0001);
                // SAFETY: 8 writable bytes: at most `first` were counted before, and `count + 4` is at most MAX_GROUPS.
                unsafe { v128_store64_lane::<0>(numbers, found.as_mut_ptr().add(count).cast()) };
                count += ink.count_ones() as usize;
            }
            super::nonzero_groups_from(whole, count, rows, found)
        }
    };
}

// SAFETY: a module with these instructions is rejected as a whole by an engine that does not have them.
#[cfg(kernel = "simd128")]
unsafe impl Simd for Simd128 {
    quarters!();

    fn arrange(Line(old): Line) -> Line {
        Line(std::array::from_fn(|at| {
            let (neuron, pair) = (at / 4 * 4 + at % 2 * 2, at / 2 % 2 * 2);
            let (a, b) = (old[neuron], old[neuron + 1]);
            [a[pair], a[pair + 1], b[pair], b[pair + 1]]
        }))
    }

    #[inline(always)]
    unsafe fn dot4(sums: [v128; 4], x: [u8; 4], w: &Line) -> [v128; 4] {
        let x = u16x8_extend_low_u8x16(i32x4_splat(i32::from_ne_bytes(x)));
        let (x01, x23) = (i32x4_shuffle::<0, 0, 0, 0>(x, x), i32x4_shuffle::<1, 1, 1, 1>(x, x));
        let w = w.integers().as_chunks::<8>().0;
        std::array::from_fn(|at| {
            // SAFETY: twice 8 readable bytes, and the loads need no alignment.
            let [w01, w23] = [2 * at, 2 * at + 1].map(|at| unsafe { i16x8_load_extend_i8x8(w[at].as_ptr()) });
            i32x4_add(sums[at], i32x4_add(i32x4_dot_i16x8(x01, w01), i32x4_dot_i16x8(x23, w23)))
        })
    }

    #[inline(always)]
    unsafe fn accumulate(a: [v128; 4], b: [v128; 4], c: [v128; 4]) -> [v128; 4] {
        std::array::from_fn(|at| f32x4_add(f32x4_mul(a[at], b[at]), c[at]))
    }
}

// SAFETY: as above; the relaxed instructions are in functions compiled for them alone.
#[cfg(kernel = "relaxed")]
unsafe impl Simd for Relaxed {
    quarters!();

    const SEVEN_BITS: bool = true;

    #[inline(always)]
    unsafe fn dot4(sums: [v128; 4], x: [u8; 4], w: &Line) -> [v128; 4] {
        let x = i32x4_splat(i32::from_ne_bytes(x));
        let w = w.integers().as_chunks::<16>().0;
        std::array::from_fn(|at| {
            // SAFETY: the caller's contract; 16 readable bytes, and the load needs no alignment.
            unsafe { i32x4_relaxed_dot_i8x16_i7x16_add(v128_load(w[at].as_ptr().cast()), x, sums[at]) }
        })
    }

    #[inline(always)]
    unsafe fn accumulate(a: [v128; 4], b: [v128; 4], c: [v128; 4]) -> [v128; 4] {
        std::array::from_fn(|at| f32x4_relaxed_madd(a[at], b[at], c[at]))
    }
}

/// For every set of four bits, the numbers of those that are set, in order from the low end, 16 bits each.
const NUMBERS: [u64; 16] = {
    let mut all = [0; 16];
    let mut set = 0;
    while set < 16 {
        let (mut number, mut count) = (0, 0);
        while number < 4 {
            if set >> number & 1 == 1 {
                all[set] |= (number as u64) << (16 * count);
                count += 1;
            }
            number += 1;
        }
        set += 1;
    }
    all
};

/// `clamp(integer + zero_point, min, max)`.
#[inline(always)]
fn bytes(integers: [v128; 4], output: Output) -> [u8; LANES] {
    let zero_point = i16x8_splat(i16::from(output.zero_point));
    // What is outside of 16 bits saturates, and stays outside of the final clamp.
    let low = i16x8_add_sat(i16x8_narrow_i32x4(integers[0], integers[1]), zero_point);
    let high = i16x8_add_sat(i16x8_narrow_i32x4(integers[2], integers[3]), zero_point);
    let raised = u8x16_max(u8x16_narrow_i16x8(low, high), u8x16_splat(output.min));
    let clamped = u8x16_min(raised, u8x16_splat(output.max));
    let mut bytes = [0; LANES];
    // SAFETY: 16 writable bytes, and the store needs no alignment.
    unsafe { v128_store(bytes.as_mut_ptr().cast(), clamped) };
    bytes
}

/// `rint(fma(addend, factor, sum) · multiplier)`, if it is sure that rounding more often leads to the same integers.
///
/// With `p = addend · factor`, each of `p`, `p + sum` and their products with the multiplier is off by 2⁻²⁴ of itself at most.
/// So where neither `p · multiplier` nor the result is above 1024, it is off by less than 2⁻¹¹, and that decides nothing
/// unless it lies as close to the middle between two integers. Results between 1024 and 2²⁰ are off by less than 1, and end
/// at the same clamp.
#[inline(always)]
fn requantize([addend, factor, sum, multiplier]: [[v128; 4]; 4]) -> Option<[v128; 4]> {
    /// Adding 1.5·2²³ rounds to an integer, half to even, and leaves it in the low bits: exact for magnitudes below 2²².
    const ROUND: f32 = 12_582_912.0;
    let mut sure = u32x4_splat(u32::MAX);
    let mut four = |at: usize| {
        let product = f32x4_mul(addend[at], factor[at]);
        let result = f32x4_mul(f32x4_add(product, sum[at]), multiplier[at]);
        let shifted = f32x4_add(result, f32x4_splat(ROUND));
        let off = f32x4_sub(result, f32x4_sub(shifted, f32x4_splat(ROUND)));
        // The comparisons are false for NaN.
        let within = |x, limit| f32x4_le(f32x4_abs(x), f32x4_splat(limit));
        sure = v128_and(sure, within(off, 0.5 - 1.0 / 2048.0));
        sure = v128_and(sure, within(f32x4_mul(product, multiplier[at]), 1024.0));
        sure = v128_and(sure, within(result, 1_048_576.0));
        i32x4_sub(shifted, f32x4_splat(ROUND))
    };
    let integers = [four(0), four(1), four(2), four(3)];
    i32x4_all_true(sure).then_some(integers)
}

/// What [`Simd::requantize`] is defined as.
#[cold]
#[inline(never)]
fn exact_requantize<S: Simd<Reals = [v128; 4]>>(
    [addend, factor, sum, multiplier]: [[v128; 4]; 4],
    output: Output,
) -> [u8; LANES] {
    // SAFETY: no more than `simd128` is used, which the whole module has.
    unsafe { S::to_bytes(S::multiply(S::fma(addend, factor, sum), multiplier), output) }
}

/// `a · b + c`, rounded once. The product is exact in `f64`, and so is the sum but for a rounding that is seldom seen again.
#[inline(always)]
fn fma(a: [v128; 4], b: [v128; 4], c: [v128; 4]) -> [v128; 4] {
    let merge = merging();
    let mut doubtful = u64x2_splat(0);
    let mut four = |a, b, c| {
        let (low, high) = (sum(a, b, c), sum(upper(a), upper(b), upper(c)));
        let rounded = to_singles(low, high, merge);
        let is_subnormal = v128_and(
            f32x4_lt(f32x4_abs(rounded), f32x4_splat(f32::MIN_POSITIVE)),
            f32x4_ne(rounded, f32x4_splat(0.0)),
        );
        let is_middle = v128_or(is_middle(low), is_middle(high));
        doubtful = v128_or(doubtful, v128_or(is_subnormal, is_middle));
        rounded
    };
    let rounded =
        [four(a[0], b[0], c[0]), four(a[1], b[1], c[1]), four(a[2], b[2], c[2]), four(a[3], b[3], c[3])];
    if v128_any_true(doubtful) { exact_fma(a, b, c) } else { rounded }
}

/// `a · b + c` of the two lower lanes, rounded to `f64`.
#[inline(always)]
fn sum(a: v128, b: v128, c: v128) -> v128 {
    let product = f64x2_mul(f64x2_promote_low_f32x4(a), f64x2_promote_low_f32x4(b));
    f64x2_add(product, f64x2_promote_low_f32x4(c))
}

/// Whether numbers lie in the middle between two `f32`, where it matters on which side the sum really was.
#[inline(always)]
fn is_middle(x: v128) -> v128 {
    i64x2_eq(v128_and(x, u64x2_splat(0x1fff_ffff)), u64x2_splat(0x1000_0000))
}

/// Four `f64` rounded to `f32`.
#[inline(always)]
fn to_singles(low: v128, high: v128, merge: v128) -> v128 {
    v128_or(f32x4_demote_f64x2_zero(low), u8x16_swizzle(f32x4_demote_f64x2_zero(high), merge))
}

/// The swizzle that moves the lower half to the upper. LLVM must not know that it is no more than a shuffle: it would make
/// one shuffle of all, and round one number at a time.
#[inline(always)]
fn merging() -> v128 {
    std::hint::black_box(u8x16(16, 16, 16, 16, 16, 16, 16, 16, 0, 1, 2, 3, 4, 5, 6, 7))
}

/// The two upper lanes, in the place of the lower.
#[inline(always)]
fn upper(x: v128) -> v128 {
    i64x2_shuffle::<1, 1>(x, x)
}

/// `a · b + c`, rounded once, whatever they are.
#[cold]
#[inline(never)]
fn exact_fma(a: [v128; 4], b: [v128; 4], c: [v128; 4]) -> [v128; 4] {
    std::array::from_fn(|at| {
        let (low, high) = (odd_sum(a[at], b[at], c[at]), odd_sum(upper(a[at]), upper(b[at]), upper(c[at])));
        to_singles(low, high, merging())
    })
}

/// `a · b + c` of the two lower lanes, rounded to odd, so that rounding it again to `f32` is as rounding it once (Boldo and
/// Melquiond 2008, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd").
fn odd_sum(a: v128, b: v128, c: v128) -> v128 {
    let product = f64x2_mul(f64x2_promote_low_f32x4(a), f64x2_promote_low_f32x4(b));
    let c = f64x2_promote_low_f32x4(c);
    let sum = f64x2_add(product, c);
    // The rounding error of the sum, exactly (Knuth's TwoSum); NaN where the sum is not finite.
    let part = f64x2_sub(sum, product);
    let error = f64x2_add(f64x2_sub(product, f64x2_sub(sum, part)), f64x2_sub(c, part));
    let inexact = f64x2_gt(f64x2_abs(error), f64x2_splat(0.0));
    // Where the sum was rounded away from 0, one step back; then the last bit says that something is missing.
    let away = v128_and(i64x2_shr(v128_xor(sum, error), 63), inexact);
    v128_or(i64x2_add(sum, away), v128_and(inexact, i64x2_splat(1)))
}
