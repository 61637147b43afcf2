//! The operators, by name: matrix products, quantization, and what only changes a shape.

use super::elementwise::{binary, cast, choose, clip, logical, unary};
use super::refuse;
use crate::proto::Node;
use crate::tensor::{Tensor, Values};
use crate::{Error, Result};

/// The results of a node for these inputs; those that it leaves out are `None`.
///
/// # Errors
/// [`Error::Node`] if the operator is not known, or the inputs do not fit it.
pub fn apply(node: &Node, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
    check_domain(node)?;
    evaluated(node, inputs).map_err(|problem| refuse(node, problem))
}

/// Refuses operators that are not ONNX's own.
///
/// # Errors
/// [`Error::Node`] if the node is of another domain.
pub fn check_domain(node: &Node) -> Result<()> {
    match &*node.domain {
        "" | "ai.onnx" => Ok(()),
        other => Err(refuse(node, format!("it is of the domain {other}, expected ONNX's own operators"))),
    }
}

/// An attribute of a node that is a whole number.
pub fn attribute(node: &Node, name: &str) -> Option<i64> {
    node.attribute.iter().find(|attribute| attribute.name == name)?.i
}

fn evaluated(node: &Node, inputs: &[Option<&Tensor>]) -> std::result::Result<Vec<Tensor>, String> {
    let optional = |at: usize| inputs.get(at).copied().flatten();
    let input = |at: usize| optional(at).ok_or_else(|| format!("its input {at} is missing"));
    let operator = &*node.op_type;
    let one = match operator {
        "Add" | "Sub" | "Mul" | "Div" => binary(operator, input(0)?, input(1)?)?,
        "Min" | "Max" => {
            let mut rest = inputs.iter().skip(1).flatten();
            rest.try_fold(input(0)?.clone(), |least, next| binary(operator, &least, next))?
        }
        "Less" | "Equal" | "And" | "Or" => logical(operator, input(0)?, input(1)?)?,
        "Where" => choose(input(0)?, input(1)?, input(2)?)?,
        "Relu" | "Round" | "Abs" | "Neg" | "Reciprocal" | "Sqrt" => unary(operator, input(0)?)?,
        "IsInf" => map_bool(input(0)?, f64::is_infinite),
        "Not" => map_bool(input(0)?, |value| value == 0.0),
        "Cast" => cast(input(0)?, attribute(node, "to").ok_or("it does not say to which type")?)?,
        "Clip" => clip(input(0)?, optional(1), optional(2))?,
        "ReduceMin" | "ReduceMax" => reduce(node, input(0)?)?,
        "Constant" => constant(node)?,
        "Identity" | "Dropout" => input(0)?.clone(),
        "Flatten" => flatten(node, input(0)?)?,
        "Reshape" => reshape(input(0)?, input(1)?)?,
        "Transpose" => transpose(input(0)?)?,
        "MatMul" => matmul(input(0)?, input(1)?, false)?,
        "Gemm" => gemm(node, input(0)?, input(1)?, optional(2))?,
        "MatMulInteger" => matmul_integer(input(0)?, input(1)?, optional(2), optional(3))?,
        "QuantizeLinear" => quantize(node, input(0)?, input(1)?, optional(2))?,
        "DequantizeLinear" => dequantize(node, input(0)?, input(1)?, optional(2))?,
        "DynamicQuantizeLinear" => return dynamic_quantize(input(0)?),
        _ => return Err(format!("this operator is not understood; these are: {}", KNOWN.join(", "))),
    };
    Ok(vec![one])
}

const KNOWN: [&str; 34] = [
    "Abs",
    "Add",
    "And",
    "Cast",
    "Clip",
    "Constant",
    "DequantizeLinear",
    "Div",
    "Dropout",
    "DynamicQuantizeLinear",
    "Equal",
    "Flatten",
    "Gemm",
    "Identity",
    "IsInf",
    "Less",
    "MatMul",
    "MatMulInteger",
    "Max",
    "Min",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "QuantizeLinear",
    "Reciprocal",
    "ReduceMax",
    "ReduceMin",
    "Relu",
    "Reshape",
    "Round",
    "Sqrt",
    "Sub",
    "Transpose",
];

type Made = std::result::Result<Tensor, String>;

fn text(error: Error) -> String {
    error.to_string()
}

fn map_bool(x: &Tensor, of: fn(f64) -> bool) -> Tensor {
    let values = x.values.to_f64().into_iter().map(of).collect();
    Tensor { shape: x.shape.clone(), values: Values::Bool(values) }
}

/// Over all elements; without `axes` that is what the operator does.
fn reduce(node: &Node, x: &Tensor) -> Made {
    if node.attribute.iter().any(|attribute| attribute.name == "axes") || node.input.len() > 1 {
        return Err("is understood without axes only, over all elements".into());
    }
    let values = x.reals().map_err(text)?.iter().copied();
    let found = if node.op_type == "ReduceMin" {
        values.reduce(|a, b| if b < a { b } else { a })
    } else {
        values.reduce(|a, b| if b > a { b } else { a })
    };
    let keep = attribute(node, "keepdims").unwrap_or(1) != 0;
    let shape = if keep { vec![1; x.shape.len()] } else { Vec::new() };
    Ok(Tensor { shape, values: Values::F32(vec![found.ok_or("its input is empty")?]) })
}

fn constant(node: &Node) -> Made {
    let attribute = node.attribute.first().ok_or("it holds no value")?;
    match (&*attribute.name, &attribute.t) {
        ("value", Some(tensor)) => Tensor::decode(tensor).map_err(text),
        ("value_float", _) => Ok(Tensor::scalar(attribute.f.unwrap_or_default())),
        ("value_int", _) => {
            Ok(Tensor { shape: vec![], values: Values::I64(vec![attribute.i.unwrap_or_default()]) })
        }
        ("value_floats", _) => {
            let values = attribute.floats.clone();
            Ok(Tensor { shape: vec![values.len()], values: Values::F32(values) })
        }
        ("value_ints", _) => {
            let values = attribute.ints.clone();
            Ok(Tensor { shape: vec![values.len()], values: Values::I64(values) })
        }
        (other, _) => Err(format!("its value is given as {other}")),
    }
}

fn flatten(node: &Node, x: &Tensor) -> Made {
    let axis = attribute(node, "axis").unwrap_or(1);
    let axis = usize::try_from(axis).ok().filter(|&axis| axis <= x.shape.len());
    let (rows, columns) = x.shape.split_at(axis.ok_or("its axis is not one of its input's")?);
    let shape = vec![rows.iter().product(), columns.iter().product()];
    Ok(Tensor { shape, values: x.values.clone() })
}

fn reshape(x: &Tensor, shape: &Tensor) -> Made {
    let Values::I64(wanted) = &shape.values else { return Err("its shape is not int64".into()) };
    let mut sizes = Vec::new();
    for (axis, &size) in wanted.iter().enumerate() {
        let kept = || x.shape.get(axis).copied().ok_or("it keeps a dimension that is not there".to_owned());
        sizes.push(match size {
            0 => Some(kept()?),
            -1 => None,
            size => Some(usize::try_from(size).map_err(|_| format!("its shape is {wanted:?}"))?),
        });
    }
    let known = sizes.iter().flatten().try_fold(1usize, |count, &size| count.checked_mul(size));
    let known = known.filter(|&known| known > 0).ok_or_else(|| format!("its shape is {wanted:?}"))?;
    let shape: Vec<usize> = sizes.iter().map(|size| size.unwrap_or(x.values.len() / known)).collect();
    Tensor::new(shape, x.values.clone()).map_err(text)
}

fn transpose(x: &Tensor) -> Made {
    fn turned<T: Copy>(values: &[T], rows: usize, columns: usize) -> Vec<T> {
        (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
    }
    let (rows, columns) = x.matrix().map_err(text)?;
    let values = match &x.values {
        Values::F32(values) => Values::F32(turned(values, rows, columns)),
        Values::U8(values) => Values::U8(turned(values, rows, columns)),
        Values::I8(values) => Values::I8(turned(values, rows, columns)),
        other => return Err(format!("is not understood for {}", other.type_name())),
    };
    Ok(Tensor { shape: vec![columns, rows], values })
}

/// `x · w`, where `w` is `[inputs, outputs]`, or `[outputs, inputs]` if it stands `transposed`; each sum in the order of the
/// inputs.
fn matmul(x: &Tensor, w: &Tensor, transposed: bool) -> Made {
    let ((batch, inputs), (rows, columns)) = (x.matrix().map_err(text)?, w.matrix().map_err(text)?);
    let (w_inputs, outputs) = if transposed { (columns, rows) } else { (rows, columns) };
    if inputs != w_inputs {
        return Err(format!("[{batch}, {inputs}] times [{w_inputs}, {outputs}]"));
    }
    let (x, w) = (x.reals().map_err(text)?, w.reals().map_err(text)?);
    let mut y = vec![0.0f32; batch * outputs];
    for (x, y) in x.chunks_exact(inputs.max(1)).zip(y.chunks_exact_mut(outputs.max(1))) {
        if transposed {
            for (y, w) in y.iter_mut().zip(w.chunks_exact(inputs)) {
                *y = x.iter().zip(w).map(|(x, w)| x * w).sum();
            }
        } else {
            for (x, w) in x.iter().zip(w.chunks_exact(outputs)) {
                y.iter_mut().zip(w).for_each(|(y, w)| *y += x * w);
            }
        }
    }
    Tensor::new(vec![batch, outputs], Values::F32(y)).map_err(text)
}

/// `alpha · x · w + beta · bias`.
fn gemm(node: &Node, x: &Tensor, w: &Tensor, bias: Option<&Tensor>) -> Made {
    let real = |name: &str| {
        node.attribute.iter().find(|attribute| attribute.name == name).and_then(|attribute| attribute.f)
    };
    if [real("alpha"), real("beta")].into_iter().flatten().any(|factor| factor != 1.0)
        || attribute(node, "transA").unwrap_or(0) != 0
    {
        return Err("is understood with alpha and beta of 1 and transA of 0".into());
    }
    let product = matmul(x, w, attribute(node, "transB").unwrap_or(0) != 0)?;
    match bias {
        Some(bias) => binary("Add", &product, bias),
        None => Ok(product),
    }
}

/// The integers of a tensor of `uint8` or `int8`.
fn integers(x: &Tensor) -> std::result::Result<Vec<i32>, String> {
    match &x.values {
        Values::U8(values) => Ok(values.iter().map(|&v| v.into()).collect()),
        Values::I8(values) => Ok(values.iter().map(|&v| v.into()).collect()),
        other => Err(format!("is not understood for {}", other.type_name())),
    }
}

/// `Σ (x - x_zero_point) · (w - w_zero_point)`, exactly.
fn matmul_integer(x: &Tensor, w: &Tensor, x_zero: Option<&Tensor>, w_zero: Option<&Tensor>) -> Made {
    let single = |zero: Option<&Tensor>| match zero.map(integers).transpose()?.as_deref() {
        None => Ok(0),
        Some(&[zero]) => Ok(zero),
        _ => Err("is understood with one zero point for a tensor".to_owned()),
    };
    let ((batch, inputs), (w_inputs, outputs)) = (x.matrix().map_err(text)?, w.matrix().map_err(text)?);
    if inputs != w_inputs {
        return Err(format!("[{batch}, {inputs}] times [{w_inputs}, {outputs}]"));
    }
    let (x_zero, w_zero) = (single(x_zero)?, single(w_zero)?);
    let (x, mut w) = (integers(x)?, integers(w)?);
    w.iter_mut().for_each(|w| *w -= w_zero);
    let mut y = vec![0i32; batch * outputs];
    for (x, y) in x.chunks_exact(inputs.max(1)).zip(y.chunks_exact_mut(outputs.max(1))) {
        for (x, w) in x.iter().zip(w.chunks_exact(outputs)) {
            y.iter_mut().zip(w).for_each(|(y, w)| *y = y.wrapping_add((x - x_zero) * w));
        }
    }
    Tensor::new(vec![batch, outputs], Values::I32(y)).map_err(text)
}

/// Scale and zero point of each element, which are those of the tensor or of a channel along `axis`.
fn per_element(
    node: &Node,
    x: &Tensor,
    scale: &Tensor,
    zero: Option<&Tensor>,
) -> std::result::Result<impl Fn(usize) -> (f32, i32), String> {
    let scales = scale.reals().map_err(text)?.to_vec();
    let zeros = match zero {
        None => vec![0; scales.len()],
        Some(Tensor { values: Values::I32(zeros), .. }) => zeros.clone(),
        Some(zero) => integers(zero)?,
    };
    let axis = attribute(node, "axis").unwrap_or(1);
    let axis = if axis < 0 { axis + x.shape.len() as i64 } else { axis } as usize;
    let (channels, inner) = match scales.len() {
        1 => (1, 1),
        channels if x.shape.get(axis) == Some(&channels) => (channels, x.shape[axis + 1..].iter().product()),
        channels => return Err(format!("{channels} scales for a tensor of shape {:?}", x.shape)),
    };
    if zeros.len() != scales.len() {
        return Err(format!("{} scales and {} zero points", scales.len(), zeros.len()));
    }
    Ok(move |at: usize| (scales[at / inner % channels], zeros[at / inner % channels]))
}

/// `saturate(rint(x / scale) + zero_point)`.
fn quantize(node: &Node, x: &Tensor, scale: &Tensor, zero: Option<&Tensor>) -> Made {
    let of = per_element(node, x, scale, zero)?;
    let steps = x.reals().map_err(text)?.iter().enumerate().map(|(at, x)| {
        let (scale, zero) = of(at);
        (x / scale).round_ties_even() + zero as f32
    });
    let values = match zero.map(|zero| &zero.values) {
        Some(Values::I8(_)) => Values::I8(steps.map(|q| q as i8).collect()),
        Some(Values::U8(_)) | None => Values::U8(steps.map(|q| q as u8).collect()),
        Some(other) => return Err(format!("is not understood to {}", other.type_name())),
    };
    Ok(Tensor { shape: x.shape.clone(), values })
}

/// `(q - zero_point) · scale`.
fn dequantize(node: &Node, q: &Tensor, scale: &Tensor, zero: Option<&Tensor>) -> Made {
    let of = per_element(node, q, scale, zero)?;
    let integers = match &q.values {
        Values::I32(values) => values.clone(),
        _ => integers(q)?,
    };
    let values = integers.iter().enumerate().map(|(at, &q)| {
        let (scale, zero) = of(at);
        (q - zero) as f32 * scale
    });
    Ok(Tensor { shape: q.shape.clone(), values: Values::F32(values.collect()) })
}

/// The integers 0..=255, scale and zero point from the tensor's own range, extended to include 0.
fn dynamic_quantize(x: &Tensor) -> std::result::Result<Vec<Tensor>, String> {
    let reals = x.reals().map_err(text)?;
    let (min, max) = reals.iter().fold((0.0f32, 0.0f32), |(min, max), &x| (min.min(x), max.max(x)));
    let scale = (max - min) / 255.0;
    let zero = (0.0 - min / scale).clamp(0.0, 255.0).round_ties_even();
    let q = reals.iter().map(|x| ((x / scale).round_ties_even() + zero) as u8).collect();
    Ok(vec![
        Tensor { shape: x.shape.clone(), values: Values::U8(q) },
        Tensor::scalar(scale),
        Tensor { shape: Vec::new(), values: Values::U8(vec![zero as u8]) },
    ])
}
