//! Variations of training images, so that a network learns to read drawings: small turns, scalings, shears, shifts, elastic
//! distortions, thicker and thinner strokes. The same seed, epoch and image give the same variation.

use std::array::from_fn;

use crate::digits::{Digits, PIXELS, SIDE};
use crate::drawn;
use crate::float::{NO_DIGIT, Source, Target, certain};
use crate::hand::{Hand, Varied};
use crate::others;
use crate::pens::Pens;
use crate::random::Random;
use crate::stroke::rasterize;

/// The shares of images, 0 to 1 each, that give way to drawings, or are not varied.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shares {
    /// To the same digit [`drawn`] by rule.
    pub drawn: f32,
    /// To the same digit by a pen, where there are [`Pens`].
    pub pens: f32,
    /// To something that is no digit, one of [`others`].
    pub others: f32,
    /// Of the images that are left, the share that is shown as it is.
    pub plain: f32,
}

/// Training images, each a little different in every epoch.
#[derive(Clone, Debug)]
pub struct Augmented<'a> {
    digits: &'a Digits,
    pens: Option<&'a Pens>,
    seed: u64,
    shares: Shares,
    hand: Hand,
}

impl<'a> Augmented<'a> {
    /// Variations of `digits` by `seed`, some of which give way to drawings as `hand` varies them.
    pub fn new(digits: &'a Digits, pens: Option<&'a Pens>, seed: u64, shares: Shares, hand: Hand) -> Self {
        Self { digits, pens, seed, shares, hand }
    }

    /// The drawing that image `index` gives way to, if it does, and its target.
    fn drawing(&self, digit: u8, random: &mut Random) -> Option<(Varied, Target)> {
        let Shares { drawn, pens, others, .. } = self.shares;
        let mut lot = random.uniform(0.0, 1.0);
        let mut falls_to = |share: f32| {
            lot -= share;
            lot < 0.0
        };
        if falls_to(drawn) {
            let strokes = drawn::strokes(digit, random);
            return Some((self.hand.vary(&strokes, random), certain(digit)));
        }
        if let Some(collection) = self.pens
            && falls_to(pens)
        {
            return Some((collection.draw(digit, &self.hand, random), certain(digit)));
        }
        falls_to(others).then(|| (self.hand.vary(&others::strokes(random), random), NO_DIGIT))
    }
}

impl Source for Augmented<'_> {
    fn count(&self) -> usize {
        self.digits.len()
    }

    fn image(&self, epoch: usize, index: usize, pixels: &mut [u8]) -> Target {
        let mut random = Random::for_item(self.seed, epoch, index);
        let digit = self.digits.labels()[index];
        match self.drawing(digit, &mut random) {
            Some(((strokes, pen), target)) => {
                pixels.copy_from_slice(&rasterize(&strokes, pen).unwrap_or([0; PIXELS]));
                target
            }
            None if self.shares.plain > 0.0 && random.uniform(0.0, 1.0) < self.shares.plain => {
                pixels.copy_from_slice(self.digits.image(index));
                certain(digit)
            }
            None => {
                vary(self.digits.image(index), &mut random, pixels);
                certain(digit)
            }
        }
    }
}

/// Writes a random variation of `image` to `out`.
fn vary(image: &[u8], random: &mut Random, out: &mut [u8]) {
    let amount = random.uniform(-0.8, 0.8);
    let thick = thickened(image, amount);

    let angle = random.uniform(-13.0, 13.0).to_radians();
    let (sin, cos) = angle.sin_cos();
    let (scale_x, scale_y) = {
        let scale = random.uniform(0.87, 1.12);
        let aspect = random.uniform(-0.13, 0.13).exp();
        (scale * aspect, scale / aspect)
    };
    let shear = random.uniform(-0.2, 0.2);
    let shift = [random.uniform(-1.0, 1.0), random.uniform(-1.0, 1.0)];
    let distortion = Distortion::random(random);
    // From a pixel of the variation back to the point of the image that it shows, through the middle.
    let middle = (SIDE as f32 - 1.0) / 2.0;
    let [a, b, c, d] = [cos / scale_x, (sin + shear) / scale_x, -sin / scale_y, cos / scale_y];
    for (row, out) in out.chunks_exact_mut(SIDE).enumerate() {
        let y = row as f32 - middle - shift[1];
        let shifts = distortion.row(row);
        let points: [[f32; 2]; SIDE] = from_fn(|column| {
            let x = column as f32 - middle - shift[0];
            let [dx, dy] = shifts[column];
            [a * x + b * y + middle + dx, c * x + d * y + middle + dy]
        });
        for (out, [x, y]) in out.iter_mut().zip(points) {
            *out = sample(&thick, x, y);
        }
    }
}

/// Knots of the grid of a [`Distortion`] in each direction; the last ones lie just outside the image.
const KNOTS: usize = 6;
/// The greatest shift at a knot in each direction, in pixels.
const GREATEST_SHIFT: f32 = 1.5;

/// An elastic distortion (Simard, Steinkraus and Platt 2003, section 2): every point of the image is shifted a little, neighbours
/// nearly alike. The shifts, in pixels, are random at the knots of a coarse grid, and blended between them: here already
/// along each row of knots, for every column of the image.
struct Distortion([[[f32; 2]; SIDE]; KNOTS]);

impl Distortion {
    fn random(random: &mut Random) -> Self {
        let mut shift = || random.uniform(-GREATEST_SHIFT, GREATEST_SHIFT);
        let knots: [[[f32; 2]; KNOTS]; KNOTS] = from_fn(|_| from_fn(|_| [shift(), shift()]));
        Self(knots.map(|knots| {
            from_fn(|column| {
                let (left, along) = Self::knot(column);
                blend(knots[left], knots[left + 1], along)
            })
        }))
    }

    /// The shifts of a row's pixels.
    fn row(&self, row: usize) -> [[f32; 2]; SIDE] {
        let (top, down) = Self::knot(row);
        from_fn(|column| blend(self.0[top][column], self.0[top + 1][column], down))
    }

    /// The knot before a row or column, and the next one's share, 0 to 1: smoothed, so that lines get no kinks.
    fn knot(at: usize) -> (usize, f32) {
        let place = at as f32 * ((KNOTS - 1) as f32 / SIDE as f32);
        let share = place.fract();
        (place as usize, share * share * (3.0 - 2.0 * share))
    }
}

/// Two pairs, mixed by the share of the second.
fn blend(a: [f32; 2], b: [f32; 2], share: f32) -> [f32; 2] {
    from_fn(|axis| a[axis] * (1.0 - share) + b[axis] * share)
}

/// Paper around an image on each side, so that pixels at its border have neighbours, too.
const BORDER: usize = 2;
/// An image with paper around it.
type Padded<T> = [[T; SIDE + 2 * BORDER]; SIDE + 2 * BORDER];

/// The image at a point between its pixels; paper outside.
fn sample(image: &Padded<f32>, x: f32, y: f32) -> u8 {
    let ((left, dx), (top, dy)) = (pixel_before(x), pixel_before(y));
    let between = |row: &[f32]| row[left] * (1.0 - dx) + row[left + 1] * dx;
    (between(&image[top]) * (1.0 - dy) + between(&image[top + 1]) * dy + 0.5) as u8
}

/// The row or column of a padded image at a coordinate or before it, and how far before. Outside of the image all are alike.
fn pixel_before(at: f32) -> (usize, f32) {
    // The floor: `f32::floor` is a call on CPUs that may lack SSE4.1.
    let whole = at as i32;
    let before = whole - i32::from(whole as f32 > at);
    let last = (SIDE + BORDER) as i32;
    ((before + BORDER as i32).clamp(0, last) as usize, at - before as f32)
}

/// The image with thicker strokes (`amount` up to 1: towards the greatest of a pixel and its neighbours) or thinner ones (down
/// to -1: towards the least).
fn thickened(image: &[u8], amount: f32) -> Padded<f32> {
    let mut padded: Padded<u8> = Default::default();
    for (row, pixels) in padded[BORDER..].iter_mut().zip(image.chunks_exact(SIDE)) {
        row[BORDER..][..SIDE].copy_from_slice(pixels);
    }
    if amount > 0.0 { moved(&padded, amount, u8::max) } else { moved(&padded, -amount, u8::min) }
}

/// The image with each pixel moved so far (0 to 1) towards an extreme of itself and its neighbours.
fn moved(image: &Padded<u8>, amount: f32, extreme: impl Fn(u8, u8) -> u8) -> Padded<f32> {
    let mut out: Padded<f32> = Default::default();
    for row in BORDER..BORDER + SIDE {
        let [above, here, below] = [&image[row - 1], &image[row], &image[row + 1]];
        for column in BORDER..BORDER + SIDE {
            let sideways = extreme(here[column - 1], here[column + 1]);
            let to = extreme(here[column], extreme(sideways, extreme(above[column], below[column])));
            let (from, to) = (f32::from(here[column]), f32::from(to));
            out[row][column] = f32::from((from + (to - from) * amount + 0.5) as u8);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A digit like a thick plus sign.
    fn plus() -> Digits {
        let ink = |row: usize, column: usize| (12..16).contains(&row) || (12..16).contains(&column);
        let inside = |at: usize| (5..23).contains(&at);
        let pixel = |at: usize| {
            let (row, column) = (at / SIDE, at % SIDE);
            if inside(row) && inside(column) && ink(row, column) { 255 } else { 0 }
        };
        Digits::new((0..PIXELS).map(pixel).collect(), vec![4]).unwrap()
    }

    fn variation(seed: u64, epoch: usize) -> [u8; PIXELS] {
        let mut pixels = [0; PIXELS];
        Augmented::new(&plus(), None, seed, Shares::default(), Hand::default()).image(epoch, 0, &mut pixels);
        pixels
    }

    /// The image without the paper around it, which must be paper.
    fn inside(padded: &Padded<f32>) -> [u8; PIXELS] {
        let pixels = from_fn(|at| padded[BORDER + at / SIDE][BORDER + at % SIDE] as u8);
        assert_eq!(padded.as_flattened().iter().sum::<f32>(), ink(&pixels) as f32);
        pixels
    }

    fn ink(image: &[u8]) -> u32 {
        image.iter().map(|&ink| u32::from(ink)).sum()
    }

    #[test]
    fn seed_and_epoch_decide() {
        assert_eq!(variation(1, 2), variation(1, 2));
        assert_ne!(variation(1, 2), variation(1, 3));
        assert_ne!(variation(1, 2), variation(2, 2));
    }

    #[test]
    fn a_share_is_left_as_it_is() {
        let digits = plus();
        let plain = |share| {
            let shares = Shares { plain: share, ..Shares::default() };
            let source = Augmented::new(&digits, None, 5, shares, Hand::default());
            let mut pixels = [0; PIXELS];
            let is_plain = |epoch| {
                source.image(epoch, 0, &mut pixels);
                pixels == digits.image(0)
            };
            (0..400).map(is_plain).filter(|&plain| plain).count()
        };
        assert_eq!((plain(0.0), plain(1.0)), (0, 400));
        assert!((180..=300).contains(&plain(0.6)), "{}", plain(0.6));
    }

    #[test]
    fn variations_are_small() {
        let digits = plus();
        for epoch in 0..200 {
            let image = variation(7, epoch);
            let ratio = f64::from(ink(&image)) / f64::from(ink(digits.image(0)));
            assert!((0.4..2.2).contains(&ratio), "epoch {epoch}: {ratio} times the ink");
            // The middle of the plus stays inked wherever it is shifted.
            assert!(image[13 * SIDE + 13] > 127 || image[14 * SIDE + 14] > 127, "epoch {epoch}");
        }
    }

    #[test]
    fn thickening_adds_ink_and_thinning_takes_it() {
        let digits = plus();
        let [thin, same, thick] = [-0.5, 0.0, 0.5].map(|amount| inside(&thickened(digits.image(0), amount)));
        assert_eq!(same, digits.image(0));
        assert!(ink(&thin) < ink(&same) && ink(&same) < ink(&thick));
    }

    #[test]
    fn distortions_are_smooth_and_small() {
        let distortion = Distortion::random(&mut Random::new(3));
        let shifts: [_; SIDE] = from_fn(|row| distortion.row(row));
        assert!(shifts.as_flattened().iter().flatten().all(|shift| shift.abs() <= GREATEST_SHIFT));
        assert!(shifts.as_flattened().iter().flatten().any(|shift| shift.abs() > 0.3 * GREATEST_SHIFT));
        for (row, column) in (0..SIDE - 1).flat_map(|row| (0..SIDE - 1).map(move |column| (row, column))) {
            for neighbour in [shifts[row + 1][column], shifts[row][column + 1]] {
                let step = (0..2)
                    .map(|axis| (neighbour[axis] - shifts[row][column][axis]).abs())
                    .fold(0.0, f32::max);
                // The steepest place of the blend: 1.5 times as steep as a line between two opposite knots.
                assert!(step <= 1.5 * 2.0 * GREATEST_SHIFT * (KNOTS - 1) as f32 / SIDE as f32, "{step}");
            }
        }
    }

    #[test]
    fn points_between_pixels_are_interpolated() {
        let mut image = [0; PIXELS];
        image[0] = 200;
        image[1] = 100;
        let image = thickened(&image, 0.0);
        assert_eq!(sample(&image, 0.5, 0.0), 150);
        assert_eq!(sample(&image, 0.0, 0.5), 100);
        assert_eq!(sample(&image, -0.5, -0.5), 50);
        assert_eq!(sample(&image, -1e9, 40.0), 0);
    }
}
