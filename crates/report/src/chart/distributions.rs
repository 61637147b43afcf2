use maud::html;

use super::{Axis, Chart, text};

/// The samples of one measurement.
pub struct Distribution {
    /// What was measured.
    pub label: String,
    /// Every sample; all are positive.
    pub samples: Vec<f64>,
    /// The quartiles, the median between them.
    pub quartiles: [f64; 3],
    /// The figure behind it.
    pub text: String,
    /// `own` or `other`: the colour.
    pub class: &'static str,
}

/// Measurements below each other on a logarithmic axis: every sample a dot, a box from quartile to quartile, a line at the median.
/// `name` writes a value below the axis.
pub fn distributions(title: &str, rows: &[Distribution], name: fn(f64) -> String) -> Chart {
    const WIDTH: f64 = 900.0;
    const PLOT: [f64; 2] = [270.0, 780.0];
    const LINE: f64 = 26.0;
    let samples = || rows.iter().flat_map(|row| row.samples.iter().copied());
    let (least, most) = (samples().fold(f64::INFINITY, f64::min), samples().fold(0.0, f64::max));
    let x = Axis::logarithmic([least.min(most), most], PLOT);
    let height = rows.len() as f64 * LINE;
    let place = |value: f64| format!("{:.1}", x.at(value));
    let body = html! {
        @for tick in x.ticks(7) {
            path.grid d=(format!("M{} 0V{height}", place(tick))) {}
            (text(x.at(tick), height + 18.0, "middle", &name(tick)))
        }
        @for (line, Distribution { label, samples, quartiles, text: figure, class }) in rows.iter().enumerate() {
            @let middle = (line as f64 + 0.5) * LINE;
            @let [first, median, third] = quartiles.map(|value| x.at(value));
            (text(PLOT[0] - 10.0, middle + 4.0, "end", label))
            @for &sample in samples { circle class={ (class) " sample" } cx=(place(sample)) cy=(middle) r="3" {} }
            rect class={ (class) " quartiles" } x=(format!("{first:.1}")) y=(middle - 7.0) height="14"
                width=(format!("{:.1}", (third - first).max(1.0))) {}
            path.median d=(format!("M{median:.1} {}v18", middle - 9.0)) {}
            (text(PLOT[1] + 12.0, middle + 4.0, "start", figure))
        }
    };
    Chart { title: title.into(), width: WIDTH, height: height + LINE, body }
}
