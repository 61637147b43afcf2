//! What quantization made of a network, as tables.

use digit8_core::int8::{Activations, QuantizedLinear, QuantizedMlp};
use digit8_core::quant::{Observations, WeightScale};
use digit8_host::terminal::Table;

/// What the observers saw, where that is known, and the parameters that follow from it.
pub fn activations_table(seen: Option<&Observations>, activations: &Activations) -> Table<5> {
    const HEADINGS: [&str; 5] = ["activations", "observed min", "observed max", "scale", "zero point"];
    let Activations::Static { input, outputs, .. } = activations else { return Table::new(HEADINGS, []) };
    let [output1, output2, output3] = outputs;
    let rows = [
        ("quant", seen.map(|seen| seen.quant), input),
        ("linear1", seen.map(|seen| seen.linear1), output1),
        ("linear2", seen.map(|seen| seen.linear2), output2),
        ("linear3", seen.map(|seen| seen.linear3), output3),
    ];
    Table::new(
        HEADINGS,
        rows.map(|(name, range, qparams)| {
            [
                name.into(),
                range.map_or("–".into(), |range| range.min.to_string()),
                range.map_or("–".into(), |range| range.max.to_string()),
                qparams.scale.to_string(),
                qparams.zero_point.to_string(),
            ]
        }),
    )
}

/// The scales of the weights, and the integers they lead to.
pub fn weights_table(int8: &QuantizedMlp) -> Table<5> {
    let row = |(number, layer): (usize, &QuantizedLinear)| {
        let (outputs, inputs) = layer.weight.dim();
        let scales = match &layer.weight_scale {
            WeightScale::PerTensor(scale) => scale.to_string(),
            WeightScale::PerChannel(scales) => {
                let least = scales.iter().map(|scale| scale.get()).fold(f32::INFINITY, f32::min);
                let greatest = scales.iter().map(|scale| scale.get()).fold(0.0, f32::max);
                format!("{least} to {greatest}")
            }
        };
        let least = layer.weight.iter().min().copied().unwrap_or(0);
        let greatest = layer.weight.iter().max().copied().unwrap_or(0);
        [
            format!("linear{number}"),
            format!("{outputs} × {inputs}"),
            scales,
            least.to_string(),
            greatest.to_string(),
        ]
    };
    Table::new(
        ["weights", "shape", "scale", "least integer", "greatest integer"],
        (1..).zip(int8.layers()).map(row),
    )
}
