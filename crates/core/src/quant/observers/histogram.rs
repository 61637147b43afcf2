//! PyTorch 2.15's `HistogramObserver`, to the bit: a histogram of everything seen, and the range of it whose squared error is
//! least, found by cutting off one end or the other.
//!
//! The source is `torch/ao/quantization/observer.py`; where its result depends on how PyTorch computes a step, the step says how. All
//! arithmetic is `f32` but for what Python itself computes (`f64`).

use crate::quant::observers::torch::{bin, divide_floor, linspace, sum};
use crate::quant::observers::{Grid, Method, Observer, ObserverKind, Range};
use crate::{Error, Result};

/// Bins of the histogram.
const BINS: usize = 2048;
/// Parts that a bin is cut into before it is handed to the bins of a wider histogram.
const UPSAMPLE: usize = 16;
/// The share of all values by which the search goes on.
const STEP: f64 = 1e-5;
/// Integers that the search reckons with, for bytes, even where `reduce_range` leaves half of them.
const INTEGERS: f64 = 256.0;

/// The observer's line in the table.
pub const METHOD: Method = Method {
    name: "histogram",
    about: "PyTorch's default on x86: a histogram of everything seen, its ends cut off as long as the squared error falls. \
            The search counts 256 integers, whatever the bits.",
    argument: None,
    observer: |_| Box::new(HistogramObserver::default()),
};

impl ObserverKind {
    /// PyTorch's default on x86.
    pub const HISTOGRAM: Self = Self::of(&METHOD);
}

/// PyTorch's `HistogramObserver`. A division and an addition a value; when the range grows, 32,768 steps; the choice of a range takes
/// up to some thousand passes over the histogram.
#[derive(Clone, Debug)]
pub struct HistogramObserver {
    counts: Vec<f32>,
    range: Range,
}

impl Default for HistogramObserver {
    fn default() -> Self {
        Self { counts: vec![0.0; BINS], range: Range::NOTHING }
    }
}

impl HistogramObserver {
    /// An observer that has seen what a histogram says: `counts` of 2,048 equal parts of the range `seen`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if there are not 2,048 counts; [`Error::Range`] if the range is not finite.
    pub fn of(counts: Vec<f32>, seen: Range) -> Result<Self> {
        if counts.len() != BINS {
            return Err(Error::Mismatch(format!("a histogram of {} bins, expected {BINS}", counts.len())));
        }
        Ok(Self { counts, range: seen.checked("a histogram")? })
    }

    /// How many values fell into each of 2,048 equal parts of the range seen: whole numbers until the range has grown.
    pub fn counts(&self) -> &[f32] {
        &self.counts
    }

    /// The least and the greatest finite value seen.
    pub fn seen(&self) -> Range {
        self.range
    }

    /// What the histogram holds, as seen from a range that has grown.
    fn stretched(&self, to: Range) -> Vec<f32> {
        let from = self.range;
        if from.min == from.max {
            // All of it was one value.
            let mut counts = count(&[from.min], to);
            let all = sum(&self.counts);
            counts.iter_mut().for_each(|count| *count *= all);
            return counts;
        }
        let parts = BINS * UPSAMPLE;
        let half_part = 0.5 * ((from.max - from.min) / parts as f32);
        let mut counts = vec![0.0; BINS];
        let mut at = 0;
        for part in 0..parts {
            let middle = linspace(from, parts, part) + half_part;
            // Both run upwards: the bin of the last middle is where to look for that of the next.
            while at < BINS && linspace(to, BINS, at + 1) <= middle {
                at += 1;
            }
            counts[at.min(BINS - 1)] += self.counts[part / UPSAMPLE] / UPSAMPLE as f32;
        }
        counts
    }

    /// The first and last bin of the range whose squared error is least, as far as the search comes: it stops at the first
    /// cut that makes it greater (`_non_linear_param_search`).
    fn search(&self) -> (usize, usize) {
        let total = f64::from(sum(&self.counts));
        // `cumsum` adds in f64 and rounds each sum.
        let mut running = 0.0;
        let cumulated: Vec<f32> = self
            .counts
            .iter()
            .map(|&count| {
                running += f64::from(count);
                running as f32
            })
            .collect();
        let (mut alpha, mut beta) = (0.0, 1.0);
        let (mut start, mut end) = (0, BINS - 1);
        let mut least = f64::INFINITY;
        while alpha < beta {
            let (next_alpha, next_beta) = (alpha + STEP, beta - STEP);
            let (below, above) = ((next_alpha * total) as f32, (next_beta * total) as f32);
            let mut left = start;
            while left < end && cumulated[left] < below {
                left += 1;
            }
            let mut right = end;
            while right > start && cumulated[right] > above {
                right -= 1;
            }
            let (mut next_start, mut next_end) = (start, end);
            if left - start > end - right {
                next_start = left;
                alpha = next_alpha;
            } else {
                next_end = right;
                beta = next_beta;
            }
            if (next_start, next_end) == (start, end) {
                continue;
            }
            let error = self.error(next_start, next_end);
            if error > least {
                break;
            }
            least = error;
            (start, end) = (next_start, next_end);
        }
        (start, end)
    }

    /// The squared error with the bins `start..=end` spread over 256 integers, values being even within a bin
    /// (`_compute_quantization_error`).
    fn error(&self, start: usize, end: usize) -> f64 {
        let width = (f64::from(self.range.max) - f64::from(self.range.min)) / BINS as f64;
        let step = width * (end as f64 - start as f64 + 1.0) / INTEGERS;
        if step == 0.0 {
            return 0.0;
        }
        let half_step = (step / 2.0) as f32;
        let (width, step) = (width as f32, step as f32);
        let last = INTEGERS as f32 - 1.0;
        let integer = |x: f32| divide_floor(x, step).clamp(0.0, last);
        let cube = |x: f32| x * x * x;
        // The integral of x² between two distances from an integer's value.
        let norm = |from: f32, to: f32, density: f32| density * ((cube(to) - cube(from)) / 3.0);
        let norms: Vec<f32> = self
            .counts
            .iter()
            .enumerate()
            .map(|(bin, &count)| {
                let begin = (bin as i32 - start as i32) as f32 * width;
                let end = begin + width;
                let (first, last) = (integer(begin), integer(end));
                let density = count / width;
                let head = norm(begin - (first + 0.5) * step, half_step, density);
                let between = (last - first - 1.0) * norm(-half_step, half_step, density);
                let tail = norm(-half_step, end - (last * step + half_step), density);
                head + between + tail
            })
            .collect();
        f64::from(sum(&norms))
    }
}

impl Observer for HistogramObserver {
    fn observe(&mut self, batch: &[f32]) {
        let mut now = Range::of(batch);
        let finite: Vec<f32>;
        let mut batch = batch;
        if now.min == f32::NEG_INFINITY || now.max == f32::INFINITY {
            finite = batch.iter().copied().filter(|x| !x.is_infinite()).collect();
            (batch, now) = (&finite, Range::of(&finite));
        }
        if batch.is_empty() {
            return;
        }
        let range = self.range.joined(now);
        if range.min.is_nan() {
            self.range = range;
            return;
        }
        let counts = count(batch, range);
        if self.range == Range::NOTHING {
            self.counts = counts;
        } else {
            let before = if range == self.range { self.counts.clone() } else { self.stretched(range) };
            self.counts = before.iter().zip(counts).map(|(before, now)| before + now).collect();
        }
        self.range = range;
    }

    fn range(&self, _: &Grid) -> Range {
        let Range { min, max } = self.range;
        if !(min.is_finite() && max.is_finite()) {
            return self.range;
        }
        let width = (max - min) / BINS as f32;
        let (start, end) = self.search();
        Range { min: min + width * start as f32, max: min + width * (end + 1) as f32 }
    }
}

/// How many of `values`, which lie in `range`, fall into each of its bins: `torch.histc`.
fn count(values: &[f32], range: Range) -> Vec<f32> {
    let mut counts = vec![0.0; BINS];
    for &value in values {
        counts[bin(value, range, BINS)] += 1.0;
    }
    counts
}
