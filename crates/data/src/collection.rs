//! The datasets that are known by their checksums, and where they are kept.

use super::DatasetName;
use super::folder::Set;

/// A dataset in MNIST's format.
#[derive(Debug, PartialEq, Eq)]
pub struct Collection {
    /// Its name, for people.
    pub title: &'static str,
    /// Its folder in the cache.
    pub folder: &'static str,
    /// Addresses of folders with the four files.
    pub mirrors: &'static [&'static str],
    /// Where torchvision puts it, below its root; other datasets' folders come last.
    pub below: &'static [&'static str],
    /// Where the system's packages put it.
    pub system_folder: Option<&'static str>,
    /// Whether its test set is one that others measure with too.
    pub official: bool,
    /// Whether the digits of the registry package do where this cannot be had.
    pub substitute: bool,
    /// SHA-256 of the decompressed images and labels to train with.
    train: [&'static str; 2],
    /// SHA-256 of the decompressed images and labels to test with.
    test: [&'static str; 2],
}

const MNIST: Collection = Collection {
    title: "MNIST",
    folder: "mnist",
    below: &["MNIST/raw", "raw", "FashionMNIST/raw"],
    mirrors: &[
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ],
    system_folder: None,
    official: true,
    substitute: true,
    train: [
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ],
    test: [
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ],
};

const FASHION_MNIST: Collection = Collection {
    title: "Fashion-MNIST",
    folder: "fashion-mnist",
    below: &["FashionMNIST/raw", "raw", "MNIST/raw"],
    mirrors: &[
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ],
    system_folder: Some("/usr/share/datasets/fashion-mnist"),
    official: true,
    substitute: false,
    train: [
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ],
    test: [
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ],
};

/// What [`super::package`] makes of the registry's digits.
const PACKAGE: Collection = Collection {
    title: "10,000 of MNIST's training digits",
    folder: "mnist-package",
    below: &[],
    mirrors: &[],
    system_folder: None,
    official: false,
    substitute: false,
    train: [
        "a7a644a126f6f4095cf5282438a5452c842766d9df69e625639c5b895809b87c",
        "80bb90f285d956ab5c85da5f1e0086ad74ffd13421b84e4b7c4f0f033e122f9c",
    ],
    test: [
        "520fdd6312cec5c89ce717ac3dace327c2736b712d984b3fa2c282313b872ba2",
        "416a0ec36a51659a0a7a93cf6aec01fa6144353f2e78a44d4887bda601b19444",
    ],
};

const ALL: [&Collection; 3] = [&MNIST, &FASHION_MNIST, &PACKAGE];

impl Collection {
    /// The dataset of that name.
    pub fn named(name: DatasetName) -> &'static Collection {
        match name {
            DatasetName::Mnist => &MNIST,
            DatasetName::FashionMnist => &FASHION_MNIST,
        }
    }

    /// The SHA-256 of the images and of the labels of one of its sets, decompressed.
    pub fn checksums(&self, set: Set) -> &[&'static str; 2] {
        match set {
            Set::Train => &self.train,
            Set::Test => &self.test,
        }
    }

    /// The dataset with these images and labels, if it is known.
    pub fn with_checksums(set: Set, found: &[String; 2]) -> Option<&'static Collection> {
        ALL.into_iter().find(|known| known.checksums(set) == found)
    }

    /// Whether this may be used where `wanted` cannot be had.
    pub fn stands_in_for(&self, wanted: &Collection) -> bool {
        wanted.substitute && *self == PACKAGE
    }
}
