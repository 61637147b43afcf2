//! AdaRound: each weight learns whether to go up or down, from what the layer's outputs on calibration digits lose by it.

use ndarray::Array2;

use crate::quant::repairs::{Levels, go_on};
use crate::random::Random;
use crate::{Error, Result};

/// The stretched sigmoid `h(v) = clip(σ(v) (ζ - γ) + γ, 0, 1)` reaches 0 and 1 (equation 23).
const ZETA: f32 = 1.1;
const GAMMA: f32 = -0.1;
/// How much the regulariser counts, against the squared error of one digit's outputs.
const REGULARISER: f32 = 0.01;
/// The regulariser's exponent: so great at first that only weights near 0 and 1 feel it, then small.
const BETA: [f32; 2] = [20.0, 2.0];
/// The share of the steps that come before the regulariser does.
const WARM: f32 = 0.2;
/// Digits in a step.
const BATCH: usize = 32;
/// Adam's.
const LEARNING_RATE: f32 = 0.01;
const DECAY: [f32; 2] = [0.9, 0.999];
const SMALL: f32 = 1e-8;

/// The integers of `weight` `[outputs, inputs]`, in steps of `scales` `[outputs]`, that change the layer's outputs on `x` `[n, inputs]`
/// least: each the integer below its weight or the one above (Nagel et al. 2020, arXiv 2004.10568).
///
/// With `ŵ = s · clip(⌊w / s⌋ + h(v))` it minimises `mean (ŵ · x - w · x)² + 0.01 Σ (1 - |2 h(v) - 1|^β)` over `v` with Adam, in `steps` steps
/// of 32 digits: β falls from 20 to 2, after a fifth of the steps without the regulariser (equations 21 to 25). The inputs are centred first: the bias takes
/// care of their mean. For each weight and step 64 multiplications, an exponential and, near the end, a power; those are `libm`'s and all sums
/// have one order, so that every platform comes to the same integers.
///
/// # Errors
/// [`Error::Mismatch`] if sizes differ or there are no digits; [`Error::Stopped`] if `report` says so, which is told the share that is done.
pub fn adaround(
    weight: &Array2<f32>,
    scales: &[f32],
    levels: Levels,
    x: &[f32],
    steps: usize,
    report: &mut dyn FnMut(f64) -> bool,
) -> Result<Array2<i8>> {
    let (outputs, inputs) = weight.dim();
    if scales.len() != outputs || x.is_empty() || !x.len().is_multiple_of(inputs) {
        return Err(Error::Mismatch(format!(
            "weights [{outputs}, {inputs}] with {} scales and {} inputs, expected a scale for each row and at least one digit",
            scales.len(),
            x.len()
        )));
    }
    let x = centred(x, inputs);
    let digits = x.len() / inputs;
    let mut random = Random::new(0);
    let batches: Vec<[usize; BATCH]> =
        (0..steps).map(|_| std::array::from_fn(|_| random.below(digits))).collect();
    let mut integers = Array2::zeros((outputs, inputs));
    for (row, &scale) in scales.iter().enumerate() {
        go_on(report, row as f64 / outputs as f64)?;
        let weights = weight.row(row).to_vec();
        let mut learner = Learner::new(&weights, scale, levels);
        for (step, batch) in batches.iter().enumerate() {
            learner.step(&x, batch, step, steps);
        }
        integers.row_mut(row).iter_mut().zip(learner.integers()).for_each(|(integer, q)| *integer = q);
    }
    Ok(integers)
}

/// `x` less each column's mean.
fn centred(x: &[f32], inputs: usize) -> Vec<f32> {
    let mut mean = vec![0.0; inputs];
    for row in x.chunks_exact(inputs) {
        mean.iter_mut().zip(row).for_each(|(mean, &x)| *mean += f64::from(x));
    }
    let digits = (x.len() / inputs) as f64;
    x.chunks_exact(inputs)
        .flat_map(|row| row.iter().zip(&mean).map(|(&x, mean)| (f64::from(x) - mean / digits) as f32))
        .collect()
}

/// One row of weights, learning.
struct Learner<'a> {
    weights: &'a [f32],
    scale: f32,
    levels: Levels,
    /// `⌊w / s⌋`.
    floors: Vec<f32>,
    v: Vec<f32>,
    /// Adam's averages of the gradient and its square.
    averages: Vec<[f32; 2]>,
    /// `ŵ - w`.
    errors: Vec<f32>,
    gradient: Vec<f32>,
}

impl<'a> Learner<'a> {
    fn new(weights: &'a [f32], scale: f32, levels: Levels) -> Self {
        let floors: Vec<f32> = weights.iter().map(|w| (w / scale).floor()).collect();
        let v = weights.iter().zip(&floors).map(|(w, floor)| {
            // So that h(v) is what the weight is above its floor.
            let rest = w / scale - floor;
            -libm::logf((ZETA - GAMMA) / (rest - GAMMA) - 1.0)
        });
        Self {
            v: v.collect(),
            averages: vec![[0.0; 2]; weights.len()],
            errors: vec![0.0; weights.len()],
            gradient: vec![0.0; weights.len()],
            weights,
            scale,
            levels,
            floors,
        }
    }

    /// The integers, each weight having decided.
    fn integers(&self) -> impl Iterator<Item = i8> {
        self.v.iter().zip(&self.floors).map(|(&v, floor)| {
            let up = if v >= 0.0 { 1.0 } else { 0.0 };
            self.levels.nearest(f64::from(floor + up))
        })
    }

    fn step(&mut self, x: &[f32], batch: &[usize; BATCH], step: usize, steps: usize) {
        let inputs = self.weights.len();
        let (least, most) = (f32::from(self.levels.least), f32::from(self.levels.most));
        let sigmoids: Vec<f32> = self.v.iter().map(|&v| 1.0 / (1.0 + libm::expf(-v))).collect();
        for (at, &sigmoid) in sigmoids.iter().enumerate() {
            let integer = (self.floors[at] + stretched(sigmoid)).clamp(least, most);
            self.errors[at] = integer * self.scale - self.weights[at];
        }
        self.gradient.fill(0.0);
        for &digit in batch {
            let x = &x[digit * inputs..][..inputs];
            let factor = 2.0 / BATCH as f32 * dot(&self.errors, x);
            self.gradient.iter_mut().zip(x).for_each(|(gradient, x)| *gradient += factor * x);
        }
        let share = (step as f32 / steps as f32 - WARM) / (1.0 - WARM);
        let beta = BETA[1] + (BETA[0] - BETA[1]) * (1.0 - share);
        let corrections = DECAY.map(|decay| 1.0 - libm::powf(decay, (step + 1) as f32));
        for (at, sigmoid) in sigmoids.into_iter().enumerate() {
            let h = stretched(sigmoid);
            let integer = self.floors[at] + h;
            let mut slope =
                if (least..=most).contains(&integer) { self.gradient[at] * self.scale } else { 0.0 };
            let side = 2.0 * h - 1.0;
            if share >= 0.0 {
                slope -= REGULARISER * 2.0 * beta * libm::powf(side.abs(), beta - 1.0) * side.signum();
            }
            // Where h is 0 or 1 it stays.
            let inside = h > 0.0 && h < 1.0;
            let slope = if inside { slope * (ZETA - GAMMA) * sigmoid * (1.0 - sigmoid) } else { 0.0 };
            let averages = &mut self.averages[at];
            averages[0] = DECAY[0] * averages[0] + (1.0 - DECAY[0]) * slope;
            averages[1] = DECAY[1] * averages[1] + (1.0 - DECAY[1]) * slope * slope;
            let root = (averages[1] / corrections[1]).sqrt();
            self.v[at] -= LEARNING_RATE * (averages[0] / corrections[0]) / (root + SMALL);
        }
    }
}

/// `h`, of a sigmoid.
fn stretched(sigmoid: f32) -> f32 {
    (sigmoid * (ZETA - GAMMA) + GAMMA).clamp(0.0, 1.0)
}

/// `Σ a b`, in eight columns.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const COLUMNS: usize = 8;
    let mut sums = [0.0; COLUMNS];
    let (a, b) = (a.chunks_exact(COLUMNS), b.chunks_exact(COLUMNS));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for column in 0..COLUMNS {
            sums[column] += a[column] * b[column];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::quant::repairs::Levels;

    /// `Σ (e · x)²` of centred inputs.
    fn error(weight: &Array2<f32>, integers: &Array2<i8>, scale: f32, x: &[f32]) -> f32 {
        let inputs = weight.ncols();
        let x = centred(x, inputs);
        let rows = weight.rows().into_iter().zip(integers.rows());
        rows.map(|(w, q)| {
            let e: Vec<f32> = w.iter().zip(q).map(|(w, &q)| w - f32::from(q) * scale).collect();
            x.chunks(inputs).map(|x| dot(&e, x) * dot(&e, x)).sum::<f32>()
        })
        .sum()
    }

    #[test]
    fn two_inputs_that_vary_together_share_a_step() {
        // Only the sum of a row counts: 0.45 + 0.35 is nearer to 1 than to the 0 that nearest rounding gives.
        let x: Vec<f32> = (0..64).flat_map(|at| [(at % 9) as f32, (at % 9) as f32]).collect();
        let weight = array![[0.45, 0.35]];
        let integers = adaround(&weight, &[1.0], Levels::bits(4), &x, 1000, &mut |_| true).unwrap();
        assert_eq!(integers.sum(), 1, "{integers}");
    }

    #[test]
    fn weights_on_integers_and_beyond_the_ends_stay() {
        let x: Vec<f32> = (0..60).map(|at| (at * 7 % 11) as f32).collect();
        let weight = array![[1.0, -2.0, 0.0, 9.0, -9.0]];
        let integers = adaround(&weight, &[1.0], Levels::bits(3), &x, 200, &mut |_| true).unwrap();
        assert_eq!(integers, array![[1, -2, 0, 3, -4]]);
    }

    #[test]
    fn outputs_change_less_than_by_rounding_to_the_nearest() {
        let mut random = Random::new(5);
        let inputs = 24;
        let x: Vec<f32> = (0..200)
            .flat_map(|_| {
                let common = random.uniform(-1.0, 1.0);
                let row: [f32; 24] = std::array::from_fn(|_| common + random.uniform(-0.5, 0.5));
                row
            })
            .collect();
        let weight = Array2::from_shape_simple_fn((6, inputs), || random.uniform(-1.0, 1.0));
        let (levels, scale) = (Levels::bits(3), 0.3);
        let learned = adaround(&weight, &[scale; 6], levels, &x, 600, &mut |_| true).unwrap();
        let nearest = weight.mapv(|w| levels.nearest(f64::from(w / scale)));
        let (learned, nearest) = (error(&weight, &learned, scale, &x), error(&weight, &nearest, scale, &x));
        assert!(learned < 0.7 * nearest, "{learned}, nearest rounding {nearest}");
    }

    #[test]
    fn it_stops_and_says_what_does_not_fit() {
        let run =
            |x: &[f32], go_on| adaround(&array![[0.5, 0.5]], &[1.0], Levels::bits(4), x, 5, &mut |_| go_on);
        assert!(matches!(run(&[1.0, 2.0], false), Err(Error::Stopped)));
        for x in [&[][..], &[1.0, 2.0, 3.0]] {
            assert!(run(x, true).unwrap_err().to_string().contains("at least one digit"));
        }
    }
}
