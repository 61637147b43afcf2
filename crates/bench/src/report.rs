//! What a run of the benchmark found: the rows, the machine, and the JSON file that keeps them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use digit8_core::float::Mlp;
use serde::{Deserialize, Serialize};

use digit8_host::files;
use digit8_report::machine::{self, Machine};

/// The limit of a CPU's tiles.
pub const TILES: &str = "tdpbusd";
/// The least batch that goes through tiles.
const TILE_ROWS: usize = 16;
/// Images in which nothing is 0, so that nothing can be skipped.
pub const NOISE: &str = "noise";

/// A run.
#[derive(Serialize, Deserialize)]
pub struct Report {
    /// What the numbers mean.
    pub units: String,
    /// Seconds since 1970.
    pub unix_time: u64,
    /// The commit that was measured, with `-dirty` if the tree had changes.
    pub commit: String,
    /// Where it ran.
    pub machine: Machine,
    /// Versions of the engines and of the compiler.
    pub versions: BTreeMap<String, String>,
    /// The float32 model that everything is made from.
    pub model: String,
    /// The digits that were classified.
    pub digits: String,
    /// The digits of an epoch of training.
    #[serde(default)]
    pub training_digits: usize,
    /// Multiply-adds of one image.
    pub multiply_adds: usize,
    /// What one core can do at most.
    pub limits: Vec<Limit>,
    /// Peak memory of whole commands, in bytes.
    pub peak_memory: BTreeMap<String, u64>,
    /// What a visitor of the page waits for, if that was measured.
    #[serde(default)]
    pub visit: Option<Visit>,
    /// Everything that was timed.
    pub rows: Vec<Row>,
}

/// A first visit of the page on a link of 1.6 Mbit/s and 150 ms, in Chromium: medians over several.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Visit {
    /// From navigation until the int8 network can answer, in milliseconds.
    pub int8_ms: f64,
    /// The same for the float network.
    pub float_ms: f64,
    /// The files that had come by the first answer, as they were sent, in bytes.
    pub bytes: f64,
    /// Lighthouse's scores, 0 to 100, by category.
    pub lighthouse: BTreeMap<String, f64>,
}

/// One timed thing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    /// Whose: `digit8` with its fastest kernel, `digit8 scalar` with another, `onnxruntime`, …; in a browser with that behind
    /// it, `digit8 in Chromium 156`.
    pub engine: String,
    /// `float32`, `static` (ReLU on its own), `fused`, `dynamic` or `train`.
    pub model: String,
    /// The part of an inference that was timed; none for all of it.
    pub stage: Option<String>,
    /// What was classified, where that was not the run's digits: [`NOISE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Images a call.
    pub batch: usize,
    /// Threads it may use.
    pub threads: usize,
    /// Median over the samples, in nanoseconds an image; of training, an epoch.
    pub median_ns: f64,
    /// The least sample.
    pub min_ns: f64,
    /// The number of samples.
    pub samples: usize,
    /// Digits read right; none for stages, bare products and training.
    pub correct: Option<usize>,
    /// Out of how many.
    pub classified: Option<usize>,
    /// Multiply-adds of an image that were done, where that is known; none are skipped elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiply_adds: Option<f64>,
    /// The settings of a peer that were best, where it has some to choose from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// Every sample, in the order taken.
    pub sample_ns: Vec<f64>,
}

/// What one core can do at most.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// The instruction or the memory.
    pub name: String,
    /// `GMAC/s` or `GB/s`.
    pub unit: String,
    /// The best sample.
    pub best: f64,
    /// The median.
    pub median: f64,
}

/// What [`Report::units`] says.
const UNITS: &str = "median_ns, min_ns and sample_ns are nanoseconds per image; of model \"train\" per epoch; of rows with a \
                     stage per image in that stage";

impl Report {
    /// A report without rows, about this machine and this commit.
    pub fn new(model: String, digits: String, training_digits: usize, mlp: &Mlp) -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let versions = [
            ("digit8".to_string(), env!("CARGO_PKG_VERSION").to_string()),
            ("rustc".to_string(), machine::rustc()),
        ];
        Self {
            units: UNITS.into(),
            unix_time: now.map_or(0, |now| now.as_secs()),
            commit: machine::commit(),
            machine: Machine::this(),
            versions: versions.into(),
            model,
            digits,
            training_digits,
            multiply_adds: mlp.layers().iter().map(|layer| layer.weight.len()).sum(),
            limits: Vec::new(),
            peak_memory: BTreeMap::new(),
            visit: None,
            rows: Vec::new(),
        }
    }

    /// The report in a file that [`Report::write`] made.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        serde_json::from_slice(&files::read(path)?)
            .with_context(|| format!("{} is no report of `digit8 bench --json`", path.display()))
    }

    /// Writes the report as JSON.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        files::write(path, &serde_json::to_vec_pretty(self)?)
    }

    /// The best figure of the first of these limits that the machine has.
    pub fn limit(&self, names: &[&str]) -> Option<f64> {
        names
            .iter()
            .find_map(|name| self.limits.iter().find(|limit| limit.name == *name))
            .map(|limit| limit.best)
    }

    /// The share of the machine's limit that a row reaches, 0 to 1. The limit is the multiply-adds that are done at the best
    /// rate in registers or, if that takes longer, their weights read once a batch at the rate of L2.
    pub fn share_of_limit(&self, row: &Row) -> Option<f64> {
        self.share(row, row.multiply_adds.unwrap_or(self.multiply_adds as f64))
    }

    /// The same if all multiply-adds of the network counted. Who skips zeros saves some of them, and can be faster than that.
    pub fn nominal_share_of_limit(&self, row: &Row) -> Option<f64> {
        self.share(row, self.multiply_adds as f64)
    }

    fn share(&self, row: &Row, multiply_adds: f64) -> Option<f64> {
        if row.stage.is_some() || !matches!(row.model.as_str(), "float32" | "static" | "fused" | "dynamic") {
            return None;
        }
        let (rate, weight_bytes) = match row.model.as_str() {
            "float32" => (self.limit(&["FMA zmm", "FMA ymm"])?, 4.0),
            _ => {
                let names = [TILES, "vpdpbusd zmm", "vpdpbusd ymm", "vpmaddubsw ymm"];
                // digit8's other kernels do not use the tiles.
                let has_tiles =
                    row.batch >= TILE_ROWS && row.browser().is_none() && (row.is_own() || row.is_peer());
                (self.limit(if has_tiles { &names } else { &names[1..] })?, 1.0)
            }
        };
        let arithmetic = multiply_adds / rate / row.threads as f64;
        let weights = multiply_adds * weight_bytes
            / self.limit(&["L2 stream zmm", "L2 stream ymm"])?
            / row.batch as f64;
        Some(arithmetic.max(weights) / row.median_ns)
    }
}

impl Row {
    /// Whether it is digit8's own fastest kernel.
    pub fn is_own(&self) -> bool {
        self.engine == "digit8" || self.engine.starts_with("digit8 in ")
    }

    /// The browser in which it ran, if that was one.
    pub fn browser(&self) -> Option<&str> {
        self.engine.split_once(" in ").map(|(_, browser)| browser)
    }

    /// The engine without its version and its browser.
    pub fn whose(&self) -> &str {
        let engine = self.engine.split_once(" in ").map_or(&*self.engine, |(engine, _)| engine);
        let version = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
        engine.rsplit_once(' ').filter(|(_, last)| version(last)).map_or(engine, |(engine, _)| engine)
    }

    /// Whether it is somebody else's engine.
    pub fn is_peer(&self) -> bool {
        !self.engine.starts_with("digit8")
    }

    /// Whether it only multiplies the network's matrices: an inference that reads no digits.
    pub fn is_product(&self) -> bool {
        self.stage.is_none() && self.input.is_none() && self.model != "train" && self.correct.is_none()
    }

    /// All that tells it from other rows, in words.
    pub fn name(&self) -> String {
        let stage = self.stage.as_ref().map_or_else(String::new, |stage| format!(" {stage}"));
        let input = self.input.as_ref().map_or_else(String::new, |input| format!(" of {input}"));
        format!(
            "{} {}{stage}{input}, batch {}, {} threads",
            self.engine, self.model, self.batch, self.threads
        )
    }

    /// Whether it is the same work by the same engine, in another run.
    pub fn is_same(&self, other: &Row) -> bool {
        self.name() == other.name()
    }

    /// `float32`, `static int8` (fused or not), `dynamic int8` or `training`: what rows are compared within.
    pub fn kind(&self) -> &'static str {
        match self.model.as_str() {
            "float32" => "float32",
            "dynamic" => "dynamic int8",
            "train" => "training",
            _ => "static int8",
        }
    }

    /// Takes the samples, in nanoseconds an image, and summarises them.
    pub fn set_samples(&mut self, sample_ns: Vec<f64>) {
        let sorted = sorted(&sample_ns);
        self.median_ns = quantile(&sorted, 0.5);
        self.min_ns = sorted.first().copied().unwrap_or(f64::NAN);
        self.samples = sample_ns.len();
        self.sample_ns = sample_ns;
    }

    /// The first and the third quartile of the samples.
    pub fn quartiles(&self) -> [f64; 2] {
        let sorted = sorted(&self.sample_ns);
        [quantile(&sorted, 0.25), quantile(&sorted, 0.75)]
    }
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The quantile of sorted samples, with linear interpolation between neighbours; NaN for none.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = share * last as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A row of one thread with three samples around a median.
    pub fn row(engine: &str, model: &str, batch: usize, median_ns: f64) -> Row {
        let mut row = Row { engine: engine.into(), model: model.into(), batch, threads: 1, ..Row::default() };
        row.set_samples(vec![median_ns * 1.1, median_ns, median_ns * 0.9]);
        row
    }

    pub fn limit((name, best): (&str, f64)) -> Limit {
        Limit { name: name.into(), unit: "GMAC/s".into(), best, median: best }
    }

    pub fn report(rows: impl IntoIterator<Item = Row>) -> Report {
        let mlp = Mlp::random([3, 2], 1).expect("sizes above 0");
        let mut report = Report::new("a model".into(), "some digits".into(), 10, &mlp);
        report.rows = rows.into_iter().collect();
        report
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(
            [0.0, 0.25, 0.5, 1.0].map(|share| quantile(&[1.0, 2.0, 4.0], share)),
            [1.0, 1.5, 2.0, 4.0]
        );
        assert_eq!(quantile(&[7.0], 0.3), 7.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn rows_know_whose_they_are() {
        let cases = [
            ("digit8", "digit8", true, false, None),
            ("digit8 avx2", "digit8 avx2", false, false, None),
            ("digit8 in Chromium 156", "digit8", true, false, Some("Chromium 156")),
            ("digit8 scalar in Firefox 140", "digit8 scalar", false, false, Some("Firefox 140")),
            ("tfjs wasm 4.22.0 in Chromium 156", "tfjs wasm", false, true, Some("Chromium 156")),
            ("pytorch fused Adam", "pytorch fused Adam", false, true, None),
        ];
        for (engine, whose, own, peer, browser) in cases {
            let row = row(engine, "fused", 1, 1.0);
            assert_eq!(
                (row.whose(), row.is_own(), row.is_peer(), row.browser()),
                (whose, own, peer, browser)
            );
        }
    }

    #[test]
    fn the_slower_of_arithmetic_and_memory_is_the_limit() {
        let mut report = report([]);
        report.multiply_adds = 1000;
        report.limits =
            [("FMA ymm", 10.0), ("vpdpbusd ymm", 100.0), ("L2 stream ymm", 50.0)].map(limit).into();
        // One image reads all weights: 1,000 bytes at 50 a nanosecond. Of 64 images each reads a 64th, and the products decide.
        assert_eq!(report.share_of_limit(&row("digit8", "fused", 1, 40.0)), Some(0.5));
        assert_eq!(report.share_of_limit(&row("digit8", "fused", 64, 40.0)), Some(0.25));
        assert_eq!(report.share_of_limit(&row("digit8", "float32", 64, 400.0)), Some(0.25));
        assert_eq!(report.share_of_limit(&row("digit8", "train", 10, 1.0)), None);
        report.limits.push(limit((TILES, 1000.0)));
        assert_eq!(report.share_of_limit(&row("digit8", "fused", 64, 40.0)), Some(0.025));
        assert_eq!(report.share_of_limit(&row("digit8 avx512", "fused", 64, 40.0)), Some(0.25));
        // What is skipped is a saving, and no work.
        let skipping = Row { multiply_adds: Some(500.0), ..row("digit8 avx512", "fused", 64, 10.0) };
        assert_eq!(report.share_of_limit(&skipping), Some(0.5));
        assert_eq!(report.nominal_share_of_limit(&skipping), Some(1.0));
        report.limits.clear();
        assert_eq!(report.share_of_limit(&row("digit8", "fused", 1, 40.0)), None);
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bench.json");
        let report = report([row("digit8", "fused", 1, 40.0)]);
        report.write(&path).unwrap();
        let read = Report::read(&path).unwrap();
        assert!(read.rows[0].is_same(&report.rows[0]));
        assert_eq!((read.rows[0].median_ns, &read.commit), (40.0, &report.commit));
        std::fs::write(&path, "{}").unwrap();
        assert!(Report::read(&path).err().unwrap().to_string().contains("is no report of"));
    }
}
