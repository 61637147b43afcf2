//! Plain Rust arrays: for CPUs without any of the instruction sets, and for Miri.

use crate::int8::Output;

use super::{Floats, LANES, Line, Simd};

/// Plain Rust.
pub(crate) struct Portable;

// SAFETY: no instruction set is used.
unsafe impl Simd for Portable {
    type Ints = [i32; LANES];
    type Reals = Floats;

    // In tests for Miri's sake: it sees the panels with this type alone.
    const TWO_CHAINS: bool = cfg!(test);

    #[inline(always)]
    unsafe fn load_ints(values: &[i32; LANES]) -> [i32; LANES] {
        *values
    }

    #[inline(always)]
    unsafe fn store_ints(values: [i32; LANES]) -> [i32; LANES] {
        values
    }

    #[inline(always)]
    unsafe fn dot4(mut sums: [i32; LANES], x: [u8; 4], w: &Line) -> [i32; LANES] {
        for (sum, w) in sums.iter_mut().zip(w.integers().as_chunks::<4>().0) {
            *sum += x.iter().zip(w).map(|(&x, &w)| i32::from(x) * i32::from(w)).sum::<i32>();
        }
        sums
    }

    #[inline(always)]
    unsafe fn add_ints(a: [i32; LANES], b: [i32; LANES]) -> [i32; LANES] {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    unsafe fn subtract_scaled(a: [i32; LANES], b: [i32; LANES], factor: i32) -> [i32; LANES] {
        std::array::from_fn(|lane| a[lane] - b[lane] * factor)
    }

    #[inline(always)]
    unsafe fn to_reals(values: [i32; LANES]) -> Floats {
        values.map(|value| value as f32)
    }

    #[inline(always)]
    unsafe fn load(values: &Floats) -> Floats {
        *values
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Floats {
        [value; LANES]
    }

    #[inline(always)]
    unsafe fn store(values: Floats) -> Floats {
        values
    }

    #[inline(always)]
    unsafe fn add(a: Floats, b: Floats) -> Floats {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    unsafe fn multiply(a: Floats, b: Floats) -> Floats {
        std::array::from_fn(|lane| a[lane] * b[lane])
    }

    #[inline(always)]
    unsafe fn fma(a: Floats, b: Floats, c: Floats) -> Floats {
        std::array::from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
    }

    #[inline(always)]
    unsafe fn accumulate(a: Floats, b: Floats, c: Floats) -> Floats {
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }

    #[inline(always)]
    unsafe fn divide(a: Floats, b: Floats) -> Floats {
        std::array::from_fn(|lane| a[lane] / b[lane])
    }

    #[inline(always)]
    unsafe fn square_root(a: Floats) -> Floats {
        a.map(f32::sqrt)
    }

    #[inline(always)]
    unsafe fn max(a: Floats, b: Floats) -> Floats {
        std::array::from_fn(|lane| if a[lane] > b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    unsafe fn min(a: Floats, b: Floats) -> Floats {
        std::array::from_fn(|lane| if a[lane] < b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    unsafe fn to_bytes(x: Floats, output: Output) -> [u8; LANES] {
        x.map(|x| to_byte(x, output))
    }
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
