use maud::html;

use super::{Axis, Chart, short, text};

/// Integers laid along the real numbers, to see which of them are of use.
pub struct Ruler {
    /// What it shows.
    pub label: String,
    /// The real number of each integer, in order.
    pub marks: Vec<f64>,
    /// The integers to name: where they stand, and how they are written.
    pub named: Vec<(f64, String)>,
}

/// Rulers below each other, over the range that the values keep to.
pub fn rulers(title: &str, values: [f64; 2], rulers: &[Ruler]) -> Chart {
    const WIDTH: f64 = 460.0;
    const ENDS: [f64; 2] = [22.0, WIDTH - 22.0];
    const TOP: f64 = 44.0;
    const ROW: f64 = 62.0;
    let marks = || rulers.iter().flat_map(|ruler| &ruler.marks);
    let low = marks().copied().fold(values[0], f64::min);
    let high = marks().copied().fold(values[1], f64::max);
    let x = Axis::linear([low, high], ENDS);
    let bottom = TOP + ROW * rulers.len() as f64;
    let [from, to] = values.map(|value| x.at(value));
    let body = html! {
        (text(0.0, 15.0, "start", title))
        rect.band x=(format!("{from:.1}")) width=(format!("{:.1}", to - from)) y=(TOP - 18.0)
            height=(bottom - TOP + 18.0) {}
        @for tick in x.ticks(6) { (text(x.at(tick), bottom + 16.0, "middle", &short(tick))) }
        path.axis d=(format!("M{} {bottom}H{}", ENDS[0], ENDS[1])) {}
        @for (row, ruler) in rulers.iter().enumerate() {
            @let y = TOP + ROW * row as f64;
            (text(ENDS[0], y, "start", &ruler.label))
            path.tick d=(ruler.marks.iter().map(|&mark| format!("M{:.1} {:.1}v10", x.at(mark), y + 8.0)).collect::<String>()) {}
            @for (at, name) in &ruler.named { (text(x.at(*at), y + 33.0, "middle", name)) }
        }
    };
    Chart { title: title.into(), width: WIDTH, height: bottom + 24.0, body }
}
