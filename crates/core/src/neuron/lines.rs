//! A static neuron's arithmetic, line by line: PyTorch's, and the textbook's beside it.

use super::{Output, Textbook};
use crate::int8::QuantizedLinear;
use crate::quant::textbook::{self, FixedPoint};
use crate::quant::{QParams, Scale, WeightScale};

/// Rule 6, line by line.
pub(super) fn requantized(
    linear: &QuantizedLinear,
    row: usize,
    accumulator: i32,
    (input, output): (QParams, QParams),
    hidden: bool,
    x: &[u8],
) -> Output {
    let bias = linear.bias[row];
    let step = input.scale.get() * linear.weight_scale.of(row).get();
    let (bias_steps, total) = match linear.weight_scale {
        WeightScale::PerTensor(_) => {
            let inverse = step.recip();
            (bias * inverse, bias.mul_add(inverse, accumulator as f32))
        }
        WeightScale::PerChannel(_) => (bias / step, bias / step + accumulator as f32),
    };
    let multiplier = step / output.scale.get();
    let scaled = total * multiplier;
    // What does not fit is the least integer, as the CPU's own conversion has it.
    let rounded = if scaled >= 2f32.powi(31) { i32::MIN } else { scaled.round_ties_even() as i32 };
    let shifted = rounded.saturating_add(output.zero_point.0.into());
    let clamped = shifted.clamp(0, output.max.into()) as u8;
    let integer = if hidden { clamped.max(output.zero_point.0) } else { clamped };
    Output::Requantized {
        bias_steps,
        total,
        multiplier,
        scaled,
        rounded,
        zero_point: output.zero_point,
        scale: output.scale,
        shifted,
        clamped,
        greatest: output.max,
        integer,
        real: output.dequantize(integer),
        textbook: textbook(linear, row, (input, output), hidden, x),
    }
}

/// The textbook's arithmetic on this neuron's integers; none where the multiplier has no fixed-point form.
fn textbook(
    linear: &QuantizedLinear,
    row: usize,
    (input, output): (QParams, QParams),
    hidden: bool,
    x: &[u8],
) -> Option<Textbook> {
    let parameters = |scale: Scale, zero_point: u8, qmin, qmax| textbook::QParams {
        scale: scale.get().into(),
        zero_point: zero_point.into(),
        qmin,
        qmax,
    };
    let input = parameters(input.scale, input.zero_point.0, 0, 255);
    let weights = parameters(linear.weight_scale.of(row), 0, -128, 127);
    // ReLU is the lower end of the clamp.
    let least = if hidden { output.zero_point.0.into() } else { 0 };
    let output = parameters(output.scale, output.zero_point.0, least, output.max.into());
    let bias = (f64::from(linear.bias[row]) / (input.scale * weights.scale)).round_ties_even() as i32;
    let neuron = textbook::Linear {
        weight: linear.weight.row(row).iter().map(|&w| w.into()).collect(),
        bias: vec![bias],
        input,
        weights,
        output,
    };
    let inputs: Vec<i16> = x.iter().map(|&x| x.into()).collect();
    let &[sum] = &neuron.sums(&inputs)[..] else { return None };
    let fixed = neuron.fixed_point().ok()?;
    let FixedPoint { multiplier, shift } = fixed;
    let integer = u8::try_from(neuron.requantize_on_integers(fixed, sum)).ok()?;
    Some(Textbook { bias, sum, multiplier, shift, rounded: fixed.multiply(sum), integer })
}
