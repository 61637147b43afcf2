use digit8_core::digits::normalized;
use digit8_core::quant::textbook::{self, QParams};
use digit8_core::quant::{Observations, Range};
use ndarray::Array2;

use crate::lab::Lab;
use crate::network::Calibrated;
use digit8_host::terminal::Table;
use digit8_report::chart::{self, Chart, Ruler, short};

/// Bits of activations and of weights, as in the notebook and in PyTorch.
const ACTIVATION_BITS: u32 = 7;
const WEIGHT_BITS: u32 = 8;

/// The first layer quantized by hand: affine activations, symmetric weights.
pub fn linear1(lab: &Lab, seen: &Observations) -> anyhow::Result<textbook::Linear> {
    let layer = &lab.mlp.layers()[0];
    Ok(textbook::Linear::new(
        layer,
        QParams::affine(seen.quant, ACTIVATION_BITS)?,
        QParams::symmetric(Range::of(&layer.weight), WEIGHT_BITS)?,
        QParams::affine(seen.linear1, ACTIVATION_BITS)?,
    ))
}

/// Values, and how often each occurs.
type Values = Vec<(f64, usize)>;

/// Both kinds of parameters for the tensors of the first layer, and what each costs: the root of the mean squared error.
pub fn both_kinds(lab: &Lab, seen: &Observations) -> anyhow::Result<Table<7>> {
    let once = |values: &Array2<f32>| values.iter().map(|&value| (f64::from(value), 1)).collect();
    let weight = &lab.mlp.layers()[0].weight;
    let row = |name: &str, range: Range, bits: u32, values: Values| {
        let symmetric = QParams::symmetric(range, bits)?;
        let affine = QParams::affine(range, bits)?;
        anyhow::Ok([
            name.into(),
            bits.to_string(),
            format!("{:.8}", symmetric.scale),
            short(error(symmetric, &values)),
            format!("{:.8}", affine.scale),
            affine.zero_point.to_string(),
            short(error(affine, &values)),
        ])
    };
    Ok(Table::new(
        ["tensor", "bits", "symmetric scale", "error", "affine scale", "affine zero point", "error"],
        [
            row("input x", seen.quant, ACTIVATION_BITS, pixels(lab))?,
            row("weights w", Range::of(weight), WEIGHT_BITS, once(weight))?,
            row("output y", seen.linear1, ACTIVATION_BITS, once(&lab.outputs[0]))?,
        ],
    ))
}

/// The normalised pixels of all test images.
fn pixels(lab: &Lab) -> Values {
    let mut counts = [0; 256];
    lab.dataset.test.images().iter().for_each(|&pixel| counts[usize::from(pixel)] += 1);
    normalized().into_iter().map(f64::from).zip(counts).collect()
}

/// Both kinds of integers laid along the values of the input and of the weights.
pub fn both_rulers(lab: &Lab, seen: &Observations) -> anyhow::Result<Vec<Chart>> {
    let tensors = [
        ("input x, 7 bits", seen.quant, ACTIVATION_BITS),
        ("weights w, 8 bits", Range::of(&lab.mlp.layers()[0].weight), WEIGHT_BITS),
    ];
    let chart = |(title, range, bits): (&str, Range, u32)| {
        let kinds = [
            ruler("symmetric", QParams::symmetric(range, bits)?),
            ruler("affine", QParams::affine(range, bits)?),
        ];
        Ok(chart::rulers(title, [range.min, range.max].map(f64::from), &kinds))
    };
    tensors.into_iter().map(chart).collect()
}

fn ruler(kind: &str, qparams: QParams) -> Ruler {
    let QParams { zero_point, qmin, qmax, .. } = qparams;
    let named = [qmin, zero_point, qmax].map(|q| (qparams.dequantize(q), q.to_string()));
    Ruler {
        label: format!("{kind}: {} to {qmax}, 0 is {zero_point}", qmin.to_string().replace('-', "−")),
        marks: (qmin..=qmax).map(|q| qparams.dequantize(q)).collect(),
        named: named.into(),
    }
}

/// The root of the mean squared error.
fn error(qparams: QParams, values: &Values) -> f64 {
    let square = |value: f64| (qparams.dequantize(qparams.quantize(value)) - value).powi(2);
    let (sum, count) = values
        .iter()
        .fold((0.0, 0), |(sum, total), &(value, count)| (sum + count as f64 * square(value), total + count));
    (sum / count.max(1) as f64).sqrt()
}

/// The parameters by hand, and PyTorch's.
pub fn against_pytorch(linear: &textbook::Linear, quantized: &Calibrated) -> Table<4> {
    let Calibrated { int8, input, outputs: [output, ..], .. } = quantized;
    let weight_scale = int8.layers()[0].weight_scale.of(0);
    let multiplier = input.scale.get() * weight_scale.get() / output.scale.get();
    let scale = |name: &str, by_hand: f64, pytorch: f32| {
        let pytorch = f64::from(pytorch);
        let relative = by_hand / pytorch - 1.0;
        let difference = if relative.abs() < 1e-4 {
            format!("{:+.3} millionths", 1e6 * relative)
        } else {
            format!("{:+.3} %", 100.0 * relative)
        };
        // Ten digits: enough to see where `f32` ends.
        let digits = (9 - pytorch.log10().floor() as i32).clamp(0, 20) as usize;
        [name.into(), format!("{by_hand:.digits$}"), format!("{pytorch:.digits$}"), difference]
    };
    let zero_point = |name: &str, by_hand: i16, pytorch: u8| {
        [name.into(), by_hand.to_string(), pytorch.to_string(), (by_hand - i16::from(pytorch)).to_string()]
    };
    Table::new(
        ["of linear1", "by hand, float64", "PyTorch, float32", "difference"],
        [
            scale("input scale S_x", linear.input.scale, input.scale.get()),
            zero_point("input zero point Z_x", linear.input.zero_point, input.zero_point.0),
            scale("weight scale S_w", linear.weights.scale, weight_scale.get()),
            zero_point("weight zero point Z_w", linear.weights.zero_point, 0),
            scale("output scale S_y", linear.output.scale, output.scale.get()),
            zero_point("output zero point Z_y", linear.output.zero_point, output.zero_point.0),
            scale("multiplier M = S_x·S_w / S_y", linear.multiplier(), multiplier),
        ],
    )
}
