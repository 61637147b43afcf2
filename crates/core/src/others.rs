//! What is no digit, drawn by rule: letters that look like none, shapes, scribbles, several digits, dots and lines.
//!
//! A network that has only seen digits answers everything with one, and is often sure of it. Some of these are shown to it in
//! training, with every digit as likely as the others (Hendrycks, Mazeika and Dietterich 2019, "Deep anomaly detection with outlier
//! exposure"); the rest are kept back, to measure what it makes of things it has never seen.

use crate::drawn;
use crate::random::Random;
use crate::stroke::Point;

/// How far each point of a shape is moved, at most.
const JITTER: f32 = 0.06;

/// A kind of thing that is no digit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kind {
    /// What it is called.
    pub name: &'static str,
    way: Way,
}

/// How a kind is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// By the points of a style, as in [`drawn`].
    Style(&'static str),
    /// A curve through points anywhere.
    Scribble,
    /// To and fro all over the pad.
    Filled,
    /// A single dot.
    Dot,
    /// A line that lies, or nearly so.
    Line,
    /// Two or three digits side by side.
    Digits,
    /// Several loops along a line, as if written quickly.
    Loops,
}

/// A thing of a random kind of those to train with.
pub fn strokes(random: &mut Random) -> Vec<Vec<Point>> {
    TRAINED[random.below(TRAINED.len())].strokes(random)
}

impl Kind {
    /// A thing of this kind, drawn with an unsteady hand.
    pub fn strokes(&self, random: &mut Random) -> Vec<Vec<Point>> {
        match self.way {
            Way::Style(style) => drawn::shaken(style, JITTER, random),
            Way::Scribble => scribble(random),
            Way::Filled => filled(random),
            Way::Dot => vec![vec![Point { x: 0.0, y: 0.0 }]],
            Way::Line => {
                let slope = random.uniform(-0.4, 0.4);
                vec![drawn::curve(&[
                    [0.0, 0.0],
                    [0.5, 0.5 * slope + random.uniform(-0.1, 0.1)],
                    [1.0, slope],
                ])]
            }
            Way::Digits => digits(random),
            Way::Loops => loops(random),
        }
    }
}

/// A curve through some random points, now and then lifted.
fn scribble(random: &mut Random) -> Vec<Vec<Point>> {
    let strokes = 1 + random.below(3);
    let mut stroke = || {
        let points = 5 + random.below(14);
        let points: Vec<[f32; 2]> =
            (0..points).map(|_| [random.uniform(0.0, 1.0), random.uniform(0.0, 1.0)]).collect();
        drawn::curve(&points)
    };
    (0..strokes).map(|_| stroke()).collect()
}

/// Lines to and fro that leave little paper.
fn filled(random: &mut Random) -> Vec<Vec<Point>> {
    let lines = 8 + random.below(12);
    let (upright, width) = (random.below(2) == 0, random.uniform(0.5, 1.5));
    let points: Vec<[f32; 2]> = (0..lines)
        .map(|line| {
            let along = (line % 2) as f32 + random.uniform(-0.1, 0.1);
            let across = width * line as f32 / lines as f32 + random.uniform(-0.03, 0.03);
            if upright { [across, along] } else { [along, across] }
        })
        .collect();
    vec![drawn::curve(&points)]
}

/// Two or three digits beside each other.
fn digits(random: &mut Random) -> Vec<Vec<Point>> {
    let count = 2 + random.below(3) / 2;
    let mut all = Vec::new();
    let mut left = 0.0;
    for _ in 0..count {
        let digit = drawn::strokes(random.below(10) as u8, random);
        let points = || digit.iter().flatten().map(|point| point.x);
        let start = points().fold(f32::INFINITY, f32::min);
        let shift = left - start;
        let end = points().fold(f32::NEG_INFINITY, f32::max) + shift;
        let rise = random.uniform(-0.15, 0.15);
        let moved = |point: &Point| Point { x: point.x + shift, y: point.y + rise };
        all.extend(digit.iter().map(|stroke| stroke.iter().map(moved).collect::<Vec<_>>()));
        left = end + random.uniform(0.1, 0.5);
    }
    all
}

/// Loops along a line.
fn loops(random: &mut Random) -> Vec<Vec<Point>> {
    let (count, width) = (3 + random.below(4), random.uniform(0.15, 0.4));
    let height = random.uniform(0.3, 0.6);
    let points: Vec<[f32; 2]> = (0..4 * count)
        .map(|step| {
            let (sin, cos) = (std::f32::consts::FRAC_PI_2 * step as f32).sin_cos();
            [width * (step as f32 / 3.0 + cos), height * sin + random.uniform(-JITTER, JITTER)]
        })
        .collect();
    vec![drawn::curve(&points)]
}

const fn style(name: &'static str, style: &'static str) -> Kind {
    Kind { name, way: Way::Style(style) }
}

/// The kinds that networks are trained with.
pub const TRAINED: &[Kind] = &[
    style("A", "0,100 30,0! 60,100 | 12,62 48,62"),
    style("A, round", "0,100 5,40 28,0 52,40 58,100 | 2,58 55,58"),
    style("C", "58,20 40,0 12,12 0,50 12,88 40,100 60,82"),
    style("E", "55,0 0,0! 0,100! 55,100 | 0,50 45,50"),
    style("E, round", "55,12 28,0 5,18 28,46! 2,72 25,100 58,86"),
    style("H", "0,0 0,100 | 60,0 60,100 | 0,50 60,50"),
    style("J", "50,0 50,75 30,100 5,92 0,75"),
    style("L", "0,0 0,100! 55,100"),
    style("M", "0,100 5,0! 40,60! 75,0! 80,100"),
    style("M, straight", "0,100 0,0! 40,50! 80,0! 80,100"),
    style("N", "0,100 0,0! 55,100! 55,0"),
    style("P", "0,100 0,0! 35,2 52,25 35,50 0,52"),
    style("T", "0,0 70,0 | 35,0 35,100"),
    style("V", "0,0 32,100! 64,0"),
    style("X", "0,0 60,100 | 60,0 0,100"),
    style("e", "2,52 50,50! 42,15 20,10 2,45 10,85 35,100 55,80"),
    style("h", "0,0 0,100! 5,60 25,48 42,60 42,100"),
    style("k", "0,0 0,100 | 40,40 2,68! 45,100"),
    style("m", "0,30 0,100! 5,50 22,32 35,50 35,100! 40,50 58,32 70,50 70,100"),
    style("n, wide", "0,5 0,100! 8,25 40,0 75,25 78,100"),
    style("r", "0,20 0,100! 5,50 25,25 45,30"),
    style("w", "0,20 15,100! 35,40! 55,100! 70,20"),
    style("p", "0,0 0,100 | 0,15 25,0 45,20 25,48 0,40"),
    style("heart", "50,100 5,50 0,15 25,0 50,28! 75,0 100,15 95,50 50,100"),
    style("triangle", "40,0 80,75! 0,75! 40,0"),
    style("square", "0,0 80,2! 80,80! 0,78! 0,0"),
    style("plus", "40,0 40,80 | 0,40 80,40"),
    style("check mark", "0,50 25,80! 80,0"),
    style("house", "0,40 40,0! 80,40! 80,100! 0,100! 0,40! 80,40"),
    style(
        "smile",
        "50,0 15,15 0,50 15,85 50,100 85,85 100,50 85,15 50,0 | 32,35 34,40 | 66,35 68,40 | 28,62 50,78 72,62",
    ),
    style("wave", "0,20 15,0 30,20 45,40 60,20 75,0 90,20 105,40 120,20"),
    style("teeth", "0,40 15,0! 30,40! 45,0! 60,40! 75,0! 90,40"),
    style("spiral", "50,50 58,45 55,60 40,60 35,42 52,28 72,42 70,72 42,82 18,62 20,28 50,8 85,25 95,60"),
    style("hash", "25,0 20,100 | 60,0 55,100 | 0,32 85,30 | 0,66 82,64"),
    style("two lines", "0,0 70,0 | 0,35 70,35"),
    style("moon", "60,0 20,10 0,50 20,90 60,100 38,75 30,50 38,25 60,0"),
    style("fish", "0,30 30,5 70,30 95,5! 95,55! 70,30 30,55 0,30"),
    style("percent", "12,0 0,15 12,30 24,15 12,0 | 80,0 5,100 | 72,70 60,85 72,100 84,85 72,70"),
    style("U", "0,0 0,65 15,98 42,98 58,65 58,0"),
    style("diamond", "40,0 80,50! 40,100! 0,50! 40,0"),
    style("question mark", "0,20 15,2 38,0 52,18 45,38 25,55! 25,72 | 25,95 26,98"),
    style(
        "ring in a ring",
        "50,0 15,15 0,50 15,85 50,100 85,85 100,50 85,15 50,0 | 50,30 35,50 50,70 65,50 50,30",
    ),
    style("arrow down", "30,0 30,100 | 5,70 30,100! 55,70"),
    style("cloud", "20,60 2,50 10,30 28,30 40,8 65,12 72,30 95,35 98,55 80,62 20,60"),
    style("flag", "0,100 0,0! 60,8! 55,40! 0,35"),
    style("ampersand", "58,100 10,30 25,5 40,20 8,65 15,95 40,95 60,60"),
    style("a, printed", "45,20 20,0 2,30 15,60 42,40! 48,0! 48,70 60,78"),
    style("table", "0,0 90,0 | 15,0 15,60 | 75,0 75,60"),
    style("snowflake", "40,0 40,80 | 5,20 75,60 | 75,20 5,60"),
    style("drop", "30,0 55,55 50,90 30,100 10,90 5,55 30,0! | 20,75 28,85"),
    Kind { name: "scribble", way: Way::Scribble },
    Kind { name: "scribble, again", way: Way::Scribble },
    Kind { name: "filled pad", way: Way::Filled },
    Kind { name: "dot", way: Way::Dot },
    Kind { name: "lying line", way: Way::Line },
    Kind { name: "several digits", way: Way::Digits },
    Kind { name: "several digits, again", way: Way::Digits },
    Kind { name: "loops", way: Way::Loops },
];

/// The kinds that no network is trained with: what it answers to them tells what it answers to anything.
pub const KEPT_BACK: &[Kind] = &[
    style("F", "55,0 0,0! 0,100 | 0,48 42,48"),
    style("K", "0,0 0,100 | 55,0 2,55! 58,100"),
    style("R", "0,100 0,0! 35,2 50,25 35,48 0,50! 55,100"),
    style("W", "0,0 20,100! 42,30! 64,100! 84,0"),
    style("d", "45,60 22,48 0,72 18,100 42,85 46,0! 46,100"),
    style("f", "45,8 30,0 20,15 20,100 | 0,45 42,45"),
    style("t", "20,0 20,85 32,100 48,92 | 0,32 45,32"),
    style("x", "0,10 20,30 40,90 55,100 | 55,0 0,100"),
    style("star", "40,0 62,100! 0,35! 80,35! 18,100! 40,0"),
    style("arrow", "0,40 100,40 | 70,10 100,40! 70,70"),
    style("cross in a circle", "40,0 0,40 40,80 80,40 40,0 | 12,12 68,68 | 68,12 12,68"),
    style("cup", "0,0 8,90! 52,90! 60,0! 0,0 | 58,20 80,30 74,60 55,60"),
    style("tree", "40,100 40,60! 5,60! 40,0! 75,60! 40,60"),
    style("omega", "0,100 25,98! 5,55 15,12 45,0 75,12 85,55 65,98! 90,100"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stroke::rasterize;

    #[test]
    fn every_kind_has_ink_and_differs_from_time_to_time() {
        for kind in TRAINED.iter().chain(KEPT_BACK) {
            let image = |seed| rasterize(&kind.strokes(&mut Random::new(seed)), 1.0).unwrap();
            assert_eq!(image(1), image(1), "{}", kind.name);
            assert!(image(1).iter().any(|&ink| ink > 200), "{}", kind.name);
            assert!(kind.name == "dot" || image(1) != image(2), "{}", kind.name);
        }
    }

    #[test]
    fn what_is_kept_back_is_not_trained_with() {
        assert!(KEPT_BACK.iter().all(|kept| TRAINED.iter().all(|trained| trained.way != kept.way)));
        assert!(KEPT_BACK.iter().all(|kept| TRAINED.iter().all(|trained| trained.name != kept.name)));
    }
}
