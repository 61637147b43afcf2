//! MNIST's file format: a big-endian magic number that names element type and dimensions, the sizes, then the bytes.
//!
//! Source: the description of the IDX format on the MNIST page (LeCun, Cortes, Burges).

use crate::digits::{PIXELS, SIDE};
use crate::{Error, Result};

const IMAGES_MAGIC: u32 = 2051;
const LABELS_MAGIC: u32 = 2049;

/// The images of an uncompressed IDX file, `[n, 784]`.
///
/// # Errors
/// [`Error::Idx`] if the file is not one of 28×28 images of bytes, or is shorter or longer than it says.
pub fn images(bytes: &[u8]) -> Result<Vec<u8>> {
    let [count, rows, columns] = header(bytes, IMAGES_MAGIC, "images")?;
    if (rows, columns) != (SIDE, SIDE) {
        return Err(Error::Idx(format!("images of {rows}×{columns} pixels, expected {SIDE}×{SIDE}")));
    }
    body(bytes, 16, count.saturating_mul(PIXELS))
}

/// The labels of an uncompressed IDX file, `[n]`.
///
/// # Errors
/// [`Error::Idx`] if the file is not one of labels, or is shorter or longer than it says.
pub fn labels(bytes: &[u8]) -> Result<Vec<u8>> {
    let [count] = header(bytes, LABELS_MAGIC, "labels")?;
    body(bytes, 8, count)
}

fn header<const N: usize>(bytes: &[u8], magic: u32, what: &str) -> Result<[usize; N]> {
    let word = |at: usize| {
        let word = bytes.get(4 * at..4 * at + 4).and_then(|word| word.try_into().ok());
        word.map(u32::from_be_bytes)
            .ok_or_else(|| Error::Idx(format!("ends within its header ({} bytes)", bytes.len())))
    };
    let found = word(0)?;
    if found != magic {
        let hint = match found {
            IMAGES_MAGIC => " (that is a file of images)",
            LABELS_MAGIC => " (that is a file of labels)",
            found if found >> 16 == 0x1f8b => " (it is still compressed with gzip)",
            _ => "",
        };
        return Err(Error::Idx(format!("magic number {found}, expected {magic} for {what}{hint}")));
    }
    let mut sizes = [0; N];
    for (at, size) in sizes.iter_mut().enumerate() {
        *size = word(at + 1)? as usize;
    }
    Ok(sizes)
}

fn body(bytes: &[u8], start: usize, expected: usize) -> Result<Vec<u8>> {
    let found = bytes.len() - start;
    if found != expected {
        return Err(Error::Idx(format!("{found} bytes of data, but the header promises {expected}")));
    }
    Ok(bytes[start..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(words: &[u32], body: usize) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).chain((0..body).map(|at| at as u8)).collect()
    }

    #[test]
    fn reads_images_and_labels() {
        assert_eq!(images(&file(&[2051, 2, 28, 28], 1568)).unwrap().len(), 1568);
        assert_eq!(labels(&file(&[2049, 3], 3)).unwrap(), [0, 1, 2]);
    }

    #[test]
    fn says_what_is_wrong() {
        let message = |bytes: &[u8]| images(bytes).unwrap_err().to_string();
        assert!(message(&[0, 0]).contains("ends within its header"));
        assert!(message(&file(&[2049, 3], 3)).contains("file of labels"));
        assert!(message(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]).contains("gzip"));
        assert!(message(&file(&[2051, 2, 28, 27], 1512)).contains("28×27"));
        assert!(message(&file(&[2051, 2, 28, 28], 1567)).contains("1567 bytes of data"));
        assert!(message(&file(&[2051, u32::MAX, 28, 28], 5)).contains("promises"));
    }
}
