//! Models as safetensors files, under PyTorch's own names.
//!
//! A float model holds `linear1.weight` `[h1, 784]`, `linear1.bias` `[h1]`, … as `F32`: what `state_dict` gives, so that
//! files go both ways. An int8 model holds `linear1.weight` as `I8`, `linear1.weight_scale` (`F32`, `[1]` or `[h1]`) and
//! `linear1.bias` (`F32`). Weights of fewer than eight bits are [packed](crate::quant::packed): instead of `linear1.weight` there are
//! `linear1.weight_packed` (`U8`), `linear1.weight_levels` (`I64`, `[1]`: how many integers a weight may be, 128 for 7 bits to 4 for 2, 3 for
//! ternary and 2 for binary ones) and `linear1.weight_shape` (`I64`, `[2]`). A static one has also `quant.scale`, `quant.zero_point`, `linear1.scale`, `linear1.zero_point`, …
//! (`F32` and `I64`, `[1]`), and where activations have fewer than seven bits `quant.max`, … (`I64`, `[1]`: the greatest integer). What is known of a model's origin stands in the metadata, as one JSON object under `digit8`.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::float::{Linear, Mlp, contiguous};
use crate::int8::{Activations, QuantizedLinear, QuantizedMlp, Scheme};
use crate::quant::packed::{pack, unpack};
use crate::quant::{QParams, Scale, WeightScale, Width, ZeroPoint};
use crate::{Error, Result};

const LAYERS: [&str; 3] = ["linear1", "linear2", "linear3"];
const METADATA: &str = "digit8";
const SCHEME: &str = "scheme";

/// What is known of a model's origin: training settings, data source, version.
pub type Info = BTreeMap<String, String>;

/// A model of either kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    /// The float32 network.
    Float(Mlp),
    /// A quantized network.
    Int8(QuantizedMlp),
}

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
        tensors.iter().map(Tensor::view).collect::<std::result::Result<Vec<_>, _>>().map_err(file_error)?;
    // One entry only: the writer does not sort several.
    let metadata = [(METADATA.to_string(), serde_json::to_string(&info).map_err(file_error)?)];
    safetensors::serialize(views, Some(metadata.into_iter().collect())).map_err(file_error)
}

/// The model in a file, and what is known of its origin.
///
/// # Errors
/// [`Error::File`] if the file is no safetensors file or is cut short; [`Error::Model`] if its tensors make no model.
pub fn read(bytes: &[u8]) -> Result<(Model, Info)> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(file_error)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(file_error)?;
    let metadata = header.metadata().as_ref().and_then(|metadata| metadata.get(METADATA));
    let info: Info = match metadata {
        Some(json) => serde_json::from_str(json).map_err(file_error)?,
        None => Info::new(),
    };
    let model = model(&tensors, info.get(SCHEME).map(String::as_str))?;
    Ok((model, info))
}

/// A tensor in a file.
pub struct View<'a> {
    /// The type of its elements as the format calls it: `F32`, `I8`, `I64` or another.
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its elements, little-endian.
    pub data: &'a [u8],
}

/// A file's tensors, however its header was read.
pub trait Tensors {
    /// The tensor of a name.
    ///
    /// # Errors
    /// [`Error::Model`] if there is none.
    fn tensor(&self, name: &str) -> Result<View<'_>>;
}

impl Tensors for SafeTensors<'_> {
    fn tensor(&self, name: &str) -> Result<View<'_>> {
        let tensor = SafeTensors::tensor(self, name).map_err(|_| {
            let mut names = self.names();
            names.sort_unstable();
            missing(name, &names)
        })?;
        let dtype = format!("{:?}", tensor.dtype());
        Ok(View { dtype, shape: tensor.shape().to_vec(), data: tensor.data() })
    }
}

/// The error of a file that has only tensors of other names.
pub fn missing(name: &str, names: &[&str]) -> Error {
    Error::Model(format!("no tensor {name}; the file has {}", names.join(", ")))
}

/// The model that tensors make. `scheme` is what the metadata of an int8 model says.
///
/// # Errors
/// [`Error::Model`] if they make none.
pub fn model(tensors: &dyn Tensors, scheme: Option<&str>) -> Result<Model> {
    if tensors.tensor("linear1.weight_packed").is_ok() {
        return Ok(Model::Int8(read_int8(tensors, scheme)?));
    }
    match &*tensors.tensor("linear1.weight")?.dtype {
        "F32" => Ok(Model::Float(read_float(tensors)?)),
        "I8" => Ok(Model::Int8(read_int8(tensors, scheme)?)),
        other => Err(Error::Model(format!("linear1.weight is {other}, expected F32 or I8"))),
    }
}

fn read_float(tensors: &dyn Tensors) -> Result<Mlp> {
    let layer =
        |name| Ok(Linear { weight: matrix(tensors, name, f32::from_le_bytes)?, bias: bias(tensors, name)? });
    Mlp::new([layer(LAYERS[0])?, layer(LAYERS[1])?, layer(LAYERS[2])?])
}

fn read_int8(tensors: &dyn Tensors, scheme: Option<&str>) -> Result<QuantizedMlp> {
    let layer = |name| -> Result<QuantizedLinear> {
        let scale = format!("{name}.weight_scale");
        let scales = vector(tensors, &scale, f32::from_le_bytes)?
            .into_iter()
            .map(Scale::new)
            .collect::<Result<Vec<_>>>()?;
        let weight_scale = match scales[..] {
            [scale] => WeightScale::PerTensor(scale),
            _ => WeightScale::PerChannel(scales),
        };
        let (width, weight) = weights(tensors, name)?;
        Ok(QuantizedLinear { weight, width, weight_scale, bias: bias(tensors, name)? })
    };
    let layers = [layer(LAYERS[0])?, layer(LAYERS[1])?, layer(LAYERS[2])?];
    let scheme = scheme.ok_or_else(|| Error::Model("no scheme in the metadata of an int8 model".into()))?;
    let activations = match scheme.parse()? {
        Scheme::Dynamic => Activations::Dynamic,
        scheme => Activations::Static {
            fused: scheme == Scheme::Fused,
            input: qparams(tensors, "quant")?,
            outputs: [
                qparams(tensors, LAYERS[0])?,
                qparams(tensors, LAYERS[1])?,
                qparams(tensors, LAYERS[2])?,
            ],
        },
    };
    QuantizedMlp::new(layers, activations)
}

/// The values of a tensor of the type that `decode` makes from `N` bytes.
fn values<T: Element, const N: usize>(view: &View, name: &str, decode: fn([u8; N]) -> T) -> Result<Vec<T>> {
    if view.dtype != T::DTYPE {
        return Err(Error::Model(format!("{name} is {}, expected {}", view.dtype, T::DTYPE)));
    }
    Ok(view.data.as_chunks().0.iter().map(|&bytes| decode(bytes)).collect())
}

fn matrix<T: Element, const N: usize>(
    tensors: &dyn Tensors,
    layer: &str,
    decode: fn([u8; N]) -> T,
) -> Result<Array2<T>> {
    let name = format!("{layer}.weight");
    let view = tensors.tensor(&name)?;
    let &[rows, columns] = &view.shape[..] else {
        return Err(Error::Model(format!("{name} is {:?}, expected two dimensions", view.shape)));
    };
    let values = values(&view, &name, decode)?;
    Array2::from_shape_vec((rows, columns), values).map_err(|error| Error::Model(format!("{name}: {error}")))
}

/// The integers of a layer's weights, packed or not.
fn weights(tensors: &dyn Tensors, layer: &str) -> Result<(Width, Array2<i8>)> {
    let name = format!("{layer}.weight_packed");
    let Ok(view) = tensors.tensor(&name) else {
        return Ok((Width::default(), matrix(tensors, layer, i8::from_le_bytes)?));
    };
    let integers = |part: &str| vector(tensors, &format!("{layer}.{part}"), i64::from_le_bytes);
    let (levels, shape) = (integers("weight_levels")?, integers("weight_shape")?);
    let wrong = || {
        Error::Model(format!(
            "{layer}.weight_levels {levels:?} and {layer}.weight_shape {shape:?}, expected one of 128 to 2 and two sizes"
        ))
    };
    let (&[levels], &[rows, columns]) = (&levels[..], &shape[..]) else { return Err(wrong()) };
    let width = u32::try_from(levels).ok().and_then(Width::with_levels).ok_or_else(wrong)?;
    let (rows, columns) =
        (usize::try_from(rows).map_err(|_| wrong())?, usize::try_from(columns).map_err(|_| wrong())?);
    let count = rows.checked_mul(columns).filter(|&count| count <= 8 * view.data.len()).ok_or_else(wrong)?;
    let bytes = values(&view, &name, u8::from_le_bytes)?;
    let weight = Array2::from_shape_vec((rows, columns), unpack(&name, &bytes, width, count)?);
    Ok((width, weight.map_err(|error| Error::Model(format!("{name}: {error}")))?))
}

fn vector<T: Element, const N: usize>(
    tensors: &dyn Tensors,
    name: &str,
    decode: fn([u8; N]) -> T,
) -> Result<Vec<T>> {
    values(&tensors.tensor(name)?, name, decode)
}

fn bias(tensors: &dyn Tensors, layer: &str) -> Result<Array1<f32>> {
    Ok(Array1::from_vec(vector(tensors, &format!("{layer}.bias"), f32::from_le_bytes)?))
}

fn qparams(tensors: &dyn Tensors, name: &str) -> Result<QParams> {
    let scale = vector(tensors, &format!("{name}.scale"), f32::from_le_bytes)?;
    let zero_point = vector(tensors, &format!("{name}.zero_point"), i64::from_le_bytes)?;
    match (&scale[..], &zero_point[..]) {
        (&[scale], &[zero_point]) => {
            let wrong = |_| Error::Model(format!("{name}.zero_point is {zero_point}, expected 0 to 255"));
            let zero_point = ZeroPoint(u8::try_from(zero_point).map_err(wrong)?);
            let mut qparams = QParams::new(Scale::new(scale)?, zero_point);
            if let Ok(max) = vector(tensors, &format!("{name}.max"), i64::from_le_bytes) {
                let usable = |&max: &u8| (1..=u8::MAX).contains(&max) && max >= qparams.zero_point.0;
                let max = max.first().and_then(|&max| u8::try_from(max).ok()).filter(usable);
                qparams.max = max.ok_or_else(|| {
                    Error::Model(format!("{name}.max is not an integer from the zero point to 255"))
                })?;
            }
            Ok(qparams)
        }
        _ => Err(Error::Model(format!(
            "{name} has {} scales and {} zero points, expected one each",
            scale.len(),
            zero_point.len()
        ))),
    }
}

fn file_error(error: impl std::fmt::Display) -> Error {
    Error::File(error.to_string())
}

/// A number as the file format has it.
trait Element {
    const DTYPE: &str;
}
impl Element for f32 {
    const DTYPE: &str = "F32";
}
impl Element for i8 {
    const DTYPE: &str = "I8";
}
impl Element for u8 {
    const DTYPE: &str = "U8";
}
impl Element for i64 {
    const DTYPE: &str = "I64";
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
            Self { name: format!("{name}.weight_packed"), dtype: Dtype::U8, shape: vec![bytes.len()], bytes },
            Self::integers(format!("{name}.weight_levels"), &[layer.width.levels().into()]),
            Self::integers(format!("{name}.weight_shape"), &[rows as i64, columns as i64]),
        ]
    }

    fn qparams(name: &str, qparams: &QParams) -> Vec<Self> {
        let mut tensors = vec![
            Self::reals(format!("{name}.scale"), [qparams.scale.get()].iter()),
            Self::integers(format!("{name}.zero_point"), &[qparams.zero_point.0.into()]),
        ];
        if qparams.max < u8::MAX {
            tensors.push(Self::integers(format!("{name}.max"), &[qparams.max.into()]));
        }
        tensors
    }

    fn view(&self) -> std::result::Result<(&str, TensorView<'_>), safetensors::SafeTensorError> {
        Ok((&self.name, TensorView::new(self.dtype, self.shape.clone(), &self.bytes)?))
    }
}
