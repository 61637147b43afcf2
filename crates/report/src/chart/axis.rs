/// Where values lie along one side of a picture.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Axis {
    /// Values from `low` to `high` between the coordinates `from` and `to`, evenly.
    pub fn linear([low, high]: [f64; 2], [from, to]: [f64; 2]) -> Self {
        Self { low, high: if high > low { high } else { low + 1.0 }, from, to, logarithmic: false }
    }

    /// Values between the powers of ten around `low` and `high`, which must be positive, by their logarithm.
    pub fn logarithmic([low, high]: [f64; 2], ends: [f64; 2]) -> Self {
        let low = low.log10().floor();
        let high = high.log10().ceil().max(low + 1.0);
        Self { logarithmic: true, ..Self::linear([low, high], ends) }
    }

    /// The coordinate of a value; values outside lie at the ends.
    pub fn at(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let share = (value - self.low) / (self.high - self.low);
        self.from + (self.to - self.from) * share.clamp(0.0, 1.0)
    }

    /// The values to label: round ones, about `count` of them, or the powers of ten.
    pub fn ticks(&self, count: usize) -> Vec<f64> {
        if self.logarithmic {
            let decades = (self.high - self.low) as usize;
            let every = decades.div_ceil(count.max(1)).max(1);
            let powers = (self.low as i32..=self.high as i32).step_by(every);
            return powers.map(|power| 10f64.powi(power)).collect();
        }
        let raw = (self.high - self.low) / count.max(1) as f64;
        let decade = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * decade).into_iter().find(|&step| step >= raw);
        let step = step.unwrap_or(raw);
        let (first, last) = ((self.low / step).ceil() as i64, (self.high / step + 1e-9).floor() as i64);
        (first..=last).map(|number| number as f64 * step).collect()
    }
}

/// A number in as few characters as tell it from its neighbours: `0.25`, `1,000`, `1e-7`.
pub fn short(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 {
        "0".into()
    } else if (1e-4..1e15).contains(&magnitude) {
        if magnitude >= 1000.0 && value.fract() == 0.0 {
            let sign = if value < 0.0 { "-" } else { "" };
            return format!("{sign}{}", digit8_host::terminal::thousands(magnitude as usize));
        }
        let digits = (3 - magnitude.log10().floor() as i32).clamp(0, 7) as usize;
        let text = format!("{value:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
    } else {
        format!("{value:.2e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = Axis::linear([-0.62, 0.37], [0.0, 100.0]);
        assert_eq!(axis.ticks(5), [-0.6, -0.4, -0.2, 0.0, 0.2].map(|tick| (tick * 5.0f64).round() * 0.2));
        assert_eq!([axis.at(-0.62), axis.at(0.37), axis.at(9.0)], [0.0, 100.0, 100.0]);
        let axis = Axis::logarithmic([3.0, 40_000.0], [100.0, 0.0]);
        assert_eq!(axis.ticks(9), [1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0]);
        assert_eq!([axis.at(1.0), axis.at(0.0), axis.at(1e5)], [100.0, 100.0, 0.0]);
        // All values equal: still an axis.
        assert!(Axis::linear([2.0, 2.0], [0.0, 1.0]).at(2.0).is_finite());
    }

    #[test]
    fn numbers_are_short() {
        let cases = [(0.0, "0"), (0.25, "0.25"), (1000.0, "1,000"), (-30_000.0, "-30,000"), (17.0, "17")];
        for (value, text) in
            cases.into_iter().chain([(0.2 + 0.1, "0.3"), (1e-7, "1.00e-7"), (52.8906, "52.89")])
        {
            assert_eq!(short(value), text);
        }
    }
}
