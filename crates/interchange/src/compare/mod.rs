//! Why do two networks differ? Step by step: which integers, how many, by how much, where first; and which of the known causes
//! accounts for it.

mod arithmetic;
mod parameters;
mod subject;

use digit8_core::Kernel;
use digit8_core::compare::{Error as Distance, answer};
use digit8_core::digits::{CLASSES, PIXELS};
use digit8_core::int8::{Activations, QuantizedMlp};
use digit8_core::quant::QParams;
use ndarray::Array2;

use crate::Result;
pub use arithmetic::Arithmetic;
pub use parameters::{Cause, Parameter};
pub use subject::{Output, Outputs, STEPS, Subject};

/// Where two networks part for the first time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The image, counted from 0.
    pub image: usize,
    /// The output of the step, counted from 0.
    pub output: usize,
    /// The first network's value there: its integer, or its real number where one of the two has no integers.
    pub first: f64,
    /// The second's.
    pub second: f64,
}

/// One step of both networks.
#[derive(Clone, Debug)]
pub struct Step {
    /// `quant`, `linear1`, `linear2` or `linear3`: behind ReLU in the hidden layers.
    pub name: &'static str,
    /// Whether both have integers, which are then what is compared.
    pub on_integers: bool,
    /// How many values were compared.
    pub values: usize,
    /// How many differ.
    pub differing: usize,
    /// The greatest difference.
    pub most: f64,
    /// Where they part first.
    pub place: Option<Place>,
    /// How far the second's real numbers are from the first's, where both are known.
    pub distance: Option<Distance>,
}

/// What the output stage of one layer would have to be to give a network's integers from that network's own inputs.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The layer.
    pub layer: &'static str,
    /// How many integers are not what PyTorch's arithmetic makes of the same inputs.
    pub differing: usize,
    /// The arithmetic that leaves the fewest unexplained.
    pub arithmetic: Arithmetic,
    /// How many it leaves.
    pub unexplained: usize,
}

/// Two networks on the same images.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// How many images.
    pub images: usize,
    /// Those of [`STEPS`] that both networks have.
    pub steps: Vec<Step>,
    /// Images that are read as another digit, and the first of them.
    pub digits: (usize, Option<usize>),
    /// Weights, scales and zero points that are not the same, and why, where they can be read.
    pub parameters: Vec<Parameter>,
    /// What the arithmetic of a graph is, layer by layer, where its parameters can be read.
    pub arithmetic: Vec<Explained>,
}

/// Compares two networks on `pixels` `[n, 784]`. `progress` is told the number of images done.
///
/// # Errors
/// If a graph cannot be evaluated.
pub fn compare(
    first: &Subject,
    second: &Subject,
    kernel: Kernel,
    pixels: &[u8],
    mut progress: impl FnMut(usize),
) -> Result<Comparison> {
    const BATCH: usize = 100;
    let mut tallies = STEPS.map(Tally::new);
    let mut stages = [first, second].map(Stages::of);
    let (mut digits, mut first_digit) = (0, None);
    for (batch, images) in pixels.chunks(BATCH * PIXELS).enumerate() {
        let outputs = [first.outputs(kernel, images)?, second.outputs(kernel, images)?];
        for (tally, (a, b)) in tallies.iter_mut().zip(outputs[0].steps.iter().zip(&outputs[1].steps)) {
            if let (Some(a), Some(b)) = (a, b) {
                tally.add(batch * BATCH, a, b);
            }
        }
        for (stages, outputs) in stages.iter_mut().zip(&outputs) {
            stages.add(outputs);
        }
        let read = outputs.each_ref().map(|outputs| digits_of(&outputs.logits));
        for (image, (a, b)) in read[0].iter().zip(&read[1]).enumerate() {
            if a != b {
                digits += 1;
                first_digit.get_or_insert(batch * BATCH + image);
            }
        }
        progress(images.len() / PIXELS);
    }
    let parameters = match (first.parameters(), second.parameters()) {
        (Some(a), Some(b)) => parameters::differences(a, b),
        _ => Vec::new(),
    };
    Ok(Comparison {
        images: pixels.len() / PIXELS,
        steps: tallies.into_iter().filter_map(Tally::finish).collect(),
        digits: (digits, first_digit),
        parameters,
        arithmetic: stages.into_iter().flat_map(Stages::finish).collect(),
    })
}

/// The digits that are read; none where the logits are not finite.
fn digits_of(logits: &Array2<f32>) -> Vec<Option<usize>> {
    logits
        .rows()
        .into_iter()
        .map(|row| answer(&row.iter().copied().take(CLASSES).collect::<Vec<_>>()))
        .collect()
}

/// A step's differences, as the images come.
struct Tally {
    step: Step,
    real: [Vec<f32>; 2],
}

impl Tally {
    fn new(name: &'static str) -> Self {
        let step =
            Step { name, on_integers: true, values: 0, differing: 0, most: 0.0, place: None, distance: None };
        Self { step, real: [Vec::new(), Vec::new()] }
    }

    fn add(&mut self, image: usize, a: &Output, b: &Output) {
        match (&a.integers, &b.integers, &a.real, &b.real) {
            (Some(a), Some(b), ..) => self.count(image, &a.mapv(f64::from), &b.mapv(f64::from)),
            (_, _, Some(a), Some(b)) => {
                self.step.on_integers = false;
                self.count(image, &a.mapv(f64::from), &b.mapv(f64::from));
            }
            _ => return,
        }
        for (all, real) in self.real.iter_mut().zip([&a.real, &b.real]) {
            all.extend(real.iter().flatten());
        }
    }

    fn count(&mut self, image: usize, a: &Array2<f64>, b: &Array2<f64>) {
        let step = &mut self.step;
        for (((row, output), &first), &second) in a.indexed_iter().zip(b) {
            step.values += 1;
            if first != second {
                step.differing += 1;
                step.most = step.most.max((first - second).abs());
                step.place.get_or_insert(Place { image: image + row, output, first, second });
            }
        }
    }

    fn finish(mut self) -> Option<Step> {
        let [a, b] = &self.real;
        if !a.is_empty() && a.len() == b.len() {
            self.step.distance = Some(Distance::between(a, b));
        }
        (self.step.values > 0).then_some(self.step)
    }
}

/// The layers of a graph, each tried with every arithmetic on the graph's own integers.
struct Stages<'a> {
    mlp: Option<(&'a QuantizedMlp, bool, [QParams; 4])>,
    /// Mismatches, by layer and arithmetic.
    mismatches: [[usize; Arithmetic::ALL.len()]; 3],
}

impl<'a> Stages<'a> {
    fn of(subject: &'a Subject) -> Self {
        let mlp = match subject {
            Subject::Graph { parameters: Some(mlp), .. } => match *mlp.activations() {
                Activations::Static { fused, input, outputs: [a, b, c], .. } => {
                    Some((&**mlp, fused, [input, a, b, c]))
                }
                Activations::Dynamic => None,
            },
            _ => None,
        };
        Self { mlp, mismatches: Default::default() }
    }

    fn add(&mut self, outputs: &Outputs) {
        let Some((mlp, _, qparams)) = self.mlp else { return };
        let integers = |step: usize| outputs.steps[step].as_ref().and_then(|output| output.integers.as_ref());
        for (index, layer) in mlp.layers().iter().enumerate() {
            let (Some(x), Some(y)) = (integers(index), integers(index + 1)) else { continue };
            for (x, y) in x.rows().into_iter().zip(y.rows()) {
                let x: Vec<u8> = x.to_vec();
                for (arithmetic, mismatches) in Arithmetic::ALL.into_iter().zip(&mut self.mismatches[index]) {
                    // Behind ReLU in the hidden layers, whether it is fused or not: both clamp at the zero point.
                    let found = arithmetic.outputs(layer, qparams[index], qparams[index + 1], index < 2, &x);
                    *mismatches += found.iter().zip(y).filter(|(found, y)| found != y).count();
                }
            }
        }
    }

    fn finish(self) -> Vec<Explained> {
        if self.mlp.is_none() {
            return Vec::new();
        }
        let layers = STEPS[1..].iter().zip(self.mismatches);
        layers
            .map(|(&layer, mismatches)| {
                let best = (0..mismatches.len()).min_by_key(|&at| mismatches[at]).unwrap_or(0);
                Explained {
                    layer,
                    differing: mismatches[0],
                    arithmetic: Arithmetic::ALL[best],
                    unexplained: mismatches[best],
                }
            })
            .collect()
    }
}
