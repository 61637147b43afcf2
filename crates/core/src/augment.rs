//! Variations of training images, so that a network learns to read drawings: small turns, scalings, shears, shifts, thicker
//! and thinner strokes. The same seed, epoch and image give the same variation.

use crate::digits::{Digits, PIXELS, SIDE};
use crate::float::Source;
use crate::random::Random;

/// Training images, each a little different in every epoch.
#[derive(Clone, Debug)]
pub struct Augmented<'a> {
    digits: &'a Digits,
    seed: u64,
}

impl<'a> Augmented<'a> {
    /// Variations of `digits` by `seed`.
    pub fn new(digits: &'a Digits, seed: u64) -> Self {
        Self { digits, seed }
    }
}

impl Source for Augmented<'_> {
    fn image(&self, epoch: usize, index: usize, pixels: &mut [u8]) {
        let mut random = Random::for_item(self.seed, epoch, index);
        vary(self.digits.image(index), &mut random, pixels);
    }
}

/// Writes a random variation of `image` to `out`.
fn vary(image: &[u8], random: &mut Random, out: &mut [u8]) {
    let mut thick = [0; PIXELS];
    let amount = random.uniform(-0.8, 0.8);
    thicken(image, amount, &mut thick);

    let angle = random.uniform(-13.0, 13.0).to_radians();
    let (sin, cos) = angle.sin_cos();
    let (scale_x, scale_y) = {
        let scale = random.uniform(0.87, 1.12);
        let aspect = random.uniform(0.88, 1.14);
        (scale * aspect, scale / aspect)
    };
    let shear = random.uniform(-0.2, 0.2);
    let shift = [random.uniform(-1.3, 1.3), random.uniform(-1.3, 1.3)];
    // From a pixel of the variation back to the point of the image that it shows, through the middle.
    let middle = (SIDE as f32 - 1.0) / 2.0;
    let [a, b, c, d] = [cos / scale_x, (sin + shear) / scale_x, -sin / scale_y, cos / scale_y];
    // A gentle wave bends straight strokes and curls tails.
    let wave = [random.uniform(-0.9, 0.9), random.uniform(-0.9, 0.9)];
    let phase = [random.uniform(0.0, std::f32::consts::TAU), random.uniform(0.0, std::f32::consts::TAU)];
    let bend = |at: f32, axis: usize| wave[axis] * (at * 0.32 + phase[axis]).sin();
    let bends: [[f32; SIDE]; 2] = std::array::from_fn(|axis| std::array::from_fn(|at| bend(at as f32, axis)));
    for row in 0..SIDE {
        for column in 0..SIDE {
            let x = column as f32 - middle - shift[0] + bends[0][row];
            let y = row as f32 - middle - shift[1] + bends[1][column];
            let (x, y) = (a * x + b * y + middle, c * x + d * y + middle);
            out[row * SIDE + column] = sample(&thick, x, y);
        }
    }
}

/// The image at a point between its pixels; paper outside.
fn sample(image: &[u8; PIXELS], x: f32, y: f32) -> u8 {
    let (left, top) = (x.floor(), y.floor());
    let pixel = |x: i32, y: i32| {
        let inside = (0..SIDE as i32).contains(&x) && (0..SIDE as i32).contains(&y);
        if inside { f32::from(image[y as usize * SIDE + x as usize]) } else { 0.0 }
    };
    let (dx, dy) = (x - left, y - top);
    let (left, top) = (left as i32, top as i32);
    let upper = pixel(left, top) * (1.0 - dx) + pixel(left + 1, top) * dx;
    let lower = pixel(left, top + 1) * (1.0 - dx) + pixel(left + 1, top + 1) * dx;
    (upper * (1.0 - dy) + lower * dy + 0.5) as u8
}

/// Thickens the strokes (`amount` up to 1: towards the greatest of a pixel and its neighbours) or thins them (down to -1:
/// towards the least).
fn thicken(image: &[u8], amount: f32, out: &mut [u8; PIXELS]) {
    for row in 0..SIDE {
        for column in 0..SIDE {
            let at = row * SIDE + column;
            let neighbours = [
                if column > 0 { image[at - 1] } else { 0 },
                if column + 1 < SIDE { image[at + 1] } else { 0 },
                if row > 0 { image[at - SIDE] } else { 0 },
                if row + 1 < SIDE { image[at + SIDE] } else { 0 },
            ];
            let extreme =
                neighbours.into_iter().fold(image[at], if amount > 0.0 { u8::max } else { u8::min });
            let (from, to) = (f32::from(image[at]), f32::from(extreme));
            out[at] = (from + (to - from) * amount.abs() + 0.5) as u8;
        }
    }
}
