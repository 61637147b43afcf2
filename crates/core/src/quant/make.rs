//! From a float network and a recipe to a network on integers.
//!
//! The order: equalize; observe the activations; then layer by layer find scales, round, and mend the bias, each layer seeing what the
//! ones before it hand on; then retrain, and observe the activations of the network that came of it.
//!
//! The same network, recipe and digits give the same bits on every kernel and platform: real numbers are computed as
//! [`reals`](super::reals) and the repairs have it.

use std::fmt;

use digit8_kernels::train::Rows;
use serde::Serialize;

use crate::digits::{Digits, PIXELS, normalize};
use crate::float::{Linear, Mlp};
use crate::int8::{QuantizedLinear, QuantizedMlp, Scheme};
use crate::quant::reals::Reals;
use crate::quant::repairs::{Hessian, Levels, Moments, Rounded, adaround, corrected_bias, equalize, gptq};
use crate::quant::retrain::Trainer;
use crate::quant::{
    Granularity, Observations, Recipe, Rounding, Scale, WeightScale, Width, activations, nearest, observe,
    weight_scale,
};
use crate::{Error, Kernel, Result};

/// Digits that go through the network together, where their number changes nothing.
const BATCH: usize = 100;
/// Steps of AdaRound for each weight.
const ADAROUND_STEPS: usize = 1000;

/// What [`make`] is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Observing activations.
    Calibrate,
    /// Rounding weights.
    Round,
    /// Retraining.
    Retrain,
}

/// How far [`make`] is.
#[derive(Clone, Copy)]
pub struct Progress<'a> {
    /// What it is at.
    pub stage: Stage,
    /// The share of the stage that is done, 0 to 1.
    pub done: f64,
    /// The mean loss of the last digits, in retraining.
    pub loss: Option<f32>,
    /// The network as it is, in retraining: to watch it learn.
    pub network: Option<&'a dyn Fn() -> Result<QuantizedMlp>>,
}

impl fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { stage, done, loss, .. } = self;
        f.debug_struct("Progress")
            .field("stage", stage)
            .field("done", done)
            .field("loss", loss)
            .finish_non_exhaustive()
    }
}

impl Progress<'_> {
    fn of(stage: Stage, done: f64) -> Self {
        Self { stage, done, loss: None, network: None }
    }
}

/// A network that was made, and what was done.
#[derive(Clone, Debug)]
pub struct Made {
    /// The network on integers.
    pub int8: QuantizedMlp,
    /// The float network that it stands for, before rounding: equalized, if the recipe has that.
    pub float: Mlp,
    /// What the observers saw, if the scheme has any.
    pub seen: Option<Observations>,
    /// The mean loss of each step of retraining.
    pub losses: Vec<f32>,
}

/// Quantizes `mlp` by a recipe. `calibration` are the pixels `[n, 784]` that observers and repairs watch, all of them; `training` the
/// digits that retraining takes its own number of. `progress` is told how far it is, and says whether to go on.
///
/// # Errors
/// [`Error::Recipe`] or [`Error::BitWidth`] if there is no such recipe; [`Error::Range`] if activations are to be watched and there are no
/// digits, or a range is not finite; [`Error::Mismatch`] if there is nothing to retrain on; [`Error::Stopped`] if `progress` says so.
pub fn make(
    mlp: &Mlp,
    recipe: &Recipe,
    calibration: &[u8],
    training: &Digits,
    kernel: Kernel,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Made> {
    recipe.check()?;
    let mut report = |now: Progress| if progress(now) { Ok(()) } else { Err(Error::Stopped) };
    if recipe.calibrates() && calibration.len() < PIXELS {
        return Err(Error::Range("activations: there are no digits to calibrate with".into()));
    }
    let float = if recipe.repairs.equalize { equalize(mlp)? } else { mlp.clone() };
    let count = (calibration.len() / PIXELS).max(1);
    let watch = |mlp: &Mlp, report: &mut dyn FnMut(Progress) -> Result<()>| {
        if recipe.scheme == Scheme::Dynamic {
            return Ok(None);
        }
        let mut done = 0;
        let seen = observe(mlp, kernel, recipe, calibration, &mut |more| {
            done += more;
            report(Progress::of(Stage::Calibrate, done as f64 / count as f64))
        })?;
        Ok(Some(seen))
    };
    let mut seen = watch(&float, &mut report)?;
    let mut layers =
        round(&float, recipe, calibration, kernel, &mut |done| report(Progress::of(Stage::Round, done)))?;
    let mut losses = Vec::new();
    if recipe.retraining.epochs > 0 {
        // What rounding chose is where retraining starts; nearest rounding chooses nothing.
        let mended = recipe.repairs.rounding != Rounding::Nearest || recipe.repairs.correct_bias;
        let start = if mended {
            Mlp::new(layers.each_ref().map(QuantizedLinear::dequantized))?
        } else {
            float.clone()
        };
        let mut trainer = Trainer::new(&start, recipe, kernel)?;
        trainer.run(
            training,
            |mlp| activations(recipe, watch(mlp, &mut |_| Ok(()))?.as_ref()),
            &mut |step| {
                losses.push(step.loss);
                report(Progress {
                    loss: Some(step.loss),
                    network: Some(step.network),
                    ..Progress::of(Stage::Retrain, step.done as f64 / step.total as f64)
                })
            },
        )?;
        layers = trainer.quantized();
        seen = watch(&trainer.mlp()?, &mut report)?;
    }
    let int8 = QuantizedMlp::new(layers, activations(recipe, seen.as_ref())?)?;
    Ok(Made { int8, float, seen, losses })
}

/// The layers on integers, rounded as the recipe has it and with their biases mended if it wants that.
fn round(
    float: &Mlp,
    recipe: &Recipe,
    calibration: &[u8],
    kernel: Kernel,
    report: &mut dyn FnMut(f64) -> Result<()>,
) -> Result<[QuantizedLinear; 3]> {
    let learns = recipe.repairs.rounding != Rounding::Nearest;
    // GPTQ and AdaRound leave the mean of the inputs to the bias.
    let mends = learns || recipe.repairs.correct_bias;
    // The layers done so far are what their integers stand for, the others are float.
    let mut network = float.clone();
    let mut done = Vec::with_capacity(3);
    for (index, linear) in float.layers().iter().enumerate() {
        let weight_scale = weight_scale(index, &linear.weight, &recipe.weights, recipe.epsilon)?;
        let width = recipe.weights.bits[index];
        let inputs = |mlp: &Mlp| -> Result<Moments> { Ok(moments(mlp, index, calibration, kernel)) };
        let moments = if mends { Some((inputs(float)?, inputs(&network)?)) } else { None };
        let mut stopped = |share: f64| report((index as f64 + share) / 3.0).is_ok();
        let (weight, weight_scale) = match (recipe.repairs.rounding, &moments) {
            (Rounding::Gptq, Some((_, seen))) => {
                let per_row = recipe.weights.granularity == Granularity::PerChannel;
                let scales = each(&weight_scale, linear.bias.len());
                let hessian = Hessian::of(seen)?;
                let Rounded { integers, scales } =
                    gptq(&linear.weight, &scales, per_row, levels(width), &hessian, &mut stopped)?;
                (integers, together(&scales, per_row)?)
            }
            (Rounding::AdaRound, _) => {
                let scales = each(&weight_scale, linear.bias.len());
                let x = layer_inputs(&network, index, calibration, kernel);
                let integers =
                    adaround(&linear.weight, &scales, levels(width), &x, ADAROUND_STEPS, &mut stopped)?;
                (integers, weight_scale)
            }
            _ => (nearest(&linear.weight, &weight_scale, width), weight_scale),
        };
        let mut layer = QuantizedLinear { weight, width, weight_scale, bias: linear.bias.clone() };
        if let Some((of_float, of_network)) = &moments {
            let Linear { weight, .. } = layer.dequantized();
            layer.bias = corrected_bias(linear, &weight, &of_float.mean()?, &of_network.mean()?);
        }
        let mut layers = network.layers().clone();
        layers[index] = layer.dequantized();
        network = Mlp::new(layers)?;
        done.push(layer);
        report((index + 1) as f64 / 3.0)?;
    }
    <[QuantizedLinear; 3]>::try_from(done)
        .map_err(|_| Error::Model("a network of other than three layers".into()))
}

/// The integers that weights of a width can become.
fn levels(width: Width) -> Levels {
    let (least, most) = width.ends();
    Levels { least, most, zero: width.holds(0) }
}

/// The scale of each row.
fn each(scale: &WeightScale, rows: usize) -> Vec<f32> {
    (0..rows).map(|row| scale.of(row).get()).collect()
}

/// The other way round.
fn together(scales: &[f32], per_row: bool) -> Result<WeightScale> {
    match (per_row, scales) {
        (false, &[first, ..]) => Ok(WeightScale::PerTensor(Scale::new(first)?)),
        _ => {
            Ok(WeightScale::PerChannel(scales.iter().map(|&scale| Scale::new(scale)).collect::<Result<_>>()?))
        }
    }
}

/// What layer `index` of a network is given, row after row, batch by batch.
fn watch_inputs(mlp: &Mlp, index: usize, pixels: &[u8], kernel: Kernel, mut see: impl FnMut(&[f32])) {
    let mut network = Reals::new(mlp, kernel);
    for batch in pixels.chunks(BATCH * PIXELS) {
        let inputs: &Rows = &network.run(batch, true)[index];
        (0..inputs.count()).for_each(|row| see(inputs.row(row)));
    }
}

fn moments(mlp: &Mlp, index: usize, pixels: &[u8], kernel: Kernel) -> Moments {
    let paper = if index == 0 { normalize(0) } else { 0.0 };
    let mut moments = Moments::new(mlp.layers()[index].weight.ncols(), paper);
    watch_inputs(mlp, index, pixels, kernel, |row| moments.observe(row));
    moments
}

fn layer_inputs(mlp: &Mlp, index: usize, pixels: &[u8], kernel: Kernel) -> Vec<f32> {
    let mut all = Vec::with_capacity(pixels.len() / PIXELS * mlp.layers()[index].weight.ncols());
    watch_inputs(mlp, index, pixels, kernel, |row| all.extend_from_slice(row));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Confusion, batched_logits};
    use crate::file::{Info, Model, read, write};
    use crate::quant::{Calibration, calibrate, quantize};

    const KERNEL: Kernel = Kernel::Scalar;

    /// Ten kinds of stripes with noise on them, which a small network learns to tell apart.
    fn digits(count: usize) -> Digits {
        let mut random = crate::random::Random::new(1);
        let labels: Vec<u8> = (0..count).map(|at| (at % 10) as u8).collect();
        let pixel = |label: u8, at: usize, noise: usize| match at * 10 / PIXELS == usize::from(label) {
            true => 255 - noise as u8,
            false => (noise / 3) as u8,
        };
        let images = labels
            .iter()
            .flat_map(|&label| (0..PIXELS).map(move |at| (label, at)))
            .map(|(label, at)| if at % 3 == 0 { pixel(label, at, random.below(200)) } else { 0 })
            .collect();
        Digits::new(images, labels).unwrap()
    }

    fn made(mlp: &Mlp, text: &str, kernel: Kernel) -> Result<Made> {
        let digits = digits(200);
        make(mlp, &text.parse().unwrap(), digits.images(), &digits, kernel, &mut |_| true)
    }

    #[test]
    fn pytorchs_recipe_is_pytorchs_network() {
        let mlp = Mlp::random([30, 20], 1).unwrap();
        let digits = digits(200);
        for scheme in Scheme::ALL {
            for (granularity, flag) in
                [(Granularity::PerTensor, ""), (Granularity::PerChannel, "/per-channel")]
            {
                let seen = || calibrate(&mlp, KERNEL, scheme, digits.images(), |_| ());
                let expected = quantize(&mlp, Calibration::of(scheme, seen).unwrap(), granularity).unwrap();
                let found = made(&mlp, &format!("scheme={scheme}{flag}"), KERNEL).unwrap().int8;
                assert_eq!(found, expected, "{scheme} {granularity:?}");
            }
        }
    }

    #[test]
    fn every_recipe_gives_every_kernel_the_same_bits() {
        let mlp = Mlp::random([30, 20], 2).unwrap();
        for text in [
            "scheme=fused/weight-bits=3/per-channel/weight-range=mse/observer=histogram/equalize/rounding=gptq",
            "weight-bits=4,ternary,binary/activation-bits=5/observer=mse/correct-bias",
            "scheme=dynamic/weight-bits=2/weight-range=mse/retrain=2/learning-rate=0.003",
            "scheme=fused/weight-bits=3/symmetric/activation-bits=6/rounding=gptq/retrain=1",
        ] {
            let scalar = made(&mlp, text, KERNEL).unwrap();
            for kernel in Kernel::available() {
                let found = made(&mlp, text, kernel).unwrap();
                assert_eq!(
                    (found.int8, found.losses),
                    (scalar.int8.clone(), scalar.losses.clone()),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn networks_of_every_width_are_packed_and_come_back() {
        let mlp = Mlp::random([30, 20], 3).unwrap();
        for width in Width::ALL {
            let text = format!("scheme=fused/weight-bits={width}/per-channel/activation-bits=4");
            let int8 = made(&mlp, &text, KERNEL).unwrap().int8;
            let file = write(&Model::Int8(int8.clone()), &Info::new()).unwrap();
            let back = read(&file).unwrap().model;
            assert_eq!(back, Model::Int8(int8.clone()), "{width}");
            let wide = made(&mlp, "scheme=fused/per-channel", KERNEL).unwrap().int8;
            let wide = write(&Model::Int8(wide), &Info::new()).unwrap();
            let saved =
                mlp.layers().iter().map(|layer| layer.weight.len()).sum::<usize>() - int8.weight_bytes();
            assert!(
                wide.len() + 1000 > file.len() + saved,
                "{width}: {} of {} bytes",
                file.len(),
                wide.len()
            );
        }
    }

    #[test]
    fn activations_of_few_bits_stay_within_them() {
        let mlp = Mlp::random([30, 20], 4).unwrap();
        for kernel in Kernel::available() {
            for scheme in [Scheme::Static, Scheme::Fused] {
                let int8 =
                    made(&mlp, &format!("scheme={scheme}/activation-bits=3/observer=percentile:90"), kernel);
                let int8 = int8.unwrap().int8;
                let pixels = digits(20);
                let steps = int8.trace(kernel, pixels.images());
                let mut greatest = 0;
                for step in &steps {
                    greatest = step
                        .values
                        .as_integers()
                        .map_or(greatest, |q| q.iter().copied().fold(greatest, u8::max));
                }
                assert_eq!(greatest, 7, "{scheme} on {}", kernel.name());
                let mut logits = vec![0.0; 200];
                int8.engine(kernel).logits(pixels.images(), &mut logits);
                let traced = steps.last().and_then(|step| step.values.as_reals()).unwrap();
                assert_eq!(traced.as_slice().unwrap(), logits);
            }
        }
    }

    #[test]
    fn retraining_brings_back_what_two_bits_lost() {
        let digits = digits(400);
        let settings = crate::float::Settings {
            batch: 10,
            epochs: 3,
            seed: 1,
            learning_rate: 0.001,
            schedule: crate::float::Schedule::Constant,
            smoothing: 0.0,
            weight_decay: 0.0,
            average: 0.0,
        };
        let random = Mlp::random([30, 20], 5).unwrap();
        let mlp = crate::float::train(&random, KERNEL, &digits, &settings, None, &mut |_| ()).unwrap();
        let right = |text: &str| {
            let int8 = Model::Int8(made(&mlp, text, KERNEL).unwrap().int8);
            Confusion::count(&batched_logits(&int8, KERNEL, digits.images(), 10), digits.labels()).accuracy()
        };
        let (before, after) = (
            right("scheme=fused/weight-bits=binary"),
            right("scheme=fused/weight-bits=binary/weight-range=mse/retrain=8/retrain-batch=10"),
        );
        assert!(after > 0.95 && after > before, "{before} before, {after} after");
    }

    #[test]
    fn work_ends_when_it_is_told_to() {
        let (mlp, digits) = (Mlp::random([30, 20], 6).unwrap(), digits(200));
        let recipe = "rounding=gptq/retrain=2".parse().unwrap();
        for stage in [Stage::Calibrate, Stage::Round, Stage::Retrain] {
            let mut reached = false;
            let result = make(&mlp, &recipe, digits.images(), &digits, KERNEL, &mut |now| {
                assert!(!reached && (0.0..=1.0).contains(&now.done));
                reached = now.stage == stage;
                !reached
            });
            assert!(matches!(result, Err(Error::Stopped)), "{stage:?}");
        }
    }

    #[test]
    fn nothing_to_look_at_is_an_error() {
        let (mlp, none) = (Mlp::random([30, 20], 7).unwrap(), Digits::default());
        let message = |text: &str| {
            let recipe = text.parse().unwrap();
            make(&mlp, &recipe, &[], &none, KERNEL, &mut |_| true).unwrap_err().to_string()
        };
        assert!(message("pytorch").contains("no digits to calibrate with"));
        assert!(message("scheme=dynamic/rounding=gptq").contains("no digits to calibrate with"));
        assert!(message("scheme=dynamic/retrain=1").contains("no digits to train on"));
        assert!(make(&mlp, &"scheme=dynamic".parse().unwrap(), &[], &none, KERNEL, &mut |_| true).is_ok());
    }
}
