//! WebAssembly's 128-bit SIMD: sixteen lanes are four registers, lanes 0..4, 4..8, 8..12 and 12..16.
//!
//! ```text
//! x    x0 x1 x0 x1 x0 x1 x0 x1     a pair of activations, four times                    (i16, from u8)
//! w    w0 w1 w4 w5 w8 w9 …         their weights of each of four neurons                (i16, from i8)
//! s      s0    s1    s2    s3      i32x4_dot_i16x8, added: s0 += x0·w0 + x1·w1          (i32, exact)
//! ```
//!
//! So a line has the pairs `x0 x1` of four neurons before the pairs `x2 x3`; [`Simd::arrange`] puts them there.
//!
//! A panel's three vectors are twelve registers, of sixteen that engines have on x86.

use std::arch::wasm32::*;
use std::mem::MaybeUninit;

use super::fma;
use crate::gemm::nonzero;
use crate::simd::{Floats, LANES, Line, MAX_GROUPS, Output, Simd, TableLine, Work};

/// The instructions of `simd128`, with the products of `P`: those of [`Plain`], or the [relaxed](super::relaxed) ones. All else both
/// compute alike.
#[derive(Clone, Copy)]
pub(crate) struct V128<P>(pub P);

/// Products of `simd128` alone.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

/// Sixteen lanes in four registers.
pub(super) type Lanes = [v128; 4];

/// The operations in which `simd128` and the relaxed instructions differ.
pub(crate) trait Products: Copy {
    const MAY_SATURATE: bool;
    fn run<W: Work>(self, work: W) -> W::Output;
    fn arrange(line: Line) -> Line;
    fn dot4(self, sums: Lanes, x: [u8; 4], w: &Line) -> Lanes;
    fn accumulate(self, a: Lanes, b: Lanes, c: Lanes) -> Lanes;
}

impl Products for V128<Plain> {
    const MAY_SATURATE: bool = false;

    #[inline(always)]
    fn run<W: Work>(self, work: W) -> W::Output {
        work.run(self)
    }

    fn arrange(Line(neurons): Line) -> Line {
        Line(std::array::from_fn(|at| {
            let (neuron, pair) = (at / 4 * 4 + at % 2 * 2, at / 2 % 2 * 2);
            let (a, b) = (neurons[neuron], neurons[neuron + 1]);
            [a[pair], a[pair + 1], b[pair], b[pair + 1]]
        }))
    }

    #[inline(always)]
    fn dot4(self, sums: Lanes, x: [u8; 4], w: &Line) -> Lanes {
        let x = u16x8_extend_low_u8x16(i32x4_splat(i32::from_ne_bytes(x)));
        let (x01, x23) = (i32x4_shuffle::<0, 0, 0, 0>(x, x), i32x4_shuffle::<1, 1, 1, 1>(x, x));
        let w = w.0.as_chunks::<2>().0;
        std::array::from_fn(|at| {
            // SAFETY: twice 8 readable bytes, and the loads need no alignment.
            let [w01, w23] =
                [2 * at, 2 * at + 1].map(|at| unsafe { i16x8_load_extend_i8x8(w[at].as_ptr().cast()) });
            i32x4_add(sums[at], i32x4_add(i32x4_dot_i16x8(x01, w01), i32x4_dot_i16x8(x23, w23)))
        })
    }

    #[inline(always)]
    fn accumulate(self, a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        std::array::from_fn(|at| f32x4_add(f32x4_mul(a[at], b[at]), c[at]))
    }
}

// SAFETY: the search writes at `count` the numbers of four groups of which it counts those that are not 0, first, and leaves
// the groups behind the last whole four to the default.
unsafe impl<P: Copy> Simd for V128<P>
where
    Self: Products,
{
    type Ints = Lanes;
    type Reals = Lanes;

    const REGISTER: usize = 4;
    const HAS_32_REGISTERS: bool = false;
    const MAY_SATURATE: bool = <Self as Products>::MAY_SATURATE;

    #[inline(always)]
    fn run<W: Work>(self, work: W) -> W::Output {
        Products::run(self, work)
    }

    fn arrange(line: Line) -> Line {
        <Self as Products>::arrange(line)
    }

    #[inline(always)]
    fn dot4(self, sums: Lanes, x: [u8; 4], w: &Line) -> Lanes {
        Products::dot4(self, sums, x, w)
    }

    #[inline(always)]
    fn accumulate(self, a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        Products::accumulate(self, a, b, c)
    }

    #[inline(always)]
    fn load_ints(self, values: &[i32; LANES]) -> Lanes {
        let fours = values.as_chunks::<4>().0;
        // SAFETY: 16 readable bytes, and the load needs no alignment.
        std::array::from_fn(|at| unsafe { v128_load(fours[at].as_ptr().cast()) })
    }

    #[inline(always)]
    fn store_ints(self, values: Lanes) -> [i32; LANES] {
        let mut array = [0; LANES];
        for (four, values) in array.as_chunks_mut::<4>().0.iter_mut().zip(values) {
            // SAFETY: 16 writable bytes, and the store needs no alignment.
            unsafe { v128_store(four.as_mut_ptr().cast(), values) };
        }
        array
    }

    #[inline(always)]
    fn add_ints(self, a: Lanes, b: Lanes) -> Lanes {
        std::array::from_fn(|at| i32x4_add(a[at], b[at]))
    }

    #[inline(always)]
    fn subtract_scaled(self, a: Lanes, b: Lanes, factor: i32) -> Lanes {
        let factor = i32x4_splat(factor);
        std::array::from_fn(|at| i32x4_sub(a[at], i32x4_mul(b[at], factor)))
    }

    #[inline(always)]
    fn to_reals(self, values: Lanes) -> Lanes {
        values.map(|sums| f32x4_convert_i32x4(sums))
    }

    #[inline(always)]
    fn load(self, values: &Floats) -> Lanes {
        let fours = values.as_chunks::<4>().0;
        // SAFETY: 16 readable bytes, and the load needs no alignment.
        std::array::from_fn(|at| unsafe { v128_load(fours[at].as_ptr().cast()) })
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Lanes {
        [f32x4_splat(value); 4]
    }

    #[inline(always)]
    fn store(self, values: Lanes) -> Floats {
        let mut array = [0.0; LANES];
        for (four, values) in array.as_chunks_mut::<4>().0.iter_mut().zip(values) {
            // SAFETY: 16 writable bytes, and the store needs no alignment.
            unsafe { v128_store(four.as_mut_ptr().cast(), values) };
        }
        array
    }

    #[inline(always)]
    fn add(self, a: Lanes, b: Lanes) -> Lanes {
        std::array::from_fn(|at| f32x4_add(a[at], b[at]))
    }

    #[inline(always)]
    fn multiply(self, a: Lanes, b: Lanes) -> Lanes {
        std::array::from_fn(|at| f32x4_mul(a[at], b[at]))
    }

    #[inline(always)]
    fn divide(self, a: Lanes, b: Lanes) -> Lanes {
        std::array::from_fn(|at| f32x4_div(a[at], b[at]))
    }

    #[inline(always)]
    fn square_root(self, x: Lanes) -> Lanes {
        x.map(|x| f32x4_sqrt(x))
    }

    #[inline(always)]
    fn fma(self, a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        fma::fma(a, b, c)
    }

    #[inline(always)]
    fn max(self, a: Lanes, b: Lanes) -> Lanes {
        std::array::from_fn(|at| f32x4_pmax(b[at], a[at]))
    }

    #[inline(always)]
    fn min(self, a: Lanes, b: Lanes) -> Lanes {
        std::array::from_fn(|at| f32x4_pmin(b[at], a[at]))
    }

    #[inline(always)]
    fn to_bytes(self, x: Lanes, output: Output) -> [u8; LANES] {
        bytes(integers(x), output)
    }

    #[inline(always)]
    fn requantize(self, terms: [Lanes; 4], output: Output) -> [u8; LANES] {
        match fma::requantize(terms) {
            Some(integers) => bytes(integers, output),
            None => exact_requantize(terms, output),
        }
    }

    #[inline(always)]
    fn along_line(self, x: &[u8; LANES], line: TableLine) -> [u8; LANES] {
        // SAFETY: 16 readable bytes, and the load needs no alignment.
        let x = unsafe { v128_load(x.as_ptr().cast()) };
        let (factor, offset) = (i16x8_splat(line.factor), i16x8_splat(line.offset));
        // `q15mulr` gives (a · b + 2¹⁴) >> 15.
        let eight = |x| u16x8_shr(i16x8_add(i16x8_q15mulr_sat(i16x8_shl(x, 7), factor), offset), 7);
        let packed = u8x16_narrow_i16x8(eight(u16x8_extend_low_u8x16(x)), eight(u16x8_extend_high_u8x16(x)));
        let mut bytes = [0; LANES];
        // SAFETY: 16 writable bytes, and the store needs no alignment.
        unsafe { v128_store(bytes.as_mut_ptr().cast(), packed) };
        bytes
    }

    #[inline(always)]
    fn nonzero_groups<const R: usize>(
        self,
        rows: [&[[u8; 4]]; R],
        numbers: &mut [MaybeUninit<u16>; MAX_GROUPS],
    ) -> usize {
        let whole = rows.iter().map(|row| row.len()).fold(MAX_GROUPS, usize::min) / 4 * 4;
        let mut count = 0;
        for first in (0..whole).step_by(4) {
            let values = rows.iter().fold(u64x2_splat(0), |all, row| {
                // SAFETY: 16 readable bytes in every row there, and the load needs no alignment.
                v128_or(all, unsafe { v128_load(row.as_ptr().add(first).cast()) })
            });
            let bits = usize::from(u32x4_bitmask(u32x4_ne(values, u32x4_splat(0))));
            let set = u64x2_splat(SET_BITS[bits] + first as u64 * 0x0001_0001_0001_0001);
            // SAFETY: 8 writable bytes: at most `first` were counted before, and `count + 4` is at most MAX_GROUPS.
            unsafe { v128_store64_lane::<0>(set, numbers.as_mut_ptr().add(count).cast()) };
            count += bits.count_ones() as usize;
        }
        nonzero::search_from(whole, count, rows, numbers)
    }
}

/// What [`Simd::requantize`] is defined as, for what it is not sure of.
#[cold]
#[inline(never)]
fn exact_requantize([addend, factor, sums, multiplier]: [Lanes; 4], output: Output) -> [u8; LANES] {
    let t = fma::fma(addend, factor, sums);
    let scaled = std::array::from_fn(|at| f32x4_mul(t[at], multiplier[at]));
    bytes(integers(scaled), output)
}

/// `rint`, or a number below all bytes where that is no `i32`.
#[inline(always)]
fn integers(x: Lanes) -> Lanes {
    x.map(|x| {
        // The comparison is false for NaN; the conversion saturates on the other side.
        let small = f32x4_lt(x, f32x4_splat(2_147_483_648.0));
        i32x4_trunc_sat_f32x4(f32x4_nearest(v128_bitselect(x, f32x4_splat(-1e9), small)))
    })
}

/// `clamp(integer + zero_point, min, max)`.
#[inline(always)]
fn bytes(integers: Lanes, output: Output) -> [u8; LANES] {
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

/// For every set of four bits, the numbers of those that are set, in order from the low end, 16 bits each.
const SET_BITS: [u64; 16] = {
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
