//! The number types of files: `f32` and what becomes `f32` when it is read.

use crate::{Error, Result};

/// The values of a tensor of real numbers, and what was done to them if they are not `F32`.
///
/// # Errors
/// [`Error::Model`] if they are of another type, or finite and beyond `f32`.
pub(super) fn reals(name: &str, dtype: &str, data: &[u8]) -> Result<(Vec<f32>, Option<&'static str>)> {
    fn all<const N: usize>(data: &[u8], decode: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        data.as_chunks().0.iter().map(|&bytes| decode(bytes)).collect()
    }
    if cfg!(feature = "own-files") && dtype != "F32" {
        return Err(Error::Model(format!("{name} is {dtype}, expected F32")));
    }
    Ok(match dtype {
        "F32" => (all(data, f32::from_le_bytes), None),
        "F16" => (all(data, |bytes| half(u16::from_le_bytes(bytes))), Some("F16 became F32, without a loss")),
        "BF16" => {
            let real = |bytes| f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16);
            (all(data, real), Some("BF16 became F32, without a loss"))
        }
        "F64" => {
            let doubles = || data.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes));
            if doubles().any(|double| double.is_finite() && (double as f32).is_infinite()) {
                return Err(Error::Model(format!("{name} holds a number that is too large for F32")));
            }
            (doubles().map(|double| double as f32).collect(), Some("F64 was rounded to F32"))
        }
        _ => return Err(Error::Model(format!("{name} is {dtype}, expected F32, or else F16, BF16 or F64"))),
    })
}

/// The real number of an IEEE 754 half: 5 bits of exponent, biased by 15, and 10 of fraction.
fn half(bits: u16) -> f32 {
    let magnitude = u32::from(bits & 0x7fff) << 13;
    let real = if bits & 0x7c00 == 0x7c00 {
        // Infinity or NaN: the exponent is all ones in either format.
        f32::from_bits(magnitude | 0x7f80_0000)
    } else {
        // A product with 2¹¹² moves the bias from 15 to 127, of numbers below the smallest normal one as well.
        f32::from_bits(magnitude) * f32::from_bits((112 + 127) << 23)
    };
    if bits >> 15 == 0 { real } else { -real }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_what_the_standard_says() {
        for bits in 0..=u16::MAX {
            let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
            let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
            let real = f64::from(half(bits));
            match exponent {
                31 if fraction == 0.0 => assert_eq!(real, sign * f64::INFINITY),
                31 => assert!(real.is_nan()),
                0 => assert_eq!(real, sign * fraction * 2f64.powi(-24)),
                _ => assert_eq!(real, sign * (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15)),
            }
            assert_eq!(real.is_sign_negative(), sign < 0.0);
        }
    }

    #[test]
    fn every_float_type_is_read() {
        let read = |dtype, data: &[u8]| reals("x", dtype, data);
        assert_eq!(read("F32", &0.1f32.to_le_bytes()).unwrap(), (vec![0.1], None));
        assert_eq!(read("BF16", &0xc0a0u16.to_le_bytes()).unwrap().0, [-5.0]);
        let (value, note) = read("F64", &0.1f64.to_le_bytes()).unwrap();
        assert_eq!((value, note), (vec![0.1], Some("F64 was rounded to F32")));
        assert!(read("F64", &1e39f64.to_le_bytes()).unwrap_err().to_string().contains("x holds a number"));
        assert!(read("F64", &f64::INFINITY.to_le_bytes()).unwrap().0[0].is_infinite());
        assert!(read("I32", &[0; 4]).unwrap_err().to_string().contains("x is I32, expected F32"));
    }
}
