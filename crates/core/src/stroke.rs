//! Pen strokes → a 28×28 image, made as MNIST's images were made: the ink fills a box of 20×20 with its aspect kept, and its
//! centre of mass lies in the middle of the image (LeCun et al. 1998, "Gradient-based learning applied to document
//! recognition", section III.A). Drawings that are wider or narrower than a digit is in MNIST are first brought nearer to that.
//!
//! The image is drawn from the pen's centre line, not scaled down from pixels: lines have MNIST's thickness whatever the size
//! of the drawing, and nothing depends on how a screen shows it.

use serde::{Deserialize, Serialize};

use crate::digits::{PIXELS, SIDE};

/// A point of a stroke, in any unit, `y` downwards; in files `[x, y]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f32; 2]", into = "[f32; 2]")]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Downwards.
    pub y: f32,
}

impl From<[f32; 2]> for Point {
    fn from([x, y]: [f32; 2]) -> Self {
        Self { x, y }
    }
}

impl From<Point> for [f32; 2] {
    fn from(point: Point) -> Self {
        [point.x, point.y]
    }
}

/// The side of the box that the ink fills, in pixels.
const BOX: f32 = 20.0;
/// Where the centre of mass goes, in pixels from the middle of the first: MNIST's images have it there on average.
const CENTRE: f32 = 14.0;
/// The thickness of a normal pen's line, in pixels.
const THICKNESS: f32 = 2.1;
/// Half the width of the blur at a line's edge, in pixels.
const EDGE: f32 = 0.6;

/// The image `[784]` of some strokes, or `None` if nothing is drawn. `pen` is the width of the pen: 1 is a normal pen, whose
/// lines come out as thick as MNIST's; from 0.5 to 2 lines get thinner and thicker. Points that are not finite are passed
/// over.
pub fn rasterize(strokes: &[Vec<Point>], pen: f32) -> Option<[u8; PIXELS]> {
    let pen = if pen.is_finite() { pen.clamp(0.5, 2.0) } else { 1.0 };
    let thickness = THICKNESS * pen.sqrt();
    let is_point = |point: &&Point| point.x.is_finite() && point.y.is_finite();
    let points = || strokes.iter().flatten().filter(is_point);
    let bounds = points().fold(None, |bounds: Option<[Point; 2]>, &point| {
        let [low, high] = bounds.unwrap_or([point, point]);
        let low = Point { x: low.x.min(point.x), y: low.y.min(point.y) };
        Some([low, Point { x: high.x.max(point.x), y: high.y.max(point.y) }])
    });
    let [low, high] = bounds?;
    let widening = widening(high.x / 2.0 - low.x / 2.0, high.y / 2.0 - low.y / 2.0);
    let [low, high] = [low, high].map(|point| Point { x: point.x * widening, ..point });
    // Halves, so that coordinates near the greatest of all numbers do not overflow.
    let extent = (high.x / 2.0 - low.x / 2.0).max(high.y / 2.0 - low.y / 2.0) * 2.0;
    // What is too small to be made larger is a dot.
    let scale = Some((BOX - thickness) / extent).filter(|scale| scale.is_finite()).unwrap_or(0.0);
    let middle = Point { x: low.x / 2.0 + high.x / 2.0, y: low.y / 2.0 + high.y / 2.0 };
    let place = |point: &Point| Point {
        x: CENTRE + (point.x * widening - middle.x) * scale,
        y: CENTRE + (point.y - middle.y) * scale,
    };
    let mut lines: Vec<Vec<Point>> = strokes
        .iter()
        .map(|stroke| thinned(stroke.iter().filter(is_point).map(place)))
        .filter(|line| !line.is_empty())
        .collect();

    // Drawn once around the middle of the box to find the centre of mass, then where that puts it.
    let mass = centre_of_mass(&draw(&lines, thickness));
    let half = [high.x - middle.x, high.y - middle.y].map(|half| half * scale + thickness / 2.0);
    let shift = |mass: f32, half: f32| {
        // No further than the ink stays within the image.
        let room = (CENTRE - half).min(SIDE as f32 - 1.0 - CENTRE - half).max(0.0);
        (CENTRE - mass).clamp(-room, room)
    };
    let (dx, dy) = (shift(mass.x, half[0]), shift(mass.y, half[1]));
    for point in lines.iter_mut().flatten() {
        point.x += dx;
        point.y += dy;
    }
    Some(draw(&lines, thickness).map(|ink| (255.0 * ink).round() as u8))
}

/// By how much a drawing of this width and height is made wider: 1 for most.
///
/// No digit is wider than high; one that is gets squeezed until it is a square, but at most to a third, so that what is
/// no digit stays none. One that is narrower than most is widened, to three times its width at most: of how much it is narrower (as a
/// logarithm) 85 hundredths go, so that ones, which are narrow by nature, stay the narrowest.
fn widening(width: f32, height: f32) -> f32 {
    const NARROW: f32 = 0.6;
    let aspect = width / height;
    if aspect > 1.0 {
        (1.0 / aspect).max(1.0 / 3.0)
    } else if aspect < NARROW {
        (NARROW / aspect).powf(0.85).min(3.0)
    } else {
        // A dot has neither width nor height.
        1.0
    }
}

/// The points without those that lie closer to the one before than a pen could show.
fn thinned(points: impl Iterator<Item = Point>) -> Vec<Point> {
    const CLOSE: f32 = 0.15;
    let mut kept: Vec<Point> = Vec::new();
    for point in points {
        let far = kept.last().is_none_or(|last| (point.x - last.x).hypot(point.y - last.y) >= CLOSE);
        if far {
            kept.push(point);
        }
    }
    kept
}

/// How much ink each pixel gets, 0 to 1: full within the line, none outside, and an even slope at the edge.
fn draw(lines: &[Vec<Point>], thickness: f32) -> [f32; PIXELS] {
    let reach = thickness / 2.0 + EDGE;
    let mut image = [0.0; PIXELS];
    for line in lines {
        let dot = (line[0], line[0]);
        let segments = line.windows(2).map(|ends| (ends[0], ends[1]));
        for (a, b) in segments.chain((line.len() == 1).then_some(dot)) {
            let rows = span(a.y.min(b.y) - reach, a.y.max(b.y) + reach);
            for row in rows {
                for column in span(a.x.min(b.x) - reach, a.x.max(b.x) + reach) {
                    let square = squared_distance(Point { x: column as f32, y: row as f32 }, a, b);
                    if square < reach * reach {
                        let ink = ((reach - square.sqrt()) / (2.0 * EDGE)).min(1.0);
                        let pixel: &mut f32 = &mut image[row * SIDE + column];
                        *pixel = pixel.max(ink);
                    }
                }
            }
        }
    }
    image
}

/// The whole numbers between two coordinates that are rows or columns of the image.
fn span(from: f32, to: f32) -> std::ops::Range<usize> {
    // `as` saturates: what lies before the first pixel becomes 0.
    from.ceil() as usize..(to.floor() + 1.0).min(SIDE as f32) as usize
}

/// The square of the distance from `p` to the segment from `a` to `b`.
fn squared_distance(p: Point, a: Point, b: Point) -> f32 {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { ((p.x - a.x) * dx + (p.y - a.y) * dy) / length } else { 0.0 };
    let along = along.clamp(0.0, 1.0);
    let (x, y) = (p.x - a.x - along * dx, p.y - a.y - along * dy);
    x * x + y * y
}

fn centre_of_mass(image: &[f32; PIXELS]) -> Point {
    let (mut mass, mut x, mut y) = (0.0, 0.0, 0.0);
    for (at, &ink) in image.iter().enumerate() {
        mass += ink;
        x += ink * (at % SIDE) as f32;
        y += ink * (at / SIDE) as f32;
    }
    if mass > 0.0 { Point { x: x / mass, y: y / mass } } else { Point { x: CENTRE, y: CENTRE } }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seven: a bar, then a slanted stem.
    fn seven(scale: f32, shift: f32) -> Vec<Vec<Point>> {
        let points = [[60.0, 60.0], [160.0, 62.0], [140.0, 110.0], [110.0, 220.0]];
        vec![points.map(|[x, y]| Point { x: x * scale + shift, y: y * scale + shift }).to_vec()]
    }

    /// The rows and columns with ink.
    fn bounds(image: &[u8; PIXELS]) -> [usize; 4] {
        let rows = (0..PIXELS).filter(|&at| image[at] > 127).map(|at| at / SIDE);
        let columns = (0..PIXELS).filter(|&at| image[at] > 127).map(|at| at % SIDE);
        [rows.clone().min(), rows.max(), columns.clone().min(), columns.max()].map(|bound| bound.unwrap())
    }

    #[test]
    fn nothing_drawn_is_no_image() {
        assert_eq!(rasterize(&[], 1.0), None);
        assert_eq!(rasterize(&[vec![]], 1.0), None);
        assert_eq!(rasterize(&[vec![Point { x: f32::NAN, y: 1.0 }]], 1.0), None);
    }

    #[test]
    fn what_is_too_small_to_be_made_larger_is_a_dot() {
        let at = |x: f32| Point { x, y: x };
        let dot = rasterize(&[vec![at(1.0)]], 1.0).unwrap();
        // Neighbours among the numbers, so close that no factor between their distance and a box's can be written.
        for near in [2.677_873_4e-32, f32::MIN_POSITIVE, 0.0] {
            let found = rasterize(&[vec![at(near), at(near.next_up())]], 1.0).unwrap();
            assert_eq!(found, dot, "at {near:e}");
        }
    }

    #[test]
    fn size_and_place_of_the_drawing_do_not_matter() {
        let image = rasterize(&seven(1.0, 0.0), 1.0).unwrap();
        for (scale, shift) in [(1.0, 500.0), (4.0, 0.0), (0.01, 0.0), (2.0, -3000.0)] {
            let other = rasterize(&seven(scale, shift), 1.0).unwrap();
            let furthest = image.iter().zip(&other).map(|(&a, &b)| a.abs_diff(b)).max().unwrap();
            assert!(furthest <= 2, "scale {scale}, shift {shift}: a pixel differs by {furthest}");
        }
    }

    #[test]
    fn ink_fills_the_box_and_keeps_its_aspect() {
        let [top, bottom, left, right] = bounds(&rasterize(&seven(1.0, 0.0), 1.0).unwrap());
        assert!((19..=20).contains(&(bottom - top + 1)), "{}", bottom - top + 1);
        // 100 wide and 160 high, both without the pen.
        let expected = (BOX - THICKNESS) * 100.0 / 160.0 + THICKNESS;
        assert!(((right - left + 1) as f32 - expected).abs() < 1.5, "{} {expected}", right - left + 1);
    }

    #[test]
    fn wide_and_narrow_drawings_come_nearer_to_a_digit() {
        let aspect = |factor: f32| {
            let strokes: Vec<Vec<Point>> = seven(1.0, 0.0)
                .iter()
                .map(|stroke| stroke.iter().map(|p| Point { x: p.x * factor, ..*p }).collect())
                .collect();
            let [top, bottom, left, right] = bounds(&rasterize(&strokes, 1.0).unwrap());
            (right - left + 1) as f32 / (bottom - top + 1) as f32
        };
        // 1:1 at the least up to 4.8:1, from 0.625:1.
        assert!((0.9..=1.1).contains(&aspect(2.0)) && (0.9..=1.1).contains(&aspect(4.5)), "{}", aspect(4.5));
        assert!(aspect(9.0) > 1.5, "{}", aspect(9.0));
        assert!((0.45..0.6).contains(&aspect(1.0 / 3.0)), "{}", aspect(1.0 / 3.0));
        assert_eq!(widening(0.0, 0.0), 1.0);
    }

    #[test]
    fn centre_of_mass_is_in_the_middle() {
        let image = rasterize(&seven(1.0, 0.0), 1.0).unwrap();
        let mass = centre_of_mass(&image.map(f32::from));
        assert!((mass.x - CENTRE).abs() < 0.1 && (mass.y - CENTRE).abs() < 0.1, "{mass:?}");
    }

    #[test]
    fn dots_and_lines_are_drawn() {
        let dot = rasterize(&[vec![Point { x: 3.0, y: 5.0 }]], 1.0).unwrap();
        assert_eq!(dot[14 * SIDE + 14], 255);
        assert!(dot.iter().filter(|&&ink| ink > 0).count() < 16);
        let down = vec![Point { x: 3.0, y: 5.0 }, Point { x: 3.0, y: 500.0 }];
        let [top, bottom, left, right] = bounds(&rasterize(&[down], 1.0).unwrap());
        assert!(bottom - top >= 18 && right - left <= 3);
    }

    #[test]
    fn a_wider_pen_leaves_more_ink() {
        let ink =
            |pen| rasterize(&seven(1.0, 0.0), pen).unwrap().iter().map(|&ink| u32::from(ink)).sum::<u32>();
        assert!(ink(0.5) < ink(1.0) && ink(1.0) < ink(2.0));
        assert_eq!(ink(f32::NAN), ink(1.0));
    }

    #[test]
    fn extremes_do_not_panic() {
        let ends = [f32::MAX, f32::MIN, 0.0, f32::INFINITY, 1e-30];
        let points = ends.iter().flat_map(|&x| ends.map(|y| Point { x, y })).collect();
        assert!(rasterize(&[points], f32::INFINITY).is_some());
        let many = (0..100_000).map(|n| Point { x: (n % 977) as f32, y: (n % 1009) as f32 }).collect();
        assert!(rasterize(&[many], 1.0).is_some());
    }
}
