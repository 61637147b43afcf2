use maud::{Markup, html};

use super::{Axis, Chart, short, text};

/// How often values fall into each of many equal parts of a range.
pub struct Histogram<'a> {
    /// What it shows.
    pub title: &'a str,
    /// The ends of the range.
    pub range: [f64; 2],
    /// How many values fell into each part.
    pub counts: &'a [usize],
    /// Whether heights are logarithms: for tails that are few.
    pub logarithmic: bool,
    /// `float` or `int8`: the colour.
    pub class: &'static str,
    /// Places to point out.
    pub marks: Vec<Mark>,
    /// A second axis: which value each of these labels stands at.
    pub second: Vec<(f64, String)>,
}

/// A place to point out.
pub struct Mark {
    /// Where.
    pub at: f64,
    /// What is there.
    pub label: String,
}

const WIDTH: f64 = 460.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 44.0;
const PLOT: f64 = 150.0;
const ROW: f64 = 20.0;

/// Counts `values` into `parts` equal parts of `range`. What lies outside is left out.
pub fn count(values: impl IntoIterator<Item = f64>, [low, high]: [f64; 2], parts: usize) -> Vec<usize> {
    let mut counts = vec![0; parts.max(1)];
    let scale = counts.len() as f64 / (high - low).max(f64::MIN_POSITIVE);
    for value in values {
        if (low..=high).contains(&value) {
            let part = ((value - low) * scale) as usize;
            let last = counts.len() - 1;
            counts[part.min(last)] += 1;
        }
    }
    counts
}

impl Histogram<'_> {
    /// The picture.
    pub fn chart(&self) -> Chart {
        let bottom = TOP + PLOT;
        let most = self.counts.iter().copied().max().unwrap_or(0).max(1) as f64;
        let y = match self.logarithmic {
            // Half a value is the floor, so that one value can be seen.
            true => Axis::logarithmic([1.0, most.max(10.0)], [bottom - 8.0, TOP]),
            false => Axis::linear([0.0, most], [bottom, TOP]),
        };
        let x = Axis::linear(self.range, [LEFT, WIDTH - RIGHT]);
        let body = html! {
            (text(LEFT, 15.0, "start", self.title))
            @for tick in y.ticks(3) {
                path.grid d=(format!("M{LEFT} {:.1}H{}", y.at(tick), WIDTH - RIGHT)) {}
                (text(LEFT - 6.0, y.at(tick) + 4.0, "end", &compact(tick)))
            }
            path class=(self.class) d=(self.outline(&x, &y, bottom)) {}
            path.axis d=(format!("M{LEFT} {bottom}H{}", WIDTH - RIGHT)) {}
            @for tick in x.ticks(6) { (below(x.at(tick), bottom + 16.0, &short(tick))) }
            @if !self.second.is_empty() {
                path.axis d=(format!("M{LEFT} {0}H{1}", bottom + ROW + 4.0, WIDTH - RIGHT)) {}
                @for (value, label) in &self.second {
                    path.axis d=(format!("M{:.1} {}v4", x.at(*value), bottom + ROW + 4.0)) {}
                    (below(x.at(*value), bottom + 2.0 * ROW + 2.0, label))
                }
            }
            @for mark in &self.marks { (self.marked(&x, mark, bottom)) }
        };
        let rows = if self.second.is_empty() { 1.3 } else { 2.4 };
        Chart { title: self.title.into(), width: WIDTH, height: bottom + rows * ROW, body }
    }

    /// The outline of all bars.
    fn outline(&self, x: &Axis, y: &Axis, bottom: f64) -> String {
        let [low, high] = self.range;
        let width = (high - low) / self.counts.len() as f64;
        let mut path = format!("M{LEFT} {bottom}");
        for (part, &count) in self.counts.iter().enumerate() {
            let top = if count == 0 { bottom } else { y.at(count as f64) };
            path += &format!("V{top:.1}H{:.1}", x.at(low + (part + 1) as f64 * width));
        }
        path + &format!("V{bottom}Z")
    }

    fn marked(&self, x: &Axis, mark: &Mark, bottom: f64) -> Markup {
        let at = x.at(mark.at);
        let anchor = match (at - LEFT) / (WIDTH - RIGHT - LEFT) {
            share if share < 0.2 => "start",
            share if share > 0.8 => "end",
            _ => "middle",
        };
        html! {
            path.mark d=(format!("M{at:.1} {}V{bottom}", TOP - 6.0)) {}
            (text(at, TOP - 11.0, anchor, &mark.label))
        }
    }
}

/// A number of values: `10 k`, `1 M`.
fn compact(count: f64) -> String {
    match count {
        1e6.. => format!("{} M", short(count / 1e6)),
        1e3.. => format!("{} k", short(count / 1e3)),
        _ => short(count),
    }
}

fn below(x: f64, y: f64, label: &str) -> Markup {
    text(x, y, "middle", label)
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn values_are_counted_once_and_those_outside_not() {
        assert_eq!(count([0.0, 0.1, 0.5, 0.99, 1.0, 1.01, -0.01], [0.0, 1.0], 2), [2, 3]);
        assert_eq!(count([3.0, 3.0], [3.0, 3.0], 4), [2, 0, 0, 0]);
        assert_eq!(count([f64::NAN], [0.0, 1.0], 1), [0]);
    }
}
