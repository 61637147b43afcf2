//! The limits of the machine: what one core can do at most.

use std::hint::black_box;
use std::time::{Duration, Instant};

use digit8_core::Kernel;
use digit8_kernels::limits::{Limit as Resource, Unit};

use super::report::{Limit, Row};
use super::sampler::{Bench, Time};

/// The engine name of rows that time the machine itself.
const LIMIT: &str = "limit";

/// The limits of this CPU.
pub fn limits() -> Vec<Bench> {
    // AVX-VNNI and AVX-512 name one instruction alike: each name once.
    let mut seen = Vec::new();
    let limits = Kernel::available().into_iter().flat_map(Resource::of).filter(|limit| {
        let new = !seen.contains(&limit.name);
        seen.push(limit.name);
        new
    });
    limits
        .map(|limit| {
            let unit = match limit.unit {
                Unit::MultiplyAdds => "GMAC/s",
                Unit::Bytes => "GB/s",
            };
            let row = Row {
                engine: LIMIT.into(),
                model: limit.name.into(),
                stage: Some(unit.into()),
                ..Row::default()
            };
            let per_run = limit.run(1) as f64;
            let time: Time = Box::new(move |rounds| Ok(timed(|| limit.run(rounds))));
            Bench { row, per_run, time }
        })
        .collect()
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(run());
    start.elapsed()
}

/// Whether a row times the machine itself.
pub fn is_limit(row: &Row) -> bool {
    row.engine == LIMIT
}

/// Tells the limits from the other rows. A nanosecond a multiply-add is a thousand million of them a second.
pub fn split(rows: Vec<Row>) -> (Vec<Limit>, Vec<Row>) {
    let (limits, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_limit);
    let limits = limits.into_iter().map(|row| Limit {
        name: row.model,
        unit: row.stage.unwrap_or_default(),
        best: row.min_ns.recip(),
        median: row.median_ns.recip(),
    });
    (limits.collect(), rows)
}
