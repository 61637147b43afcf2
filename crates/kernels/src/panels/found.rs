//! The groups of rows that are not all 0, and adding their products to sums.

use std::mem::MaybeUninit;

use super::Product;
use crate::simd::{Line, MAX_GROUPS, Simd};

/// The groups of a row, or of a part of one, that are not all 0.
pub(super) struct Found {
    numbers: [MaybeUninit<u16>; MAX_GROUPS],
    /// How many of the numbers there are.
    count: usize,
}

impl Found {
    pub const fn new() -> Self {
        Self { numbers: [MaybeUninit::uninit(); MAX_GROUPS], count: 0 }
    }

    #[inline(always)]
    pub unsafe fn search<S: Simd, const R: usize>(&mut self, rows: [&[[u8; 4]]; R]) {
        // SAFETY: the caller's contract.
        self.count = unsafe { S::nonzero_groups(rows, &mut self.numbers) };
    }

    #[inline(always)]
    pub fn numbers(&self) -> &[u16] {
        // SAFETY: the search has written so many.
        unsafe { self.numbers[..self.count].assume_init_ref() }
    }
}

const HIGH: u32 = 0x8080_8080;

/// A part of every byte of a group.
#[derive(Clone, Copy)]
pub(super) struct Part {
    mask: u32,
    shift: u32,
}

impl Part {
    #[inline(always)]
    pub fn of(self, group: [u8; 4]) -> [u8; 4] {
        ((u32::from_ne_bytes(group) & self.mask) >> self.shift).to_ne_bytes()
    }
}

/// The parts that groups are multiplied in: the low seven bits, and the high bit, which is 128, as 64 twice.
#[inline(always)]
pub(super) fn parts<S: Simd, P: Product>() -> &'static [Part] {
    const WHOLE: [Part; 1] = [Part { mask: u32::MAX, shift: 0 }];
    const PARTS: [Part; 3] =
        [Part { mask: !HIGH, shift: 0 }, Part { mask: HIGH, shift: 1 }, Part { mask: HIGH, shift: 1 }];
    if P::seven_bits::<S>() { &PARTS } else { &WHOLE }
}

/// Adds the groups that were found not to be 0 in all rows; of one row, where there are registers for it, to two sets of
/// sums in turn.
#[inline(always)]
pub(super) unsafe fn add_found<S: Simd, P: Product, const V: usize, const R: usize>(
    sums: &mut [[P::Sums<S>; V]; R],
    panel: &[[Line; V]],
    rows: [&[[u8; 4]]; R],
    found: &[u16],
) {
    // SAFETY: the caller's contract; the search has found the numbers in all rows, and the panel has lines for every group.
    unsafe {
        let group = |row: &[[u8; 4]], number: u16| *row.get_unchecked(usize::from(number));
        let lines = |number: u16| panel.get_unchecked(usize::from(number));
        let mut local = *sums;
        if S::TWO_CHAINS && R == 1 {
            let (x, even, mut odd) = (rows[0], &mut local[0], [P::zero::<S>(); V]);
            let (pairs, last) = found.as_chunks::<2>();
            for &[a, b] in pairs {
                P::step::<S, V>(even, group(x, a), lines(a));
                P::step::<S, V>(&mut odd, group(x, b), lines(b));
            }
            for &a in last {
                P::step::<S, V>(even, group(x, a), lines(a));
            }
            for (even, odd) in even.iter_mut().zip(odd) {
                *even = P::add::<S>(*even, odd);
            }
        } else {
            for &part in parts::<S, P>() {
                let mut all = 0;
                for &a in found {
                    for (sums, x) in local.iter_mut().zip(rows) {
                        P::step::<S, V>(sums, part.of(group(x, a)), lines(a));
                        all |= u32::from_ne_bytes(group(x, a));
                    }
                }
                if all & HIGH == 0 {
                    break;
                }
            }
        }
        *sums = local;
    }
}
