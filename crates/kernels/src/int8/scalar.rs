//! The definition of the answer, in plain Rust. Weights are packed for it, too: for sixteen neurons at a time, as the output
//! stages work, in groups of four inputs, which are skipped where all four activations are 0. As 16 bits, because compilers know
//! the product of these for every CPU.

use super::stage::Stage;
use crate::arch::portable::Portable;
use crate::simd::LANES;

/// The weights of sixteen neurons for four inputs: `[input][neuron]`, 0 behind the last of either.
pub(super) type Group = [[i16; LANES]; 4];

/// Packs `weights`, row-major `[outputs, inputs]`: all groups of neurons 0 to 15, then those of 16 to 31, and so on.
pub(super) fn pack(weights: &[i8], outputs: usize, inputs: usize) -> Vec<Group> {
    let weight = |neuron: usize, input: usize| {
        if neuron < outputs && input < inputs { i16::from(weights[neuron * inputs + input]) } else { 0 }
    };
    let vectors = (0..outputs).step_by(LANES);
    let groups = vectors.flat_map(|neuron| (0..inputs).step_by(4).map(move |input| (neuron, input)));
    let group = |(neuron, input)| {
        std::array::from_fn(|at| std::array::from_fn(|lane| weight(neuron + lane, input + at)))
    };
    groups.map(group).collect()
}

/// `weight_sums` are those of sixteen neurons at a time.
pub(super) fn product<T: Stage>(
    groups: &[Group],
    weight_sums: &[[i32; LANES]],
    (inputs, outputs): (usize, usize),
    x: &[u8],
    zero_point: u8,
    stage: &T,
    out: &mut [T::Out],
) {
    for (x, out) in x.chunks_exact(inputs).zip(out.chunks_exact_mut(outputs)) {
        let vectors = groups.chunks_exact(inputs.div_ceil(4)).zip(weight_sums);
        for (vector, ((groups, weight_sums), out)) in vectors.zip(out.chunks_mut(LANES)).enumerate() {
            let parameters = stage.parameters::<_, 1>(Portable, vector);
            let [values] = T::apply(Portable, parameters, [sums(groups, weight_sums, x, zero_point)]);
            out.copy_from_slice(&values[..out.len()]);
        }
    }
}

/// `Σ_i (x[i] - zero_point) · w[o][i]` of sixteen neurons.
fn sums(groups: &[Group], weight_sums: &[i32; LANES], x: &[u8], zero_point: u8) -> [i32; LANES] {
    let mut sums = weight_sums.map(|sum| -i32::from(zero_point) * sum);
    let (whole, tail) = x.as_chunks::<4>();
    let mut last = [0; 4];
    last[..tail.len()].copy_from_slice(tail);
    for (&x, weights) in whole.iter().chain([&last]).zip(groups) {
        if x != [0; 4] {
            for (lane, sum) in sums.iter_mut().enumerate() {
                *sum += (0..4).map(|at| i32::from(x[at]) * i32::from(weights[at][lane])).sum::<i32>();
            }
        }
    }
    sums
}
