//! What is to be reached, and whether a run reaches it.

use super::report::{Report, Row};
use super::show;
use digit8_report::machine::all_threads;

/// digit8's row against the best of some peers.
struct Goal {
    what: &'static str,
    model: &'static str,
    batch: usize,
    all_threads: bool,
    /// How many times as long the best peer must take.
    at_least: f64,
    /// Which engines count.
    peers: &'static [&'static str],
    /// Which of their models count.
    peer_models: &'static [&'static str],
    /// The share of the machine's limit that must be reached besides.
    share_of_limit: Option<f64>,
}

const INT8: &[&str] = &["static", "fused", "dynamic"];
const INT8_PEERS: &[&str] = &["onnxruntime", "pytorch", "tract", "rten"];
const FLOAT_PEERS: &[&str] = &["gemm", "onnxruntime", "candle", "tract", "pytorch", "rten"];
const TORCH_AND_ONNX: &[&str] = &["onnxruntime", "pytorch"];
const TRAINERS: &[&str] = &["pytorch", "pytorch fused Adam", "candle"];

/// One goal of a batch on one thread.
const fn one_thread(
    what: &'static str,
    model: &'static str,
    batch: usize,
    at_least: f64,
    peers: &'static [&'static str],
    peer_models: &'static [&'static str],
) -> Goal {
    Goal { what, model, batch, all_threads: false, at_least, peers, peer_models, share_of_limit: None }
}

const GOALS: [Goal; 10] = [
    one_thread("int8 fused, batch 1", "fused", 1, 10.0, INT8_PEERS, INT8),
    one_thread("float32, batch 1", "float32", 1, 3.0, FLOAT_PEERS, &["float32"]),
    Goal {
        share_of_limit: Some(0.65),
        ..one_thread("int8 fused, batch 64", "fused", 64, 1.7, TORCH_AND_ONNX, INT8)
    },
    Goal {
        share_of_limit: Some(0.65),
        ..one_thread("int8 fused, batch 10,000", "fused", 10_000, 1.7, TORCH_AND_ONNX, INT8)
    },
    one_thread("float32, batch 64", "float32", 64, 1.1, FLOAT_PEERS, &["float32"]),
    one_thread("float32, batch 10,000", "float32", 10_000, 1.1, FLOAT_PEERS, &["float32"]),
    Goal {
        all_threads: true,
        ..one_thread("int8 fused, batch 10,000, all threads", "fused", 10_000, 1.7, TORCH_AND_ONNX, INT8)
    },
    one_thread("dynamic int8, batch 1", "dynamic", 1, 8.0, TORCH_AND_ONNX, &["dynamic"]),
    one_thread("dynamic int8, batch 10,000", "dynamic", 10_000, 1.5, TORCH_AND_ONNX, &["dynamic"]),
    one_thread("training, batch 10", "train", 10, 3.0, TRAINERS, &["train"]),
];

/// What `eval` may take of memory, in bytes.
const MEMORY: u64 = 60_000_000;

/// A goal, held against a run.
pub struct Outcome {
    /// The work.
    pub what: String,
    /// What is asked for.
    pub to_reach: String,
    /// What was measured.
    pub found: String,
    /// Whether that is enough.
    pub reached: bool,
}

impl Outcome {
    /// Whether `best`, the best of others, takes at least so many times as long as `own`.
    pub fn of_ratio(what: String, at_least: f64, own: &Row, best: &Row) -> Self {
        let ratio = best.median_ns / own.median_ns;
        Self {
            what,
            to_reach: format!("{at_least:.1}×"),
            found: format!(
                "{ratio:.2}×: {} against {} of {} {}",
                show::time(own.median_ns),
                show::time(best.median_ns),
                best.engine,
                best.model
            ),
            reached: ratio >= at_least,
        }
    }
}

/// The goals that the run has rows for.
pub fn reached(report: &Report) -> Vec<Outcome> {
    let ratios = GOALS.iter().filter_map(|goal| goal.outcome(report));
    let memory = report.peak_memory.iter().map(|(what, &bytes)| Outcome {
        what: what.clone(),
        to_reach: format!("under {} MB", MEMORY / 1_000_000),
        found: format!("{:.1} MB", bytes as f64 / 1e6),
        reached: bytes < MEMORY,
    });
    ratios.chain(memory).chain(super::web::reached(report)).collect()
}

impl Goal {
    fn outcome(&self, report: &Report) -> Option<Outcome> {
        let threads = if self.all_threads { all_threads() } else { 1 };
        let whole = |row: &&Row| row.stage.is_none() && (row.batch, row.threads) == (self.batch, threads);
        let rows = || report.rows.iter().filter(whole);
        let own = rows().find(|row| row.is_own() && row.model == self.model)?;
        let best = rows()
            .filter(|row| {
                self.peers.contains(&row.engine.as_str()) && self.peer_models.contains(&row.model.as_str())
            })
            .min_by(|a, b| a.median_ns.total_cmp(&b.median_ns))?;
        let mut outcome = Outcome::of_ratio(self.what.into(), self.at_least, own, best);
        if let (Some(share), Some(found)) = (self.share_of_limit, report.share_of_limit(own)) {
            outcome.to_reach += &format!(", {:.0} % of the limit", share * 100.0);
            outcome.found += &format!(", {:.0} % of the limit", found * 100.0);
            outcome.reached &= found >= share;
        }
        Some(outcome)
    }
}
