use digit8_kernels::int8::MAX_INPUTS;
use ndarray::{Array1, Array2};

use super::container::{check, open};
use super::header::Json;
use super::names::{is_passed_over, own_names};
use super::{
    Entry, GRANULARITY, LAYERS, LEVELS, Loaded, MAX, METADATA, Model, PACKED, SCHEME, SHAPE, Tensors, listed,
    numbers,
};
use crate::float::{Linear, Mlp};
use crate::int8::{Activations, QuantizedLinear, QuantizedMlp, Scheme};
use crate::quant::packed::unpack;
use crate::quant::{Granularity, QParams, Scale, WeightScale, Width, ZeroPoint};
use crate::{Error, Result};

/// What a file holds.
///
/// # Errors
/// [`Error::File`] if the file is no safetensors file or is cut short; [`Error::Model`] if its tensors make no model.
pub fn read(file: &[u8]) -> Result<Loaded> {
    let (header, data) = open(file)?;
    let header = Json::parse(header)?;
    let (model, mut notes) = model(&header, data)?;
    if header.info().is_none() {
        notes.push(format!("the metadata under {METADATA} are not of this program, and are passed over"));
    }
    Ok(Loaded { model, info: header.info().unwrap_or_default(), notes })
}

/// The model that the tensors of a header and the data behind it make, and what was done to read it.
///
/// # Errors
/// [`Error::File`] if header and data do not fit together; [`Error::Model`] if the tensors make no model, or there are others
/// beside it, which would be left out.
pub fn model(header: &dyn Tensors, data: &[u8]) -> Result<(Model, Vec<String>)> {
    let mut names = header.names();
    if cfg!(feature = "own-files") {
        let entry = |name: String| Some(Tensor::new(name.clone(), name.clone(), header.entry(&name)?, data));
        let tensors = names.into_iter().filter_map(entry).collect();
        return Ok((Reader { tensors, notes: Vec::new() }.model(header)?, Vec::new()));
    }
    names.sort_unstable();
    let entry = |name: String| match header.entry(&name) {
        Some(entry) => Ok((name, entry)),
        None => Err(Error::File(format!("{} is not described as a tensor", listed([&*name])))),
    };
    let all = names.into_iter().map(entry).collect::<Result<Vec<_>>>()?;
    check(&all, data)?;
    let (passed_over, tensors): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(name, _)| is_passed_over(name));

    let mut reader = Reader::new(tensors, data)?;
    let renamed = reader.renamed();
    let mut notes: Vec<String> =
        renamed.iter().map(|names| format!("{names} are read as {}", listed(LAYERS))).collect();
    if !passed_over.is_empty() {
        let names = listed(passed_over.iter().map(|(name, _)| &**name));
        notes.push(format!("passed over, as observers' and counters': {names}"));
    }
    let model = reader.model(header).map_err(|error| match (error, renamed) {
        (Error::Model(what), Some(names)) => {
            Error::model(|| format!("{what} ({names} being {})", listed(LAYERS)))
        }
        (error, _) => error,
    })?;
    notes.append(&mut reader.notes);
    Ok((model, notes))
}

/// Takes a file's tensors one by one, by the network's own names; what is left then has no place in the network.
struct Reader<'a> {
    tensors: Vec<Tensor<'a>>,
    notes: Vec<String>,
}

struct Tensor<'a> {
    /// The network's name of it.
    own: String,
    /// The file's name of it.
    name: String,
    entry: Entry,
    data: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(tensors: Vec<(String, Entry)>, data: &'a [u8]) -> Result<Self> {
        let own = own_names(&tensors)?;
        let tensor = |(own, (name, entry))| Tensor::new(own, name, entry, data);
        Ok(Self { tensors: own.into_iter().zip(tensors).map(tensor).collect(), notes: Vec::new() })
    }

    /// What the file calls the three layers, if not as the network does.
    fn renamed(&self) -> Option<String> {
        let layers = LAYERS.map(|layer| {
            let weight = format!("{layer}.weight");
            let found = self.tensors.iter().find(|tensor| tensor.own == weight);
            found.and_then(|tensor| tensor.name.strip_suffix(".weight")).unwrap_or(layer)
        });
        (layers != LAYERS).then(|| listed(layers))
    }

    fn model(&mut self, header: &dyn Tensors) -> Result<Model> {
        let first = self.tensors.iter().find(|tensor| tensor.own == "linear1.weight");
        if first.is_some_and(|tensor| tensor.entry.dtype == "I8") || self.has(&format!("linear1.{PACKED}")) {
            let layers = self.int8_layers(header)?;
            let activations = self.activations(header)?;
            self.finish()?;
            Ok(Model::Int8(QuantizedMlp::new(layers, activations)?))
        } else {
            let layers = self.float_layers()?;
            self.finish()?;
            Ok(Model::Float(Mlp::new(layers)?))
        }
    }

    fn float_layers(&mut self) -> Result<[Linear; 3]> {
        let mut without_bias = Vec::new();
        let mut layer = |layer| -> Result<Linear> {
            let (shape, weight) = self.matrix(layer, Self::reals)?;
            let bias = match self.has(&format!("{layer}.bias")) {
                true => self.vector(&format!("{layer}.bias"), Self::reals)?,
                false => {
                    without_bias.push(layer);
                    // A matrix of too many rows is refused below: nothing is made room for that it alone asks for.
                    vec![0.0; shape.0.min(MAX_INPUTS)]
                }
            };
            Ok(Linear { weight: array(layer, shape, weight)?, bias: Array1::from_vec(bias) })
        };
        let layers = [layer(LAYERS[0])?, layer(LAYERS[1])?, layer(LAYERS[2])?];
        if !without_bias.is_empty() {
            self.notes.push(format!("no bias in {}: zeros", listed(without_bias)));
        }
        Ok(layers)
    }

    fn int8_layers(&mut self, header: &dyn Tensors) -> Result<[QuantizedLinear; 3]> {
        let granularities = granularities(header)?;
        let mut layer = |number: usize| -> Result<QuantizedLinear> {
            let layer = LAYERS[number];
            let (width, weight) = self.integer_weights(layer)?;
            let scales = self.vector(&format!("{layer}.weight_scale"), Self::exact_reals)?;
            let scales = scales.into_iter().map(Scale::new).collect::<Result<Vec<_>>>()?;
            // Older files do not say it: one scale was one for the matrix.
            let granularity = granularities.map(|granularities| granularities[number]);
            let weight_scale = match (granularity, &scales[..]) {
                (None | Some(Granularity::PerTensor), &[scale]) => WeightScale::PerTensor(scale),
                (Some(Granularity::PerTensor), _) => {
                    let found = scales.len();
                    return Err(Error::model(|| format!("{layer} has {found} weight scales, expected one")));
                }
                _ => WeightScale::PerChannel(scales),
            };
            let bias = self.vector(&format!("{layer}.bias"), Self::exact_reals)?;
            Ok(QuantizedLinear { weight, width, weight_scale, bias: Array1::from_vec(bias) })
        };
        Ok([layer(0)?, layer(1)?, layer(2)?])
    }

    /// The integers of a layer's weights, packed or not.
    fn integer_weights(&mut self, layer: &str) -> Result<(Width, Array2<i8>)> {
        let name = format!("{layer}.{PACKED}");
        if !self.has(&name) {
            let (shape, weight) = self.matrix(layer, |_, tensor| tensor.elements("I8", i8::from_le_bytes))?;
            return Ok((Width::default(), array(layer, shape, weight)?));
        }
        let bytes = self.vector(&name, |_, tensor| tensor.elements("U8", u8::from_le_bytes))?;
        let levels = self.vector(&format!("{layer}.{LEVELS}"), Self::integers)?;
        let shape = self.vector(&format!("{layer}.{SHAPE}"), Self::integers)?;
        let wrong = || {
            Error::model(|| {
                format!(
                    "{layer} has the {LEVELS} {levels:?} and the {SHAPE} {shape:?}, expected one of 128 to 2, and two sizes"
                )
            })
        };
        let (&[levels], &[rows, columns]) = (&levels[..], &shape[..]) else { return Err(wrong()) };
        let width = u32::try_from(levels).ok().and_then(Width::with_levels).ok_or_else(wrong)?;
        let size = |size: i64| usize::try_from(size).map_err(|_| wrong());
        let shape = (size(rows)?, size(columns)?);
        // A byte holds eight weights at most: a shape that asks for more is not made room for.
        let count =
            shape.0.checked_mul(shape.1).filter(|&count| count <= 8 * bytes.len()).ok_or_else(wrong)?;
        Ok((width, array(layer, shape, unpack(&name, &bytes, width, count)?)?))
    }

    fn integers(&mut self, tensor: &Tensor) -> Result<Vec<i64>> {
        tensor.elements("I64", i64::from_le_bytes)
    }

    fn activations(&mut self, header: &dyn Tensors) -> Result<Activations> {
        let scheme = header.origin(SCHEME);
        let scheme =
            scheme.ok_or_else(|| Error::Model("no scheme in the metadata of an int8 model".into()))?;
        Ok(match scheme.parse()? {
            Scheme::Dynamic => Activations::Dynamic,
            scheme => Activations::Static {
                fused: scheme == Scheme::Fused,
                input: self.qparams("quant")?,
                outputs: [self.qparams(LAYERS[0])?, self.qparams(LAYERS[1])?, self.qparams(LAYERS[2])?],
            },
        })
    }

    fn qparams(&mut self, name: &str) -> Result<QParams> {
        let scale = self.vector(&format!("{name}.scale"), Self::exact_reals)?;
        let zero_point = self.vector(&format!("{name}.zero_point"), Self::integers)?;
        let max = format!("{name}.{MAX}");
        let max = if self.has(&max) { self.vector(&max, Self::integers)? } else { vec![u8::MAX.into()] };
        match (&scale[..], &zero_point[..]) {
            (&[scale], &[zero_point]) => {
                let wrong =
                    |_| Error::model(|| format!("{name}.zero_point is {zero_point}, expected 0 to 255"));
                let zero_point = ZeroPoint(u8::try_from(zero_point).map_err(wrong)?);
                let usable = |&max: &u8| max >= zero_point.0.max(1);
                let max =
                    max.first().and_then(|&max| u8::try_from(max).ok()).filter(usable).ok_or_else(|| {
                        Error::model(|| {
                            format!("{name}.{MAX} is not from the zero point, {zero_point}, to 255")
                        })
                    })?;
                Ok(QParams { scale: Scale::new(scale)?, zero_point, max })
            }
            _ => Err(Error::model(|| {
                format!(
                    "{name} has {} scales and {} zero points, expected one each",
                    scale.len(),
                    zero_point.len()
                )
            })),
        }
    }

    /// Fails if there are tensors that nobody took: without them it would be another network than the one that was saved.
    fn finish(&self) -> Result<()> {
        if cfg!(feature = "own-files") || self.tensors.is_empty() {
            return Ok(());
        }
        Err(Error::model(|| {
            format!(
                "{} would be left out: digit8's networks are linear1, ReLU, linear2, ReLU, linear3, and nothing else",
                listed(self.tensors.iter().map(|tensor| &*tensor.name))
            )
        }))
    }

    fn has(&self, own: &str) -> bool {
        self.tensors.iter().any(|tensor| tensor.own == own)
    }

    fn take(&mut self, own: &str) -> Result<Tensor<'a>> {
        match self.tensors.iter().position(|tensor| tensor.own == own) {
            Some(at) => Ok(self.tensors.remove(at)),
            None => Err(Error::model(|| {
                let names = listed(self.tensors.iter().map(|tensor| &*tensor.name));
                format!("no tensor {own}; the file has {names}")
            })),
        }
    }

    /// The shape and the values of a layer's weights.
    fn matrix<T>(
        &mut self,
        layer: &str,
        decode: impl Fn(&mut Self, &Tensor) -> Result<Vec<T>>,
    ) -> Result<((usize, usize), Vec<T>)> {
        let tensor = self.take(&format!("{layer}.weight"))?;
        let &[rows, columns] = &tensor.entry.shape[..] else {
            return Err(tensor.wrong_shape("two dimensions"));
        };
        Ok(((rows, columns), decode(self, &tensor)?))
    }

    fn vector<T>(
        &mut self,
        own: &str,
        decode: impl Fn(&mut Self, &Tensor) -> Result<Vec<T>>,
    ) -> Result<Vec<T>> {
        let tensor = self.take(own)?;
        if tensor.entry.shape.len() > 1 {
            return Err(tensor.wrong_shape("one dimension"));
        }
        decode(self, &tensor)
    }

    /// Real numbers of any type that files have.
    fn reals(&mut self, tensor: &Tensor) -> Result<Vec<f32>> {
        let (reals, note) = numbers::reals(&tensor.name, &tensor.entry.dtype, tensor.data)?;
        if let Some(note) = note
            && !self.notes.iter().any(|said| said == note)
        {
            self.notes.push(note.into());
        }
        Ok(reals)
    }

    /// Real numbers of an int8 model: nobody but digit8 writes those, as `F32`.
    fn exact_reals(&mut self, tensor: &Tensor) -> Result<Vec<f32>> {
        tensor.elements("F32", f32::from_le_bytes)
    }
}

impl<'a> Tensor<'a> {
    /// A tensor of a file with these data; an empty one where it lies beyond their end.
    fn new(own: String, name: String, entry: Entry, data: &'a [u8]) -> Self {
        let data = data.get(entry.bytes.clone()).unwrap_or_default();
        Self { own, name, entry, data }
    }

    fn elements<T, const N: usize>(&self, dtype: &str, decode: fn([u8; N]) -> T) -> Result<Vec<T>> {
        if self.entry.dtype != dtype {
            let (name, found) = (&self.name, &self.entry.dtype);
            return Err(Error::model(|| format!("{name} is {found}, expected {dtype}")));
        }
        Ok(self.data.as_chunks().0.iter().map(|&bytes| decode(bytes)).collect())
    }

    fn wrong_shape(&self, expected: &str) -> Error {
        Error::model(|| format!("{} is {:?}, expected {expected}", self.name, self.entry.shape))
    }
}

/// Whether each layer has one weight scale or one for each channel; `None` in older files, which do not say it.
fn granularities(header: &dyn Tensors) -> Result<Option<[Granularity; 3]>> {
    let Some(text) = header.origin(GRANULARITY) else { return Ok(None) };
    let known: Vec<_> = text.split(',').map(Granularity::named).collect();
    match known[..] {
        [Some(all)] => Ok(Some([all; 3])),
        [Some(first), Some(second), Some(third)] => Ok(Some([first, second, third])),
        _ => Err(Error::model(|| {
            format!(
                "granularity \"{}\", expected tensor or channel, for all layers or each",
                listed([&*text])
            )
        })),
    }
}

fn array<T>(layer: &str, shape: (usize, usize), values: Vec<T>) -> Result<Array2<T>> {
    Array2::from_shape_vec(shape, values).map_err(|error| Error::model(|| format!("{layer}.weight: {error}")))
}
