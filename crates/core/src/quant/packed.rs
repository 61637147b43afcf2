//! Weights as a file keeps them: closely packed.
//!
//! - Of 2 to 7 bits: each weight less the least one, so from 0 up, in that many bits, one after another row by row, the first in
//!   the lowest bits of the first byte; a weight may lie across two bytes, and rows do not start at new ones.
//! - Binary: one bit, 1 for 1 and 0 for -1, in the same order.
//! - Ternary: five to a byte, `Σ (wᵢ + 1) · 3ⁱ`, 0 to 242.
//!
//! Bits that are left in the last byte are 0, and so are left ternary digits.

use crate::quant::Width;
use crate::{Error, Result};

/// Ternary digits of a byte.
const TRITS: usize = 5;

/// The bytes of `weights`, each of which the width holds.
pub fn pack(weights: &[i8], width: Width) -> Vec<u8> {
    if width == Width::Ternary {
        let byte = |five: &[i8]| five.iter().rev().fold(0, |byte, &weight| byte * 3 + (weight + 1) as u8);
        return weights.chunks(TRITS).map(byte).collect();
    }
    let bits = field(width);
    let mut bytes = vec![0; width.bytes(weights.len())];
    for (index, &weight) in weights.iter().enumerate() {
        let code = u16::from(code(weight, width)) << (index * bits % 8);
        let at = index * bits / 8;
        bytes[at] |= code as u8;
        if code > 0xFF {
            bytes[at + 1] |= (code >> 8) as u8;
        }
    }
    bytes
}

/// The `count` weights in `bytes`, which are called `name` in errors.
///
/// # Errors
/// [`Error::Model`] if there are not as many bytes as so many weights take, or a byte of ternary weights is above 242.
pub fn unpack(name: &str, bytes: &[u8], width: Width, count: usize) -> Result<Vec<i8>> {
    if bytes.len() != width.bytes(count) {
        return Err(Error::model(|| {
            format!(
                "{name} has {} bytes, expected {} for {count} weights of width {width}",
                bytes.len(),
                width.bytes(count)
            )
        }));
    }
    if width == Width::Ternary {
        if let Some(byte) = bytes.iter().find(|&&byte| byte > 242) {
            return Err(Error::model(|| {
                format!("{name} has a byte of {byte}, expected five ternary digits, 242 at most")
            }));
        }
        let weights = bytes
            .iter()
            .flat_map(|&byte| (0..TRITS as u32).map(move |at| (byte / 3u8.pow(at) % 3) as i8 - 1));
        return Ok(weights.take(count).collect());
    }
    let bits = field(width);
    let mask = (1u16 << bits) - 1;
    let weight = |index: usize| {
        let at = index * bits / 8;
        let pair = u16::from(bytes[at]) | u16::from(bytes.get(at + 1).copied().unwrap_or(0)) << 8;
        decode(((pair >> (index * bits % 8)) & mask) as u8, width)
    };
    Ok((0..count).map(weight).collect())
}

/// Bits of a weight.
fn field(width: Width) -> usize {
    match width {
        Width::Bits(bits) => bits.into(),
        Width::Ternary | Width::Binary => 1,
    }
}

fn code(weight: i8, width: Width) -> u8 {
    match width {
        Width::Binary => u8::from(weight > 0),
        _ => (i16::from(weight) - i16::from(width.ends().0)) as u8,
    }
}

fn decode(code: u8, width: Width) -> i8 {
    match width {
        Width::Binary => 2 * code as i8 - 1,
        _ => (i16::from(code) + i16::from(width.ends().0)) as i8,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn layouts_by_hand() {
        // -4 → 0, 3 → 7, -1 → 3: 011 111 000, the first weight lowest.
        assert_eq!(pack(&[-4, 3, -1], Width::Bits(3)), [0b1111_1000, 0b0000_0000]);
        assert_eq!(pack(&[-4, 3, -1, 3, -4, 3], Width::Bits(3)), [0b1111_1000, 0b1000_1110, 0b11]);
        assert_eq!(pack(&[1, -1, -1, 1, 1, 1, 1, 1, 1], Width::Binary), [0b1111_1001, 1]);
        // 0 + 2·3 + 1·9 + 1·27 + 2·81, and 2.
        assert_eq!(pack(&[-1, 1, 0, 0, 1, 1], Width::Ternary), [204, 2]);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let message =
            |bytes: &[u8], width| unpack("linear1.weight_packed", bytes, width, 10).unwrap_err().to_string();
        assert!(
            message(&[0; 3], Width::Bits(3))
                .contains("linear1.weight_packed has 3 bytes, expected 4 for 10 weights")
        );
        assert!(message(&[0, 243], Width::Ternary).contains("a byte of 243"));
    }

    proptest! {
        #[test]
        fn every_width_comes_back(bytes in prop::collection::vec(any::<i8>(), 0..100), index in 0..Width::ALL.len()) {
            let width = Width::ALL[index];
            let (least, most) = width.ends();
            let weights: Vec<i8> = bytes
                .into_iter()
                .map(|weight| weight.clamp(least, most))
                .map(|weight| if width.holds(weight) { weight } else { 1 })
                .collect();
            let packed = pack(&weights, width);
            prop_assert_eq!(packed.len(), width.bytes(weights.len()));
            prop_assert_eq!(unpack("w", &packed, width, weights.len()).unwrap(), weights);
        }
    }
}
