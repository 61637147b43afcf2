//! A safetensors file's outermost form: the header's length (`u64`, little-endian), the header (JSON), the tensors' bytes.
//!
//! People bring other files under the same name. What those are is told by their first bytes, and what to do about it.

use std::collections::BTreeSet;

use super::{Entry, listed};
use crate::{Error, Result};

/// The header's text and the data of a safetensors file.
///
/// # Errors
/// [`Error::File`] if it is another kind of file, which is then named; or is cut short; or has a tensor's name twice, of which
/// JSON parsers would keep one.
pub fn open(file: &[u8]) -> Result<(&str, &[u8])> {
    let (length, rest) = file.split_first_chunk().ok_or_else(|| other_kind(file))?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if rest.first() != Some(&b'{') {
        return Err(other_kind(file));
    }
    let Some((header, data)) = rest.split_at_checked(length) else {
        return Err(Error::File(format!(
            "it is cut short, or no safetensors file: its header should have {length} bytes, and {} are there",
            rest.len()
        )));
    };
    let header = str::from_utf8(header).map_err(|_| Error::File("its header is not UTF-8".into()))?;
    if cfg!(feature = "own-files") {
        return Ok((header, data));
    }
    match repeated(header) {
        Some(name) => Err(Error::File(format!("its header has the name {} twice", listed([name])))),
        None => Ok((header, data)),
    }
}

/// Checks that tensors take up all of the data, one behind the other, as many bytes each as type and shape need.
///
/// # Errors
/// [`Error::File`] that names the tensor which does not.
pub(super) fn check(tensors: &[(String, Entry)], data: &[u8]) -> Result<()> {
    let mut by_place: Vec<&(String, Entry)> = tensors.iter().collect();
    by_place.sort_by_key(|(_, entry)| (entry.bytes.start, entry.bytes.end));
    let mut end = 0;
    for (name, entry) in by_place {
        let (name, bytes) = (listed([&**name]), &entry.bytes);
        if bytes.end > data.len() {
            return Err(Error::File(format!(
                "it is cut short: {name} ends at byte {}, and the data at {}",
                bytes.end,
                data.len()
            )));
        }
        if bytes.start != end || bytes.end < end {
            return Err(Error::File(format!(
                "{name} lies at bytes {} to {}, expected a start at {end}: tensors overlap or leave a gap",
                bytes.start, bytes.end
            )));
        }
        let elements = entry.shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        if let Some(size) = element_size(&entry.dtype)
            && elements.and_then(|elements| elements.checked_mul(size)) != Some(bytes.len())
        {
            return Err(Error::File(format!(
                "{name} has {} bytes, which is not what {} {:?} takes",
                bytes.len(),
                listed([&*entry.dtype]),
                entry.shape
            )));
        }
        end = bytes.end;
    }
    match data.len() - end {
        0 => Ok(()),
        more => Err(Error::File(format!("{more} bytes follow its last tensor"))),
    }
}

/// The bytes of one element, of the types that this program may have to name in an error.
fn element_size(dtype: &str) -> Option<usize> {
    Some(match dtype {
        "BOOL" | "U8" | "I8" => 1,
        "F16" | "BF16" | "U16" | "I16" => 2,
        "F32" | "U32" | "I32" => 4,
        "F64" | "U64" | "I64" => 8,
        _ => return None,
    })
}

/// A key that the outermost object of a JSON text has twice.
fn repeated(json: &str) -> Option<&str> {
    let mut seen = BTreeSet::new();
    let mut depth = 0usize;
    let mut bytes = json.bytes().enumerate();
    while let Some((start, byte)) = bytes.next() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let end = loop {
                    match bytes.next()? {
                        (_, b'\\') => drop(bytes.next()),
                        (end, b'"') => break end,
                        _ => (),
                    }
                };
                let (text, rest) = (&json[start + 1..end], &json[end + 1..]);
                if depth == 1 && rest.trim_ascii_start().starts_with(':') && !seen.insert(text) {
                    return Some(text);
                }
            }
            _ => (),
        }
    }
    None
}

/// Where a kind of file has which bytes, and what it is.
const KINDS: [(usize, &[u8], &str); 17] = [
    (
        0,
        b"version https://git-lfs",
        "it is a pointer of Git LFS, not the file itself: `git lfs pull` fetches that",
    ),
    (0, b"\x1f\x8b", "it is compressed with gzip: decompress it first (gunzip)"),
    (0, b"\x28\xb5\x2f\xfd", "it is compressed with zstd: decompress it first (unzstd)"),
    (0, b"\xfd7zXZ\0", "it is compressed with xz: decompress it first (unxz)"),
    (0, b"BZh", "it is compressed with bzip2: decompress it first (bunzip2)"),
    (0, b"7z\xbc\xaf\x27\x1c", "it is a 7z archive: unpack it first"),
    (257, b"ustar", "it is a tar archive: unpack it first"),
    (
        0,
        b"\x93NUMPY",
        "it is one NumPy array; in Python, safetensors.numpy.save_file writes several with their names",
    ),
    (
        0,
        b"\x89HDF\r\n\x1a\n",
        "it is an HDF5 file, as Keras writes it; in Python, safetensors.numpy.save_file writes its arrays, \
     weights transposed to [outputs, inputs]",
    ),
    (0, b"GGUF", "it is a GGUF file"),
    (4, b"TFL3", "it is a TensorFlow Lite model"),
    (0, b"\0\0\x08\x03", "it is an IDX file of images: that is data, not a model"),
    (0, b"\0\0\x08\x01", "it is an IDX file of labels: that is data, not a model"),
    (0, b"\x89PNG", "it is a picture"),
    (0, b"\xff\xd8\xff", "it is a picture"),
    (0, b"%PDF", "it is a PDF document"),
    (0, b"\0asm", "it is a WebAssembly module"),
];

/// What to do about a file of PyTorch's own.
const PICKLE: &str = "it is a pickle of PyTorch; this makes a safetensors file of a state_dict: python -c 'import torch, \
                      safetensors.torch as s; s.save_file(torch.load(\"model.pt\", map_location=\"cpu\"), \"model.safetensors\")'";

/// The error of a file that is no safetensors file.
fn other_kind(file: &[u8]) -> Error {
    if cfg!(feature = "own-files") {
        return Error::File("it is no safetensors file".into());
    }
    let known =
        KINDS.iter().find(|&&(at, magic, _)| file.get(at..).is_some_and(|rest| rest.starts_with(magic)));
    let start = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file).trim_ascii_start();
    let what = match (known, file, start) {
        (Some((.., what)), ..) => *what,
        (_, [], _) => "it is empty",
        (_, [b'P', b'K', 3, 4, ..], _) if holds(file, b"data.pkl") => PICKLE,
        (_, [b'P', b'K', 3, 4, ..], _) if holds(file, b".npy") => {
            "it is an archive of NumPy arrays (.npz); in Python, \
             safetensors.numpy.save_file(dict(numpy.load(\"model.npz\")), \"model.safetensors\") makes a safetensors file of it"
        }
        (_, [b'P', b'K', 3, 4, ..], _) => "it is a zip archive",
        (_, [0x80, 2..=5, ..], _) => PICKLE,
        // The version of ONNX's format, then a producer, a domain, a graph or an import, as protocol buffers number them.
        (_, [8, 1..=20, 0x12 | 0x1a | 0x22 | 0x3a | 0x42, ..], _) => {
            "it is an ONNX model: `import` makes a safetensors file of it"
        }
        (.., [b'<', ..]) => "it is a web page or XML, not the file that was to be fetched",
        (.., [b'{' | b'[', ..]) => "it is JSON, expected safetensors",
        _ => return not_known(file),
    };
    Error::File(what.into())
}

fn not_known(file: &[u8]) -> Error {
    let line = file.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let text = str::from_utf8(line).ok().filter(|line| !line.is_empty() && !line.contains(char::is_control));
    Error::File(match text {
        Some(line) => format!("it is text: {}", listed([line])),
        None => "expected safetensors: the length of a header in 8 bytes, then {".into(),
    })
}

fn holds(file: &[u8], needle: &[u8]) -> bool {
    file.windows(needle.len()).any(|window| window == needle)
}
