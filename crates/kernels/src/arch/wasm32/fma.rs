//! The fused multiply-add that WebAssembly does not have, by way of `f64`.

use std::arch::wasm32::*;

/// `a · b + c`, rounded once. The product is exact in `f64`, and so is the sum but for a rounding that is seldom seen again.
#[inline(always)]
pub(super) fn fma(a: [v128; 4], b: [v128; 4], c: [v128; 4]) -> [v128; 4] {
    let merge = merging();
    let mut doubtful = u64x2_splat(0);
    let mut four = |a, b, c| {
        let (low, high) = (sum(a, b, c), sum(upper(a), upper(b), upper(c)));
        let rounded = to_singles(low, high, merge);
        // The smallest normal number, too: what is rounded up to it was rounded as subnormal numbers are.
        let is_subnormal = v128_and(
            f32x4_le(f32x4_abs(rounded), f32x4_splat(f32::MIN_POSITIVE)),
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

/// `rint(fma(addend, factor, sum) · multiplier)`, if it is sure that rounding more often leads to the same integers.
///
/// With `p = addend · factor`, each of `p`, `p + sum` and their products with the multiplier is off by 2⁻²⁴ of itself at most.
/// So where neither `p · multiplier` nor the result is above 1024, it is off by less than 2⁻¹¹, and that decides nothing
/// unless it lies as close to the middle between two integers. Results between 1024 and 2²⁰ are off by less than 1, and end
/// at the same clamp.
#[inline(always)]
pub(super) fn requantize([addend, factor, sum, multiplier]: [[v128; 4]; 4]) -> Option<[v128; 4]> {
    /// Adding 1.5·2²³ rounds to an integer, half to even, and leaves it in the low bits: exact for magnitudes below 2²².
    const ROUND: f32 = 12_582_912.0;
    // The greatest magnitudes seen, as bits: the order of floats that are not negative, and NaN is greater than all.
    let [mut products, mut results, mut offs] = [i32x4_splat(0); 3];
    let greatest = |greatest, x| i32x4_max(greatest, f32x4_abs(x));
    let mut four = |at: usize| {
        let product = f32x4_mul(addend[at], factor[at]);
        let result = f32x4_mul(f32x4_add(product, sum[at]), multiplier[at]);
        let shifted = f32x4_add(result, f32x4_splat(ROUND));
        let off = f32x4_sub(result, f32x4_sub(shifted, f32x4_splat(ROUND)));
        products = greatest(products, f32x4_mul(product, multiplier[at]));
        results = greatest(results, result);
        offs = greatest(offs, off);
        i32x4_sub(shifted, f32x4_splat(ROUND))
    };
    let integers = [four(0), four(1), four(2), four(3)];
    let above = |greatest, limit| i32x4_gt(greatest, f32x4_splat(limit));
    let doubtful = v128_or(above(offs, 0.5 - 1.0 / 2048.0), above(products, 1024.0));
    let doubtful = v128_or(doubtful, above(results, 1_048_576.0));
    (!v128_any_true(doubtful)).then_some(integers)
}
