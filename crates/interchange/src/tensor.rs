//! Tensors of the element types that such networks have, in and out of ONNX's encoding.

use half::{bf16, f16};

use crate::proto::{self, data_type};
use crate::{Error, Result};

/// No tensor of a network of this kind has more elements: a hidden layer has 32,768 neurons at most, and a batch is cut up.
const MAX_ELEMENTS: usize = 1 << 28;

/// Elements of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// `float`
    F32(Vec<f32>),
    /// `double`
    F64(Vec<f64>),
    /// `uint8`
    U8(Vec<u8>),
    /// `int8`, and `int4` widened
    I8(Vec<i8>),
    /// `int32`
    I32(Vec<i32>),
    /// `int64`
    I64(Vec<i64>),
    /// `bool`
    Bool(Vec<bool>),
}

/// A tensor: elements in row-major order, and its shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The size of each dimension; none for a single number.
    pub shape: Vec<usize>,
    /// As many elements as the product of the shape.
    pub values: Values,
}

impl Values {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Values::F32(values) => values.len(),
            Values::F64(values) => values.len(),
            Values::U8(values) => values.len(),
            Values::I8(values) => values.len(),
            Values::I32(values) => values.len(),
            Values::I64(values) => values.len(),
            Values::Bool(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// ONNX's name of the element type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Values::F32(_) => "float",
            Values::F64(_) => "double",
            Values::U8(_) => "uint8",
            Values::I8(_) => "int8",
            Values::I32(_) => "int32",
            Values::I64(_) => "int64",
            Values::Bool(_) => "bool",
        }
    }

    /// All as `f64`, which holds every value of the other types that occurs here (integers up to 2⁵³).
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Values::F32(values) => values.iter().map(|&value| value.into()).collect(),
            Values::F64(values) => values.clone(),
            Values::U8(values) => values.iter().map(|&value| value.into()).collect(),
            Values::I8(values) => values.iter().map(|&value| value.into()).collect(),
            Values::I32(values) => values.iter().map(|&value| value.into()).collect(),
            Values::I64(values) => values.iter().map(|&value| value as f64).collect(),
            Values::Bool(values) => values.iter().map(|&value| f64::from(u8::from(value))).collect(),
        }
    }
}

impl Tensor {
    /// A tensor of that shape.
    ///
    /// # Errors
    /// If there are not as many elements as the shape says.
    pub fn new(shape: Vec<usize>, values: Values) -> Result<Self> {
        let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        match count {
            Some(count) if count == values.len() => Ok(Self { shape, values }),
            _ => Err(Error::Model(format!("{} elements for a tensor of shape {shape:?}", values.len()))),
        }
    }

    /// A single `f32`.
    pub fn scalar(value: f32) -> Self {
        Self { shape: Vec::new(), values: Values::F32(vec![value]) }
    }

    /// The elements, if they are `f32`.
    ///
    /// # Errors
    /// If they are of another type.
    pub fn reals(&self) -> Result<&[f32]> {
        match &self.values {
            Values::F32(values) => Ok(values),
            other => Err(Error::Model(format!("a tensor of {}, expected float", other.type_name()))),
        }
    }

    /// The sizes, if there are two dimensions.
    ///
    /// # Errors
    /// If there are not two.
    pub fn matrix(&self) -> Result<(usize, usize)> {
        match self.shape[..] {
            [rows, columns] => Ok((rows, columns)),
            _ => Err(Error::Model(format!("a tensor of shape {:?}, expected two dimensions", self.shape))),
        }
    }

    /// The tensor of a message. `float16` and `bfloat16` become `f32`.
    ///
    /// # Errors
    /// If its values lie in another file, are of a type that is not known, or are not as many as its shape says.
    pub fn decode(message: &proto::Tensor) -> Result<Self> {
        let wrong = |problem: String| Error::Model(format!("tensor {}: {problem}", message.name));
        if message.data_location == 1 || !message.external_data.is_empty() {
            let file = message.external_data.iter().find(|entry| entry.key == "location");
            let file = file.map_or("another file", |entry| &entry.value);
            return Err(wrong(format!("its values lie in {file}; save the model as one file")));
        }
        let shape = message.dims.iter().map(|&size| usize::try_from(size).ok()).collect::<Option<Vec<_>>>();
        let shape = shape.ok_or_else(|| wrong(format!("its shape is {:?}", message.dims)))?;
        let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        let count = count.filter(|&count| count <= MAX_ELEMENTS);
        let count = count.ok_or_else(|| wrong(format!("its shape is {shape:?}, which is too large")))?;
        let values = values(message, count).map_err(wrong)?;
        if values.len() != count {
            return Err(wrong(format!("{} values for its shape {shape:?}", values.len())));
        }
        Ok(Self { shape, values })
    }

    /// The message of a tensor.
    pub fn encode(&self, name: &str) -> proto::Tensor {
        let (data_type, raw_data) = match &self.values {
            Values::F32(values) => (data_type::FLOAT, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Values::F64(values) => (data_type::DOUBLE, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Values::U8(values) => (data_type::UINT8, values.clone()),
            Values::I8(values) => (data_type::INT8, values.iter().map(|&v| v as u8).collect()),
            Values::I32(values) => (data_type::INT32, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Values::I64(values) => (data_type::INT64, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Values::Bool(values) => (data_type::BOOL, values.iter().map(|&v| u8::from(v)).collect()),
        };
        let dims = self.shape.iter().map(|&size| size as i64).collect();
        proto::Tensor { dims, data_type, raw_data, name: name.to_owned(), ..proto::Tensor::default() }
    }
}

/// A tensor's elements, from the raw bytes or from the field of their type.
fn values(message: &proto::Tensor, count: usize) -> std::result::Result<Values, String> {
    let raw = &message.raw_data;
    let is_raw = !raw.is_empty();
    let small = |convert: fn(i32) -> u16| message.int32_data.iter().map(|&v| convert(v)).collect::<Vec<_>>();
    let halves = || if is_raw { numbers(raw, u16::from_le_bytes) } else { Ok(small(|v| v as u16)) };
    Ok(match message.data_type {
        data_type::FLOAT if is_raw => Values::F32(numbers(raw, f32::from_le_bytes)?),
        data_type::FLOAT => Values::F32(message.float_data.clone()),
        data_type::DOUBLE if is_raw => Values::F64(numbers(raw, f64::from_le_bytes)?),
        data_type::DOUBLE => Values::F64(message.double_data.clone()),
        data_type::FLOAT16 => {
            Values::F32(halves()?.into_iter().map(|v| f16::from_bits(v).to_f32()).collect())
        }
        data_type::BFLOAT16 => {
            Values::F32(halves()?.into_iter().map(|v| bf16::from_bits(v).to_f32()).collect())
        }
        data_type::UINT8 if is_raw => Values::U8(raw.clone()),
        data_type::UINT8 => Values::U8(message.int32_data.iter().map(|&v| v as u8).collect()),
        data_type::INT8 if is_raw => Values::I8(raw.iter().map(|&v| v as i8).collect()),
        data_type::INT8 => Values::I8(message.int32_data.iter().map(|&v| v as i8).collect()),
        // Two in a byte, the first in the low half.
        data_type::INT4 if is_raw => {
            let halves = raw.iter().flat_map(|&byte| [(byte << 4) as i8 >> 4, byte as i8 >> 4]);
            Values::I8(halves.take(count).collect())
        }
        data_type::INT32 if is_raw => Values::I32(numbers(raw, i32::from_le_bytes)?),
        data_type::INT32 => Values::I32(message.int32_data.clone()),
        data_type::INT64 if is_raw => Values::I64(numbers(raw, i64::from_le_bytes)?),
        data_type::INT64 => Values::I64(message.int64_data.clone()),
        data_type::BOOL if is_raw => Values::Bool(raw.iter().map(|&v| v != 0).collect()),
        data_type::BOOL => Values::Bool(message.int32_data.iter().map(|&v| v != 0).collect()),
        other => {
            return Err(format!(
                "its element type has the number {other}; float, double, float16, bfloat16, uint8, int8, int4, int32, \
                 int64 and bool are understood"
            ));
        }
    })
}

fn numbers<T, const N: usize>(raw: &[u8], decode: fn([u8; N]) -> T) -> std::result::Result<Vec<T>, String> {
    let (chunks, rest) = raw.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(format!("{} bytes are no whole number of elements", raw.len()));
    }
    Ok(chunks.iter().map(|&bytes| decode(bytes)).collect())
}
