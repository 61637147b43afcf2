//! `f32` products: what a linear layer does, forwards.

mod packed;
mod scalar;

use crate::Kernel;

/// A weight matrix `[outputs, inputs]` packed for one kernel.
#[derive(Clone, Debug)]
pub struct Weights {
    kernel: Kernel,
    inputs: usize,
    outputs: usize,
    /// Row-major for the scalar kernel, in the layout of `packed` for the others.
    values: Vec<f32>,
}

impl Weights {
    /// Packs `weights`, row-major `[outputs, inputs]`, for `kernel`.
    ///
    /// # Panics
    /// If `weights` does not hold `outputs · inputs` values.
    pub fn pack(kernel: Kernel, weights: &[f32], outputs: usize, inputs: usize) -> Self {
        assert_eq!(weights.len(), outputs * inputs, "a weight for each input of each output");
        let values = match kernel {
            Kernel::Scalar => weights.to_vec(),
            _ => packed::pack(weights, outputs, inputs),
        };
        Self { kernel, inputs, outputs, values }
    }

    /// The kernel the weights are packed for.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// The number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// `out[b][o] = Σ_i x[b][i] · w[o][i] + bias[o]`, and `max(…, 0)` with `relu`. `x` is `[batch, inputs]`, `out`
    /// `[batch, outputs]`. Rows that are mostly 0 take less time.
    ///
    /// # Panics
    /// If `x` and `out` do not hold the same whole number of rows, or `bias` is not of one value an output.
    pub fn forward(&self, x: &[f32], bias: &[f32], relu: bool, out: &mut [f32]) {
        assert!(x.len().is_multiple_of(self.inputs), "whole rows of {} activations", self.inputs);
        assert_eq!(x.len() / self.inputs * self.outputs, out.len(), "an output for each row and neuron");
        assert_eq!(bias.len(), self.outputs, "a bias for each neuron");
        match self.kernel {
            Kernel::Scalar => scalar::forward(self, x, bias, relu, out),
            _ => packed::forward(self, x, bias, relu, out),
        }
    }
}
