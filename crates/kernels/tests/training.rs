//! Training's passes on every kernel that this machine has, against the plain formulas in double precision.

use digit8_kernels::Kernel;
use digit8_kernels::train::{AdamStep, Layer, Reproducible, Rows};

/// A small generator, so that a failure can be run again: a linear congruence, high bits out.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % limit
    }

    fn rows(&mut self, count: usize, width: usize) -> Rows {
        let values: Vec<f32> = (0..count * width).map(|_| self.below(2_000_001) as f32 / 1e6 - 1.0).collect();
        Rows::new(&values, width)
    }
}

/// What stays of a weight at each step.
const KEEP: f32 = 0.99;

/// The step of Adam number `t`, learning rate 0.01.
fn adam(t: i32) -> AdamStep {
    AdamStep {
        one_minus_beta1: 0.1,
        beta2: 0.999,
        one_minus_beta2: 0.001,
        step_size: (0.01 / (1.0 - 0.9f64.powi(t))) as f32,
        inverse_root: (1.0 / (1.0 - 0.999f64.powi(t)).sqrt()) as f32,
        epsilon: 1e-8,
    }
}

/// A layer of `inputs` and `outputs`, and a batch of activations and gradients of it.
struct Case {
    batch: usize,
    inputs: usize,
    outputs: usize,
    weight: Rows,
    bias: Rows,
    x: Rows,
    dy: Rows,
}

impl Case {
    fn new(random: &mut Random, largest: usize) -> Self {
        let [batch, inputs, outputs] = [33, largest, largest / 4].map(|limit| 1 + random.below(limit));
        let mut x = random.rows(batch, inputs);
        // As behind a ReLU: some activations are 0.
        (0..batch).for_each(|row| x.row_mut(row).iter_mut().for_each(|x| *x = x.max(0.0)));
        Self {
            batch,
            inputs,
            outputs,
            weight: random.rows(outputs, inputs),
            bias: random.rows(1, outputs),
            x,
            dy: random.rows(batch, outputs),
        }
    }

    fn layer(&self, kernel: Kernel) -> Layer {
        Layer::new(kernel, self.weight.clone(), self.bias.clone())
    }

    fn check(
        &self,
        what: &str,
        kernel: Kernel,
        found: &Rows,
        tolerance: f64,
        expected: impl Fn(usize, usize) -> f64,
    ) {
        for row in 0..found.count() {
            for (column, &found) in found.row(row).iter().enumerate() {
                let expected = expected(row, column);
                assert!(
                    (f64::from(found) - expected).abs() <= tolerance,
                    "{}: {what} [{row}, {column}] is {found}, expected {expected}; batch {}, {} to {}",
                    kernel.name(),
                    self.batch,
                    self.inputs,
                    self.outputs
                );
            }
        }
    }
}

fn at(rows: &Rows, row: usize, column: usize) -> f64 {
    f64::from(rows.row(row)[column])
}

/// Few where every instruction is interpreted, many elsewhere.
const CASES: u64 = if cfg!(miri) { 2 } else { 40 };
const LARGEST: usize = if cfg!(miri) { 40 } else { 400 };

fn cases() -> impl Iterator<Item = (Kernel, Case)> {
    (0..CASES).flat_map(|seed| {
        Kernel::available().into_iter().map(move |kernel| (kernel, Case::new(&mut Random(seed), LARGEST)))
    })
}

#[test]
fn forward_and_backward_are_matrix_products() {
    for (kernel, case) in cases() {
        let layer = case.layer(kernel);
        for relu in [false, true] {
            let mut y = Rows::zeros(case.batch, case.outputs);
            layer.forward(&case.x, relu, &mut y);
            case.check("y", kernel, &y, 1e-5 * case.inputs as f64, |row, neuron| {
                let products =
                    (0..case.inputs).map(|input| at(&case.x, row, input) * at(&case.weight, neuron, input));
                let y = products.sum::<f64>() + at(&case.bias, 0, neuron);
                if relu { y.max(0.0) } else { y }
            });
        }
        let mut dx = Rows::zeros(case.batch, case.inputs);
        layer.backward(&case.dy, &case.x, &mut dx);
        case.check("dx", kernel, &dx, 1e-5 * case.outputs as f64, |row, input| {
            let products =
                (0..case.outputs).map(|neuron| at(&case.dy, row, neuron) * at(&case.weight, neuron, input));
            if at(&case.x, row, input) > 0.0 { products.sum() } else { 0.0 }
        });
    }
}

/// A parameter after two steps with the same gradient, of which so much stays at each.
fn two_steps(start: f64, gradient: f64, keep: f32) -> f64 {
    let (mut value, mut mean, mut square) = (start, 0.0, 0.0);
    for t in 1..=2 {
        mean = 0.9 * mean + 0.1 * gradient;
        square = 0.999 * square + 0.001 * gradient * gradient;
        let (mean, square) = (mean / (1.0 - 0.9f64.powi(t)), square / (1.0 - 0.999f64.powi(t)));
        value = f64::from(keep) * value - 0.01 * mean / (square.sqrt() + 1e-8);
    }
    value
}

#[test]
fn a_step_is_adams() {
    for (kernel, mut case) in cases() {
        // A neuron without a gradient: its weights decay, and its bias stays where it is.
        (0..case.batch).for_each(|row| case.dy.row_mut(row)[0] = 0.0);
        let mut layer = case.layer(kernel);
        for t in 1..=2 {
            layer.decay(KEEP);
            layer.step(&case.x, &case.dy, adam(t));
        }
        // A gradient that nearly cancels may round to the other sign, and Adam goes a whole step by the sign.
        let sure = |gradient: f64, start: f64, found: f64, keep: f32| {
            if gradient.abs() > 1e-4 || gradient == 0.0 { two_steps(start, gradient, keep) } else { found }
        };
        case.check("weight", kernel, layer.weight(), 2e-6, |neuron, input| {
            let gradient =
                (0..case.batch).map(|row| at(&case.dy, row, neuron) * at(&case.x, row, input)).sum();
            sure(gradient, at(&case.weight, neuron, input), at(layer.weight(), neuron, input), KEEP)
        });
        case.check("bias", kernel, layer.bias(), 2e-6, |_, neuron| {
            let gradient = (0..case.batch).map(|row| at(&case.dy, row, neuron)).sum();
            sure(gradient, at(&case.bias, 0, neuron), at(layer.bias(), 0, neuron), 1.0)
        });
    }
}

#[test]
fn reproducible_passes_give_every_kernel_the_same_bits() {
    let passes = |kernel, case: &Case| {
        let mut layer: Layer<Reproducible> = Layer::new(kernel, case.weight.clone(), case.bias.clone());
        let mut y = Rows::zeros(case.batch, case.outputs);
        layer.forward(&case.x, false, &mut y);
        let mut dx = Rows::zeros(case.batch, case.inputs);
        layer.backward(&case.dy, &case.x, &mut dx);
        (1..=2).for_each(|t| layer.step(&case.x, &case.dy, adam(t)));
        let bits = |rows: &Rows| -> Vec<u32> {
            (0..rows.count()).flat_map(|row| rows.row(row)).map(|x| x.to_bits()).collect()
        };
        [bits(&y), bits(&dx), bits(layer.weight()), bits(layer.bias())]
    };
    for (kernel, case) in cases() {
        assert_eq!(passes(kernel, &case), passes(Kernel::Scalar, &case), "{}", kernel.name());
    }
}

#[test]
fn other_weights_may_stand_in_for_a_layers_own() {
    for (kernel, case) in cases() {
        let other = Random(7).rows(case.outputs, case.inputs);
        let stand_in = Layer::<Reproducible>::new(kernel, other.clone(), case.bias.clone());
        let exact = Layer::<Reproducible>::new(kernel, case.weight.clone(), case.bias.clone());
        let mut y = [Rows::zeros(case.batch, case.outputs), Rows::zeros(case.batch, case.outputs)];
        exact.forward_as(&other, &case.x, true, &mut y[0]);
        stand_in.forward(&case.x, true, &mut y[1]);
        let mut dx = [Rows::zeros(case.batch, case.inputs), Rows::zeros(case.batch, case.inputs)];
        exact.backward_as(&other, &case.dy, &case.x, &mut dx[0]);
        stand_in.backward(&case.dy, &case.x, &mut dx[1]);
        for [a, b] in [&y, &dx] {
            (0..case.batch).for_each(|row| assert_eq!(a.row(row), b.row(row), "{}", kernel.name()));
        }
    }
}

#[test]
#[should_panic(expected = "inputs and outputs of the layer")]
fn shapes_that_do_not_fit_are_refused() {
    let layer: Layer = Layer::new(Kernel::Scalar, Rows::zeros(3, 5), Rows::zeros(1, 3));
    layer.forward(&Rows::zeros(2, 4), false, &mut Rows::zeros(2, 3));
}

#[test]
fn rows_keep_their_values() {
    let mut rows = Rows::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3);
    assert_eq!((rows.count(), rows.width(), rows.row(1)), (2, 3, &[4.0, 5.0, 6.0][..]));
    rows.row_mut(0)[2] = 9.0;
    rows.resize(3);
    assert_eq!((rows.row(0), rows.row(2)), (&[1.0, 2.0, 9.0][..], &[0.0; 3][..]));
}
