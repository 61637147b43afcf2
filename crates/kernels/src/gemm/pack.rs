//! Weights in panels, as the products read them.
//!
//! ```text
//! panel 0:  group 0 │ neurons 0..16 │ neurons 16..32 │ … │ neurons 96..112 │     a Line each
//!           group 1 │ neurons 0..16 │ …
//!           …
//! panel 1:  group 0 │ neurons 112..128 │ …
//! ```
//!
//! Neurons and inputs behind the last are weights of 0.

use crate::simd::{LANES, Line};

/// Most vectors of neurons in a panel. Where registers have 128 bits, a vector's sums are four of them.
pub(super) const PANEL: usize =
    if cfg!(any(target_arch = "wasm32", target_arch = "aarch64")) { 3 } else { 7 };
/// Whether the neurons behind the last full panel make a panel of their own, or one each vector: every size of panel is code,
/// and WebAssembly's is to be small.
pub(super) const ANY_SIZE: bool = !cfg!(target_arch = "wasm32");

/// Packed weights.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    pub(super) outputs: usize,
    /// The bytes of a row of activations.
    pub(super) row: usize,
    pub(super) lines: Vec<Line>,
}

impl Panels {
    /// Packs the weights of `outputs` neurons for rows of so many bytes. `group` gives a neuron's weights for a group of
    /// inputs, with 0 for inputs behind the last; `arrange` puts a line into the order that the instruction set reads.
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
}

/// The panels of a number of neurons: the first vector of neurons, and how many vectors.
pub(super) fn panels(outputs: usize) -> impl Iterator<Item = (usize, usize)> {
    let (all, mut next) = (outputs.div_ceil(LANES), 0);
    std::iter::from_fn(move || {
        let (first, left) = (next, all - next);
        let vectors = if left < PANEL && !ANY_SIZE { left.min(1) } else { left.min(PANEL) };
        next += vectors;
        (vectors > 0).then_some((first, vectors))
    })
}
