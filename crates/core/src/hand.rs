//! How one person draws: pen strokes varied as hands, pens and moods vary, not as images are.
//!
//! Everything happens to the pen's centre line: it is bent, slanted, turned and stretched; strokes break, join, start late and
//! end early; a fast pen reports few points. What comes out is drawn by the page's own [`rasterize`](crate::stroke::rasterize),
//! so that a varied drawing has the lines, the box and the centre of a real one.

use crate::random::Random;
use crate::stroke::Point;

/// Which variations are made. Each part can be left out, to find out what it is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hand {
    /// The greatest slant either way, in degrees.
    pub slant: f32,
    /// The greatest factor by which a drawing gets wider or narrower; 1 leaves its aspect.
    pub stretch: f32,
    /// How far pens differ: their widths are between 1 and this factor, either way.
    pub pen: f32,
    /// Whether lines are bent, broken, joined, cut short and drawn fast.
    pub unsteady: bool,
    /// Whether the drawing is set [upright] in the end; the networks' readers must then do so too.
    pub deskew: bool,
}

impl Default for Hand {
    /// What the shipped networks were trained with.
    fn default() -> Self {
        Self { slant: 35.0, stretch: 3.0, pen: 1.7, unsteady: true, deskew: false }
    }
}

/// A drawing's strokes, and the pen that draws them.
pub type Varied = (Vec<Vec<Point>>, f32);

impl Hand {
    /// `strokes` as another hand might have drawn them, in a unit of their own, and the width of its pen: 1 is a normal pen.
    pub fn vary(&self, strokes: &[Vec<Point>], random: &mut Random) -> Varied {
        let mut varied = centred(strokes);
        if self.unsteady {
            edit(&mut varied, random);
            bend(&mut varied, random);
        }
        self.map(&mut varied, random);
        if self.deskew {
            upright(&mut varied);
        }
        let pen = random.uniform(-1.0, 1.0) * self.pen.ln();
        (varied, pen.exp())
    }

    /// Stretches, slants and turns all points alike.
    fn map(&self, strokes: &mut [Vec<Point>], random: &mut Random) {
        // Most people write nearly upright and with a common aspect; the rare ones are those that get misread.
        let rare = random.uniform(0.0, 1.0);
        let most = self.stretch.ln();
        let stretch = if rare < 0.3 { random.uniform(-most, most) } else { random.uniform(-0.3, 0.3) * most };
        let stretch = stretch.exp();
        let slant = if random.uniform(0.0, 1.0) < 0.5 { self.slant } else { 0.5 * self.slant };
        let slant = random.uniform(-slant, slant).to_radians().tan();
        let (sin, cos) = random.uniform(-8.0, 8.0).to_radians().sin_cos();
        for point in strokes.iter_mut().flatten() {
            let (x, y) = (point.x * stretch - point.y * slant, point.y);
            *point = Point { x: cos * x - sin * y, y: sin * x + cos * y };
        }
    }
}

/// Takes the slant out of a drawing: shears it until how far its line lies to the right does not depend on the height. A usual
/// preparation of digits (LeCun et al. 1998, section III.A); the shipped networks do without.
pub fn upright(strokes: &mut [Vec<Point>]) {
    let (mut length, mut x, mut y, mut xy, mut yy) = (0f64, 0f64, 0f64, 0f64, 0f64);
    let pieces = strokes.iter().flat_map(|stroke| stroke.windows(2));
    for [a, b] in pieces.filter_map(|piece| piece.first_chunk::<2>()) {
        let piece = f64::from((b.x - a.x).hypot(b.y - a.y));
        let middle = [(a.x + b.x) / 2.0, (a.y + b.y) / 2.0].map(f64::from);
        length += piece;
        x += piece * middle[0];
        y += piece * middle[1];
        xy += piece * middle[0] * middle[1];
        yy += piece * middle[1] * middle[1];
    }
    if length == 0.0 {
        return;
    }
    let (covariance, variance) =
        (xy / length - x * y / (length * length), yy / length - (y / length).powi(2));
    // A lying line has no slant.
    let slant =
        if variance > 1e-9 * length * length { (covariance / variance).clamp(-1.0, 1.0) as f32 } else { 0.0 };
    strokes.iter_mut().flatten().for_each(|point| point.x -= slant * point.y);
}

/// The strokes moved to the middle of the plane and scaled to a greatest extent of 1; a lone dot stays a dot.
fn centred(strokes: &[Vec<Point>]) -> Vec<Vec<Point>> {
    let extremes = |axis: fn(&Point) -> f32| {
        let values = strokes.iter().flatten().map(axis);
        values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let ((left, right), (top, bottom)) = (extremes(|point| point.x), extremes(|point| point.y));
    let extent = (right - left).max(bottom - top);
    let scale = if extent > 0.0 { 1.0 / extent } else { 1.0 };
    let place = |point: &Point| Point {
        x: (point.x - (left + right) / 2.0) * scale,
        y: (point.y - (top + bottom) / 2.0) * scale,
    };
    strokes.iter().map(|stroke| stroke.iter().map(place).collect()).collect()
}

/// Breaks, joins, shortens and thins out strokes.
fn edit(strokes: &mut Vec<Vec<Point>>, random: &mut Random) {
    // The pen is not lifted between two strokes.
    if strokes.len() > 1 && random.uniform(0.0, 1.0) < 0.1 {
        let at = random.below(strokes.len() - 1);
        let next = strokes.remove(at + 1);
        strokes[at].extend(next);
    }
    // The pen leaves the paper for a moment.
    if random.uniform(0.0, 1.0) < 0.1 {
        let at = random.below(strokes.len());
        let (length, gap) = (strokes[at].len(), 1 + random.below(2));
        if length > 12 {
            let cut = 4 + random.below(length - 8);
            let rest = strokes[at].split_off(cut);
            strokes.insert(at + 1, rest.into_iter().skip(gap).collect());
        }
    }
    for stroke in &mut *strokes {
        if random.uniform(0.0, 1.0) < 0.4 {
            let (start, end) = (random.uniform(0.0, 0.08), random.uniform(0.0, 0.08));
            shorten(stroke, start);
            stroke.reverse();
            shorten(stroke, end);
            stroke.reverse();
        }
        // A fast pen reports every second or third point only; the last one always.
        let every = 1 + random.below(6) / 3 + random.below(6) / 4;
        if every > 1 && stroke.len() > 5 * every {
            let last = stroke.len() - 1;
            let mut at = 0..;
            stroke.retain(|_| at.next().is_some_and(|at| at % every == 0 || at == last));
        }
    }
    // A second stroke that is set a little beside its place.
    if strokes.len() > 1 {
        for stroke in &mut *strokes {
            let [dx, dy] = [random.uniform(-0.04, 0.04), random.uniform(-0.04, 0.04)];
            stroke.iter_mut().for_each(|point| (point.x, point.y) = (point.x + dx, point.y + dy));
        }
    }
}

/// Takes a share of a stroke's length from its start.
fn shorten(stroke: &mut Vec<Point>, share: f32) {
    let length = |ends: &[Point]| (ends[1].x - ends[0].x).hypot(ends[1].y - ends[0].y);
    let mut rest = share * stroke.windows(2).map(length).sum::<f32>();
    let skipped = stroke.windows(2).take_while(|ends| {
        rest -= length(ends);
        rest > 0.0
    });
    let skipped = skipped.count();
    stroke.drain(..skipped.min(stroke.len().saturating_sub(2)));
}

/// Bends the plane by a few long waves, so that neighbouring points move alike, and shakes each point a little.
fn bend(strokes: &mut [Vec<Point>], random: &mut Random) {
    const WAVES: usize = 3;
    let height = random.uniform(0.0, 0.045);
    let waves: [[f32; 5]; WAVES] = std::array::from_fn(|_| {
        let (sin, cos) = random.uniform(0.0, std::f32::consts::TAU).sin_cos();
        let [along, across] = [random.uniform(-7.0, 7.0), random.uniform(-7.0, 7.0)];
        [along, across, random.uniform(0.0, std::f32::consts::TAU), height * cos, height * sin]
    });
    let shake = random.uniform(0.0, 0.008);
    for point in strokes.iter_mut().flatten() {
        let Point { x, y } = *point;
        for [along, across, phase, dx, dy] in waves {
            let wave = (along * x + across * y + phase).sin();
            *point = Point { x: point.x + dx * wave, y: point.y + dy * wave };
        }
        point.x += random.uniform(-shake, shake);
        point.y += random.uniform(-shake, shake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seven with a bar.
    fn seven() -> Vec<Vec<Point>> {
        let line = |points: &[[f32; 2]]| points.iter().map(|&point| point.into()).collect();
        vec![
            line(&[[60.0, 60.0], [160.0, 62.0], [140.0, 110.0], [110.0, 220.0]]),
            line(&[[80.0, 140.0], [150.0, 138.0]]),
        ]
    }

    #[test]
    fn seeds_decide() {
        let vary = |seed| Hand::default().vary(&seven(), &mut Random::new(seed));
        assert_eq!(vary(1), vary(1));
        assert_ne!(vary(1), vary(2));
    }

    #[test]
    fn every_variation_is_finite_and_has_ink() {
        let dot = vec![vec![Point { x: 3.0, y: 4.0 }]];
        for seed in 0..2000 {
            for strokes in [&seven(), &dot] {
                let (varied, pen) = Hand::default().vary(strokes, &mut Random::new(seed));
                assert!(varied.iter().flatten().count() > 0, "seed {seed}");
                assert!(varied.iter().flatten().all(|point| point.x.is_finite() && point.y.is_finite()));
                assert!((0.58..1.71).contains(&pen), "seed {seed}: a pen of {pen}");
            }
        }
    }

    #[test]
    fn a_steady_hand_only_slants_and_stretches() {
        let hand = Hand { slant: 0.0, stretch: 1.0, pen: 1.0, unsteady: false, deskew: false };
        let (varied, pen) = hand.vary(&seven(), &mut Random::new(3));
        assert_eq!(pen, 1.0);
        // Turned by at most 8 degrees: lengths stay, and all points are there.
        let length = |ends: &[Point]| (ends[1].x - ends[0].x).hypot(ends[1].y - ends[0].y);
        for (before, after) in seven().iter().zip(&varied) {
            for (before, after) in before.windows(2).zip(after.windows(2)) {
                assert!((length(before) / 160.0 - length(after)).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn a_hand_that_slants_more_slants_more() {
        let spread = |slant| {
            let hand = Hand { slant, stretch: 1.0, pen: 1.0, unsteady: false, deskew: false };
            let stem = vec![vec![Point { x: 0.0, y: 0.0 }, Point { x: 0.0, y: 1.0 }]];
            let end = |seed| {
                let (varied, _) = hand.vary(&stem, &mut Random::new(seed));
                (varied[0][1].x - varied[0][0].x).abs()
            };
            (0..200).map(end).fold(0.0, f32::max)
        };
        assert!(spread(0.0) < 0.15 && spread(35.0) > 0.5);
    }

    #[test]
    fn upright_drawings_have_lost_their_slant() {
        let mut strokes = seven();
        upright(&mut strokes);
        for slant in [-0.5, 0.3] {
            let mut slanted = seven();
            slanted.iter_mut().flatten().for_each(|point| point.x += slant * point.y);
            upright(&mut slanted);
            for (found, expected) in slanted.iter().flatten().zip(strokes.iter().flatten()) {
                assert!((found.x - expected.x).abs() < 4.0, "{found:?}, expected {expected:?}");
            }
        }
        let mut line = vec![vec![Point { x: 0.0, y: 1.0 }, Point { x: 9.0, y: 1.0 }]];
        upright(&mut line);
        assert_eq!(line[0][1], Point { x: 9.0, y: 1.0 });
    }

    #[test]
    fn shortening_takes_from_the_start() {
        let mut stroke: Vec<Point> = (0..=10).map(|x| Point { x: x as f32, y: 0.0 }).collect();
        shorten(&mut stroke, 0.25);
        assert!((1.0..=3.0).contains(&stroke[0].x) && stroke[stroke.len() - 1].x == 10.0, "{stroke:?}");
        let mut two = stroke.split_off(stroke.len() - 2);
        shorten(&mut two, 0.9);
        assert_eq!(two.len(), 2);
    }
}
