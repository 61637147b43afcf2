use maud::html;

use super::{Axis, Chart, line, short, text};

/// A point.
pub struct Point {
    /// What it is, for who points at it.
    pub label: String,
    /// Where it lies.
    pub at: (f64, f64),
    /// Whether it is one of the best: the line goes through those, in the order of their `x`.
    pub best: bool,
}

/// Points in the plane, and a line through the best of them. `below` and `beside` say what the axes are.
pub fn scatter(title: &str, below: &str, beside: &str, points: &[Point]) -> Chart {
    const WIDTH: f64 = 640.0;
    const HEIGHT: f64 = 360.0;
    const LEFT: f64 = 52.0;
    const RIGHT: f64 = 16.0;
    const TOP: f64 = 28.0;
    const BOTTOM: f64 = 46.0;
    let ends = |of: fn(&Point) -> f64| {
        let values = points.iter().map(of);
        [values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max)]
    };
    let [low, high] = ends(|point| point.at.0);
    let x = Axis::linear([0.0, high.max(low)], [LEFT, WIDTH - RIGHT]);
    let y = Axis::linear(ends(|point| point.at.1), [HEIGHT - BOTTOM, TOP]);
    let mut best: Vec<&Point> = points.iter().filter(|point| point.best).collect();
    best.sort_by(|a, b| a.at.0.total_cmp(&b.at.0));
    let body = html! {
        @for tick in y.ticks(6) {
            path.grid d=(format!("M{LEFT} {:.1}H{}", y.at(tick), WIDTH - RIGHT)) {}
            (text(LEFT - 8.0, y.at(tick) + 4.0, "end", &short(tick)))
        }
        @for tick in x.ticks(6) { (text(x.at(tick), HEIGHT - BOTTOM + 20.0, "middle", &short(tick))) }
        (text(LEFT, 16.0, "start", beside))
        (text(WIDTH - RIGHT, HEIGHT - 8.0, "end", below))
        path.line d=(line(best.iter().map(|point| (x.at(point.at.0), y.at(point.at.1))))) {}
        @for point in points {
            circle class=(if point.best { "int8" } else { "float" }) cx=(format!("{:.1}", x.at(point.at.0)))
                cy=(format!("{:.1}", y.at(point.at.1))) r=(if point.best { 5 } else { 3 }) { title { (point.label) } }
        }
    };
    Chart { title: title.into(), width: WIDTH, height: HEIGHT, body }
}
