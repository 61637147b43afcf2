//! Plots as SVG, in the colours of the page they stand in.

use std::fmt::Write;

use super::report::Row;
use super::show;

const WIDTH: f64 = 900.0;
const LINE: f64 = 26.0;
/// Where labels end and the plot begins, and where the plot ends and the figures begin.
const PLOT: [f64; 2] = [270.0, 680.0];

/// A bar with a figure behind it.
pub struct Bar {
    /// What it is of.
    pub label: String,
    /// How long it is.
    pub value: f64,
    /// The figure.
    pub text: String,
    /// Whether the bar is digit8's own.
    pub own: bool,
}

/// Bars from 0 on, with a line at `mark`.
pub fn bars(title: &str, bars: &[Bar], mark: f64) -> String {
    let most = bars.iter().map(|bar| bar.value).fold(mark, f64::max);
    let x = |value: f64| PLOT[0] + (PLOT[1] - PLOT[0]) * value / most;
    let mut body = String::new();
    for (line, bar) in bars.iter().enumerate() {
        let y = line as f64 * LINE;
        let width = x(bar.value) - PLOT[0];
        body += &label(&bar.label, y);
        _ = write!(
            body,
            r#"<rect class="{}" x="{}" y="{}" width="{width:.1}" height="{}"/>"#,
            class(bar.own),
            PLOT[0],
            y + 5.0,
            LINE - 10.0
        );
        body += &text(x(bar.value) + 8.0, y, &bar.text);
    }
    let height = bars.len() as f64 * LINE;
    _ = write!(
        body,
        r#"<line class="mark" x1="{0:.1}" x2="{0:.1}" y1="0" y2="{height}"/>{1}"#,
        x(mark),
        axis_text(x(mark), height, &format!("{mark}"))
    );
    svg(title, height + LINE, &body)
}

/// The samples of some rows on a logarithmic axis: every sample a dot, a box from quartile to quartile, a line at the
/// median.
pub fn distributions(title: &str, rows: &[&Row]) -> String {
    let samples = || rows.iter().flat_map(|row| row.sample_ns.iter().copied());
    let (least, most) = (samples().fold(f64::INFINITY, f64::min), samples().fold(0.0, f64::max));
    let x = |ns: f64| PLOT[0] + (PLOT[1] - PLOT[0]) * (ns / least).ln() / (most / least).ln().max(1e-9);
    let height = rows.len() as f64 * LINE;
    let mut body = String::new();
    for tick in ticks(least, most) {
        _ = write!(body, r#"<line class="grid" x1="{0:.1}" x2="{0:.1}" y1="0" y2="{height}"/>"#, x(tick));
        body += &axis_text(x(tick), height, &show::time(tick));
    }
    for (line, row) in rows.iter().enumerate() {
        let (top, middle) = (line as f64 * LINE, (line as f64 + 0.5) * LINE);
        let ([first, third], class) = (row.quartiles(), class(row.is_own()));
        body += &label(&format!("{} {}", row.engine, row.model), top);
        for &ns in &row.sample_ns {
            _ = write!(body, r#"<circle class="{class} dot" cx="{:.1}" cy="{middle}" r="3"/>"#, x(ns));
        }
        _ = write!(
            body,
            r#"<rect class="{class} box" x="{:.1}" y="{}" width="{:.1}" height="14"/>"#,
            x(first),
            middle - 7.0,
            (x(third) - x(first)).max(1.0)
        );
        _ = write!(
            body,
            r#"<line class="median" x1="{0:.1}" x2="{0:.1}" y1="{1}" y2="{2}"/>"#,
            x(row.median_ns),
            middle - 9.0,
            middle + 9.0
        );
        body += &text(PLOT[1] + 12.0, top, &show::time(row.median_ns));
    }
    svg(title, height + LINE, &body)
}

/// 1, 2 and 5 times the powers of ten between two times.
fn ticks(least: f64, most: f64) -> Vec<f64> {
    let decades = least.log10().floor() as i32..=most.log10().ceil() as i32;
    let all = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(decade)));
    let ticks: Vec<f64> = all.filter(|tick| (least..=most).contains(tick)).collect();
    // Labels must not run into each other: over many decades, the powers of ten are enough.
    if ticks.len() > 7 {
        ticks.into_iter().filter(|tick| tick.log10().fract().abs() < 1e-9).collect()
    } else {
        ticks
    }
}

fn svg(title: &str, height: f64, body: &str) -> String {
    let title = escape(title);
    let view = format!("0 -2 {WIDTH} {}", height + 4.0);
    format!(r#"<div class="plot"><svg viewBox="{view}" role="img" aria-label="{title}">{body}</svg></div>"#)
}

fn class(own: bool) -> &'static str {
    if own { "own" } else { "other" }
}

fn label(label: &str, y: f64) -> String {
    format!(r#"<text text-anchor="end" x="{}" y="{}">{}</text>"#, PLOT[0] - 10.0, y + 18.0, escape(label))
}

fn text(x: f64, y: f64, text: &str) -> String {
    format!(r#"<text x="{x:.1}" y="{}">{}</text>"#, y + 18.0, escape(text))
}

fn axis_text(x: f64, height: f64, text: &str) -> String {
    let y = height + 18.0;
    format!(r#"<text class="axis" text-anchor="middle" x="{x:.1}" y="{y}">{}</text>"#, escape(text))
}

/// Text that stands for itself in HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
