//! A folder with the four files of MNIST's format, each compressed or not.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use digit8_core::digits::Digits;
use digit8_core::idx;
use sha2::{Digest, Sha256};

use digit8_host::files;

/// A half of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Set {
    /// The training images
    Train,
    /// The test images
    Test,
}

impl Set {
    /// The names of its two files, images and labels, uncompressed.
    pub fn files(self) -> [&'static str; 2] {
        match self {
            Set::Train => ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
            Set::Test => ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
        }
    }
}

/// The names of the four files, for a message.
pub fn expected() -> String {
    let names = [Set::Train, Set::Test].map(|set| set.files().join(", "));
    format!("{}, each with or without .gz", names.join(", "))
}

/// A folder that has all four files.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    train: [PathBuf; 2],
    test: [PathBuf; 2],
}

/// The digits of one set, and the checksums of the two files they came from.
pub struct Pair {
    /// The digits.
    pub digits: Digits,
    checksums: [String; 2],
}

impl Folder {
    /// The folder at `path`, if it has all four files.
    pub fn complete(path: &Path) -> Option<Self> {
        let find = |name: &str| -> Option<PathBuf> {
            let candidates = [path.join(format!("{name}.gz")), path.join(name)];
            candidates.into_iter().find(|candidate| candidate.is_file())
        };
        let files = |set: Set| -> Option<[PathBuf; 2]> {
            let [images, labels] = set.files().map(find);
            Some([images?, labels?])
        };
        Some(Self { path: path.to_path_buf(), train: files(Set::Train)?, test: files(Set::Test)? })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files of a set, images and labels.
    pub fn files(&self, set: Set) -> &[PathBuf; 2] {
        match set {
            Set::Train => &self.train,
            Set::Test => &self.test,
        }
    }

    /// Reads a set.
    pub fn read(&self, set: Set) -> anyhow::Result<Pair> {
        let [images, labels] = self.files(set);
        let (pixels, pixels_checksum) = read_file(images, idx::images)?;
        let (classes, classes_checksum) = read_file(labels, idx::labels)?;
        let digits = Digits::new(pixels, classes)
            .with_context(|| format!("{} and {}", images.display(), labels.display()))?;
        Ok(Pair { digits, checksums: [pixels_checksum, classes_checksum] })
    }
}

impl Pair {
    /// SHA-256 of the images and of the labels, decompressed, header and all.
    pub fn checksums(&self) -> [String; 2] {
        self.checksums.clone()
    }
}

/// What `parse` makes of the file's decompressed content, and the content's checksum.
fn read_file(
    path: &Path,
    parse: fn(&[u8]) -> digit8_core::Result<Vec<u8>>,
) -> anyhow::Result<(Vec<u8>, String)> {
    let content = decompressed(files::read(path)?).with_context(|| path.display().to_string())?;
    let values = parse(&content).with_context(|| path.display().to_string())?;
    Ok((values, checksum(&content)))
}

/// The largest content that is read: the training images have 47 MB.
const LIMIT: u64 = 1 << 28;

/// The content of a file that may be compressed with gzip.
pub fn decompressed(bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut content = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes[..])
        .take(LIMIT)
        .read_to_end(&mut content)
        .context("cannot be decompressed: the file is cut off or damaged")?;
    ensure!((content.len() as u64) < LIMIT, "more than {LIMIT} bytes when decompressed");
    Ok(content)
}

/// SHA-256, in hexadecimal digits.
pub fn checksum(content: &[u8]) -> String {
    files::hex(&Sha256::digest(content))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn compressed(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn words(words: &[u32], body: &[u8]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).chain(body.iter().copied()).collect()
    }

    /// A folder with two digits in each set, whose test images and labels are these files.
    fn folder(images: &[u8], labels: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        write("train-images-idx3-ubyte", &images_file());
        write("train-labels-idx1-ubyte.gz", &compressed(&labels_file()));
        write("t10k-images-idx3-ubyte.gz", images);
        write("t10k-labels-idx1-ubyte.gz", labels);
        folder
    }

    fn images_file() -> Vec<u8> {
        words(&[2051, 2, 28, 28], &[7; 2 * 784])
    }

    fn labels_file() -> Vec<u8> {
        words(&[2049, 2], &[3, 4])
    }

    fn error(images: &[u8], labels: &[u8]) -> String {
        let folder = folder(images, labels);
        let folder = Folder::complete(folder.path()).unwrap();
        format!("{:#}", folder.read(Set::Test).err().unwrap())
    }

    #[test]
    fn reads_files_compressed_or_not() {
        let folder = folder(&compressed(&images_file()), &labels_file());
        let found = Folder::complete(folder.path()).unwrap();
        let [train, test] = [Set::Train, Set::Test].map(|set| found.read(set).unwrap());
        assert_eq!(train.digits, test.digits);
        assert_eq!(test.digits.labels(), [3, 4]);
        assert_eq!(train.checksums(), test.checksums());
        fs::remove_file(folder.path().join("train-images-idx3-ubyte")).unwrap();
        assert!(Folder::complete(folder.path()).is_none());
    }

    #[test]
    fn says_which_file_is_wrong_and_how() {
        let (images, labels) = (compressed(&images_file()), compressed(&labels_file()));
        let message = error(&images[..images.len() / 2], &labels);
        assert!(message.contains("t10k-images-idx3-ubyte.gz") && message.contains("cut off"), "{message}");
        let message = error(&labels, &labels);
        assert!(message.contains("t10k-images-idx3-ubyte.gz") && message.contains("labels"), "{message}");
        let message = error(&images, b"<html>");
        assert!(message.contains("t10k-labels-idx1-ubyte.gz") && message.contains("magic"), "{message}");
        let message = error(&images, &compressed(&words(&[2049, 3], &[1, 2, 3])));
        assert!(message.contains("2 images and 3 labels"), "{message}");
        let message = error(&images, &compressed(&words(&[2049, 2], &[1, 10])));
        assert!(message.contains("10"), "{message}");
    }
}
