//! Plain Rust arrays: for CPUs without any of the instruction sets, and for Miri.

use std::mem::MaybeUninit;

use crate::gemm::nonzero;
use crate::simd::{Floats, LANES, Line, MAX_GROUPS, Output, Simd, Work};

/// Plain Rust, which every CPU runs.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

// SAFETY: `search_from` writes each group that it counts, of those that all rows have.
unsafe impl Simd for Portable {
    type Ints = [i32; LANES];
    type Reals = Floats;

    const REGISTER: usize = 4;
    // In tests for Miri's sake: it sees the panels with this type alone.
    const HAS_32_REGISTERS: bool = cfg!(test);

    #[inline(always)]
    fn run<W: Work>(self, work: W) -> W::Output {
        work.run(self)
    }

    #[inline(always)]
    fn load_ints(self, values: &[i32; LANES]) -> [i32; LANES] {
        *values
    }

    #[inline(always)]
    fn store_ints(self, values: [i32; LANES]) -> [i32; LANES] {
        values
    }

    #[inline(always)]
    fn dot4(self, mut sums: [i32; LANES], x: [u8; 4], w: &Line) -> [i32; LANES] {
        for (sum, w) in sums.iter_mut().zip(w.0) {
            *sum += x.iter().zip(w).map(|(&x, w)| i32::from(x) * i32::from(w as i8)).sum::<i32>();
        }
        sums
    }

    #[inline(always)]
    fn add_ints(self, a: [i32; LANES], b: [i32; LANES]) -> [i32; LANES] {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    fn subtract_scaled(self, a: [i32; LANES], b: [i32; LANES], factor: i32) -> [i32; LANES] {
        std::array::from_fn(|lane| a[lane] - b[lane] * factor)
    }

    #[inline(always)]
    fn to_reals(self, values: [i32; LANES]) -> Floats {
        values.map(|value| value as f32)
    }

    #[inline(always)]
    fn load(self, values: &Floats) -> Floats {
        *values
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Floats {
        [value; LANES]
    }

    #[inline(always)]
    fn store(self, values: Floats) -> Floats {
        values
    }

    #[inline(always)]
    fn add(self, a: Floats, b: Floats) -> Floats {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    fn multiply(self, a: Floats, b: Floats) -> Floats {
        std::array::from_fn(|lane| a[lane] * b[lane])
    }

    #[inline(always)]
    fn fma(self, a: Floats, b: Floats, c: Floats) -> Floats {
        std::array::from_fn(|lane| fma(a[lane], b[lane], c[lane]))
    }

    #[inline(always)]
    fn accumulate(self, a: Floats, b: Floats, c: Floats) -> Floats {
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }

    #[inline(always)]
    fn divide(self, a: Floats, b: Floats) -> Floats {
        std::array::from_fn(|lane| a[lane] / b[lane])
    }

    #[inline(always)]
    fn square_root(self, a: Floats) -> Floats {
        a.map(f32::sqrt)
    }

    #[inline(always)]
    fn max(self, a: Floats, b: Floats) -> Floats {
        std::array::from_fn(|lane| if a[lane] > b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    fn min(self, a: Floats, b: Floats) -> Floats {
        std::array::from_fn(|lane| if a[lane] < b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    fn to_bytes(self, x: Floats, output: Output) -> [u8; LANES] {
        x.map(|x| to_byte(x, output))
    }

    #[inline(always)]
    fn nonzero_groups<const R: usize>(
        self,
        rows: [&[[u8; 4]]; R],
        numbers: &mut [MaybeUninit<u16>; MAX_GROUPS],
    ) -> usize {
        nonzero::search_from(0, 0, rows, numbers)
    }
}

/// `a · b + c`, rounded once.
///
/// Where there is no instruction for it, `mul_add` calls a function, which some libraries get wrong at the smallest normal
/// number. In `f64` the product is exact; the sum is rounded to odd, so that rounding it again to `f32` is as rounding it once
/// (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd").
#[inline(always)]
fn fma(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
        return a.mul_add(b, c);
    }
    let (product, c) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = product + c;
    // The rounding error of the sum, exactly (Knuth's TwoSum); NaN where the sum is not finite.
    let part = sum - product;
    let error = (product - (sum - part)) + (c - part);
    let inexact = u64::from(error.abs() > 0.0);
    // Where the sum was rounded away from 0, one step back; then the last bit says that something is missing.
    let away = inexact & ((sum.to_bits() ^ error.to_bits()) >> 63);
    f64::from_bits((sum.to_bits() - away) | inexact) as f32
}

#[inline(always)]
fn to_byte(x: f32, output: Output) -> u8 {
    const TWO_TO_31: f32 = 2_147_483_648.0;
    // The comparisons are false for NaN. ±1000 is far outside the final clamp, whatever the zero point.
    let x = if x < TWO_TO_31 { x } else { -1000.0 };
    let x = if x > -1000.0 { x } else { -1000.0 };
    let x = if x < 1000.0 { x } else { 1000.0 };
    // Adding 1.5·2²³ rounds to an integer, half to even, and leaves it in the low bits: exact for magnitudes below 2²².
    const ROUND: f32 = 12_582_912.0;
    let rounded = (x + ROUND).to_bits() as i32 - ROUND.to_bits() as i32;
    (rounded + i32::from(output.zero_point)).max(i32::from(output.min)).min(i32::from(output.max)) as u8
}
