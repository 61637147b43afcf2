//! Weights packed into panels, and the product of rows with them: one algorithm for integers and reals, and for every
//! instruction set.
//!
//! A row is read in groups of four bytes: four `u8` activations, or one `f32`. Sixteen neurons make a vector, and seven
//! vectors a panel; a [`Line`] has a group's weights for a vector of neurons.
//!
//! ```text
//! panel 0:  group 0 │ neurons 0..16 │ neurons 16..32 │ … │ neurons 96..112 │     a Line each
//!           group 1 │ neurons 0..16 │ …
//!           …
//! panel 1:  group 0 │ neurons 112..128 │ …
//! ```
//!
//! Neurons and inputs behind the last are weights of 0. A product keeps a panel's sums in registers, broadcasts a group of
//! a row, and adds its products to the sums of all the panel's neurons.
//!
//! - **Groups of zeros are skipped**: they add nothing, exactly. (An integer's zero point is corrected from the sums of
//!   weights.) Background quantizes to 0 wherever calibration saw background, and so do many activations behind a ReLU; of
//!   a digit's groups three in four are skipped.
//! - **Several rows go together** where there are registers for it: a line that was loaded serves three times. They skip
//!   what is 0 in all three, and of three digits that is still more than half.
//! - **One row** alone adds its groups to two sets of sums in turn, where there are registers for it, so that a sum seldom
//!   waits for the one before.

mod found;

use std::mem::MaybeUninit;

use found::{Found, add_found, parts};

use crate::Kernel;
use crate::simd::{LANES, Line, MAX_GROUPS, Simd, dispatch};

/// Most vectors of neurons in a panel. WebAssembly has registers for three.
const PANEL: usize = if cfg!(target_arch = "wasm32") { 3 } else { 7 };
/// Whether the neurons behind the last full panel make a panel of their own, or one each vector: every size of panel is code.
const ANY_SIZE: bool = !cfg!(target_arch = "wasm32");
/// Rows that go together: 21 sums, a group's seven lines, and one register for activations are 29 of AVX-512's 32.
const TILE: usize = 3;

/// So few groups are all multiplied: to search them takes longer.
const FEW: usize = 32;
const NUMBERS: [u16; FEW] = {
    let mut numbers = [0; FEW];
    let mut at = 0;
    while at < FEW {
        numbers[at] = at as u16;
        at += 1;
    }
    numbers
};

/// The lesser of two.
const fn least(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

/// The panels of a number of neurons: the first vector of neurons, and how many vectors.
fn panels(outputs: usize) -> impl Iterator<Item = (usize, usize)> {
    let (all, mut next) = (outputs.div_ceil(LANES), 0);
    std::iter::from_fn(move || {
        let (first, left) = (next, all - next);
        let vectors = if left < PANEL && !ANY_SIZE { left.min(1) } else { left.min(PANEL) };
        next += vectors;
        (vectors > 0).then_some((first, vectors))
    })
}

/// What a product multiplies, and what becomes of its sums.
pub(crate) trait Product {
    /// Sixteen neurons' sums in registers.
    type Sums<S: Simd>: Copy;
    /// An output.
    type Out: Copy;

    /// Sums of nothing.
    ///
    /// # Safety
    /// The CPU has the instruction set of `S`.
    unsafe fn zero<S: Simd>() -> Self::Sums<S>;

    /// What the sums of `V` vectors of neurons start from, from vector `first` on.
    ///
    /// # Safety
    /// The CPU has the instruction set of `S`.
    unsafe fn start<S: Simd, const V: usize>(&self, first: usize) -> [Self::Sums<S>; V];

    /// Whether a group's bytes must be at most 127, so that larger ones are multiplied in parts.
    fn seven_bits<S: Simd>() -> bool {
        false
    }

    /// Adds the products of a group of a row to the sums of `V` vectors of neurons.
    ///
    /// # Safety
    /// The CPU has the instruction set of `S`.
    unsafe fn step<S: Simd, const V: usize>(sums: &mut [Self::Sums<S>; V], x: [u8; 4], w: &[Line; V]);

    /// `a + b`.
    ///
    /// # Safety
    /// The CPU has the instruction set of `S`.
    unsafe fn add<S: Simd>(a: Self::Sums<S>, b: Self::Sums<S>) -> Self::Sums<S>;

    /// The outputs of `V` vectors of neurons from vector `first` on. Lanes behind the last neuron get padding, and nobody
    /// reads them.
    ///
    /// # Safety
    /// The CPU has the instruction set of `S`.
    unsafe fn finish<S: Simd, const V: usize>(
        &self,
        first: usize,
        sums: [Self::Sums<S>; V],
    ) -> [[Self::Out; LANES]; V];
}

/// Packed weights.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    outputs: usize,
    /// The bytes of a row of activations.
    row: usize,
    lines: Vec<Line>,
}

impl Panels {
    /// Packs the weights of `outputs` neurons for rows of so many bytes. `group` gives a neuron's weights for a group of
    /// inputs, with 0 for inputs behind the last; `arrange` is what is done to a line besides.
    pub fn pack(
        outputs: usize,
        row: usize,
        group: impl Fn(usize, usize) -> [u8; 4],
        arrange: impl Fn(Line) -> Line,
    ) -> Self {
        let groups = row.div_ceil(4);
        let mut lines = Vec::with_capacity(outputs.div_ceil(LANES) * groups);
        for (first, vectors) in panels(outputs) {
            for number in 0..groups {
                for vector in first..first + vectors {
                    let neuron = |n| if n < outputs { group(n, number) } else { [0; 4] };
                    let line = std::array::from_fn(|lane| neuron(vector * LANES + lane));
                    lines.push(arrange(Line(line)));
                }
            }
        }
        Self { outputs, row, lines }
    }

    /// `out[b][o]` = what `product` makes of the sum of neuron `o` for row `b` of `x`.
    pub fn product<P: Product>(&self, kernel: Kernel, product: &P, x: &[u8], out: &mut [P::Out]) {
        // Also tells the compiler that there is nothing to compile for it, except for this crate's own tests.
        #[cfg(kernel = "scalar")]
        assert!(kernel != Kernel::Scalar || cfg!(test), "the scalar kernel's weights are rows");
        #[inline(always)]
        unsafe fn run<S: Simd, P: Product>(panels: &Panels, product: &P, x: &[u8], out: &mut [P::Out]) {
            let (row, outputs) = (panels.row, panels.outputs);
            let mut space = [MaybeUninit::uninit(); MAX_GROUPS];
            let mut found = Found::new(&mut space);
            let together = if S::TWO_CHAINS { TILE } else { 1 };
            for (x, out) in x.chunks(together * row).zip(out.chunks_mut(together * outputs)) {
                // SAFETY: the caller's contract; so for both.
                unsafe {
                    if S::TWO_CHAINS && x.len() == TILE * row {
                        rows::<S, P, TILE>(panels, product, x, &mut found, out);
                    } else {
                        for (x, out) in x.chunks_exact(row).zip(out.chunks_exact_mut(outputs)) {
                            rows::<S, P, 1>(panels, product, x, &mut found, out);
                        }
                    }
                }
            }
        }
        #[inline(always)]
        unsafe fn rows<S: Simd, P: Product, const R: usize>(
            panels: &Panels,
            product: &P,
            x: &[u8],
            found: &mut Found,
            out: &mut [P::Out],
        ) {
            let groups = panels.row.div_ceil(4);
            let mut lines = &panels.lines[..];
            for (first, vectors) in self::panels(panels.outputs) {
                let (panel, rest) = lines.split_at(groups * vectors);
                lines = rest;
                let layer = Layer { panels, product, first };
                // SAFETY: the caller's contract.
                unsafe {
                    match vectors {
                        2.. if !ANY_SIZE => layer.panel::<S, PANEL, R>(panel, x, found, out),
                        1 => layer.panel::<S, { least(1, PANEL) }, R>(panel, x, found, out),
                        2 => layer.panel::<S, { least(2, PANEL) }, R>(panel, x, found, out),
                        3 => layer.panel::<S, { least(3, PANEL) }, R>(panel, x, found, out),
                        4 => layer.panel::<S, { least(4, PANEL) }, R>(panel, x, found, out),
                        5 => layer.panel::<S, { least(5, PANEL) }, R>(panel, x, found, out),
                        6 => layer.panel::<S, { least(6, PANEL) }, R>(panel, x, found, out),
                        _ => layer.panel::<S, PANEL, R>(panel, x, found, out),
                    }
                }
            }
        }
        let panels = self;
        dispatch!(kernel, run<P: Product>(panels: &Panels, product: &P, x: &[u8], out: &mut [P::Out]));
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
    /// `R` rows through a panel of `V` vectors. What is found in them for the first panel serves the others too, unless
    /// there is not room for all.
    #[inline(always)]
    unsafe fn panel<S: Simd, const V: usize, const R: usize>(
        &self,
        panel: &[Line],
        x: &[u8],
        found: &mut Found,
        out: &mut [P::Out],
    ) {
        let panel: &[[Line; V]] = panel.as_chunks::<V>().0;
        let (row, outputs) = (self.panels.row, self.panels.outputs);
        let rows: [&[u8]; R] = std::array::from_fn(|at| &x[at * row..][..row]);
        let whole = row / 4;
        // SAFETY: the caller's contract.
        unsafe {
            let mut sums = [self.product.start::<S, V>(self.first); R];
            for first in (0..whole).step_by(MAX_GROUPS) {
                let here = first..whole.min(first + MAX_GROUPS);
                let rows = rows.map(|x| &x.as_chunks().0[here.clone()]);
                if S::TWO_CHAINS && whole <= FEW {
                    add_found::<S, P, V, R>(&mut sums, &panel[here], rows, &NUMBERS[..whole]);
                    continue;
                }
                if self.first == 0 || whole > MAX_GROUPS {
                    found.search::<S, R>(rows);
                }
                add_found::<S, P, V, R>(&mut sums, &panel[here], rows, found.numbers());
            }
            for ((x, out), sums) in rows.iter().zip(out.chunks_exact_mut(outputs)).zip(sums) {
                self.finish::<S, V>(panel, sums, &x[4 * whole..], out);
            }
        }
    }

    /// Adds what is behind the last whole group, and makes outputs of the sums.
    #[inline(always)]
    unsafe fn finish<S: Simd, const V: usize>(
        &self,
        panel: &[[Line; V]],
        mut sums: [P::Sums<S>; V],
        tail: &[u8],
        out: &mut [P::Out],
    ) {
        // SAFETY: the caller's contract.
        unsafe {
            if let ([.., last], false) = (panel, tail.is_empty()) {
                let mut group = [0; 4];
                group[..tail.len()].copy_from_slice(tail);
                for &part in parts::<S, P>() {
                    P::step::<S, V>(&mut sums, part.of(group), last);
                }
            }
            if ANY_SIZE {
                return finish::<S, P, V>(self.product, self.first, sums, out);
            }
            for (vector, sums) in (self.first..).zip(sums) {
                finish::<S, P, 1>(self.product, vector, [sums], out);
            }
        }
    }
}

/// Makes outputs of the sums of vectors of neurons from `first` on.
// Where the module is to be small, once and not for every size of panel.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
unsafe fn finish<S: Simd, P: Product, const V: usize>(
    product: &P,
    first: usize,
    sums: [P::Sums<S>; V],
    out: &mut [P::Out],
) {
    // SAFETY: the caller's contract.
    let values = unsafe { product.finish::<S, V>(first, sums) };
    let (whole, tail) = out[first * LANES..].as_chunks_mut();
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
