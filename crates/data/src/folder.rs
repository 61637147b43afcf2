//! A folder with the four files of MNIST's format, each compressed or not.

use std::io::Read;
use std::iter;
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

/// A folder with the files of one set or of both.
///
/// Each file may be compressed (`.gz`), may have a dot for its second dash (`train-images.idx3-ubyte`), and may lie in a folder of
/// its own name, as Kaggle packs them. Besides the folder itself, those are looked through that torchvision makes below its root.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    train: Files,
    test: Files,
}

/// The images and the labels of a set, as far as they are there.
type Files = [Option<PathBuf>; 2];

/// The digits of one set, and the checksums of the two files they came from.
pub struct Pair {
    /// The digits.
    pub digits: Digits,
    checksums: [String; 2],
}

impl Folder {
    /// The folder at `path`, if it has all four files.
    pub fn complete(path: &Path) -> Option<Self> {
        let folder = Self::at(path);
        folder.missing(&[Set::Train, Set::Test]).is_empty().then_some(folder)
    }

    /// The files of these sets in a folder, or in the first of the `below` it that has them all.
    ///
    /// # Errors
    /// If some are missing: these are named.
    pub fn with(path: &Path, below: &[&str], sets: &[Set]) -> anyhow::Result<Self> {
        ensure!(path.is_dir(), "{} is no folder", path.display());
        let folders = iter::once(path.into()).chain(below.iter().map(|below| path.join(below)));
        let mut found: Vec<Self> = folders.map(|folder| Self::at(&folder)).collect();
        // The first of those that lack least: sorting is stable.
        found.sort_by_key(|folder| folder.missing(sets).len());
        let best = found.swap_remove(0);
        let missing = best.missing(sets);
        ensure!(
            missing.is_empty(),
            "{} does not hold the digits wanted: no {} (with or without .gz; train-images.idx3-ubyte is understood as well, a \
             folder of that name around it, and torchvision's {})",
            best.path.display(),
            missing.join(", no "),
            below.first().unwrap_or(&"MNIST/raw")
        );
        Ok(best)
    }

    fn at(path: &Path) -> Self {
        let files = |set: Set| set.files().map(|name| find(path, name));
        Self { path: path.into(), train: files(Set::Train), test: files(Set::Test) }
    }

    /// The names of the files of these sets that are not there.
    fn missing(&self, sets: &[Set]) -> Vec<&'static str> {
        let of_set = |&set: &Set| set.files().into_iter().zip(self.of(set));
        sets.iter().flat_map(of_set).filter(|(_, file)| file.is_none()).map(|(name, _)| name).collect()
    }

    fn of(&self, set: Set) -> &Files {
        match set {
            Set::Train => &self.train,
            Set::Test => &self.test,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files of a set, images and labels, if both are there.
    pub fn files(&self, set: Set) -> Option<[&Path; 2]> {
        let [images, labels] = self.of(set);
        Some([images.as_deref()?, labels.as_deref()?])
    }

    /// Reads a set.
    pub fn read(&self, set: Set) -> anyhow::Result<Pair> {
        let missing = || format!("{} holds no {}", self.path.display(), self.missing(&[set]).join(", no "));
        let [images, labels] = self.files(set).with_context(missing)?;
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

/// The file of a name, in one of the forms that people have.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let dotted = name.replacen("-idx", ".idx", 1);
    let names = [name, &dotted];
    let folders = iter::once(folder.to_path_buf()).chain(names.map(|name| folder.join(name)));
    let paths = folders.flat_map(|folder| {
        names.map(|name| [format!("{name}.gz"), name.into()].map(|file| folder.join(file)))
    });
    paths.flatten().find(|path| path.is_file())
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
    fn layouts_that_people_have_are_read() {
        let files = [
            ("train-images-idx3-ubyte", images_file()),
            ("train-labels-idx1-ubyte", labels_file()),
            ("t10k-images-idx3-ubyte", images_file()),
            ("t10k-labels-idx1-ubyte", labels_file()),
        ];
        let layouts: [fn(&str) -> String; 6] = [
            |name| name.into(),
            |name| name.replace("-idx", ".idx"),
            |name| format!("{}.gz", name.replace("-idx", ".idx")),
            |name| format!("{name}/{name}"),
            |name| format!("{name}/{}", name.replace("-idx", ".idx")),
            |name| format!("MNIST/raw/{name}"),
        ];
        for layout in layouts {
            let folder = tempfile::tempdir().unwrap();
            for (name, content) in &files {
                let path = folder.path().join(layout(name));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                let is_compressed = path.extension().is_some_and(|extension| extension == "gz");
                fs::write(&path, if is_compressed { compressed(content) } else { content.clone() }).unwrap();
            }
            let found =
                Folder::with(folder.path(), &["FashionMNIST/raw", "MNIST/raw"], &[Set::Train, Set::Test])
                    .unwrap();
            for set in [Set::Train, Set::Test] {
                assert_eq!(found.read(set).unwrap().digits.labels(), [3, 4], "{}", layout("x"));
            }
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = folder(&images_file(), &labels_file());
        fs::remove_file(folder.path().join("train-labels-idx1-ubyte.gz")).unwrap();
        let with = |sets: &[Set]| Folder::with(folder.path(), &["MNIST/raw"], sets);
        assert!(with(&[Set::Test]).unwrap().read(Set::Test).is_ok());
        let said = with(&[Set::Train, Set::Test]).unwrap_err().to_string();
        assert!(said.contains("no train-labels-idx1-ubyte (") && !said.contains("no train-images"), "{said}");
        let said = with(&[Set::Test]).unwrap().read(Set::Train).err().unwrap().to_string();
        assert!(said.contains("holds no train-labels-idx1-ubyte"), "{said}");
        let file = folder.path().join("t10k-labels-idx1-ubyte.gz");
        assert!(Folder::with(&file, &[], &[Set::Test]).unwrap_err().to_string().contains("is no folder"));
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
