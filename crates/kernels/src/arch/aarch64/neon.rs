//! NEON: sixteen lanes are four registers of 128 bits, lanes 0..4, 4..8, 8..12 and 12..16.
//!
//! ```text
//! x     x0 x1 x0 x1 x0 x1 x0 x1     a pair of activations, four times                  (i8: 0..=127)
//! w     w0 w1 w4 w5 w8 w9 …         their weights of each of four neurons              (i8)
//! pairs  p0 p1  p4 p5  p8 p9 …      smull: p0 = x0·w0, then smlal: p0 += x2·w2         (i16)
//! sum      s0     s1     s2         sadalp: s0 += p0 + p1                              (i32)
//! ```
//!
//! So a line has the pairs `x0 x1` of four neurons before the pairs `x2 x3`; [`Simd::arrange`] puts them there. Both factors of
//! `smull` are signed, and two products are at most 2·127·128 = 32,512, so it takes activations up to 127; larger ones are
//! multiplied in parts, which [`Simd::MAY_SATURATE`] sees to.
//!
//! A panel's three vectors are twelve of the 32 registers: there is room for two sets of sums, or two rows'.

use std::arch::aarch64::*;
use std::mem::MaybeUninit;

use crate::gemm::nonzero;
use crate::simd::{Floats, LANES, Line, MAX_GROUPS, Output, Simd, TableLine, Work};

macro_rules! neon {
    ($($code:tt)+) => { compiled_for! { "neon" $($code)+ } };
}

/// Token of NEON, or of NEON with [products of bytes](super::dotprod): but for these, both compute alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neon<const DOTPROD: bool>(pub(super) ());

impl Neon<false> {
    /// The token, if this CPU has the instructions, as all of them do that run an operating system.
    pub fn new() -> Option<Self> {
        neon!(is here).then_some(Self(()))
    }
}

pub(super) type Ints = [int32x4_t; 4];
type Reals = [float32x4_t; 4];

/// The operations in which plain NEON and the products of bytes differ.
pub(crate) trait Products: Copy {
    fn run<W: Work>(self, work: W) -> W::Output;
    fn arrange(line: Line) -> Line;
    fn dot4(self, sums: Ints, x: [u8; 4], w: &Line) -> Ints;
}

impl Products for Neon<false> {
    fn arrange(Line(neurons): Line) -> Line {
        Line(std::array::from_fn(|at| {
            let (neuron, pair) = (at / 4 * 4 + at % 2 * 2, at / 2 % 2 * 2);
            let (a, b) = (neurons[neuron], neurons[neuron + 1]);
            [a[pair], a[pair + 1], b[pair], b[pair + 1]]
        }))
    }

    neon! { run }

    neon! {
        fn dot4(self, sums: Ints, x: [u8; 4], w: &Line) -> Ints {
            let pair = |x| vreinterpret_s8_s16(vdup_n_s16(i16::from_le_bytes(x)));
            let (x01, x23) = (pair([x[0], x[1]]), pair([x[2], x[3]]));
            std::array::from_fn(|at| {
                let w = sixteen(w, at);
                let pairs = vmlal_s8(vmull_s8(x01, vget_low_s8(w)), x23, vget_high_s8(w));
                vpadalq_s16(sums[at], pairs)
            })
        }
    }
}

/// Sixteen bytes of a line.
#[target_feature(enable = "neon")]
#[inline]
pub(super) fn sixteen(line: &Line, at: usize) -> int8x16_t {
    // SAFETY: 16 readable bytes, and the load needs no alignment.
    unsafe { vld1q_s8(line.0.as_chunks::<4>().0[at].as_ptr().cast()) }
}

// SAFETY: the search writes at `count` the numbers of eight groups of which it counts those that are not 0, first, and leaves
// the groups behind the last whole eight to the default.
unsafe impl<const DOTPROD: bool> Simd for Neon<DOTPROD>
where
    Self: Products,
{
    type Ints = Ints;
    type Reals = Reals;

    const REGISTER: usize = 4;
    const HAS_32_REGISTERS: bool = true;
    const MAY_SATURATE: bool = true;

    #[inline(always)]
    fn run<W: Work>(self, work: W) -> W::Output {
        Products::run(self, work)
    }

    fn arrange(line: Line) -> Line {
        <Self as Products>::arrange(line)
    }

    #[inline(always)]
    fn dot4(self, sums: Ints, x: [u8; 4], w: &Line) -> Ints {
        Products::dot4(self, sums, x, w)
    }

    neon! {
        fn load_ints(self, values: &[i32; LANES]) -> Ints {
            // SAFETY: 16 readable bytes, and the load needs no alignment.
            std::array::from_fn(|at| unsafe { vld1q_s32(values.as_chunks::<4>().0[at].as_ptr()) })
        }

        fn store_ints(self, values: Ints) -> [i32; LANES] {
            let mut array = [0; LANES];
            for (four, values) in array.as_chunks_mut::<4>().0.iter_mut().zip(values) {
                // SAFETY: 16 writable bytes, and the store needs no alignment.
                unsafe { vst1q_s32(four.as_mut_ptr(), values) };
            }
            array
        }

        fn add_ints(self, a: Ints, b: Ints) -> Ints {
            std::array::from_fn(|at| vaddq_s32(a[at], b[at]))
        }

        fn subtract_scaled(self, a: Ints, b: Ints, factor: i32) -> Ints {
            std::array::from_fn(|at| vmlsq_n_s32(a[at], b[at], factor))
        }

        fn to_reals(self, values: Ints) -> Reals {
            values.map(|sums| vcvtq_f32_s32(sums))
        }

        fn load(self, values: &Floats) -> Reals {
            // SAFETY: 16 readable bytes, and the load needs no alignment.
            std::array::from_fn(|at| unsafe { vld1q_f32(values.as_chunks::<4>().0[at].as_ptr()) })
        }

        fn splat(self, value: f32) -> Reals {
            [vdupq_n_f32(value); 4]
        }

        fn store(self, values: Reals) -> Floats {
            let mut array = [0.0; LANES];
            for (four, values) in array.as_chunks_mut::<4>().0.iter_mut().zip(values) {
                // SAFETY: 16 writable bytes, and the store needs no alignment.
                unsafe { vst1q_f32(four.as_mut_ptr(), values) };
            }
            array
        }

        fn add(self, a: Reals, b: Reals) -> Reals {
            std::array::from_fn(|at| vaddq_f32(a[at], b[at]))
        }

        fn multiply(self, a: Reals, b: Reals) -> Reals {
            std::array::from_fn(|at| vmulq_f32(a[at], b[at]))
        }

        fn fma(self, a: Reals, b: Reals, c: Reals) -> Reals {
            std::array::from_fn(|at| vfmaq_f32(c[at], a[at], b[at]))
        }

        fn divide(self, a: Reals, b: Reals) -> Reals {
            std::array::from_fn(|at| vdivq_f32(a[at], b[at]))
        }

        fn square_root(self, x: Reals) -> Reals {
            x.map(|x| vsqrtq_f32(x))
        }

        // By comparison: the instructions for the greater and the less give NaN where one is NaN.
        fn max(self, a: Reals, b: Reals) -> Reals {
            std::array::from_fn(|at| vbslq_f32(vcgtq_f32(a[at], b[at]), a[at], b[at]))
        }

        fn min(self, a: Reals, b: Reals) -> Reals {
            std::array::from_fn(|at| vbslq_f32(vcltq_f32(a[at], b[at]), a[at], b[at]))
        }

        fn to_bytes(self, x: Reals, output: Output) -> [u8; LANES] {
            let words = |x: float32x4_t| {
                // The comparison is false for NaN; the conversion saturates on the other side.
                let small = vcltq_f32(x, vdupq_n_f32(2_147_483_648.0));
                vqmovn_s32(vcvtnq_s32_f32(vbslq_f32(small, x, vdupq_n_f32(-1e9))))
            };
            // What is outside of 16 bits saturates, and stays outside of the final clamp.
            let zero_point = vdupq_n_s16(i16::from(output.zero_point));
            let low = vqaddq_s16(vcombine_s16(words(x[0]), words(x[1])), zero_point);
            let high = vqaddq_s16(vcombine_s16(words(x[2]), words(x[3])), zero_point);
            let raised = vmaxq_u8(vcombine_u8(vqmovun_s16(low), vqmovun_s16(high)), vdupq_n_u8(output.min));
            let clamped = vminq_u8(raised, vdupq_n_u8(output.max));
            let mut bytes = [0; LANES];
            // SAFETY: 16 writable bytes, and the store needs no alignment.
            unsafe { vst1q_u8(bytes.as_mut_ptr(), clamped) };
            bytes
        }

        fn along_line(self, x: &[u8; LANES], line: TableLine) -> [u8; LANES] {
            // SAFETY: 16 readable bytes, and the load needs no alignment.
            let x = unsafe { vld1q_u8(x.as_ptr()) };
            let offset = vdupq_n_s16(line.offset);
            let eight = |x: uint8x8_t| {
                let x = vreinterpretq_s16_u16(vshll_n_u8::<7>(x));
                // `sqrdmulh` gives (a · b + 2¹⁴) >> 15.
                let moved = vaddq_s16(vqrdmulhq_n_s16(x, line.factor), offset);
                vqmovun_s16(vshrq_n_s16::<7>(moved))
            };
            let packed = vcombine_u8(eight(vget_low_u8(x)), eight(vget_high_u8(x)));
            let mut bytes = [0; LANES];
            // SAFETY: 16 writable bytes, and the store needs no alignment.
            unsafe { vst1q_u8(bytes.as_mut_ptr(), packed) };
            bytes
        }

        fn nonzero_groups<const R: usize>(
            self,
            rows: [&[[u8; 4]]; R],
            numbers: &mut [MaybeUninit<u16>; MAX_GROUPS],
        ) -> usize {
            const BITS: [u16; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
            // SAFETY: 16 readable bytes, and the load needs no alignment.
            let bits = unsafe { vld1q_u16(BITS.as_ptr()) };
            let whole = rows.iter().map(|row| row.len()).fold(MAX_GROUPS, usize::min) / 8 * 8;
            let mut count = 0;
            for first in (0..whole).step_by(8) {
                let mut all = [vdupq_n_u32(0); 2];
                for row in rows {
                    let at: *const u32 = row[first..first + 8].as_ptr().cast();
                    // SAFETY: twice 16 readable bytes, and the loads need no alignment.
                    let groups = unsafe { [vld1q_u32(at), vld1q_u32(at.add(4))] };
                    all = [vorrq_u32(all[0], groups[0]), vorrq_u32(all[1], groups[1])];
                }
                let [low, high] = all.map(|all| vmovn_u32(vtstq_u32(all, all)));
                let set = vaddvq_u16(vandq_u16(vcombine_u16(low, high), bits));
                let these = &nonzero::SET_BITS[usize::from(set)];
                // SAFETY: 8 readable bytes, and the load needs no alignment.
                let these = vaddw_u8(vdupq_n_u16(first as u16), unsafe { vld1_u8(these.as_ptr()) });
                // SAFETY: 16 writable bytes: at most `first` were counted before, and `first + 8` is at most MAX_GROUPS.
                unsafe { vst1q_u16(numbers.as_mut_ptr().add(count).cast(), these) };
                count += set.count_ones() as usize;
            }
            nonzero::search_from(whole, count, rows, numbers)
        }
    }
}
