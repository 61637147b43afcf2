//! The recipes that are tried.

use digit8_core::quant::Width;

/// What every recipe has in common.
const BASE: &str = "scheme=fused/calibrate=train/samples=1000";

/// A way to make weights, at every width: what it is called, and its parts of a recipe.
pub const METHODS: [(&str, &str); 14] = [
    ("min-max, matrix", ""),
    ("percentile 99.9, matrix", "weight-range=percentile:99.9"),
    ("MSE, matrix", "weight-range=mse"),
    ("MSE, channel", "per-channel/weight-range=mse"),
    ("equalized, MSE, matrix", "weight-range=mse/equalize"),
    ("equalized, MSE, channel", "per-channel/weight-range=mse/equalize"),
    ("MSE, channel, bias corrected", "per-channel/weight-range=mse/correct-bias"),
    ("AdaRound, channel", "per-channel/weight-range=mse/rounding=adaround"),
    ("GPTQ, channel", "per-channel/weight-range=mse/rounding=gptq"),
    ("equalized, GPTQ, channel", "per-channel/weight-range=mse/equalize/rounding=gptq"),
    ("retrained, rate 0.0003", "per-channel/weight-range=mse/retrain=2/learning-rate=0.0003"),
    ("retrained, rate 0.001", "per-channel/weight-range=mse/retrain=2"),
    (
        "equalized, GPTQ, retrained, rate 0.0003",
        "per-channel/weight-range=mse/equalize/rounding=gptq/retrain=2/learning-rate=0.0003",
    ),
    (
        "equalized, GPTQ, retrained, rate 0.001",
        "per-channel/weight-range=mse/equalize/rounding=gptq/retrain=2",
    ),
];

/// Bits that differ from layer to layer.
pub const LAYERS: [&str; 5] = ["8,2,8", "2,8,8", "8,8,2", "3,4,8", "2,4,8"];

/// Numbers of calibration digits.
pub const SAMPLES: [usize; 4] = [10, 100, 1000, 10_000];

/// A method at a width.
pub fn method(text: &str, width: Width) -> String {
    joined(&[BASE, &format!("weight-bits={width}"), text])
}

/// Bits a layer, by the range of least squared error and by GPTQ.
pub fn layers(bits: &str) -> [String; 2] {
    let bits = format!("weight-bits={bits}/per-channel/weight-range=mse");
    [joined(&[BASE, &bits]), joined(&[BASE, &bits, "equalize/rounding=gptq"])]
}

/// GPTQ of three bits on a number of digits.
pub fn samples(count: usize) -> String {
    let three = "weight-bits=3/per-channel/weight-range=mse/equalize/rounding=gptq";
    joined(&[BASE, three, &format!("samples={count}")])
}

fn joined(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    parts.join("/")
}

/// All recipes, as text, for some widths.
pub fn all(widths: &[Width]) -> Vec<String> {
    let methods = widths.iter().flat_map(|&width| METHODS.iter().map(move |(_, text)| method(text, width)));
    methods.chain(LAYERS.iter().flat_map(|bits| layers(bits))).chain(SAMPLES.map(samples)).collect()
}

#[cfg(test)]
mod tests {
    use digit8_core::quant::Recipe;

    use super::*;

    #[test]
    fn every_recipe_is_one() {
        for text in all(&Width::ALL) {
            text.parse::<Recipe>().unwrap();
        }
    }
}
