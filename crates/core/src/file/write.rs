use ndarray::Array2;
use safetensors::tensor::{Dtype, TensorView};

use super::{GRANULARITY, Info, LAYERS, LEVELS, MAX, METADATA, Model, PACKED, SCHEME, SHAPE};
use crate::float::contiguous;
use crate::int8::{Activations, QuantizedLinear, QuantizedMlp};
use crate::quant::packed::pack;
use crate::quant::{QParams, WeightScale, Width};
use crate::{Error, Result};

/// The bytes of a file with `model` in it. The same model and info give the same bytes.
///
/// # Errors
/// [`Error::File`] if the writer refuses.
pub fn write(model: &Model, info: &Info) -> Result<Vec<u8>> {
    let mut tensors = Vec::new();
    let mut info = info.clone();
    match model {
        Model::Float(mlp) => {
            for (name, layer) in LAYERS.iter().zip(mlp.layers()) {
                tensors.push(Tensor::matrix(name, Dtype::F32, &layer.weight, f32::to_le_bytes));
                tensors.push(Tensor::reals(format!("{name}.bias"), layer.bias.iter()));
            }
        }
        Model::Int8(mlp) => {
            info.insert(SCHEME.into(), mlp.scheme().to_string());
            info.insert(GRANULARITY.into(), granularity(mlp));
            for (name, layer) in LAYERS.iter().zip(mlp.layers()) {
                tensors.extend(Tensor::weights(name, layer));
                let scales = match &layer.weight_scale {
                    WeightScale::PerTensor(scale) => std::slice::from_ref(scale),
                    WeightScale::PerChannel(scales) => scales,
                };
                let scales: Vec<f32> = scales.iter().map(|scale| scale.get()).collect();
                tensors.push(Tensor::reals(format!("{name}.weight_scale"), scales.iter()));
                tensors.push(Tensor::reals(format!("{name}.bias"), layer.bias.iter()));
            }
            if let Activations::Static { input, outputs, .. } = mlp.activations() {
                tensors.extend(Tensor::qparams("quant", input));
                LAYERS
                    .iter()
                    .zip(outputs)
                    .for_each(|(name, qparams)| tensors.extend(Tensor::qparams(name, qparams)));
            }
        }
    }
    let views =
        tensors.iter().map(Tensor::view).collect::<std::result::Result<Vec<_>, _>>().map_err(refused)?;
    // One entry only: the writer does not sort several.
    let metadata = [(METADATA.to_string(), serde_json::to_string(&info).map_err(refused)?)];
    safetensors::serialize(views, Some(metadata.into_iter().collect())).map_err(refused)
}

/// Whether the layers have one weight scale or one for each channel: the number of scales does not tell, of a layer with one
/// channel, and the two compute differently (rule 6).
fn granularity(mlp: &QuantizedMlp) -> String {
    let names = mlp.layers().each_ref().map(|layer| layer.weight_scale.granularity().name());
    if names == [names[0]; 3] { names[0].into() } else { names.join(",") }
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::File(error.to_string())
}

/// A tensor on its way into a file.
struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    fn matrix<T: Copy, const N: usize>(
        layer: &str,
        dtype: Dtype,
        array: &Array2<T>,
        encode: fn(T) -> [u8; N],
    ) -> Self {
        let bytes = contiguous(array).into_iter().flat_map(encode).collect();
        Self { name: format!("{layer}.weight"), dtype, shape: array.shape().to_vec(), bytes }
    }

    fn reals<'a>(name: String, values: impl ExactSizeIterator<Item = &'a f32>) -> Self {
        let shape = vec![values.len()];
        Self { name, dtype: Dtype::F32, shape, bytes: values.flat_map(|value| value.to_le_bytes()).collect() }
    }

    fn integers(name: String, values: &[i64]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name, dtype: Dtype::I64, shape: vec![values.len()], bytes }
    }

    /// A layer's weights, packed where they are of fewer than eight bits.
    fn weights(name: &str, layer: &QuantizedLinear) -> Vec<Self> {
        if layer.width == Width::default() {
            return vec![Self::matrix(name, Dtype::I8, &layer.weight, i8::to_le_bytes)];
        }
        let bytes = pack(&contiguous(&layer.weight), layer.width);
        let (rows, columns) = layer.weight.dim();
        vec![
            Self { name: format!("{name}.{PACKED}"), dtype: Dtype::U8, shape: vec![bytes.len()], bytes },
            Self::integers(format!("{name}.{LEVELS}"), &[layer.width.levels().into()]),
            Self::integers(format!("{name}.{SHAPE}"), &[rows as i64, columns as i64]),
        ]
    }

    fn qparams(name: &str, qparams: &QParams) -> Vec<Self> {
        let mut tensors = vec![
            Self::reals(format!("{name}.scale"), [qparams.scale.get()].iter()),
            Self::integers(format!("{name}.zero_point"), &[qparams.zero_point.0.into()]),
        ];
        if qparams.max < u8::MAX {
            tensors.push(Self::integers(format!("{name}.{MAX}"), &[qparams.max.into()]));
        }
        tensors
    }

    fn view(&self) -> std::result::Result<(&str, TensorView<'_>), safetensors::SafeTensorError> {
        Ok((&self.name, TensorView::new(self.dtype, self.shape.clone(), &self.bytes)?))
    }
}
