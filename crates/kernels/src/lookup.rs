//! Pixels through a table of 256 values: quantizing and normalising them.

use std::mem::MaybeUninit;

use crate::gemm::nonzero::NonzeroGroups;
use crate::simd::{LANES, MAX_GROUPS, Simd, TableLine, Work};

/// Quantizing a pixel is affine but for the rounding, so there mostly is a line; where values are clamped there is none. Where no
/// instruction looks bytes up, sixteen pixels along a line take less time than the look-up of one.
impl TableLine {
    /// The line of a table that ascends, if it has one.
    pub fn of(table: &[u8; 256]) -> Option<Self> {
        let slope = (i32::from(table[255]) - i32::from(table[0])) * (1 << 15) / 255;
        // Rounding moves both ends by a half: the slope by up to 1/255, which are 128 steps.
        let factors = (slope - 129).max(0)..=(slope + 129).min(i32::from(i16::MAX));
        factors.into_iter().find_map(|factor| {
            let scaled = |p: usize| (p as i32 * factor + 128) >> 8;
            let offsets = |p: usize| 128 * i32::from(table[p]) - scaled(p);
            let least = (0..256).map(offsets).max()?;
            let greatest = (0..256).map(offsets).min()? + 127;
            // The sum is at least 128 · 0 and at most 128 · 255 + 127: never more than an `i16`.
            let offset = i16::try_from(least).ok().filter(|_| least <= greatest)?;
            Some(Self { factor: factor as i16, offset })
        })
    }
}

/// The line that a kernel looks a table's values up by: none where it has an instruction that looks bytes up.
pub(crate) struct LineFor<'a>(pub &'a [u8; 256]);

impl Work for LineFor<'_> {
    type Output = Option<TableLine>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Option<TableLine> {
        if simd.lookup(self.0, &[], &mut []) { None } else { TableLine::of(self.0) }
    }
}

/// `out[i] = table[x[i]]`: by [`Simd::lookup`], along the table's line, or by [`nonzero`].
pub(crate) struct Bytes<'a> {
    pub table: &'a [u8; 256],
    /// The table's line, if it is known.
    pub line: Option<TableLine>,
    pub x: &'a [u8],
    pub out: &'a mut [u8],
}

impl Work for Bytes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        if simd.lookup(self.table, self.x, self.out) {
            return;
        }
        match self.line {
            Some(line) => along_line(simd, line, self.x, self.out),
            None => nonzero(simd, self.table, self.x, self.out),
        }
    }
}

/// `out[i] = table[x[i]]` along the table's line.
#[inline(always)]
fn along_line<S: Simd>(simd: S, line: TableLine, x: &[u8], out: &mut [u8]) {
    let (vectors, tail) = x.as_chunks::<LANES>();
    let (out, out_tail) = out.as_chunks_mut::<LANES>();
    for (out, x) in out.iter_mut().zip(vectors) {
        *out = simd.along_line(x, line);
    }
    if !tail.is_empty() {
        let mut last = [0; LANES];
        last[..tail.len()].copy_from_slice(tail);
        out_tail.copy_from_slice(&simd.along_line(&last, line)[..tail.len()]);
    }
}

/// [`nonzero`] with a table of reals.
pub(crate) struct Reals<'a> {
    pub table: &'a [f32; 256],
    pub x: &'a [u8],
    pub out: &'a mut [f32],
}

impl Work for Reals<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        nonzero(simd, self.table, self.x, self.out);
    }
}

/// `out[i] = table[x[i]]`. Most of a digit is background: everything is background first, and then what is not 0 is looked up.
#[inline(always)]
pub(crate) fn nonzero<S: Simd, T: Copy>(simd: S, table: &[T; 256], x: &[u8], out: &mut [T]) {
    out.fill(table[0]);
    let mut space = [MaybeUninit::uninit(); MAX_GROUPS];
    let mut nonzero = NonzeroGroups::new(&mut space);
    for (x, out) in x.chunks(4 * MAX_GROUPS).zip(out.chunks_mut(4 * MAX_GROUPS)) {
        let (groups, tail) = x.as_chunks();
        let (out, out_tail) = out.as_chunks_mut();
        nonzero.search(simd, [groups]);
        for &number in nonzero.numbers() {
            out[usize::from(number)] = groups[usize::from(number)].map(|x| table[usize::from(x)]);
        }
        for (out, &x) in out_tail.iter_mut().zip(tail) {
            *out = table[usize::from(x)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kernel;

    struct AlongLine<'a>(TableLine, &'a [u8], &'a mut [u8]);

    impl Work for AlongLine<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            along_line(simd, self.0, self.1, self.2);
        }
    }

    /// `clamp(rint(p · levels / 255) + start, 0, 255)`.
    fn table(levels: u32, start: i32) -> [u8; 256] {
        let scaled = |p| f64::from(p as u32 * levels) / 255.0;
        std::array::from_fn(|p| (scaled(p).round_ties_even() as i32 + start).clamp(0, 255) as u8)
    }

    #[test]
    fn a_line_gives_its_tables_values() {
        // What calibration gives that has seen background and ink: activations of one to eight bits.
        for levels in [1, 3, 7, 15, 31, 63, 127, 255] {
            for start in [0, 17, 74].into_iter().filter(|start| levels + start <= 255) {
                let table = table(levels, start as i32);
                let line = TableLine::of(&table).expect("a line");
                let pixels: Vec<u8> = (0..=255).chain(0..7).collect();
                for kernel in Kernel::available() {
                    let mut out = vec![0; pixels.len()];
                    kernel.run(AlongLine(line, &pixels, &mut out));
                    let expected = pixels.iter().map(|&p| table[usize::from(p)]);
                    assert!(out.iter().copied().eq(expected), "{}: {line:?}", kernel.name());
                }
            }
        }
    }

    #[test]
    fn a_table_that_is_not_straight_has_no_line() {
        assert_eq!(TableLine::of(&table(400, 0)), None, "clamped");
        assert_eq!(TableLine::of(&std::array::from_fn(|p| 255 - p as u8)), None, "descending");
        assert_eq!(TableLine::of(&std::array::from_fn(|p| (p as u8).wrapping_mul(181))), None);
    }
}
