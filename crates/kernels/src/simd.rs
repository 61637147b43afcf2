//! The few operations in which instruction sets differ; everything else is one generic algorithm.
//!
//! A [`Simd`] value is a token: it exists only where the CPU has the instruction set, and so its methods, the operations, are
//! safe. They work on sixteen lanes at a time: one 512-bit register, two of 256 bits, or four of 128 bits. The algorithms in
//! [`crate::gemm`], [`crate::int8`], [`crate::float`] and [`crate::train`] are written once, as [`Work`] on any token, and
//! [`Simd::run`] compiles them for each instruction set.

use std::mem::MaybeUninit;

/// Lanes of every vector here.
pub(crate) const LANES: usize = 16;

/// Sixteen single-precision numbers.
pub(crate) type Floats = [f32; LANES];

/// A cache line of packed weights: four `i8` or one `f32` for each of sixteen neurons. Packed weights start at a line's
/// border, because a load that straddles two lines takes twice as long.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Line(pub [[u8; 4]; LANES]);

impl Line {
    /// The line as reals.
    #[inline(always)]
    pub fn reals(&self) -> &Floats {
        // SAFETY: as many bytes, aligned to 64, whose every value is an `f32`.
        unsafe { &*(&raw const *self).cast() }
    }
}

/// What becomes of a real number that was scaled: `clamp(rint(x) + zero_point, min, max)`, half to even, the zero point
/// added after rounding (rule 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The integer that stands for 0.
    pub zero_point: u8,
    /// The least integer: 0, or the zero point where ReLU is fused.
    pub min: u8,
    /// The greatest integer: 255, or less where activations have fewer than eight bits. At least `min`.
    pub max: u8,
}

impl Output {
    /// All eight bits: 0 to 255.
    pub fn eight_bits(zero_point: u8) -> Self {
        Self { zero_point, min: 0, max: u8::MAX }
    }
}

/// A straight line that gives a table's values: `table[p] = (((p · factor + 128) >> 8) + offset) >> 7` for every `p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableLine {
    /// The line's slope, in steps of 2⁻¹⁵: at least 0.
    pub factor: i16,
    /// What is added, in steps of 2⁻⁷.
    pub offset: i16,
}

/// The greatest number of groups that are searched at a time.
pub(crate) const MAX_GROUPS: usize = 1024;

/// What can be done with any instruction set. A type in place of a function, because [`Simd::run`] needs a name for "the same
/// for every `S`".
pub(crate) trait Work {
    /// What comes of it.
    type Output;

    /// Does it. Implementations, and what they hand the token on to, are `#[inline(always)]`: so they become part of the one
    /// function that is compiled for the instruction set.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// What an instruction set does with sixteen lanes.
///
/// # Safety
/// [`nonzero_groups`](Self::nonzero_groups) writes as many numbers as it returns, and each is that of a group in every row.
pub(crate) unsafe trait Simd: Copy {
    /// Sixteen `i32` in registers.
    type Ints: Copy;
    /// Sixteen `f32` in registers.
    type Reals: Copy;

    /// Lanes of a register.
    const REGISTER: usize;
    /// Whether there are 32 registers rather than 16: room for several rows' sums at a time, or for several sets of one row's.
    const HAS_32_REGISTERS: bool;
    /// Whether [`dot4`](Self::dot4) may saturate: then it is exact only for activations up to 127.
    const MAY_SATURATE: bool = false;

    /// Does `work` in a function that is compiled for the instruction set.
    fn run<W: Work>(self, work: W) -> W::Output;

    /// Puts a line of integers into the order in which [`dot4`](Self::dot4) reads them.
    fn arrange(line: Line) -> Line {
        line
    }

    /// Sixteen integers from memory.
    fn load_ints(self, values: &[i32; LANES]) -> Self::Ints;

    /// The integers as an array.
    fn store_ints(self, values: Self::Ints) -> [i32; LANES];

    /// `sums[lane] += Σ_k x[k] · w[4·lane + k]` for `k` in 0..4, of a line that was [arranged](Self::arrange): exact for
    /// every `i8`, and for every `u8` unless it [may saturate](Self::MAY_SATURATE).
    fn dot4(self, sums: Self::Ints, x: [u8; 4], w: &Line) -> Self::Ints;

    /// `a + b`.
    fn add_ints(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;

    /// `a - b · factor`.
    fn subtract_scaled(self, a: Self::Ints, b: Self::Ints, factor: i32) -> Self::Ints;

    /// The nearest reals.
    fn to_reals(self, values: Self::Ints) -> Self::Reals;

    /// Sixteen reals from memory.
    fn load(self, values: &Floats) -> Self::Reals;

    /// One real in every lane.
    fn splat(self, value: f32) -> Self::Reals;

    /// The reals as an array.
    fn store(self, values: Self::Reals) -> Floats;

    /// `a + b`.
    fn add(self, a: Self::Reals, b: Self::Reals) -> Self::Reals;

    /// `a · b`.
    fn multiply(self, a: Self::Reals, b: Self::Reals) -> Self::Reals;

    /// `a · b + c`, rounded once: the fused multiply-add that PyTorch's output stages are defined by.
    fn fma(self, a: Self::Reals, b: Self::Reals, c: Self::Reals) -> Self::Reals;

    /// `a · b + c`, however it is fastest: for sums whose rounding nobody defines.
    #[inline(always)]
    fn accumulate(self, a: Self::Reals, b: Self::Reals, c: Self::Reals) -> Self::Reals {
        self.fma(a, b, c)
    }

    /// `a / b`.
    fn divide(self, a: Self::Reals, b: Self::Reals) -> Self::Reals;

    /// `√a`.
    fn square_root(self, a: Self::Reals) -> Self::Reals;

    /// The greater; `b` where one is NaN or both are 0.
    fn max(self, a: Self::Reals, b: Self::Reals) -> Self::Reals;

    /// The less; `b` where one is NaN or both are 0.
    fn min(self, a: Self::Reals, b: Self::Reals) -> Self::Reals;

    /// `clamp(rint(x) + zero_point, min, max)`, half to even. Where `rint(x)` is no `i32` it counts as the least one, as it
    /// does to x86's conversion; so does NaN.
    fn to_bytes(self, x: Self::Reals, output: Output) -> [u8; LANES];

    /// [`to_bytes`](Self::to_bytes) of `fma(addend, factor, sums) · multiplier`.
    #[inline(always)]
    fn requantize(self, [addend, factor, sums, multiplier]: [Self::Reals; 4], output: Output) -> [u8; LANES] {
        let t = self.fma(addend, factor, sums);
        self.to_bytes(self.multiply(t, multiplier), output)
    }

    /// `(((x · factor + 128) >> 8) + offset) >> 7` of sixteen pixels.
    #[inline(always)]
    fn along_line(self, x: &[u8; LANES], line: TableLine) -> [u8; LANES] {
        let scaled = |x: u8| (i32::from(x) * i32::from(line.factor) + 128) >> 8;
        x.map(|x| ((scaled(x) + i32::from(line.offset)) >> 7) as u8)
    }

    /// `out[i] = table[x[i]]`, for as many as there are of both, where there is an instruction for it; else `false`, and nothing is
    /// done.
    #[inline(always)]
    fn lookup(self, _table: &[u8; 256], _x: &[u8], _out: &mut [u8]) -> bool {
        false
    }

    /// Writes the numbers of the groups of four bytes that are not all 0 in all of the rows to `numbers`, in order, and returns
    /// how many. Looks at [`MAX_GROUPS`] groups at most, of rows that have equally many.
    fn nonzero_groups<const R: usize>(
        self,
        rows: [&[[u8; 4]]; R],
        numbers: &mut [MaybeUninit<u16>; MAX_GROUPS],
    ) -> usize;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kernel;

    struct Fma([Floats; 3]);

    impl Work for Fma {
        type Output = Floats;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Floats {
            let [a, b, c] = self.0.map(|values| simd.load(&values));
            simd.store(simd.fma(a, b, c))
        }
    }

    /// `x` as `mantissa · 2^exponent`.
    fn parts(x: f32) -> (i128, i32) {
        let (bits, sign) = (x.to_bits(), if x < 0.0 { -1 } else { 1 });
        let (exponent, mantissa) = ((bits >> 23 & 0xff) as i32, i128::from(bits & 0x7f_ffff));
        if exponent == 0 { (sign * mantissa, -149) } else { (sign * (mantissa | 0x80_0000), exponent - 150) }
    }

    /// `a · b + c` in whole numbers, rounded once, half to even. Of finite numbers.
    fn exact_fma(a: f32, b: f32, c: f32) -> f32 {
        let ((a, a_exponent), (b, b_exponent), (c, c_exponent)) = (parts(a), parts(b), parts(c));
        let (product, exponent) = (a * b, a_exponent + b_exponent);
        // Both in units of the smaller exponent; what is far below the other's last bit only says on which side the sum is.
        let (sum, exponent) = match c_exponent - exponent {
            // A bit lower than the product's own unit, for the sign of what is far below.
            far if far < -70 => ((product << 70) + c.signum(), exponent - 70),
            far if far > 70 => ((c << 70) + product.signum(), c_exponent - 70),
            apart if apart < 0 => ((product << -apart) + c, c_exponent),
            apart => (product + (c << apart), exponent),
        };
        let size = sum.unsigned_abs();
        let top = 128 - size.leading_zeros() as i32 + exponent;
        let unit = (top - 24).max(-149);
        let rounded = match unit - exponent {
            shift if shift <= 0 => size << -shift,
            shift if shift > 127 => 0,
            shift => {
                let (whole, rest, half) = (size >> shift, size & ((1 << shift) - 1), 1 << (shift - 1));
                whole + u128::from(rest > half || rest == half && whole & 1 == 1)
            }
        };
        let value = (rounded as f64 * 2f64.powi(unit)) as f32;
        if sum < 0 { -value } else { value }
    }

    #[test]
    fn a_fused_multiply_add_is_rounded_once() {
        let two_to = |exponent| 2f32.powi(exponent);
        // What rounds to the smallest normal number, from below: twice, it is one step of a subnormal number less.
        let up = |n: i32| 1.0 + n as f32 * two_to(-23);
        let mut cases = vec![
            [two_to(-75) * (1.0 - two_to(-23)), two_to(-75) * up(1), two_to(-126) - two_to(-149)],
            [two_to(-75) * (1.0 - two_to(-23)), -two_to(-75) * up(1), two_to(-149) - two_to(-126)],
            [f32::MAX, 1.0, two_to(103)],
            [f32::MAX, up(1), -f32::MAX],
            [two_to(-75), two_to(-75), 0.0],
            [two_to(-75) * up(1), two_to(-75), 0.0],
        ];
        let mut state = 1u64;
        let mut random = |limit: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % limit
        };
        // Numbers of few bits, or one step beside such: sums that lie in the middle between two, and nearly there.
        let mut number = |low: i32, high: i32| {
            let few = up((random(8) << random(21)) as i32);
            let beside =
                [few, few.next_up(), few.next_down(), up(random(1 << 23) as i32)][random(4) as usize];
            let sign = if random(2) == 0 { 1.0 } else { -1.0 };
            sign * beside * two_to(low + random((high - low) as u64) as i32)
        };
        for case in 0..if cfg!(miri) { 50 } else { 400_000 } {
            // Around 1, around the smallest normal and subnormal numbers, and around the greatest.
            let (low, high) = [(-3, 3), (-78, -60), (61, 65)][case % 3];
            let (a, b) = (number(low, high), number(low, high));
            let sum = match case % 5 {
                0 => number(-126, -120),
                1 => -exact_fma(a, b, 0.0).next_up(),
                2 => number(-30, 30) * exact_fma(a, b, 0.0),
                _ => number(2 * low, 2 * high) * two_to(-24),
            };
            if sum.is_finite() {
                cases.push([a, b, sum]);
            }
        }
        for kernel in Kernel::available() {
            for cases in cases.chunks(LANES) {
                let case = |lane: usize| cases[lane % cases.len()];
                let terms = std::array::from_fn(|term| std::array::from_fn(|lane| case(lane)[term]));
                for (lane, found) in kernel.run(Fma(terms)).into_iter().enumerate() {
                    let [a, b, c] = case(lane);
                    let expected = exact_fma(a, b, c);
                    assert!(
                        found == expected,
                        "{}: {a:e} · {b:e} + {c:e} is {found:e}, not {expected:e}",
                        kernel.name()
                    );
                }
            }
        }
    }
}
