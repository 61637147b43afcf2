//! What is to be reached, and whether a run reaches it.

use digit8_report::machine::all_threads;

use super::format::time;
use super::report::{Report, Row, TILES, Visit};

/// digit8's row against the best of some others.
#[derive(Clone, Copy)]
struct Goal {
    what: &'static str,
    /// Whether it is of Chromium's rows, and not of native ones.
    browser: bool,
    /// Whose row: `digit8`, which is its fastest kernel, or `digit8 simd128` and the like.
    engine: &'static str,
    model: &'static str,
    batch: usize,
    all_threads: bool,
    /// How many times as long the best of the others must take.
    at_least: f64,
    /// Which engines count; none names all peers.
    others: &'static [&'static str],
    /// Which of their models count.
    models: &'static [&'static str],
    /// The share of the machine's nominal limit that must be reached besides: of all multiply-adds, done or saved.
    share_of_limit: Option<f64>,
    /// What takes the place of both where the CPU has tiles, with which looking pixels up takes as long as the products.
    at_least_with_tiles: Option<f64>,
}

const INT8: &[&str] = &["static", "fused", "dynamic"];
const FLOAT: &[&str] = &["float32"];
const DYNAMIC: &[&str] = &["dynamic"];
const INT8_PEERS: &[&str] = &["onnxruntime", "pytorch", "tract", "rten"];
const FLOAT_PEERS: &[&str] = &["gemm", "onnxruntime", "candle", "tract", "pytorch", "rten"];
const TORCH_AND_ONNX: &[&str] = &["onnxruntime", "pytorch"];
const TRAINERS: &[&str] = &["pytorch", "pytorch fused Adam", "candle"];
const ONNX_WEB: &[&str] = &["onnxruntime-web"];
const OWN: &[&str] = &["digit8"];
const PLAIN_LOOP: &[&str] = &["digit8 scalar"];

/// One goal of digit8's fastest kernel, native and on one thread.
const fn native(
    what: &'static str,
    model: &'static str,
    batch: usize,
    at_least: f64,
    others: &'static [&'static str],
    models: &'static [&'static str],
) -> Goal {
    Goal {
        what,
        browser: false,
        engine: "digit8",
        model,
        batch,
        all_threads: false,
        at_least,
        others,
        models,
        share_of_limit: None,
        at_least_with_tiles: None,
    }
}

/// The same in the browser.
const fn browser(goal: Goal) -> Goal {
    Goal { browser: true, ..goal }
}

/// The same of the module for simd128.
const fn simd128(goal: Goal) -> Goal {
    Goal { browser: true, engine: "digit8 simd128", ..goal }
}

/// The same of a batch of integers.
const fn int8_batch(goal: Goal) -> Goal {
    Goal { share_of_limit: Some(0.65), at_least_with_tiles: Some(3.5), ..goal }
}

const GOALS: [Goal; 18] = [
    native("int8 fused, batch 1", "fused", 1, 10.0, INT8_PEERS, INT8),
    native("float32, batch 1", "float32", 1, 3.0, FLOAT_PEERS, FLOAT),
    int8_batch(native("int8 fused, batch 64", "fused", 64, 1.7, TORCH_AND_ONNX, INT8)),
    int8_batch(native("int8 fused, batch 10,000", "fused", 10_000, 1.7, TORCH_AND_ONNX, INT8)),
    native("float32, batch 64", "float32", 64, 1.1, FLOAT_PEERS, FLOAT),
    native("float32, batch 10,000", "float32", 10_000, 1.1, FLOAT_PEERS, FLOAT),
    Goal {
        all_threads: true,
        ..native("int8 fused, batch 10,000, all threads", "fused", 10_000, 1.7, TORCH_AND_ONNX, INT8)
    },
    native("dynamic int8, batch 1", "dynamic", 1, 8.0, TORCH_AND_ONNX, DYNAMIC),
    native("dynamic int8, batch 10,000", "dynamic", 10_000, 1.5, TORCH_AND_ONNX, DYNAMIC),
    native("training, batch 10", "train", 10, 3.0, TRAINERS, &["train"]),
    browser(native("float32, batch 1", "float32", 1, 3.0, ONNX_WEB, FLOAT)),
    simd128(native("int8 fused, simd128, batch 1", "fused", 1, 8.0, ONNX_WEB, INT8)),
    browser(native("int8 fused, relaxed SIMD, batch 1", "fused", 1, 14.0, ONNX_WEB, INT8)),
    browser(native("int8 against our own float32, batch 1", "fused", 1, 1.8, OWN, FLOAT)),
    browser(native("float32, batch 1000", "float32", 1000, 1.0, &[], FLOAT)),
    browser(native("int8 fused, batch 1000", "fused", 1000, 1.0, &[], INT8)),
    simd128(native("int8 by hand, simd128, against the plain loop", "fused", 1, 1.0, PLAIN_LOOP, INT8)),
    simd128(native("float32 by hand, simd128, against the plain loop", "float32", 1, 1.0, PLAIN_LOOP, FLOAT)),
];

/// What `eval` may take of memory, in bytes.
const MEMORY: f64 = 60e6;
/// How long the first int8 answer may take on the slow link, in milliseconds. (What its files may weigh, `cargo xtask web` knows.)
const FIRST_ANSWER: f64 = 1100.0;

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

/// The goals that the run has rows for.
pub fn outcomes(report: &Report) -> Vec<Outcome> {
    let ratios = GOALS.iter().filter_map(|goal| goal.outcome(report));
    let memory =
        report.peak_memory.iter().map(|(what, &bytes)| at_most(what, MEMORY, bytes as f64, megabytes));
    ratios.chain(memory).chain(report.visit.iter().flat_map(of_visit)).collect()
}

impl Goal {
    fn outcome(&self, report: &Report) -> Option<Outcome> {
        let threads = if self.all_threads { all_threads() } else { 1 };
        let is_here = |row: &&Row| match row.browser() {
            Some(browser) => self.browser && browser.starts_with("Chromium"),
            None => !self.browser,
        };
        let is_whole = |row: &&Row| {
            row.stage.is_none() && row.input.is_none() && (row.batch, row.threads) == (self.batch, threads)
        };
        let rows = || report.rows.iter().filter(is_here).filter(is_whole);
        let own = rows().find(|row| row.whose() == self.engine && row.model == self.model)?;
        let counts = |row: &&Row| {
            if self.others.is_empty() { row.is_peer() } else { self.others.contains(&row.whose()) }
        };
        let others = rows().filter(counts).filter(|row| self.models.contains(&row.model.as_str()));
        let best = others.min_by(|a, b| a.median_ns.total_cmp(&b.median_ns))?;

        let with_tiles = self.at_least_with_tiles.filter(|_| report.limit(&[TILES]).is_some());
        let (at_least, share_of_limit) = match with_tiles {
            Some(at_least) => (at_least, None),
            None => (self.at_least, self.share_of_limit),
        };
        let ratio = best.median_ns / own.median_ns;
        let place = if self.browser { " in the browser" } else { "" };
        let mut outcome = Outcome {
            what: format!("{}{place}", self.what),
            to_reach: format!("{at_least:.1}×"),
            found: format!(
                "{ratio:.2}×: {} against {} of {} {}",
                time(own.median_ns),
                time(best.median_ns),
                best.engine,
                best.model
            ),
            reached: ratio >= at_least,
        };
        if let (Some(share), Some(found)) = (share_of_limit, report.nominal_share_of_limit(own)) {
            outcome.to_reach += &format!(", {:.0} % of the nominal limit", share * 100.0);
            outcome.found += &format!(", {:.0} % of the nominal limit", found * 100.0);
            outcome.reached &= found >= share;
        }
        Some(outcome)
    }
}

fn of_visit(visit: &Visit) -> Vec<Outcome> {
    let what = format!(
        "first int8 answer on a link of 1.6 Mbit/s, 150 ms, from {} of files",
        kilobytes(visit.bytes)
    );
    let mut outcomes = vec![at_most(&what, FIRST_ANSWER, visit.int8_ms, seconds)];
    outcomes.extend(visit.lighthouse.iter().map(|(category, &score)| Outcome {
        what: format!("Lighthouse: {category}"),
        to_reach: "100".into(),
        found: format!("{score:.0}"),
        reached: score >= 100.0,
    }));
    outcomes
}

fn at_most(what: &str, limit: f64, found: f64, show: fn(f64) -> String) -> Outcome {
    Outcome {
        what: what.into(),
        to_reach: format!("at most {}", show(limit)),
        found: show(found),
        reached: found <= limit,
    }
}

fn seconds(ms: f64) -> String {
    format!("{:.2} s", ms / 1e3)
}

fn kilobytes(bytes: f64) -> String {
    format!("{:.1} kB", bytes / 1e3)
}

fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{report, row};

    fn only(report: &Report) -> Outcome {
        let mut outcomes = outcomes(report);
        assert_eq!(
            outcomes.len(),
            1,
            "{:?}",
            outcomes.iter().map(|outcome| &outcome.what).collect::<Vec<_>>()
        );
        outcomes.remove(0)
    }

    #[test]
    fn the_best_peer_with_a_model_that_counts_decides() {
        let rows = [
            row("digit8", "fused", 1, 100.0),
            row("digit8 scalar", "fused", 1, 90.0),
            row("onnxruntime", "static", 1, 1200.0),
            row("pytorch", "fused", 1, 1100.0),
            row("onnxruntime", "float32", 1, 5.0),
            row("gemm", "fused", 1, 5.0),
        ];
        let outcome = only(&report(rows));
        assert_eq!((outcome.what.as_str(), outcome.to_reach.as_str()), ("int8 fused, batch 1", "10.0×"));
        assert_eq!(outcome.found, "11.00×: 100 ns against 1,100 ns of pytorch fused");
        assert!(outcome.reached);
        let slow = report([row("digit8", "fused", 1, 111.0), row("pytorch", "fused", 1, 1100.0)]);
        assert!(!only(&slow).reached);
    }

    #[test]
    fn a_browsers_rows_are_held_against_that_browsers_goals_alone() {
        let rows = [
            row("digit8 in Chromium 156", "float32", 1, 10.0),
            row("digit8 in Firefox 140", "float32", 1, 1.0),
            row("onnxruntime-web 1.30.0 in Chromium 156", "float32", 1, 20.0),
            row("onnxruntime", "float32", 1, 1.0),
        ];
        let outcome = only(&report(rows));
        assert_eq!(outcome.what, "float32, batch 1 in the browser");
        assert!(outcome.found.starts_with("2.00×: 10.0 ns against 20.0 ns of onnxruntime-web 1.30.0"));
        assert!(!outcome.reached);
    }

    #[test]
    fn a_share_of_the_limit_is_asked_for_where_it_is_known() {
        let rows = [row("digit8", "fused", 64, 1.0), row("pytorch", "fused", 64, 10.0)];
        let mut report = report(rows);
        assert!(only(&report).reached);
        // 100 multiply-adds at 200 a nanosecond take half a nanosecond: half of the limit.
        report.multiply_adds = 100;
        report.limits =
            [("vpdpbusd zmm", 200.0), ("L2 stream zmm", 1e9)].map(crate::report::tests::limit).into();
        let outcome = only(&report);
        assert_eq!(outcome.to_reach, "1.7×, 65 % of the nominal limit");
        assert!(
            outcome.found.ends_with(", 50 % of the nominal limit") && !outcome.reached,
            "{}",
            outcome.found
        );
        // Where there are tiles, more is asked for, and no share.
        report.limits.push(crate::report::tests::limit((TILES, 2000.0)));
        let outcome = only(&report);
        assert_eq!((outcome.to_reach.as_str(), outcome.reached), ("3.5×", true));
    }

    #[test]
    fn memory_and_visits_have_a_most() {
        let mut report = report([]);
        report.peak_memory.insert("eval".into(), 60_000_001);
        let lighthouse = [("seo".to_owned(), 100.0), ("performance".to_owned(), 99.0)].into();
        report.visit = Some(Visit { int8_ms: 1100.0, float_ms: 2000.0, bytes: 130_000.0, lighthouse });
        let reached: Vec<_> = outcomes(&report).iter().map(|outcome| outcome.reached).collect();
        assert_eq!(reached, [false, true, false, true]);
    }
}
