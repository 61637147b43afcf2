//! The output stages that engines have: the same sums, scales and zero points, and yet other integers now and then.

use digit8_core::int8::QuantizedLinear;
use digit8_core::quant::{QParams, WeightScale};

/// How an engine makes a layer's output of its sum `acc = Σ (q - zx) · w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// PyTorch's x86 engine: `rint(fma(bias, 1 / (sx·sw), acc) · M) + zy`, and per channel `acc + bias / (sx·sw)` (rule 6).
    PyTorch,
    /// A bias of whole steps of `sx·sw`, as in the paper, in QDQ files and in TFLite.
    Int32Bias,
    /// The bias added by a product and a sum, each rounded, in place of one fused operation.
    PlainBias,
    /// Real numbers first: `rint((acc · (sx·sw) + bias) / sy) + zy`, as QuantizeLinear divides.
    Division,
    /// PyTorch's oneDNN engine (rule 7), which adds the zero point before it rounds.
    OneDnn,
    /// PyTorch's, but for the zero point, which is added before rounding.
    ZeroPointFirst,
    /// PyTorch's, clamped to the 7 bits that the scale was made for.
    SevenBits,
}

impl Arithmetic {
    /// All of them, PyTorch's first.
    pub const ALL: [Arithmetic; 7] = [
        Arithmetic::PyTorch,
        Arithmetic::Int32Bias,
        Arithmetic::PlainBias,
        Arithmetic::Division,
        Arithmetic::OneDnn,
        Arithmetic::ZeroPointFirst,
        Arithmetic::SevenBits,
    ];

    /// What it does otherwise, in a few words.
    pub fn describe(self) -> &'static str {
        match self {
            Arithmetic::PyTorch => "PyTorch's x86 arithmetic",
            Arithmetic::Int32Bias => "a bias rounded to int32 steps",
            Arithmetic::PlainBias => "a bias added without a fused multiply-add",
            Arithmetic::Division => "division by the scale in real numbers, as QuantizeLinear does",
            Arithmetic::OneDnn => "PyTorch's oneDNN arithmetic (reciprocals, zero point before rounding)",
            Arithmetic::ZeroPointFirst => "the zero point added before rounding",
            Arithmetic::SevenBits => "a clamp to 7 bits",
        }
    }

    /// The integers of a layer for one image's inputs. `relu` clamps at the zero point.
    pub fn outputs(
        self,
        layer: &QuantizedLinear,
        input: QParams,
        output: QParams,
        relu: bool,
        x: &[u8],
    ) -> Vec<u8> {
        let zero_point = i32::from(input.zero_point.0);
        let rows = layer.weight.rows().into_iter().zip(&layer.bias).enumerate();
        rows.map(|(row, (weight, &bias))| {
            let acc: i32 =
                weight.iter().zip(x).map(|(&w, &q)| (i32::from(q) - zero_point) * i32::from(w)).sum();
            let per_channel = matches!(layer.weight_scale, WeightScale::PerChannel(_));
            let scales = [input.scale.get(), layer.weight_scale.of(row).get()];
            self.output(acc as f32, bias, scales, per_channel, output, relu)
        })
        .collect()
    }

    fn output(
        self,
        acc: f32,
        bias: f32,
        [sx, sw]: [f32; 2],
        per_channel: bool,
        y: QParams,
        relu: bool,
    ) -> u8 {
        let (step, sy, zero_point) = (sx * sw, y.scale.get(), f32::from(y.zero_point.0));
        let with_bias = match self {
            Arithmetic::Int32Bias => acc + (bias / step).round_ties_even(),
            Arithmetic::PlainBias => acc + bias * step.recip(),
            _ if per_channel => acc + bias / step,
            _ => bias.mul_add(step.recip(), acc),
        };
        let twice = |x: f32| x.recip().recip();
        let q = match self {
            Arithmetic::Division => ((acc * step + bias) / sy).round_ties_even() + zero_point,
            Arithmetic::OneDnn => {
                let real = acc * twice(sx) * twice(sw) + bias;
                ((if relu { real.max(0.0) } else { real }) / twice(sy) + zero_point).round_ties_even()
            }
            Arithmetic::ZeroPointFirst => (with_bias * (step / sy) + zero_point).round_ties_even(),
            _ => (with_bias * (step / sy)).round_ties_even() + zero_point,
        };
        let least = if relu { zero_point } else { 0.0 };
        let most = if self == Arithmetic::SevenBits { 127.0 } else { 255.0 };
        q.clamp(least, most) as u8
    }
}
