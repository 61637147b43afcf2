//! The groups of rows that are not all 0, and adding their products to sums.

use std::mem::MaybeUninit;

use super::Product;
use crate::simd::{Line, MAX_GROUPS, Simd};

/// The groups of rows, or of a part of them, that are not all 0.
pub(crate) struct NonzeroGroups<'a> {
    /// Where the numbers go. Not an array of its own, which the compiler would fill with zeros, to no purpose.
    space: &'a mut [MaybeUninit<u16>; MAX_GROUPS],
    count: usize,
}

impl<'a> NonzeroGroups<'a> {
    /// None yet.
    pub fn new(space: &'a mut [MaybeUninit<u16>; MAX_GROUPS]) -> Self {
        Self { space, count: 0 }
    }

    /// Those of the first [`MAX_GROUPS`] groups of rows that have equally many.
    #[inline(always)]
    pub fn search<S: Simd, const R: usize>(&mut self, simd: S, rows: [&[[u8; 4]]; R]) {
        self.count = simd.nonzero_groups(rows, self.space);
    }

    /// Their numbers, in order.
    #[inline(always)]
    pub fn numbers(&self) -> &[u16] {
        // SAFETY: the search has written so many, as `Simd` promises; before it there are none.
        unsafe { self.space[..self.count].assume_init_ref() }
    }
}

/// [`Simd::nonzero_groups`] from group `first` on, behind `count` numbers that are there already.
#[inline(always)]
pub(crate) fn search_from<const R: usize>(
    first: usize,
    mut count: usize,
    rows: [&[[u8; 4]]; R],
    numbers: &mut [MaybeUninit<u16>; MAX_GROUPS],
) -> usize {
    for number in first..rows.iter().map(|row| row.len()).fold(MAX_GROUPS, usize::min) {
        // Written always and counted if it counts: no branch to mispredict.
        numbers[count].write(number as u16);
        count += usize::from(rows.iter().any(|row| u32::from_ne_bytes(row[number]) != 0));
    }
    count
}

/// For every byte the numbers of its bits that are set, in order from the low end. AVX2 has no compress, and `PEXT`, which could
/// do the same, takes hundreds of cycles on AMD's CPUs before Zen 3.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) const SET_BITS: &[[u8; 8]; 256] = &{
    let mut all = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut count) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                all[byte][count] = bit;
                count += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    all
};

const HIGH_BITS: u32 = 0x8080_8080;

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

/// The parts that groups are multiplied in. Where products may saturate, bytes must be at most 127: these are the low seven
/// bits, and the high bit, which is 128, as 64 twice.
#[inline(always)]
pub(super) fn parts<S: Simd, P: Product>() -> &'static [Part] {
    const WHOLE: [Part; 1] = [Part { mask: u32::MAX, shift: 0 }];
    const PARTS: [Part; 3] = [
        Part { mask: !HIGH_BITS, shift: 0 },
        Part { mask: HIGH_BITS, shift: 1 },
        Part { mask: HIGH_BITS, shift: 1 },
    ];
    if P::may_saturate::<S>() { &PARTS } else { &WHOLE }
}

/// Adds the products of some groups of the rows.
///
/// # Safety
/// Every number is that of a group in all rows, and the panel has lines for it.
#[inline(always)]
pub(super) unsafe fn add_groups<S: Simd, P: Product, const V: usize, const R: usize>(
    simd: S,
    sums: &mut [[P::Sums<S>; V]; R],
    panel: &[[Line; V]],
    rows: [&[[u8; 4]]; R],
    numbers: &[u16],
) {
    if let (true, [x]) = (S::HAS_32_REGISTERS, &rows[..]) {
        // SAFETY: as this function's.
        return unsafe {
            match V {
                1 => add_in_turns::<S, P, V, 8>(simd, &mut sums[0], panel, x, numbers),
                2 | 3 => add_in_turns::<S, P, V, 4>(simd, &mut sums[0], panel, x, numbers),
                _ => add_in_turns::<S, P, V, 2>(simd, &mut sums[0], panel, x, numbers),
            }
        };
    }
    let mut local = *sums;
    for &part in parts::<S, P>() {
        let mut all = 0;
        for &number in numbers {
            for (sums, x) in local.iter_mut().zip(rows) {
                // SAFETY: as this function's.
                let (group, lines) = unsafe { group(x, panel, number) };
                P::step::<S, V>(simd, sums, part.of(group), lines);
                all |= u32::from_ne_bytes(group);
            }
        }
        if all & HIGH_BITS == 0 {
            break;
        }
    }
    *sums = local;
}

/// [`add_groups`] for one row, to `C` sets of sums in turn: in one, each product would wait for the one before.
///
/// # Safety
/// As that of [`add_groups`].
#[inline(always)]
unsafe fn add_in_turns<S: Simd, P: Product, const V: usize, const C: usize>(
    simd: S,
    sums: &mut [P::Sums<S>; V],
    panel: &[[Line; V]],
    x: &[[u8; 4]],
    numbers: &[u16],
) {
    let mut sets = [[P::zero(simd); V]; C];
    sets[0] = *sums;
    let (turns, last) = numbers.as_chunks::<C>();
    for &part in parts::<S, P>() {
        let mut all = 0;
        for turn in turns {
            for (sums, &number) in sets.iter_mut().zip(turn) {
                // SAFETY: as this function's.
                let (group, lines) = unsafe { group(x, panel, number) };
                P::step::<S, V>(simd, sums, part.of(group), lines);
                all |= u32::from_ne_bytes(group);
            }
        }
        for &number in last {
            // SAFETY: as this function's.
            let (group, lines) = unsafe { group(x, panel, number) };
            P::step::<S, V>(simd, &mut sets[0], part.of(group), lines);
            all |= u32::from_ne_bytes(group);
        }
        if all & HIGH_BITS == 0 {
            break;
        }
    }
    let [first, others @ ..] = &mut sets[..] else { return };
    for other in others {
        for (sums, &other) in first.iter_mut().zip(other.iter()) {
            *sums = P::add(simd, *sums, other);
        }
    }
    *sums = *first;
}

/// A group of a row, and its lines.
///
/// # Safety
/// Both have so many.
#[inline(always)]
unsafe fn group<'a, const V: usize>(
    x: &[[u8; 4]],
    panel: &'a [[Line; V]],
    number: u16,
) -> ([u8; 4], &'a [Line; V]) {
    let number = usize::from(number);
    // SAFETY: the caller's contract. Comparing with both lengths would be two of a group's twenty-odd instructions.
    unsafe { (*x.get_unchecked(number), panel.get_unchecked(number)) }
}
