//! AMX: tiles of sixteen rows of 64 bytes, and a product of two of them added to a third.
//!
//! ```text
//! x     16 rows × 64 activations                                       (u8)
//! w     16 lines: four weights of each of 16 neurons, as with AVX-512  (i8)
//! sum   16 rows × 16 neurons: sum += Σ over the 16 groups of four      (i32)
//! ```
//!
//! `tdpbusd` multiplies to 32 bits and wraps there, as `vpdpbusd` does: 16,384 multiply-adds in sixteen cycles. There are eight
//! tiles: two of activations and two of weights give four of sums, so each tile that is loaded is used twice. Everything that is not
//! a product of many rows runs on AVX-512.
//!
//! The intrinsics are not stable, so the instructions stand in `asm!`. No block depends on what another has left in the tiles.

use std::arch::asm;
use std::marker::PhantomData;

use super::avx512::Avx512;
use crate::simd::{LANES, Line};

/// Rows of a tile.
pub(crate) const ROWS: usize = 16;
/// Bytes of a tile's row.
pub(crate) const DEPTH: usize = 64;
/// Vectors of neurons whose sums are made together.
pub(crate) const VECTORS: usize = 2;

/// The weights of sixteen neurons for [`DEPTH`] inputs.
pub(crate) type Tile = [Line; ROWS];

/// The sums of [`VECTORS`] vectors of neurons for the rows of two tiles. Each vector is a cache line.
#[repr(align(64))]
pub(crate) struct Sums(pub [[[[i32; LANES]; VECTORS]; ROWS]; 2]);

/// Token of AMX for integers, which is Sapphire Rapids and later, and of AVX-512 for all else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amx {
    /// For all else.
    pub avx512: Avx512,
}

impl Amx {
    /// The token, if this CPU has the instructions, and the system lets the process use them.
    pub fn new() -> Option<Self> {
        Avx512::new().filter(|_| has_instructions() && is_permitted()).map(|avx512| Self { avx512 })
    }

    /// Configures this thread's tiles, until the value is dropped: there may be one at a time. It takes as long as some products.
    #[inline(always)]
    pub(crate) fn configured(self) -> Configured {
        // SAFETY: the token proves that there is the instruction. It reads a valid configuration of 64 bytes.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &WHOLE_TILES, options(nostack, readonly)) };
        Configured(PhantomData)
    }

    /// `rounds` times a product to each of four tiles of sums, with all that it reads in tiles: what a core can do at most. Returns
    /// how many multiply-adds that were.
    pub fn products(self, rounds: u64) -> u64 {
        let _configured = self.configured();
        for _ in 0..rounds {
            // SAFETY: the tiles are configured, and were set to 0 by that. The block touches nothing else.
            unsafe {
                asm!(
                    "tdpbusd tmm0, tmm4, tmm6",
                    "tdpbusd tmm1, tmm4, tmm7",
                    "tdpbusd tmm2, tmm5, tmm6",
                    "tdpbusd tmm3, tmm5, tmm7",
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    options(nostack, nomem),
                );
            }
        }
        rounds * 4 * (ROWS * LANES * DEPTH) as u64
    }
}

/// This thread's tiles, configured: all eight are whole.
pub(crate) struct Configured(PhantomData<*const ()>);

impl Drop for Configured {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the instruction is there, because the tiles were configured. It reads and writes no memory.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

impl Configured {
    /// `sums[t][r][v][n] = start[v][n] + Σ_i x[t][r][i] · w[v][n][i]`, of the rows of `x[0]` and of those of `x[1]`, which are `row`
    /// bytes long. `tiles` are the weights of one vector of neurons or of two: one tile or two every [`DEPTH`] inputs, and the last for
    /// a row's last [`DEPTH`] inputs, with 0 for those that the tile before has. Where there is one vector, the sums of the second are
    /// its `start`.
    ///
    /// # Panics
    /// If a row is shorter than a tile's, there are not [`ROWS`] rows twice, or not as many tiles as a row needs.
    #[inline(always)]
    pub fn product(
        &self,
        start: &[[i32; LANES]; VECTORS],
        x: [&[u8]; 2],
        row: usize,
        tiles: &[Tile],
        sums: &mut Sums,
    ) {
        let steps = row.div_ceil(DEPTH);
        assert!(row >= DEPTH && x.iter().all(|x| x.len() == ROWS * row), "whole rows for two tiles");
        assert!([steps, 2 * steps].contains(&tiles.len()), "weights for a whole row");
        let step = if tiles.len() == steps { size_of::<Tile>() } else { 2 * size_of::<Tile>() };
        let last = x.map(|x| x.as_ptr().wrapping_add(row - DEPTH));
        // SAFETY: the tiles are configured. A tile of activations is read from 16 rows of `row` bytes: 64 from an offset that grows by 64
        // and ends at `row - 64`. The weights are read in order, one tile or two a step, as many as there are. `start` is read with
        // a stride of 0, 64 bytes for each vector; `sums` has as many bytes as are written.
        unsafe {
            asm!(
                "tileloadd tmm0, [{start} + {zero}*1]",
                "tileloadd tmm1, [{start} + {zero}*1 + 64]",
                "tileloadd tmm2, [{start} + {zero}*1]",
                "tileloadd tmm3, [{start} + {zero}*1 + 64]",
                "2:",
                "tileloadd tmm4, [{x0} + {row}*1]",
                "tileloadd tmm6, [{tile} + {line}*1]",
                "tdpbusd tmm0, tmm4, tmm6",
                "tileloadd tmm5, [{x1} + {row}*1]",
                "tdpbusd tmm2, tmm5, tmm6",
                "cmp {step}, 1024",
                "je 3f",
                "tileloadd tmm7, [{tile} + {line}*1 + 1024]",
                "tdpbusd tmm1, tmm4, tmm7",
                "tdpbusd tmm3, tmm5, tmm7",
                "3:",
                "add {x0}, 64",
                "cmp {x0}, {last0}",
                "cmova {x0}, {last0}",
                "add {x1}, 64",
                "cmp {x1}, {last1}",
                "cmova {x1}, {last1}",
                "add {tile}, {step}",
                "cmp {tile}, {end}",
                "jne 2b",
                "tilestored [{sums} + {line}*2], tmm0",
                "tilestored [{sums} + {line}*2 + 64], tmm1",
                "tilestored [{sums} + {line}*2 + 2048], tmm2",
                "tilestored [{sums} + {line}*2 + 2112], tmm3",
                start = in(reg) start,
                zero = in(reg) 0_usize,
                x0 = inout(reg) x[0].as_ptr() => _,
                x1 = inout(reg) x[1].as_ptr() => _,
                last0 = in(reg) last[0],
                last1 = in(reg) last[1],
                row = in(reg) row,
                tile = inout(reg) tiles.as_ptr() => _,
                end = in(reg) tiles.as_ptr_range().end,
                step = in(reg) step,
                line = in(reg) size_of::<Line>(),
                sums = in(reg) sums,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

/// What `ldtilecfg` reads.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// All eight tiles whole.
static WHOLE_TILES: Configuration = {
    let (mut row_bytes, mut rows) = ([0; 16], [0; 16]);
    let mut tile = 0;
    while tile < 8 {
        (row_bytes[tile], rows[tile]) = (DEPTH as u16, ROWS as u8);
        tile += 1;
    }
    Configuration { palette: 1, start_row: 0, reserved: [0; 14], row_bytes, rows }
};

/// Whether this CPU has tiles and their products of bytes, and the system saves them when it switches threads.
fn has_instructions() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

    const OSXSAVE: u32 = 1 << 27;
    const AMX_TILE_AND_INT8: u32 = 0b11 << 24;
    const TILES_ARE_SAVED: u64 = 0b11 << 17;
    #[target_feature(enable = "xsave")]
    fn saved() -> u64 {
        // SAFETY: register 0 is there wherever the instruction is.
        unsafe { _xgetbv(0) }
    }
    __cpuid(0).eax >= 7
        && __cpuid(1).ecx & OSXSAVE != 0
        && __cpuid_count(7, 0).edx & AMX_TILE_AND_INT8 == AMX_TILE_AND_INT8
        // SAFETY: OSXSAVE says that there is the instruction.
        && unsafe { saved() } & TILES_ARE_SAVED == TILES_ARE_SAVED
}

/// Asks Linux for the tiles, which a process may not use before: `arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)`. To ask again
/// changes nothing.
#[cfg(all(target_os = "linux", not(miri)))]
fn is_permitted() -> bool {
    const ARCH_PRCTL: usize = 158;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const XFEATURE_XTILEDATA: usize = 18;
    let mut result = ARCH_PRCTL;
    // SAFETY: the call reads and writes no memory of the process; it changes the three registers that are named.
    unsafe {
        asm!(
            "syscall",
            inout("rax") result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    result == 0
}

/// Other systems are not asked, and their tiles not used.
#[cfg(not(all(target_os = "linux", not(miri))))]
fn is_permitted() -> bool {
    false
}
