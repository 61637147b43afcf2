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

use std::mem::MaybeUninit;

use crate::Kernel;
use crate::simd::{LANES, Line, MAX_GROUPS, Simd, dispatch};

/// Vectors of neurons in a panel. WebAssembly has registers for three.
const PANEL: usize = if cfg!(target_arch = "wasm32") { 3 } else { 7 };
/// Rows that go together: 21 sums, a group's seven lines, and one register for activations are 29 of AVX-512's 32.
const TILE: usize = 3;

/// The lesser of two.
const fn least(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
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
        for panel in (0..outputs).step_by(PANEL * LANES) {
            for number in 0..groups {
                for first in (panel..outputs.min(panel + PANEL * LANES)).step_by(LANES) {
                    let neuron = |n| if n < outputs { group(n, number) } else { [0; 4] };
                    lines.push(arrange(Line(std::array::from_fn(|lane| neuron(first + lane)))));
                }
            }
        }
        Self { outputs, row, lines }
    }

    /// `out[b][o]` = what `product` makes of the sum of neuron `o` for row `b` of `x`.
    pub fn product<P: Product>(&self, kernel: Kernel, product: &P, x: &[u8], out: &mut [P::Out]) {
        // Also tells the compiler that there is nothing to compile for it.
        assert!(kernel != Kernel::Scalar, "the scalar kernel's weights are rows");
        #[inline(always)]
        unsafe fn run<S: Simd, P: Product>(panels: &Panels, product: &P, x: &[u8], out: &mut [P::Out]) {
            let (row, outputs) = (panels.row, panels.outputs);
            let mut found = Found::new();
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
            let all = panels.outputs.div_ceil(LANES);
            for first in (0..all).step_by(PANEL) {
                let vectors = (all - first).min(PANEL);
                let (panel, rest) = lines.split_at(groups * vectors);
                lines = rest;
                let layer = Layer { panels, product, first };
                // SAFETY: the caller's contract.
                unsafe {
                    match vectors {
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
                P::step::<S, V>(&mut sums, group, last);
            }
            let values = self.product.finish::<S, V>(self.first, sums);
            let (whole, tail) = out[self.first * LANES..].as_chunks_mut();
            match whole.first_chunk_mut::<V>() {
                Some(whole) => *whole = values,
                None => {
                    whole.copy_from_slice(&values[..V - 1]);
                    copy(&values[V - 1], tail);
                }
            }
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

/// The groups of a row, or of a part of one, that are not all 0.
struct Found {
    numbers: [MaybeUninit<u16>; MAX_GROUPS],
    /// How many of the numbers there are.
    count: usize,
}

impl Found {
    const fn new() -> Self {
        Self { numbers: [MaybeUninit::uninit(); MAX_GROUPS], count: 0 }
    }

    #[inline(always)]
    unsafe fn search<S: Simd, const R: usize>(&mut self, rows: [&[[u8; 4]]; R]) {
        // SAFETY: the caller's contract.
        self.count = unsafe { S::nonzero_groups(rows, &mut self.numbers) };
    }

    #[inline(always)]
    fn numbers(&self) -> &[u16] {
        // SAFETY: the search has written so many.
        unsafe { self.numbers[..self.count].assume_init_ref() }
    }
}

/// Adds the groups that were found not to be 0 in all rows; of one row, where there are registers for it, to two sets of
/// sums in turn.
#[inline(always)]
unsafe fn add_found<S: Simd, P: Product, const V: usize, const R: usize>(
    sums: &mut [[P::Sums<S>; V]; R],
    panel: &[[Line; V]],
    rows: [&[[u8; 4]]; R],
    found: &[u16],
) {
    // SAFETY: the caller's contract.
    unsafe {
        if S::TWO_CHAINS && R == 1 {
            let (mut even, mut odd) = (sums[0], [P::zero::<S>(); V]);
            let x = rows[0];
            let (pairs, last) = found.as_chunks::<2>();
            for &[a, b] in pairs {
                P::step::<S, V>(&mut even, x[usize::from(a)], &panel[usize::from(a)]);
                P::step::<S, V>(&mut odd, x[usize::from(b)], &panel[usize::from(b)]);
            }
            for &a in last {
                P::step::<S, V>(&mut even, x[usize::from(a)], &panel[usize::from(a)]);
            }
            for (even, odd) in even.iter_mut().zip(odd) {
                *even = P::add::<S>(*even, odd);
            }
            sums[0] = even;
        } else {
            let mut local = *sums;
            for &a in found {
                let lines = &panel[usize::from(a)];
                for (sums, x) in local.iter_mut().zip(rows) {
                    P::step::<S, V>(sums, x[usize::from(a)], lines);
                }
            }
            *sums = local;
        }
    }
}
