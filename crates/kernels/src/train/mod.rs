//! What training needs of a linear layer: forwards, backwards, and Adam.
//!
//! The weight gradient of a small batch is never written out: [`Layer::step`] forms it in registers, a tile at a time, and
//! Adam consumes it there, in one pass over the weights and their two moments.

mod passes;
mod rows;

pub use rows::Rows;

use std::marker::PhantomData;

use crate::Kernel;
use passes::{Backward, Forward, Step};

/// How a product is added to a sum.
pub trait Arithmetic {
    /// Whether it is rounded once, where the CPU can do so.
    const FUSED: bool;
}

/// Rounded once where the CPU can do so: the fastest way, whose last bits depend on the kernel.
#[derive(Clone, Copy, Debug)]
pub enum Fused {}

/// Rounded after the product and after the sum: every kernel gives the same bits, because all sums have one order in every
/// kernel. Two instructions where [`Fused`] has one.
#[derive(Clone, Copy, Debug)]
pub enum Reproducible {}

impl Arithmetic for Fused {
    const FUSED: bool = true;
}

impl Arithmetic for Reproducible {
    const FUSED: bool = false;
}

/// One step of Adam: PyTorch's formula with the bias corrections of the step worked in.
///
/// `m += (1 - beta1) · (g - m)`, `v = beta2 · v + (1 - beta2) · g²`,
/// `w -= step_size · m / (√v · inverse_root + epsilon)`.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// `1 - beta1`.
    pub one_minus_beta1: f32,
    /// `beta2`.
    pub beta2: f32,
    /// `1 - beta2`.
    pub one_minus_beta2: f32,
    /// The learning rate over `1 - beta1^t`.
    pub step_size: f32,
    /// `1 / √(1 - beta2^t)`.
    pub inverse_root: f32,
    /// What keeps the quotient finite.
    pub epsilon: f32,
}

/// A linear layer in training: weights, bias, and Adam's two moments of each.
#[derive(Clone, Debug)]
pub struct Layer<A = Fused> {
    kernel: Kernel,
    arithmetic: PhantomData<A>,
    /// `[outputs, inputs]`.
    weight: Moments,
    /// `[1, outputs]`.
    bias: Moments,
}

/// Parameters with the running means of their gradients and of the gradients' squares.
#[derive(Clone, Debug)]
struct Moments {
    value: Rows,
    mean: Rows,
    square: Rows,
}

impl Moments {
    fn new(value: Rows) -> Self {
        let zeros = Rows::zeros(value.count(), value.width());
        Self { value, mean: zeros.clone(), square: zeros }
    }
}

impl<A: Arithmetic> Layer<A> {
    /// A layer that starts from `weight` `[outputs, inputs]` and `bias` `[1, outputs]`, its moments 0.
    ///
    /// # Panics
    /// If `bias` is not a row with a value for each row of `weight`.
    pub fn new(kernel: Kernel, weight: Rows, bias: Rows) -> Self {
        assert_eq!((bias.count(), bias.width()), (1, weight.count()), "a bias for each output");
        Self { kernel, arithmetic: PhantomData, weight: Moments::new(weight), bias: Moments::new(bias) }
    }

    /// The weights `[outputs, inputs]`.
    pub fn weight(&self) -> &Rows {
        &self.weight.value
    }

    /// The weights `[outputs, inputs]`, to be moved otherwise than by [`step`](Self::step).
    pub fn weight_mut(&mut self) -> &mut Rows {
        &mut self.weight.value
    }

    /// The bias `[1, outputs]`.
    pub fn bias(&self) -> &Rows {
        &self.bias.value
    }

    /// `y = x · weightᵀ + bias`, and `max(y, 0)` with `relu`, for `x` `[batch, inputs]` and `y` `[batch, outputs]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn forward(&self, x: &Rows, relu: bool, y: &mut Rows) {
        self.forward_as(self.weight(), x, relu, y);
    }

    /// [`forward`](Self::forward) with `weight` in place of its own.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn forward_as(&self, weight: &Rows, x: &Rows, relu: bool, y: &mut Rows) {
        self.check(weight, x, y);
        let bias = self.bias();
        self.kernel.run(Forward { arithmetic: self.arithmetic, weight, bias, x, relu, y });
    }

    /// `dx = dy · weight`, 0 where the activation `x` was 0: the gradient behind the ReLU that made `x`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn backward(&self, dy: &Rows, x: &Rows, dx: &mut Rows) {
        self.backward_as(self.weight(), dy, x, dx);
    }

    /// [`backward`](Self::backward) with `weight` in place of its own.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn backward_as(&self, weight: &Rows, dy: &Rows, x: &Rows, dx: &mut Rows) {
        self.check(weight, x, dy);
        self.check(weight, dx, dy);
        self.kernel.run(Backward { arithmetic: self.arithmetic, weight, dy, x, dx });
    }

    /// Lets the weights decay, and not the biases: so much stays of each. Before a step of Adam, AdamW (Loshchilov and Hutter 2019).
    pub fn decay(&mut self, keep: f32) {
        let weight = &mut self.weight.value;
        for neuron in 0..weight.count() {
            weight.row_mut(neuron).iter_mut().for_each(|weight| *weight *= keep);
        }
    }

    /// One step of Adam with the gradients `dyᵀ · x` (weights) and `Σ dy` (bias), summed over the batch.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn step(&mut self, x: &Rows, dy: &Rows, adam: AdamStep) {
        self.check(self.weight(), x, dy);
        self.kernel.run(Step { layer: self, x, dy, adam });
    }

    fn check(&self, weight: &Rows, x: &Rows, y: &Rows) {
        let own = self.weight();
        assert_eq!(
            (weight.width(), weight.count()),
            (own.width(), own.count()),
            "weights of the layer's shape"
        );
        assert_eq!((x.width(), y.width()), (own.width(), own.count()), "inputs and outputs of the layer");
        assert_eq!(x.count(), y.count(), "an input for each output");
    }
}
