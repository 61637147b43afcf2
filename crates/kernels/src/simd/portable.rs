//! Plain Rust arrays: for CPUs without any of the instruction sets, and for Miri.

use super::{Floats, LANES, Simd};

/// Plain Rust.
pub(crate) struct Portable;

// SAFETY: no instruction set is used.
unsafe impl Simd for Portable {
    type Sums = [i32; LANES];

    #[inline(always)]
    unsafe fn zero() -> Self::Sums {
        [0; LANES]
    }

    #[inline(always)]
    unsafe fn dot4(mut sums: Self::Sums, x: [u8; 4], w: &[i8; 4 * LANES]) -> Self::Sums {
        for (sum, w) in sums.iter_mut().zip(w.as_chunks::<4>().0) {
            *sum += x.iter().zip(w).map(|(&x, &w)| i32::from(x) * i32::from(w)).sum::<i32>();
        }
        sums
    }

    #[inline(always)]
    unsafe fn add(a: Self::Sums, b: Self::Sums) -> Self::Sums {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    unsafe fn to_array(sums: Self::Sums) -> [i32; LANES] {
        sums
    }

    #[inline(always)]
    unsafe fn fma(a: Floats, b: Floats, c: Floats) -> Floats {
        std::array::from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
    }

    #[inline(always)]
    unsafe fn multiply_add(a: Floats, b: Floats, c: Floats) -> Floats {
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }
}
