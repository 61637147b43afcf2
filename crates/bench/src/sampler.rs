//! Takes the samples.
//!
//! A harness of its own, and not criterion or divan, for two reasons. What counts here are ratios on a machine that is
//! shared and drifts: those time one thing after the other, so that a slow minute hits one row alone. Here every round
//! times each row once, in alternating order, so that drift hits all alike. And most peers live in other processes.

use std::time::Duration;

use anyhow::Context;
use digit8_host::progress::ProgressBar;

use super::report::Row;

/// Runs something that many times, and says how long that took.
pub type Time = Box<dyn FnMut(u64) -> anyhow::Result<Duration>>;

/// Something to time.
pub struct Bench {
    /// What it is; the samples go here.
    pub row: Row,
    /// What its time is divided by, besides the number of runs: the images of a run; of training, its share of an epoch.
    pub per_run: f64,
    /// Runs it.
    pub time: Time,
}

/// How long to measure.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Rounds, each of one sample of every row.
    pub rounds: usize,
    /// A sample runs at least about this long, or [`LONGER`] times as long.
    pub sample: Duration,
}

/// Steps of training take so long that a sample of few would be one of cold caches, and threads that slept need a while to
/// be on a core each.
const LONGER: u32 = 20;

/// After a row that uses several threads: for those of them that wait actively to fall asleep.
const PAUSE: Duration = Duration::from_millis(5);

/// A sample of so many runs is preceded by one part in so many of it, untimed.
const WARM: u64 = 8;

/// Times every row in every round. Returns the rows, and the errors of those that failed, which are left out.
pub fn sample(benches: Vec<Bench>, effort: Effort, bar: &ProgressBar) -> (Vec<Row>, Vec<anyhow::Error>) {
    let mut errors = Vec::new();
    let mut running: Vec<Running> = Vec::new();
    for bench in benches {
        bar.set_message(format!("warming up {}", bench.row.engine));
        match Running::start(bench, effort.sample) {
            Ok(bench) => running.push(bench),
            Err(error) => errors.push(error),
        }
        bar.inc(1);
    }
    for _ in 0..effort.rounds {
        running.retain_mut(|running| {
            let Row { engine, model, .. } = &running.bench.row;
            bar.set_message(format!("{engine} {model}"));
            bar.inc(1);
            running.sample().map_err(|error| errors.push(error)).is_ok()
        });
        running.reverse();
    }
    if effort.rounds % 2 == 1 {
        running.reverse();
    }
    (running.into_iter().map(Running::row).collect(), errors)
}

/// Something that is being timed.
struct Running {
    bench: Bench,
    /// Runs of a sample.
    runs: u64,
    /// The samples so far, in nanoseconds an image.
    samples: Vec<f64>,
}

impl Running {
    /// Runs it until its caches are warm, and finds the number of runs that fill a sample.
    fn start(bench: Bench, sample: Duration) -> anyhow::Result<Self> {
        let longer = bench.row.model == "train" || bench.row.threads > 1;
        let sample = if longer { sample * LONGER } else { sample };
        let mut running = Self { bench, runs: 1, samples: Vec::new() };
        loop {
            // Twice: the first time, memory that was not used for long may have to come back.
            running.time(running.runs)?;
            let elapsed = running.time(running.runs)?;
            if elapsed * 2 >= sample {
                let full = sample.as_secs_f64() / elapsed.as_secs_f64() * running.runs as f64;
                running.runs = (full.ceil() as u64).max(1);
                return Ok(running);
            }
            running.runs *= 2;
        }
    }

    fn sample(&mut self) -> anyhow::Result<()> {
        // The caches are full of other rows.
        self.time((self.runs / WARM).max(1))?;
        let elapsed = self.time(self.runs)?;
        self.samples.push(elapsed.as_nanos() as f64 / self.runs as f64 / self.bench.per_run);
        Ok(())
    }

    fn row(self) -> Row {
        let mut row = self.bench.row;
        row.set_samples(self.samples);
        row
    }

    fn time(&mut self, runs: u64) -> anyhow::Result<Duration> {
        let elapsed = (self.bench.time)(runs).with_context(|| self.bench.row.engine.clone())?;
        if self.bench.row.threads > 1 {
            std::thread::sleep(PAUSE);
        }
        Ok(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;

    use super::*;

    #[test]
    fn rows_keep_their_order_and_failures_are_left_out() {
        let bench = |engine: &str, nanoseconds: u64, calls: u64| {
            let mut left = calls;
            let time = move |runs| {
                ensure!(left > 0, "broken");
                left -= 1;
                Ok(Duration::from_nanos(nanoseconds * runs))
            };
            let row = Row { engine: engine.into(), threads: 1, ..Row::default() };
            Bench { row, per_run: 10.0, time: Box::new(time) }
        };
        for rounds in [4, 5] {
            let benches =
                vec![bench("a", 500, 99), bench("b", 7, 0), bench("c", 80, 5), bench("d", 2000, 99)];
            let effort = Effort { rounds, sample: Duration::from_micros(1) };
            let (rows, errors) = sample(benches, effort, &ProgressBar::hidden());
            let found: Vec<_> = rows.iter().map(|row| (&*row.engine, row.median_ns, row.samples)).collect();
            assert_eq!(found, [("a", 50.0, rounds), ("d", 200.0, rounds)]);
            let errors: Vec<_> = errors.iter().map(|error| format!("{error:#}")).collect();
            assert_eq!(errors, ["b: broken", "c: broken"]);
        }
    }
}
