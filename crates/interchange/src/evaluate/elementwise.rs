//! Operators that work on one element at a time, with ONNX's broadcasting.

use crate::tensor::{Tensor, Values};

type Problem = String;

/// The shape to which two shapes broadcast: sizes are compared from the last; 1 gives way.
pub fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, Problem> {
    let rank = a.len().max(b.len());
    let size =
        |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |at| shape[at]);
    let sizes = (0..rank).map(|axis| match (size(a, axis), size(b, axis)) {
        (a, b) if a == b => Some(a),
        (1, b) => Some(b),
        (a, 1) => Some(a),
        _ => None,
    });
    sizes.collect::<Option<_>>().ok_or_else(|| format!("shapes {a:?} and {b:?} do not broadcast"))
}

/// For each element of `shape` in order, the index of the element of a tensor of shape `from` that stands there.
fn indices(from: &[usize], shape: &[usize]) -> impl Iterator<Item = usize> {
    let missing = shape.len() - from.len();
    // How far an index moves with each axis of the result: not at all along one that was stretched.
    let mut strides = vec![0; shape.len()];
    let mut stride = 1;
    for axis in (0..from.len()).rev() {
        strides[missing + axis] = if from[axis] == 1 { 0 } else { stride };
        stride *= from[axis];
    }
    let shape = shape.to_vec();
    let count = shape.iter().product::<usize>();
    (0..count).map(move |mut at| {
        let mut index = 0;
        for (size, stride) in shape.iter().zip(&strides).rev() {
            index += at % size * stride;
            at /= size;
        }
        index
    })
}

fn pairs<A: Copy, B: Copy, T>(
    (a, a_shape): (&[A], &[usize]),
    (b, b_shape): (&[B], &[usize]),
    shape: &[usize],
    of: impl Fn(A, B) -> T,
) -> Vec<T> {
    indices(a_shape, shape).zip(indices(b_shape, shape)).map(|(i, j)| of(a[i], b[j])).collect()
}

/// A number of a type that arithmetic is done in.
macro_rules! arithmetic {
    ($a:expr, $b:expr, $shape:expr, $of:ident) => {
        match (&$a.values, &$b.values) {
            (Values::F32(a), Values::F32(b)) => {
                Some(Values::F32(pairs((a, &$a.shape), (b, &$b.shape), &$shape, $of::<f32>)))
            }
            (Values::F64(a), Values::F64(b)) => {
                Some(Values::F64(pairs((a, &$a.shape), (b, &$b.shape), &$shape, $of::<f64>)))
            }
            _ => None,
        }
    };
}

/// `Add`, `Sub`, `Mul`, `Div`, `Min` or `Max` of two tensors of `float` or `double`.
pub fn binary(operator: &str, a: &Tensor, b: &Tensor) -> Result<Tensor, Problem> {
    use std::ops::{Add, Div, Mul, Sub};
    fn add<T: Add<Output = T>>(a: T, b: T) -> T {
        a + b
    }
    fn sub<T: Sub<Output = T>>(a: T, b: T) -> T {
        a - b
    }
    fn mul<T: Mul<Output = T>>(a: T, b: T) -> T {
        a * b
    }
    fn div<T: Div<Output = T>>(a: T, b: T) -> T {
        a / b
    }
    fn min<T: PartialOrd>(a: T, b: T) -> T {
        if b < a { b } else { a }
    }
    fn max<T: PartialOrd>(a: T, b: T) -> T {
        if b > a { b } else { a }
    }
    let shape = broadcast(&a.shape, &b.shape)?;
    let values = match operator {
        "Add" => arithmetic!(a, b, shape, add),
        "Sub" => arithmetic!(a, b, shape, sub),
        "Mul" => arithmetic!(a, b, shape, mul),
        "Div" => arithmetic!(a, b, shape, div),
        "Min" => arithmetic!(a, b, shape, min),
        "Max" => arithmetic!(a, b, shape, max),
        _ => None,
    };
    let values = values.ok_or_else(|| types(a, b))?;
    Ok(Tensor { shape, values })
}

/// `Less`, `Equal`, `And` or `Or` of two tensors.
pub fn logical(operator: &str, a: &Tensor, b: &Tensor) -> Result<Tensor, Problem> {
    let shape = broadcast(&a.shape, &b.shape)?;
    let both = (&a.values, &b.values);
    let values = match (operator, both) {
        ("And", (Values::Bool(x), Values::Bool(y))) => {
            pairs((x, &a.shape), (y, &b.shape), &shape, |x, y| x && y)
        }
        ("Or", (Values::Bool(x), Values::Bool(y))) => {
            pairs((x, &a.shape), (y, &b.shape), &shape, |x, y| x || y)
        }
        ("Less", (Values::F32(_), Values::F32(_)) | (Values::F64(_), Values::F64(_))) => {
            let (x, y) = (a.values.to_f64(), b.values.to_f64());
            pairs((&x, &a.shape), (&y, &b.shape), &shape, |x: f64, y: f64| x < y)
        }
        ("Equal", (Values::F32(_), Values::F32(_)) | (Values::F64(_), Values::F64(_))) => {
            let (x, y) = (a.values.to_f64(), b.values.to_f64());
            pairs((&x, &a.shape), (&y, &b.shape), &shape, |x: f64, y: f64| x == y)
        }
        _ => return Err(types(a, b)),
    };
    Ok(Tensor { shape, values: Values::Bool(values) })
}

/// `Where`: `a` where the condition holds, else `b`.
pub fn choose(condition: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor, Problem> {
    fn chosen<T: Copy>(
        condition: (&[bool], &[usize]),
        a: (&[T], &[usize]),
        b: (&[T], &[usize]),
        shape: &[usize],
    ) -> Vec<T> {
        let both = indices(a.1, shape).zip(indices(b.1, shape));
        let all = indices(condition.1, shape).zip(both);
        all.map(|(at, (i, j))| if condition.0[at] { a.0[i] } else { b.0[j] }).collect()
    }
    let shape = broadcast(&condition.shape, &broadcast(&a.shape, &b.shape)?)?;
    let Values::Bool(condition_values) = &condition.values else {
        return Err("its condition is not bool".into());
    };
    let which = (&condition_values[..], &condition.shape[..]);
    let values = match (&a.values, &b.values) {
        (Values::F32(x), Values::F32(y)) => Values::F32(chosen(which, (x, &a.shape), (y, &b.shape), &shape)),
        (Values::F64(x), Values::F64(y)) => Values::F64(chosen(which, (x, &a.shape), (y, &b.shape), &shape)),
        _ => return Err(types(a, b)),
    };
    Ok(Tensor { shape, values })
}

/// An operator of one tensor of `float` or `double`: `Relu`, `Round` (half to even), `Abs`, `Neg`, `Reciprocal`, `Sqrt`.
pub fn unary(operator: &str, x: &Tensor) -> Result<Tensor, Problem> {
    macro_rules! of {
        ($($name:literal => $of:expr, $of64:expr;)*) => {
            match (operator, &x.values) {
                $(
                    ($name, Values::F32(values)) => Values::F32(values.iter().map(|&v| $of(v)).collect()),
                    ($name, Values::F64(values)) => Values::F64(values.iter().map(|&v| $of64(v)).collect()),
                )*
                (_, other) => return Err(format!("is not understood for {}", other.type_name())),
            }
        };
    }
    let values = of! {
        "Relu" => |v: f32| if v < 0.0 { 0.0 } else { v }, |v: f64| if v < 0.0 { 0.0 } else { v };
        "Round" => f32::round_ties_even, f64::round_ties_even;
        "Abs" => f32::abs, f64::abs;
        "Neg" => |v: f32| -v, |v: f64| -v;
        "Reciprocal" => |v: f32| 1.0 / v, |v: f64| 1.0 / v;
        "Sqrt" => f32::sqrt, f64::sqrt;
    };
    Ok(Tensor { shape: x.shape.clone(), values })
}

/// `Cast` to the type of a number: towards zero from reals to integers, and beyond their range as little as the range allows.
pub fn cast(x: &Tensor, to: i64) -> Result<Tensor, Problem> {
    use crate::proto::data_type::{BOOL, DOUBLE, FLOAT, INT8, INT32, INT64, UINT8};
    let of = |values: &Values| -> Option<Values> {
        Some(match (i32::try_from(to).ok()?, values) {
            // An integer may have more digits than a `f32`, and is to be rounded once.
            (FLOAT, Values::I32(values)) => Values::F32(values.iter().map(|&v| v as f32).collect()),
            (FLOAT, Values::I64(values)) => Values::F32(values.iter().map(|&v| v as f32).collect()),
            (FLOAT, values) => Values::F32(values.to_f64().iter().map(|&v| v as f32).collect()),
            (DOUBLE, values) => Values::F64(values.to_f64()),
            (UINT8, values) => Values::U8(values.to_f64().iter().map(|&v| v as u8).collect()),
            (INT8, values) => Values::I8(values.to_f64().iter().map(|&v| v as i8).collect()),
            (INT32, values) => Values::I32(values.to_f64().iter().map(|&v| v as i32).collect()),
            (INT64, Values::I64(values)) => Values::I64(values.clone()),
            (INT64, values) => Values::I64(values.to_f64().iter().map(|&v| v as i64).collect()),
            (BOOL, values) => Values::Bool(values.to_f64().iter().map(|&v| v != 0.0).collect()),
            _ => return None,
        })
    };
    let values = of(&x.values).ok_or_else(|| format!("casts to the element type of number {to}"))?;
    Ok(Tensor { shape: x.shape.clone(), values })
}

/// `Clip`: no less than `min` and no more than `max`, where they are given.
pub fn clip(x: &Tensor, min: Option<&Tensor>, max: Option<&Tensor>) -> Result<Tensor, Problem> {
    let end = |tensor: Option<&Tensor>| match tensor {
        None => Ok(None),
        Some(tensor) => match tensor.values.to_f64()[..] {
            [end] => Ok(Some(end)),
            _ => Err("its ends are no single numbers".to_owned()),
        },
    };
    let (min, max) = (end(min)?.unwrap_or(f64::NEG_INFINITY), end(max)?.unwrap_or(f64::INFINITY));
    // Both ends are of the tensor's own type, so they come back from `f64` unchanged.
    let clipped = |v: f64| {
        if v < min {
            min
        } else if v > max {
            max
        } else {
            v
        }
    };
    let values = match &x.values {
        Values::F32(values) => Values::F32(values.iter().map(|&v| clipped(v.into()) as f32).collect()),
        Values::F64(values) => Values::F64(values.iter().map(|&v| clipped(v)).collect()),
        Values::U8(values) => Values::U8(values.iter().map(|&v| clipped(v.into()) as u8).collect()),
        Values::I8(values) => Values::I8(values.iter().map(|&v| clipped(v.into()) as i8).collect()),
        Values::I32(values) => Values::I32(values.iter().map(|&v| clipped(v.into()) as i32).collect()),
        other => return Err(format!("is not understood for {}", other.type_name())),
    };
    Ok(Tensor { shape: x.shape.clone(), values })
}

fn types(a: &Tensor, b: &Tensor) -> Problem {
    format!("is not understood for {} and {}", a.values.type_name(), b.values.type_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_columns_and_single_numbers_broadcast() {
        let matrix = Tensor { shape: vec![2, 3], values: Values::F32((0..6u8).map(f32::from).collect()) };
        let row = Tensor { shape: vec![3], values: Values::F32(vec![10.0, 20.0, 30.0]) };
        let column = Tensor { shape: vec![2, 1], values: Values::F32(vec![100.0, 200.0]) };
        let sum = |a: &Tensor, b: &Tensor| binary("Add", a, b).unwrap().values;
        assert_eq!(sum(&matrix, &row), Values::F32(vec![10.0, 21.0, 32.0, 13.0, 24.0, 35.0]));
        assert_eq!(sum(&column, &row), Values::F32(vec![110.0, 120.0, 130.0, 210.0, 220.0, 230.0]));
        assert_eq!(sum(&Tensor::scalar(1.0), &row), Values::F32(vec![11.0, 21.0, 31.0]));
        let other = Tensor { shape: vec![2], values: Values::F32(vec![1.0, 2.0]) };
        assert!(binary("Add", &matrix, &other).unwrap_err().contains("do not broadcast"));
    }

    #[test]
    fn halves_round_to_even_and_integers_to_the_nearest_float_once() {
        let x = Tensor { shape: vec![4], values: Values::F32(vec![0.5, 1.5, -0.5, 2.5]) };
        assert_eq!(unary("Round", &x).unwrap().values, Values::F32(vec![0.0, 2.0, -0.0, 2.0]));
        let x = Tensor { shape: vec![1], values: Values::I32(vec![(1 << 24) + 1]) };
        assert_eq!(cast(&x, 1).unwrap().values, Values::F32(vec![16_777_216.0]));
    }
}
