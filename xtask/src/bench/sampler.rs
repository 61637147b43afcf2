//! Takes the samples.
//!
//! A harness of its own, and not criterion or divan, for two reasons. What counts here are ratios on a machine that is
//! shared and drifts: those time one thing after the other, so that a slow minute hits one row alone. Here every round
//! times each row once, in alternating order, so that drift hits all alike. And most peers live in other processes.

use std::time::Duration;

use indicatif::ProgressBar;

use super::report::Row;

/// Runs something that many times, and says how long that took.
pub type Time = Box<dyn FnMut(u64) -> anyhow::Result<Duration>>;

/// Something to be timed.
pub struct Bench {
    /// What it is; the samples go here.
    pub row: Row,
    /// What its time is divided by, besides the number of runs: the images of a run (1 where it is an epoch).
    pub per_run: usize,
    /// Runs it.
    pub time: Time,
}

/// How long to measure.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Rounds, each of one sample of every row.
    pub rounds: usize,
    /// A sample runs at least about this long.
    pub sample: Duration,
    /// A pause after every sample, for threads of others to fall asleep.
    pub pause: Duration,
}

/// Times every row in every round.
pub fn sample(benches: &mut [Bench], effort: Effort, bar: &ProgressBar) -> anyhow::Result<()> {
    let mut runs = Vec::new();
    for bench in benches.iter_mut() {
        bar.set_message(format!("warming up {}", bench.row.engine));
        runs.push(warm_up(&mut bench.time, effort.sample)?);
        bar.inc(1);
    }
    let mut samples = vec![Vec::new(); benches.len()];
    for round in 0..effort.rounds {
        let forwards = 0..benches.len();
        let order: Vec<usize> = if round % 2 == 0 { forwards.collect() } else { forwards.rev().collect() };
        for at in order {
            let bench = &mut benches[at];
            bar.set_message(format!("{} {}", bench.row.engine, bench.row.model));
            let elapsed = (bench.time)(runs[at])?;
            std::thread::sleep(effort.pause);
            samples[at].push(elapsed.as_nanos() as f64 / runs[at] as f64 / bench.per_run as f64);
            bar.inc(1);
        }
    }
    benches.iter_mut().zip(samples).for_each(|(bench, samples)| bench.row.set_samples(samples));
    Ok(())
}

/// Runs it until its caches are warm, and returns the number of runs that fill a sample.
fn warm_up(time: &mut Time, sample: Duration) -> anyhow::Result<u64> {
    let mut runs = 1;
    loop {
        let elapsed = time(runs)?;
        if elapsed * 2 >= sample {
            let full = sample.as_secs_f64() / elapsed.as_secs_f64() * runs as f64;
            return Ok((full.ceil() as u64).max(1));
        }
        runs *= 2;
    }
}
