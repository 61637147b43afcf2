//! The groups of rows that are not all 0, and adding their products to sums.

use std::mem::MaybeUninit;

use super::Product;
use crate::simd::{Line, MAX_GROUPS, Simd};

/// The groups of rows, or of a part of them, that are not all 0.
pub(super) struct Found<'a> {
    /// Where the numbers go. Not an array of its own, which the compiler would fill with zeros, to no purpose.
    space: &'a mut [MaybeUninit<u16>; MAX_GROUPS],
    count: usize,
}

impl<'a> Found<'a> {
    pub fn new(space: &'a mut [MaybeUninit<u16>; MAX_GROUPS]) -> Self {
        Self { space, count: 0 }
    }

    #[inline(always)]
    pub unsafe fn search<S: Simd, const R: usize>(&mut self, rows: [&[[u8; 4]]; R]) {
        // SAFETY: the caller's contract.
        self.count = unsafe { S::nonzero_groups(rows, self.space) };
    }

    #[inline(always)]
    pub fn numbers(&self) -> &[u16] {
        // SAFETY: the search has written so many.
        unsafe { self.space[..self.count].assume_init_ref() }
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

/// Adds the groups that were found not to be 0 in all rows.
#[inline(always)]
pub(super) unsafe fn add_found<S: Simd, P: Product, const V: usize, const R: usize>(
    sums: &mut [[P::Sums<S>; V]; R],
    panel: &[[Line; V]],
    rows: [&[[u8; 4]]; R],
    found: &[u16],
) {
    // SAFETY: the caller's contract; the search has found the numbers in all rows, and the panel has lines for every group.
    unsafe {
        if let (true, [x]) = (S::TWO_CHAINS, &rows[..]) {
            return match V {
                1 => add_in_chains::<S, P, V, 8>(&mut sums[0], panel, x, found),
                2 | 3 => add_in_chains::<S, P, V, 4>(&mut sums[0], panel, x, found),
                _ => add_in_chains::<S, P, V, 2>(&mut sums[0], panel, x, found),
            };
        }
        let mut local = *sums;
        for &part in parts::<S, P>() {
            let mut all = 0;
            for &number in found {
                let number = usize::from(number);
                for (sums, x) in local.iter_mut().zip(rows) {
                    let group = *x.get_unchecked(number);
                    P::step::<S, V>(sums, part.of(group), panel.get_unchecked(number));
                    all |= u32::from_ne_bytes(group);
                }
            }
            if all & HIGH == 0 {
                break;
            }
        }
        *sums = local;
    }
}

/// [`add_found`] for one row, to `C` sets of sums in turn: each waits for the one before.
#[inline(always)]
unsafe fn add_in_chains<S: Simd, P: Product, const V: usize, const C: usize>(
    sums: &mut [P::Sums<S>; V],
    panel: &[[Line; V]],
    x: &[[u8; 4]],
    found: &[u16],
) {
    // SAFETY: as in `add_found`.
    unsafe {
        let mut chains = [[P::zero::<S>(); V]; C];
        chains[0] = *sums;
        let (turns, last) = found.as_chunks::<C>();
        for turn in turns {
            for (sums, &number) in chains.iter_mut().zip(turn) {
                let number = usize::from(number);
                P::step::<S, V>(sums, *x.get_unchecked(number), panel.get_unchecked(number));
            }
        }
        for &number in last {
            let number = usize::from(number);
            P::step::<S, V>(&mut chains[0], *x.get_unchecked(number), panel.get_unchecked(number));
        }
        let [first, others @ ..] = &mut chains[..] else { return };
        for other in others {
            for (sums, &other) in first.iter_mut().zip(other.iter()) {
                *sums = P::add::<S>(*sums, other);
            }
        }
        *sums = *first;
    }
}
