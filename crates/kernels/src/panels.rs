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
//! - **One row** goes through a panel from its first group to its last.
//! - **Several rows** take turns on a slice of the panel that L1 holds. Four rows that are mostly not 0 go through it
//!   together, so that a line that was loaded serves four times.

use std::mem::MaybeUninit;

use crate::Kernel;
use crate::simd::{LANES, Line, MAX_GROUPS, Simd, dispatch};

/// Most vectors of neurons in a panel. WebAssembly has registers for three.
const PANEL: usize = if cfg!(target_arch = "wasm32") { 3 } else { 7 };
/// Whether the neurons behind the last full panel make a panel of their own, or one each vector: every size of panel is code.
const ANY_SIZE: bool = !cfg!(target_arch = "wasm32");
/// Whether several rows take turns on a slice. Where there are few registers, a line cannot serve several rows at once, and
/// turns alone are not worth their code.
const TURNS: bool = !cfg!(target_arch = "wasm32");
/// Rows that go through a slice together where they are dense: 28 of AVX-512's 32 registers.
const TILE: usize = 4;
/// Rows whose sums wait while others take their turn: more would fill L1, where the slice is to stay.
const BLOCK: usize = 8;
/// The bytes of a slice: three quarters of the smallest L1 about.
const SLICE: usize = 24 << 10;

/// The lesser of two.
const fn least(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

/// The panels of a number of neurons: the first neuron, and how many vectors.
fn panels(outputs: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let (first, left) = (next, (outputs - next.min(outputs)).div_ceil(LANES));
        let vectors = if left < PANEL && !ANY_SIZE { left.min(1) } else { left.min(PANEL) };
        next += vectors * LANES;
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

    /// The outputs of neurons `first..first + 16`. Lanes behind the last neuron get padding, and nobody reads them.
    ///
    /// # Safety
    /// The CPU has the instruction set of `S`.
    unsafe fn finish<S: Simd>(&self, first: usize, sums: Self::Sums<S>) -> [Self::Out; LANES];
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
        for (panel, vectors) in panels(outputs) {
            for number in 0..groups {
                for first in (panel..panel + vectors * LANES).step_by(LANES) {
                    let neuron = |n| if n < outputs { group(n, number) } else { [0; 4] };
                    lines.push(arrange(Line(std::array::from_fn(|lane| neuron(first + lane)))));
                }
            }
        }
        Self { outputs, row, lines }
    }

    /// `out[b][o]` = what `product` makes of the sum of neuron `o` for row `b` of `x`.
    pub fn product<P: Product>(&self, kernel: Kernel, product: &P, x: &[u8], out: &mut [P::Out]) {
        // Also tells the compiler that there is nothing to compile for it, except for this crate's own tests.
        assert!(kernel != Kernel::Scalar || cfg!(test), "the scalar kernel's weights are rows");
        #[inline(always)]
        unsafe fn run<S: Simd, P: Product>(panels: &Panels, product: &P, x: &[u8], out: &mut [P::Out]) {
            let groups = panels.row.div_ceil(4);
            let rows = if TURNS { out.len() / panels.outputs } else { 1 };
            let mut found = Found::new();
            for (x, out) in x.chunks(rows * panels.row).zip(out.chunks_mut(rows * panels.outputs)) {
                let mut lines = &panels.lines[..];
                for (first, vectors) in self::panels(panels.outputs) {
                    let (panel, rest) = lines.split_at(groups * vectors);
                    lines = rest;
                    let layer = Layer { panels, product, first };
                    // SAFETY: the caller's contract.
                    unsafe {
                        match vectors {
                            2.. if !ANY_SIZE => layer.panel::<S, PANEL>(panel, x, &mut found, out),
                            1 => layer.panel::<S, { least(1, PANEL) }>(panel, x, &mut found, out),
                            2 => layer.panel::<S, { least(2, PANEL) }>(panel, x, &mut found, out),
                            3 => layer.panel::<S, { least(3, PANEL) }>(panel, x, &mut found, out),
                            4 => layer.panel::<S, { least(4, PANEL) }>(panel, x, &mut found, out),
                            5 => layer.panel::<S, { least(5, PANEL) }>(panel, x, &mut found, out),
                            6 => layer.panel::<S, { least(6, PANEL) }>(panel, x, &mut found, out),
                            _ => layer.panel::<S, PANEL>(panel, x, &mut found, out),
                        }
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
    /// The panel's first neuron.
    first: usize,
}

impl<P: Product> Layer<'_, P> {
    /// All rows through a panel of `V` vectors.
    #[inline(always)]
    unsafe fn panel<S: Simd, const V: usize>(
        &self,
        panel: &[Line],
        x: &[u8],
        found: &mut Found,
        out: &mut [P::Out],
    ) {
        let panel: &[[Line; V]] = panel.as_chunks::<V>().0;
        let (row, outputs) = (self.panels.row, self.panels.outputs);
        // SAFETY: the caller's contract.
        unsafe {
            if !TURNS || x.len() == row {
                self.row::<S, V>(panel, x, found, out);
            } else {
                for (x, out) in x.chunks(BLOCK * row).zip(out.chunks_mut(BLOCK * outputs)) {
                    self.block::<S, V>(panel, x, out);
                }
            }
        }
    }

    /// One row. What is found in it for the first panel serves the others too, unless there is not room for all.
    #[inline(always)]
    unsafe fn row<S: Simd, const V: usize>(
        &self,
        panel: &[[Line; V]],
        x: &[u8],
        found: &mut Found,
        out: &mut [P::Out],
    ) {
        let (groups, tail) = x.as_chunks();
        // SAFETY: the caller's contract.
        unsafe {
            let mut sums = [P::zero::<S>(); V];
            for (x, panel) in groups.chunks(MAX_GROUPS).zip(panel.chunks(MAX_GROUPS)) {
                if self.first == 0 || groups.len() > MAX_GROUPS {
                    found.search::<S>(x);
                }
                add_found::<S, P, V>(&mut sums, panel, x, found.numbers());
            }
            self.finish::<S, V>(panel, sums, tail, out);
        }
    }

    /// Up to `BLOCK` rows, slice by slice.
    #[inline(always)]
    unsafe fn block<S: Simd, const V: usize>(&self, panel: &[[Line; V]], x: &[u8], out: &mut [P::Out]) {
        let (row, outputs) = (self.panels.row, self.panels.outputs);
        // Slices of one size: a small one behind the others would not be worth its turns.
        let groups = row / 4;
        let slices = groups.div_ceil(MAX_GROUPS.min(SLICE / size_of::<[Line; V]>())).max(1);
        let slice = groups.div_ceil(slices);
        let mut found = [const { Found::new() }; TILE];
        // SAFETY: the caller's contract.
        unsafe {
            let mut sums = [[P::zero::<S>(); V]; BLOCK];
            for first in (0..groups).step_by(slice.max(1)) {
                let here = first..groups.min(first + slice);
                let panel = &panel[here.clone()];
                for (x, sums) in x.chunks(TILE * row).zip(sums.chunks_mut(TILE)) {
                    let rows = x.chunks_exact(row).map(|x| &x.as_chunks().0[here.clone()]);
                    let mut count = 0;
                    for (x, found) in rows.clone().zip(&mut found) {
                        found.search::<S>(x);
                        count += found.count;
                    }
                    // A line that serves four times is worth some zeros, where there are registers for it.
                    let dense = S::TWO_CHAINS && 4 * count > 3 * TILE * here.len();
                    if dense && x.len() == TILE * row {
                        let mut rows = rows;
                        let rows = std::array::from_fn(|_| rows.next().unwrap_or_default());
                        if let Some(sums) = sums.first_chunk_mut() {
                            add_tile::<S, P, V>(sums, panel, rows);
                        }
                    } else {
                        for ((x, found), sums) in rows.zip(&found).zip(sums) {
                            add_found::<S, P, V>(sums, panel, x, found.numbers());
                        }
                    }
                }
            }
            for ((x, out), sums) in x.chunks_exact(row).zip(out.chunks_exact_mut(outputs)).zip(sums) {
                self.finish::<S, V>(panel, sums, &x[4 * groups..], out);
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
            for (at, sums) in sums.into_iter().enumerate() {
                finish::<S, P>(self.product, self.first + at * LANES, sums, out);
            }
        }
    }
}

/// Makes outputs of the sums of sixteen neurons.
// Where the module is to be small, once and not for every size of panel.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
unsafe fn finish<S: Simd, P: Product>(product: &P, first: usize, sums: P::Sums<S>, out: &mut [P::Out]) {
    // SAFETY: the caller's contract.
    let values = unsafe { product.finish::<S>(first, sums) };
    let out = &mut out[first..];
    match out.first_chunk_mut() {
        Some(whole) => *whole = values,
        None => {
            for (out, value) in out.iter_mut().zip(values) {
                *out = value;
            }
        }
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
    unsafe fn search<S: Simd>(&mut self, x: &[[u8; 4]]) {
        // SAFETY: the caller's contract.
        self.count = unsafe { S::nonzero_groups(x, &mut self.numbers) };
    }

    #[inline(always)]
    fn numbers(&self) -> &[u16] {
        // SAFETY: the search has written so many.
        unsafe { self.numbers[..self.count].assume_init_ref() }
    }
}

const HIGH: u32 = 0x8080_8080;

/// A part of every byte of a group.
#[derive(Clone, Copy)]
struct Part {
    mask: u32,
    shift: u32,
}

impl Part {
    #[inline(always)]
    fn of(self, group: [u8; 4]) -> [u8; 4] {
        ((u32::from_ne_bytes(group) & self.mask) >> self.shift).to_ne_bytes()
    }
}

/// The parts that groups are multiplied in: the low seven bits, and the high bit, which is 128, as 64 twice.
#[inline(always)]
fn parts<S: Simd, P: Product>() -> &'static [Part] {
    const WHOLE: [Part; 1] = [Part { mask: u32::MAX, shift: 0 }];
    const PARTS: [Part; 3] =
        [Part { mask: !HIGH, shift: 0 }, Part { mask: HIGH, shift: 1 }, Part { mask: HIGH, shift: 1 }];
    if P::seven_bits::<S>() { &PARTS } else { &WHOLE }
}

/// Adds the groups of a row that were found not to be 0; where there are registers for it, to two sets of sums in turn.
#[inline(always)]
unsafe fn add_found<S: Simd, P: Product, const V: usize>(
    sums: &mut [P::Sums<S>; V],
    panel: &[[Line; V]],
    x: &[[u8; 4]],
    found: &[u16],
) {
    // SAFETY: the caller's contract; the search has found the numbers in `x`, and the panel has lines for every group of it.
    unsafe {
        let group = |number: u16| *x.get_unchecked(usize::from(number));
        let lines = |number: u16| panel.get_unchecked(usize::from(number));
        let mut even = *sums;
        if S::TWO_CHAINS {
            let mut odd = [P::zero::<S>(); V];
            let (pairs, last) = found.as_chunks::<2>();
            for &[a, b] in pairs {
                P::step::<S, V>(&mut even, group(a), lines(a));
                P::step::<S, V>(&mut odd, group(b), lines(b));
            }
            for &a in last {
                P::step::<S, V>(&mut even, group(a), lines(a));
            }
            for (even, odd) in even.iter_mut().zip(odd) {
                *even = P::add::<S>(*even, odd);
            }
        } else {
            for &part in parts::<S, P>() {
                let mut all = 0;
                for &a in found {
                    P::step::<S, V>(&mut even, part.of(group(a)), lines(a));
                    all |= u32::from_ne_bytes(group(a));
                }
                if all & HIGH == 0 {
                    break;
                }
            }
        }
        *sums = even;
    }
}

/// Adds all groups of four rows.
#[inline(always)]
unsafe fn add_tile<S: Simd, P: Product, const V: usize>(
    sums: &mut [[P::Sums<S>; V]; TILE],
    panel: &[[Line; V]],
    rows: [&[[u8; 4]]; TILE],
) {
    let mut local = *sums;
    for (number, lines) in panel.iter().enumerate() {
        for (sums, row) in local.iter_mut().zip(rows) {
            // SAFETY: the caller's contract.
            unsafe { P::step::<S, V>(sums, row[number], lines) };
        }
    }
    *sums = local;
}
