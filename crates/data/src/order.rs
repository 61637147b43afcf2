//! The batches of an epoch, as a NumPy archive: `order`, `[steps, batch]` numbers of images as `uint16`.

use std::io::{Cursor, Read};
use std::path::Path;

use anyhow::{Context, ensure};
use digit8_host::files;
use ndarray::ArrayView2;
use ndarray_npy::ViewNpyExt;
use zip::ZipArchive;

/// The most bytes that are unpacked: enough for a hundred epochs of MNIST.
const LIMIT: u64 = 12_000_000;

/// The batches in a file.
pub fn read(path: &Path) -> anyhow::Result<Vec<Vec<usize>>> {
    parse(&files::read(path)?).with_context(|| path.display().to_string())
}

/// The batches in the bytes of a file. Nothing is believed of sizes that it says: what is not there takes no memory.
pub fn parse(file: &[u8]) -> anyhow::Result<Vec<Vec<usize>>> {
    const EXPECTED: &str = "expected `order`, two dimensions of uint16";
    let mut archive = ZipArchive::new(Cursor::new(file)).context("it is no .npz file")?;
    let mut npy = Vec::new();
    let entry = archive.by_name("order.npy").context(EXPECTED)?;
    entry.take(LIMIT).read_to_end(&mut npy).context("its `order` is damaged")?;
    ensure!((npy.len() as u64) < LIMIT, "its `order` takes more than {LIMIT} bytes");
    // The length of NumPy's header is a u16 in its version 1, and a u32 from then on.
    let header = match npy.get(6..12) {
        Some(&[version, _, a, b, c, d]) if version > 1 => u32::from_le_bytes([a, b, c, d]) as usize,
        _ => 0,
    };
    ensure!(header <= npy.len(), "its `order` is cut short");
    let order = ArrayView2::<u16>::view_npy(&npy).context(EXPECTED)?;
    Ok(order.rows().into_iter().map(|row| row.iter().map(|&index| usize::from(index)).collect()).collect())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use ndarray_npy::NpzWriter;

    use super::*;

    fn npz(write: impl FnOnce(&mut NpzWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
        let mut archive = NpzWriter::new_compressed(Cursor::new(Vec::new()));
        write(&mut archive);
        archive.finish().unwrap().into_inner()
    }

    /// An archive whose `order` is these bytes.
    fn raw(npy: &[u8]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file("order.npy", zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, npy).unwrap();
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn batches_are_read_row_by_row() {
        let order = npz(|archive| archive.add_array("order", &array![[1u16, 2, 3], [9, 8, 7]]).unwrap());
        assert_eq!(parse(&order).unwrap(), [[1, 2, 3], [9, 8, 7]]);
        // Column by column in memory, as NumPy's order='F' has it.
        let fortran = Array2::from_shape_vec((3, 2), vec![1u16, 9, 2, 8, 3, 7]).unwrap();
        let order = npz(|archive| archive.add_array("order", &fortran.t()).unwrap());
        assert_eq!(parse(&order).unwrap(), [[1, 2, 3], [9, 8, 7]]);
    }

    #[test]
    fn what_is_no_order_is_said() {
        let said = |file: &[u8]| format!("{:#}", parse(file).unwrap_err());
        assert!(said(b"PK").contains("no .npz file"));
        let other = npz(|archive| archive.add_array("batches", &array![[1u16]]).unwrap());
        assert!(said(&other).contains("expected `order`"));
        let wrong = npz(|archive| archive.add_array("order", &array![[1i64]]).unwrap());
        assert!(said(&wrong).contains("two dimensions of uint16"));
        let flat = npz(|archive| archive.add_array("order", &array![1u16, 2]).unwrap());
        assert!(said(&flat).contains("two dimensions of uint16"));
    }

    #[test]
    fn sizes_that_are_not_there_take_no_memory() {
        let header = |shape: &str| {
            let text = format!("{{'descr': '<u2', 'fortran_order': False, 'shape': {shape}, }}\n");
            [&b"\x93NUMPY\x01\0"[..], &(text.len() as u16).to_le_bytes(), text.as_bytes(), &[0; 4]].concat()
        };
        for shape in ["(4611686018427387904, 1)", "(1099511627776, 4)", "(0, 9223372036854775807)", "(2, 2)"]
        {
            let _ = parse(&raw(&header(shape)));
        }
        assert!(parse(&raw(&header("(1099511627776, 4)"))).is_err());
        assert!(parse(&raw(b"\x93NUMPY\x02\0\xff\xff\xff\xff{'descr'")).is_err());
    }
}
