//! A run's figures in words.

use digit8_host::terminal::thousands;

use super::report::{Report, Row};

/// Nanoseconds in the unit that suits them.
pub fn time(ns: f64) -> String {
    match ns {
        ns if !ns.is_finite() => "–".into(),
        ns if ns < 99.95 => format!("{ns:.1} ns"),
        ns if ns < 99_950.0 => format!("{} ns", thousands(ns.round() as usize)),
        ns if ns < 9_995_000.0 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

/// `9,607 of 10,000`; of a library that only multiplies matrices, that; of training nothing.
pub fn correct(row: &Row) -> String {
    match (row.correct, row.classified) {
        (Some(correct), Some(classified)) => format!("{} of {}", thousands(correct), thousands(classified)),
        _ if row.is_product() => "products alone".into(),
        _ => String::new(),
    }
}

/// Half the distance between the quartiles, in percent of the median.
pub fn spread(row: &Row) -> String {
    let [first, third] = row.quartiles();
    format!("±{:.0} %", (third - first) / 2.0 / row.median_ns * 100.0)
}

/// A row's model, and the settings with which it was run.
pub fn model(row: &Row) -> String {
    row.settings.as_ref().map_or_else(|| row.model.clone(), |settings| format!("{} ({settings})", row.model))
}

/// The share of the machine's limit that a row reaches, in percent, and what it would be if all multiply-adds counted; empty where
/// there is no limit for it.
pub fn share_of_limit(report: &Report, row: &Row) -> String {
    let Some(share) = report.share_of_limit(row) else { return String::new() };
    let nominal = report.nominal_share_of_limit(row).filter(|_| row.multiply_adds.is_some());
    let nominal = nominal.map_or_else(String::new, |nominal| format!(" ({:.0} %)", nominal * 100.0));
    format!("{:.0} %{nominal}", share * 100.0)
}

/// What a row's time is the time of.
pub fn unit(report: &Report) -> String {
    let digits = thousands(report.training_digits);
    format!(
        "Times are an image's; of training, those of an epoch of {digits} digits. The share of the limit is of \
         the multiply-adds that are done; in brackets, what it would be if those counted that are saved because something is 0."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_unit_that_suits_them() {
        let cases = [
            (f64::NAN, "–"),
            (7.25, "7.2 ns"),
            (99.96, "100 ns"),
            (12_345.4, "12,345 ns"),
            (99_951.0, "100.0 µs"),
            (603_000_000.0, "0.60 s"),
        ];
        for (ns, text) in cases {
            assert_eq!(time(ns), text);
        }
    }

    #[test]
    fn spreads_are_half_the_distance_of_the_quartiles() {
        let mut row = Row::default();
        row.set_samples(vec![90.0, 100.0, 110.0, 100.0, 100.0]);
        assert_eq!(spread(&row), "±0 %");
        row.set_samples(vec![80.0, 90.0, 100.0, 110.0, 120.0]);
        assert_eq!(spread(&row), "±10 %");
    }
}
