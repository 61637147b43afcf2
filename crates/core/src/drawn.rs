//! Digits drawn by rule: the ways in which people write them, as pen strokes with an unsteady hand.
//!
//! MNIST's writers went to school in one country. Others put a flag on their ones, a bar through their sevens and a curl under
//! their nines, and a network that has never seen those takes them for something else. A style here is a few points
//! that a curve runs through, each moved a little; [`hand`](crate::hand) varies the whole. The same seed gives the same
//! drawing.

use crate::random::Random;
use crate::stroke::Point;

/// How far a hand moves each point, at most.
const JITTER: f32 = 0.06;

/// A point of a style, and whether the pen turns sharply there.
type Mark = ([f32; 2], bool);

/// `digit` (0 to 9) in one of its styles, as an unsteady hand draws it.
///
/// # Panics
/// If `digit` is greater than 9.
pub fn strokes(digit: u8, random: &mut Random) -> Vec<Vec<Point>> {
    let styles = STYLES[usize::from(digit)];
    shaken(styles[random.below(styles.len())], JITTER, random)
}

/// All styles of all digits, drawn with a steady hand.
pub fn styles() -> impl Iterator<Item = (u8, Vec<Vec<Point>>)> {
    let styles = (0..).zip(STYLES);
    styles.flat_map(|(digit, styles)| {
        styles.iter().map(move |style| (digit, shaken(style, 0.0, &mut Random::new(0))))
    })
}

/// The curves through the points of `style`, each moved by at most `jitter`.
pub(crate) fn shaken(style: &str, jitter: f32, random: &mut Random) -> Vec<Vec<Point>> {
    let stroke = |text: &str| {
        let mut moved = Vec::new();
        for (point, corner) in marks(text) {
            let point = point.map(|at| at + random.uniform(-jitter, jitter));
            // A curve turns sharply at a point that stands twice.
            moved.extend(std::iter::repeat_n(point, if corner { 2 } else { 1 }));
        }
        curve(&moved)
    };
    style.split('|').map(stroke).collect()
}

/// The points of a stroke of [`STYLES`].
fn marks(text: &str) -> impl Iterator<Item = Mark> {
    text.split_whitespace().filter_map(|mark| {
        let point = mark.trim_end_matches('!');
        let (x, y) = point.split_once(',')?;
        let point = [x.parse::<f32>().ok()? / 100.0, y.parse::<f32>().ok()? / 100.0];
        Some((point, mark.ends_with('!')))
    })
}

/// A curve through all points (Catmull and Rom, 1974); its ends are its first and last point.
pub(crate) fn curve(points: &[[f32; 2]]) -> Vec<Point> {
    const STEPS: usize = 8;
    let at = |index: usize| points[index.saturating_sub(1).min(points.len() - 1)];
    let mut line = Vec::new();
    for index in 1..points.len() {
        let [p0, p1, p2, p3] = [at(index - 1), at(index), at(index + 1), at(index + 2)];
        for step in 0..STEPS {
            let t = step as f32 / STEPS as f32;
            let [x, y] = [0, 1].map(|axis| {
                let (a, b, c, d) = (p0[axis], p1[axis], p2[axis], p3[axis]);
                0.5 * (2.0 * b
                    + (c - a) * t
                    + (2.0 * a - 5.0 * b + 4.0 * c - d) * t * t
                    + (3.0 * b - a - 3.0 * c + d) * t * t * t)
            });
            line.push(Point { x, y });
        }
    }
    line.extend(points.last().map(|&[x, y]| Point { x, y }));
    line
}

/// The styles of each digit: points `x,y` in hundredths of the height, y downwards; `!` marks a corner, `|` lifts the pen.
const STYLES: [&[&str]; 10] = [
    // Against the clock from the top, with the clock, closed with an overshoot, left a little open.
    &[
        "35,0 8,20 0,50 10,85 30,100 52,83 60,50 52,15 35,0",
        "25,0 50,15 60,50 50,85 28,100 8,82 0,50 8,15 28,2",
        "45,8 25,0 6,20 0,55 12,92 35,100 55,75 58,35 42,5 25,10",
        "50,10 20,2 0,40 8,85 35,100 58,70 56,25 40,5",
    ],
    // A plain stem, flags of several lengths, a foot, slanted stems.
    &[
        "0,0 0,50 0,100",
        "15,0 8,50 0,100",
        "0,25 25,0! 25,50 25,100",
        "0,35 20,20 35,0! 35,50 34,100",
        "0,50 22,28 40,0! 40,50 40,100",
        "0,30 30,0! 22,50 15,100",
        "0,22 25,0! 25,100 | 0,100 50,100",
        "0,40 30,0! 30,100 | 5,100 58,98",
        "0,60 50,0! 35,100",
        "0,45 30,25 55,0! 40,50 25,100",
    ],
    // A sharp foot, a loop at the foot, a wavy foot, the shape of a Z.
    &[
        "2,22 25,0 52,18 45,50 0,100! 60,100",
        "0,20 28,0 50,20 38,60 12,95 2,90 15,80 35,95 62,98",
        "5,15 30,0 52,22 30,65 2,95! 25,88 45,100 65,90",
        "0,8 30,2 55,10 30,55 0,98! 30,96 60,98",
        "0,30 10,5 40,0 55,25 40,60 5,98! 58,95",
    ],
    // Round, flat at the top, with a loop in the middle, with a long middle, with a flat foot.
    &[
        "3,12 28,0 50,20 22,45! 52,70 30,98 0,88",
        "0,2 50,0! 22,40! 52,65 35,97 0,92",
        "5,10 30,0 48,20 30,45 18,50 28,42 52,65 35,98 2,90",
        "0,8 35,0 50,22 15,48! 55,60 45,92 15,100 0,90",
        "5,5 35,0 45,15 28,42! 50,60 30,97! 0,98",
    ],
    // Open, with a longer stem, closed, rounded, of one stroke, with a stem that slants, small ones.
    &[
        "10,0 2,55! 60,55 | 45,20 42,100",
        "5,0 0,45! 50,45 | 50,0 50,50 48,100",
        "42,0 0,65! 62,65 | 42,2 42,100",
        "30,0 0,60! 60,58 | 38,35 34,100",
        "3,2 2,35 20,50 45,42 50,2! 48,100",
        "0,0 2,40 22,48 48,40 | 50,0 48,50 45,100",
        "20,0 0,55! 30,52 65,50 | 50,20 25,100",
        "40,72 0,65! 40,0! 40,100",
        "15,0 0,50! 30,48 | 30,15 10,100",
        "8,0 2,65 20,78 50,72 | 38,45 36,100",
        "20,0 5,35 25,48 45,30 | 50,5 40,50 20,100",
    ],
    // The bar last, the bar first, the shape of an S, square shoulders.
    &[
        "10,2 5,42! 35,38 52,65 32,98 0,92 | 10,2 55,0",
        "55,0 10,2! 5,45! 30,38 52,62 38,95 0,95",
        "50,3 20,5 8,25 30,48 48,72 30,98 0,90",
        "8,0 5,45! 40,45 52,72 35,100 2,98 | 5,0 60,2",
    ],
    // A curved back, a straight back, a large loop, a small one.
    &[
        "42,0 12,30 0,70 20,100 48,85 42,58 20,55 2,75",
        "30,0 8,40 0,78 18,100 45,80 30,55 5,70",
        "10,0 0,50 8,95 35,100 50,75 30,52 2,70",
        "50,5 20,12 0,55 10,95 40,98 50,68 25,48 3,65",
    ],
    // Plain, with a bar, with a serif, with a serif and a bar, round, with a wavy top, with a low bar.
    &[
        "0,2 55,0! 35,50 20,100",
        "0,2 55,0! 35,50 20,100 | 10,52 58,48",
        "0,15 2,0! 55,2! 32,50 22,100",
        "0,20 5,2! 58,0! 35,50 25,100 | 12,50 60,50",
        "0,12 25,0 50,8 42,45 25,100",
        "0,10 15,3 35,8 58,0! 40,40 30,100 | 10,48 60,44",
        "0,2 50,0! 45,50 42,100 | 20,50 68,50",
        "0,15 5,2! 45,2 55,10 45,45 30,100 | 5,68 60,60",
        "0,14 20,0 50,6 48,40 32,100 | 8,64 58,60",
    ],
    // One stroke from the right, one from the middle, two circles, narrow, open at the top, with a tail.
    &[
        "50,15 25,0 5,20 28,47 52,75 25,100 0,76 25,48 48,20",
        "28,48 5,25 28,0 50,22 28,48 2,75 28,100 55,75 28,48",
        "27,0 5,22 27,46 48,22 27,0 | 27,46 0,73 27,100 54,73 27,46",
        "45,8 18,2 10,25 38,60 40,90 15,100 2,82 25,50 45,10",
        "50,5 20,0 5,22 30,50 48,80 22,100 2,80 28,48 55,12",
        "48,12 20,0 5,22 38,58 30,96 10,98 12,78 55,20",
    ],
    // A straight stem, a slanted one, a curled tail, a long curl, a loop that stays open, flat tails.
    &[
        "48,15 22,0 0,25 20,48 48,20! 47,60 45,100",
        "45,10 20,2 0,28 20,48 46,15! 38,60 25,100",
        "48,15 25,0 2,24 22,48 48,22 52,60 40,95 12,98 0,85",
        "50,10 22,0 3,25 25,45 50,15! 50,65 35,100 2,92",
        "52,5 20,2 5,28 28,48 55,30 | 52,5 50,50 46,100",
        "42,5 12,10 5,35 30,42 46,12 50,50 45,90 20,100 5,93",
        "45,12 22,0 2,22 22,45 46,20 48,60 42,97! 0,98",
        "42,8 15,0 5,22 25,42 45,15 40,50 58,82 30,100 2,97",
        "46,10 20,0 0,22 20,46 48,18! 60,60 45,98 0,95",
    ],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digits::PIXELS;
    use crate::hand::Hand;
    use crate::stroke::rasterize;

    fn drawing(digit: u8, seed: u64) -> [u8; PIXELS] {
        let mut random = Random::new(seed);
        let strokes = strokes(digit, &mut random);
        let (strokes, pen) = Hand::default().vary(&strokes, &mut random);
        rasterize(&strokes, pen).unwrap()
    }

    #[test]
    fn seeds_decide() {
        assert_eq!(drawing(4, 1), drawing(4, 1));
        assert_ne!(drawing(4, 1), drawing(4, 2));
        assert_ne!(drawing(4, 1), drawing(5, 1));
    }

    #[test]
    fn every_mark_is_read() {
        for text in STYLES.iter().flat_map(|styles| styles.iter()).flat_map(|style| style.split('|')) {
            assert_eq!(marks(text).count(), text.split_whitespace().count(), "{text}");
            assert!(marks(text).all(|([x, y], _)| (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y)));
        }
    }

    #[test]
    fn every_drawing_has_ink() {
        for digit in 0..10 {
            for seed in 0..100 {
                let ink = drawing(digit, seed).iter().filter(|&&pixel| pixel > 127).count();
                assert!((15..250).contains(&ink), "a {digit} of seed {seed} has {ink} pixels of ink");
            }
        }
    }

    #[test]
    fn curves_run_through_their_points() {
        let points = [[0.0, 0.0], [1.0, 0.5], [1.0, 0.5], [0.2, 2.0]];
        let line = curve(&points);
        for [x, y] in points {
            assert!(line.iter().any(|point| (point.x - x).hypot(point.y - y) < 1e-6), "({x}, {y})");
        }
    }
}
