//! The product of rows with packed weights.

use std::mem::MaybeUninit;

use super::nonzero::{NonzeroGroups, add_groups, parts};
use super::pack::{ANY_SIZE, PANEL, Panels, panels};
use crate::Kernel;
use crate::simd::{LANES, Line, MAX_GROUPS, Simd, Work};

/// Rows that go together where there are 32 registers. On AVX-512, 3·7 sums, a group's seven lines, and one register for
/// activations are 29; on NEON, 2·12 sums and a few more.
const TILE: usize = if cfg!(target_arch = "aarch64") { 2 } else { 3 };

/// Rows of at most so many groups are multiplied whole: searching them costs more than it saves.
const SEARCH_ABOVE: usize = 32;
/// The numbers of all groups of such a row.
const ALL_NUMBERS: [u16; SEARCH_ABOVE] = {
    let mut numbers = [0; SEARCH_ABOVE];
    let mut at = 0;
    while at < SEARCH_ABOVE {
        numbers[at] = at as u16;
        at += 1;
    }
    numbers
};

/// What a product multiplies, and what becomes of its sums.
pub(crate) trait Product {
    /// Sixteen neurons' sums in registers.
    type Sums<S: Simd>: Copy;
    /// An output.
    type Out: Copy;

    /// Sums of nothing.
    fn zero<S: Simd>(simd: S) -> Self::Sums<S>;

    /// What the sums of `V` vectors of neurons start from, from vector `first` on.
    fn start<S: Simd, const V: usize>(&self, simd: S, first: usize) -> [Self::Sums<S>; V];

    /// Whether a group's bytes must be at most 127, so that larger ones are multiplied in parts.
    fn may_saturate<S: Simd>() -> bool {
        false
    }

    /// Adds the products of a group of a row to the sums of `V` vectors of neurons.
    fn step<S: Simd, const V: usize>(simd: S, sums: &mut [Self::Sums<S>; V], x: [u8; 4], w: &[Line; V]);

    /// `sums` with their first register alone: what led to the others, the compiler then leaves out.
    fn first_register<S: Simd>(simd: S, sums: Self::Sums<S>) -> Self::Sums<S>;

    /// `a + b`.
    fn add<S: Simd>(simd: S, a: Self::Sums<S>, b: Self::Sums<S>) -> Self::Sums<S>;

    /// The outputs of `V` vectors of neurons from vector `first` on. Lanes behind the last neuron get padding, and nobody
    /// reads them.
    fn finish<S: Simd, const V: usize>(
        &self,
        simd: S,
        first: usize,
        sums: [Self::Sums<S>; V],
    ) -> [[Self::Out; LANES]; V];
}

impl Panels {
    /// `out[b][o]` = what `product` makes of the sum of neuron `o` for row `b` of `x`.
    pub fn product<P: Product>(&self, kernel: Kernel, product: &P, x: &[u8], out: &mut [P::Out]) {
        // Also tells the compiler that there is nothing to compile for it, except for this crate's own tests.
        #[cfg(kernel = "scalar")]
        assert!(kernel != Kernel::Scalar || cfg!(test), "the scalar kernel has an algorithm of its own");
        kernel.run(AllRows { panels: self, product, x, out });
    }

    /// How many groups of activations a product of these rows multiplies with the weights of every neuron.
    pub fn groups_read(&self, kernel: Kernel, x: &[u8]) -> usize {
        kernel.run(GroupsRead { row: self.row, x })
    }
}

/// Counts what [`AllRows`] does not skip.
struct GroupsRead<'a> {
    row: usize,
    x: &'a [u8],
}

impl Work for GroupsRead<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        let Self { row, x } = self;
        let whole = row / 4;
        let of = |rows: &[u8]| {
            let is_zero = |group: usize| rows.chunks_exact(row).all(|row| row[4 * group..][..4] == [0; 4]);
            let searched = (0..whole).filter(|&group| !is_zero(group)).count();
            let read = if S::HAS_32_REGISTERS && whole <= SEARCH_ABOVE { whole } else { searched };
            (read + row.div_ceil(4) - whole) * (rows.len() / row)
        };
        let together = if S::HAS_32_REGISTERS { TILE } else { 1 };
        let (tiles, left) = x.split_at(x.len() / (together * row) * together * row);
        tiles.chunks_exact(together * row).map(of).sum::<usize>()
            + left.chunks_exact(row).map(of).sum::<usize>()
    }
}

struct AllRows<'a, P: Product> {
    panels: &'a Panels,
    product: &'a P,
    x: &'a [u8],
    out: &'a mut [P::Out],
}

impl<P: Product> Work for AllRows<'_, P> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { panels, product, x, out } = self;
        let (row, outputs) = (panels.row, panels.outputs);
        let mut space = [MaybeUninit::uninit(); MAX_GROUPS];
        let mut nonzero = NonzeroGroups::new(&mut space);
        let together = if S::HAS_32_REGISTERS { TILE } else { 1 };
        for (x, out) in x.chunks(together * row).zip(out.chunks_mut(together * outputs)) {
            if S::HAS_32_REGISTERS && x.len() == TILE * row {
                rows::<S, P, TILE>(simd, panels, product, x, &mut nonzero, out);
            } else {
                for (x, out) in x.chunks_exact(row).zip(out.chunks_exact_mut(outputs)) {
                    rows::<S, P, 1>(simd, panels, product, x, &mut nonzero, out);
                }
            }
        }
    }
}

/// `R` rows through all panels.
#[inline(always)]
fn rows<S: Simd, P: Product, const R: usize>(
    simd: S,
    panels: &Panels,
    product: &P,
    x: &[u8],
    nonzero: &mut NonzeroGroups,
    out: &mut [P::Out],
) {
    /// A panel has no more vectors than [`PANEL`]: the sizes above are code for nobody.
    const fn size(vectors: usize) -> usize {
        if vectors < PANEL { vectors } else { PANEL }
    }
    let groups = panels.row.div_ceil(4);
    let mut lines = &panels.lines[..];
    for (first, vectors) in self::panels(panels.outputs) {
        let (panel, rest) = lines.split_at(groups * vectors);
        lines = rest;
        let layer = Layer { panels, product, first };
        // Whether the neurons of the last vector fit into one register of several. Not for all sizes: that is more code.
        let neurons = panels.outputs - (first + vectors - 1) * LANES;
        let narrow = neurons <= S::REGISTER && S::REGISTER < LANES;
        match vectors {
            1 if narrow => layer.panel::<S, 1, R, true>(simd, panel, x, nonzero, out),
            PANEL if narrow && ANY_SIZE => layer.panel::<S, PANEL, R, true>(simd, panel, x, nonzero, out),
            2.. if !ANY_SIZE => layer.panel::<S, PANEL, R, false>(simd, panel, x, nonzero, out),
            1 => layer.panel::<S, { size(1) }, R, false>(simd, panel, x, nonzero, out),
            2 => layer.panel::<S, { size(2) }, R, false>(simd, panel, x, nonzero, out),
            3 => layer.panel::<S, { size(3) }, R, false>(simd, panel, x, nonzero, out),
            4 => layer.panel::<S, { size(4) }, R, false>(simd, panel, x, nonzero, out),
            5 => layer.panel::<S, { size(5) }, R, false>(simd, panel, x, nonzero, out),
            6 => layer.panel::<S, { size(6) }, R, false>(simd, panel, x, nonzero, out),
            _ => layer.panel::<S, PANEL, R, false>(simd, panel, x, nonzero, out),
        }
    }
}

/// A layer at one of its panels.
struct Layer<'a, P> {
    panels: &'a Panels,
    product: &'a P,
    /// The panel's first vector of neurons.
    first: usize,
}

impl<P: Product> Layer<'_, P> {
    /// `R` rows through a panel of `V` vectors; of the last one only the first register, where that is all of it (`NARROW`). The
    /// nonzero groups that are searched for the first panel serve the others too, unless there is not room for all.
    #[inline(always)]
    fn panel<S: Simd, const V: usize, const R: usize, const NARROW: bool>(
        &self,
        simd: S,
        panel: &[Line],
        x: &[u8],
        nonzero: &mut NonzeroGroups,
        out: &mut [P::Out],
    ) {
        let panel: &[[Line; V]] = panel.as_chunks::<V>().0;
        let (row, outputs) = (self.panels.row, self.panels.outputs);
        let rows: [&[u8]; R] = std::array::from_fn(|at| &x[at * row..][..row]);
        let whole = row / 4;
        let mut sums = [self.product.start::<S, V>(simd, self.first); R];
        for first in (0..whole).step_by(MAX_GROUPS) {
            let here = first..whole.min(first + MAX_GROUPS);
            let rows = rows.map(|x| &x.as_chunks().0[here.clone()]);
            let panel = &panel[here];
            let numbers = if S::HAS_32_REGISTERS && whole <= SEARCH_ABOVE {
                &ALL_NUMBERS[..whole]
            } else {
                if self.first == 0 || whole > MAX_GROUPS {
                    nonzero.search(simd, rows);
                }
                nonzero.numbers()
            };
            // SAFETY: the numbers are those of all groups, or of some that the search has found in these rows: for the first
            // panel, which has as many groups as this one. Rows and panel have equally many.
            unsafe { add_groups::<S, P, V, R>(simd, &mut sums, panel, rows, numbers) };
        }
        for ((x, out), sums) in rows.iter().zip(out.chunks_exact_mut(outputs)).zip(sums) {
            self.finish::<S, V, NARROW>(simd, panel, sums, &x[4 * whole..], out);
        }
    }

    /// Adds what is behind the last whole group, and makes outputs of the sums.
    #[inline(always)]
    fn finish<S: Simd, const V: usize, const NARROW: bool>(
        &self,
        simd: S,
        panel: &[[Line; V]],
        mut sums: [P::Sums<S>; V],
        tail: &[u8],
        out: &mut [P::Out],
    ) {
        if let ([.., last], false) = (panel, tail.is_empty()) {
            let mut group = [0; 4];
            group[..tail.len()].copy_from_slice(tail);
            for &part in parts::<S, P>() {
                P::step::<S, V>(simd, &mut sums, part.of(group), last);
            }
        }
        if NARROW {
            sums[V - 1] = P::first_register(simd, sums[V - 1]);
        }
        if ANY_SIZE {
            return finish::<S, P, V>(simd, self.product, self.first, sums, out);
        }
        for (vector, sums) in (self.first..).zip(sums) {
            finish::<S, P, 1>(simd, self.product, vector, [sums], out);
        }
    }
}

/// Makes outputs of the sums of vectors of neurons from `first` on.
// Where the module is to be small, once and not for every size of panel.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn finish<S: Simd, P: Product, const V: usize>(
    simd: S,
    product: &P,
    first: usize,
    sums: [P::Sums<S>; V],
    out: &mut [P::Out],
) {
    write(product.finish::<S, V>(simd, first, sums), first, out);
}

/// Writes the outputs of vectors of neurons from `first` on to their places in a row, whose last vector may be there in part.
#[inline(always)]
pub(crate) fn write<T: Copy, const V: usize>(values: [[T; LANES]; V], first: usize, row: &mut [T]) {
    let (whole, tail) = row[first * LANES..].as_chunks_mut();
    match whole.first_chunk_mut::<V>() {
        Some(whole) => *whole = values,
        None => {
            whole.copy_from_slice(&values[..V - 1]);
            copy(&values[V - 1], tail);
        }
    }
}

/// Copies as many values as there is room for, in pieces of fixed sizes: a call to copy so few takes longer.
#[inline(always)]
fn copy<T: Copy>(mut values: &[T], mut out: &mut [T]) {
    copy_piece::<T, 8>(&mut values, &mut out);
    copy_piece::<T, 4>(&mut values, &mut out);
    copy_piece::<T, 2>(&mut values, &mut out);
    copy_piece::<T, 1>(&mut values, &mut out);
}

#[inline(always)]
fn copy_piece<T: Copy, const N: usize>(values: &mut &[T], out: &mut &mut [T]) {
    if let Some((piece, values_left)) = values.split_first_chunk::<N>()
        && out.len() >= N
        && let Some((there, out_left)) = std::mem::take(out).split_first_chunk_mut()
    {
        *there = *piece;
        (*values, *out) = (values_left, out_left);
    }
}
