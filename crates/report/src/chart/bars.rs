use maud::html;

use super::{Axis, Chart, short, text};

/// Bars that belong together.
pub struct Group {
    /// What they are of.
    pub label: String,
    /// The bars.
    pub bars: Vec<Bar>,
}

/// A bar with its figure behind it.
pub struct Bar {
    /// What it is of, within its group.
    pub label: String,
    /// How long it is.
    pub value: f64,
    /// The figure.
    pub text: String,
    /// `float` or `int8`, `own` or `other`: the colour.
    pub class: &'static str,
}

/// Bars from 0 on, or on a logarithmic scale from 1 on, in groups.
pub fn bars(title: &str, groups: &[Group], logarithmic: bool) -> Chart {
    draw(title, groups, logarithmic, 460.0, None)
}

/// Bars from 0 on in a wide picture, with a line at a value to hold them against.
pub fn bars_to_mark(title: &str, bars: Vec<Bar>, mark: f64) -> Chart {
    draw(title, &[Group { label: String::new(), bars }], false, 900.0, Some(mark))
}

fn draw(title: &str, groups: &[Group], logarithmic: bool, width: f64, mark: Option<f64>) -> Chart {
    const LINE: f64 = 24.0;
    let letters = |text: &str| text.chars().count() as f64;
    let all = || groups.iter().flat_map(|group| &group.bars);
    let left = 16.0 + 7.2 * all().map(|bar| letters(&bar.label)).fold(0.0, f64::max);
    let right = 14.0 + 7.4 * all().map(|bar| letters(&bar.text)).fold(0.0, f64::max);
    let finite = all().map(|bar| bar.value).filter(|value| value.is_finite());
    let most = finite.fold(mark.unwrap_or(0.0), f64::max);
    let x = match logarithmic {
        true => Axis::logarithmic([0.5, most.max(1.0)], [left, width - right]),
        false => Axis::linear([0.0, most], [left, width - right]),
    };
    let mut y = 0.0;
    let mut lines = Vec::new();
    for group in groups {
        if !group.label.is_empty() {
            lines.push(text(0.0, y + 17.0, "start", &group.label));
            y += LINE;
        }
        for Bar { label, value, text: figure, class } in &group.bars {
            let length = if *value > 0.0 { x.at(*value) - left } else { 0.0 };
            lines.push(html! {
                (text(left - 8.0, y + 17.0, "end", label))
                rect class=(class) x=(format!("{left:.1}")) y=(y + 5.0) width=(format!("{length:.1}"))
                    height=(LINE - 9.0) {}
                (text(left + length + 6.0, y + 17.0, "start", figure))
            });
            y += LINE;
        }
    }
    if let Some(mark) = mark {
        lines.push(html! {
            path.mark d=(format!("M{:.1} 0V{y}", x.at(mark))) {}
            (text(x.at(mark), y + 16.0, "middle", &short(mark)))
        });
        y += LINE;
    }
    let body = html! { @for line in &lines { (line) } };
    Chart { title: title.into(), width, height: y + 4.0, body }
}
