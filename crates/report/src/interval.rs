//! How sure a measured share is.

/// The share `right / total` with its interval of 95 % by Wilson (1927, "Probable inference, the law of succession, and statistical
/// inference"), which stays within 0 and 1 and holds near both: `[low, high]`, 0 to 1.
pub fn wilson(right: u32, total: u32) -> [f64; 2] {
    const Z: f64 = 1.959_964;
    if total == 0 {
        return [0.0, 1.0];
    }
    let (n, share) = (f64::from(total), f64::from(right) / f64::from(total));
    let middle = share + Z * Z / (2.0 * n);
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    [middle - spread, middle + spread].map(|end| (end / (1.0 + Z * Z / n)).clamp(0.0, 1.0))
}

/// A share in per cent with [`wilson`]'s interval: `98.5 (97.8–99.0)`.
pub fn with_interval(right: u32, total: u32) -> String {
    let [low, high] = wilson(right, total).map(|share| 100.0 * share);
    match total {
        0 => "–".into(),
        _ => format!("{:.1} ({low:.1}–{high:.1})", 100.0 * f64::from(right) / f64::from(total)),
    }
}

/// The mean of a few repetitions with its interval of 95 % by Student's t, for two to five of them: `[mean, half width]`.
pub fn mean_of_repetitions(values: &[f64]) -> [f64; 2] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    // Two-sided, 95 %, for 1 to 4 degrees of freedom.
    const T: [f64; 4] = [12.706, 4.303, 3.182, 2.776];
    let Some(t) = values.len().checked_sub(2).and_then(|at| T.get(at)) else { return [mean, f64::NAN] };
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    [mean, t * (variance / n).sqrt()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        // Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
        for (right, total, expected) in [
            (81, 263, [0.2553, 0.3662]),
            (15, 148, [0.0624, 0.1605]),
            (0, 20, [0.0, 0.1611]),
            (1, 29, [0.0061, 0.1718]),
        ] {
            for (found, expected) in wilson(right, total).iter().zip(expected) {
                assert!((found - expected).abs() < 5e-5, "{right} of {total}: {found}, expected {expected}");
            }
        }
        assert_eq!(wilson(0, 0), [0.0, 1.0]);
        assert_eq!(with_interval(1478, 1500), "98.5 (97.8–99.0)");
    }

    #[test]
    fn three_repetitions_have_a_wide_interval() {
        let [mean, half] = mean_of_repetitions(&[98.0, 98.5, 99.0]);
        assert!((mean - 98.5).abs() < 1e-9 && (half - 4.303 * 0.5 / 3f64.sqrt()).abs() < 1e-9);
        assert!(mean_of_repetitions(&[1.0])[1].is_nan());
    }
}
