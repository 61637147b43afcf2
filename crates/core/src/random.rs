//! Seeded random numbers: the same seed gives the same numbers on every machine.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng};

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Random(Xoshiro256PlusPlus);

impl Random {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// The stream for one item of many: image `item` in epoch `epoch`, whatever order or thread asks for it.
    pub fn for_item(seed: u64, epoch: usize, item: usize) -> Self {
        // Odd constants keep the three apart; the generator's own seeding mixes them thoroughly.
        let mixed = (epoch as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            ^ (item as u64).wrapping_mul(0xD1B5_4A32_D192_ED03);
        Self::new(seed ^ mixed.rotate_left(17))
    }

    /// A real number of `low..high`, evenly.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        // The 24 bits that an f32 can tell apart.
        let unit = (self.0.next_u64() >> 40) as f32 / (1 << 24) as f32;
        low + (high - low) * unit
    }

    /// A whole number of `0..limit`, evenly; 0 where `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.0.next_u64()) * limit as u128) >> 64) as usize
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
