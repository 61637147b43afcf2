//! What one core can do at most: multiply-adds in registers, and loads from L1 and L2. The benchmark holds every row
//! against these.
//!
//! An instruction runs in several chains that do not wait for each other. Four cycles of latency, two instructions a
//! cycle: eight chains fill the pipes, and twelve leave some slack and fit the sixteen registers of AVX2.

use crate::Kernel;

/// Accumulators in flight.
#[cfg(target_arch = "x86_64")]
const CHAINS: usize = 12;

/// A resource of one core.
pub struct Limit {
    /// The instruction and its registers, or the memory.
    pub name: &'static str,
    /// What is counted.
    pub unit: Unit,
    run: Box<dyn Fn(u64) -> u64>,
}

/// What a [`Limit`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Multiply-adds.
    MultiplyAdds,
    /// Bytes read.
    Bytes,
}

impl Limit {
    /// Uses the resource for a number of rounds and returns how many multiply-adds or bytes that were.
    pub fn run(&self, rounds: u64) -> u64 {
        (self.run)(rounds)
    }

    /// The limits that an instruction set of this CPU is held against; none for plain Rust.
    pub fn of(kernel: Kernel) -> Vec<Limit> {
        match kernel {
            Kernel::Scalar => Vec::new(),
            #[cfg(target_arch = "aarch64")]
            Kernel::Neon(_) | Kernel::DotProd(_) => Vec::new(),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2(avx2) => x86::avx2(avx2),
            #[cfg(target_arch = "x86_64")]
            Kernel::AvxVnni(vnni) => x86::avx_vnni(vnni),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512(avx512) => x86::avx512(avx512),
            #[cfg(target_arch = "x86_64")]
            Kernel::Amx(amx) => x86::amx(amx),
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::hint::black_box;

    use super::{CHAINS, Limit, Unit};
    use crate::arch::x86_64::{amx::Amx, avx2::Avx2, avx512::Avx512, avxvnni::AvxVnni};

    /// 16 KiB: half of the smallest L1 about.
    const L1: usize = 16 << 10;
    /// 89 KiB: the network's int8 weights, which L1 does not hold.
    const L2: usize = 89 << 10;
    /// Lines in flight.
    const LINES: usize = 4;

    pub(super) fn avx2(_proof: Avx2) -> Vec<Limit> {
        // SAFETY: the token proves that the CPU has AVX2 and FMA; so for all four.
        let multiply_adds = move |rounds| unsafe { vpmaddubsw_ymm(rounds) };
        // SAFETY: as above.
        let fma = move |rounds| unsafe { fma_ymm(rounds) };
        vec![
            arithmetic("vpmaddubsw ymm", multiply_adds),
            arithmetic("FMA ymm", fma),
            // SAFETY: as above.
            memory("L1 loads ymm", L1, |buffer, rounds| unsafe { stream_ymm(buffer, rounds) }),
            // SAFETY: as above.
            memory("L2 stream ymm", L2, |buffer, rounds| unsafe { stream_ymm(buffer, rounds) }),
        ]
    }

    pub(super) fn avx_vnni(_proof: AvxVnni) -> Vec<Limit> {
        // SAFETY: the token proves that the CPU has AVX-VNNI.
        vec![arithmetic("vpdpbusd ymm", move |rounds| unsafe { vpdpbusd_avx_ymm(rounds) })]
    }

    pub(super) fn avx512(_proof: Avx512) -> Vec<Limit> {
        vec![
            // SAFETY: the token proves that the CPU has AVX-512 with VNNI and VL; so for all five.
            arithmetic("vpdpbusd zmm", move |rounds| unsafe { vpdpbusd_zmm(rounds) }),
            // SAFETY: as above.
            arithmetic("vpdpbusd ymm", move |rounds| unsafe { vpdpbusd_ymm(rounds) }),
            // SAFETY: as above.
            arithmetic("FMA zmm", move |rounds| unsafe { fma_zmm(rounds) }),
            // SAFETY: as above.
            memory("L1 loads zmm", L1, |buffer, rounds| unsafe { stream_zmm(buffer, rounds) }),
            // SAFETY: as above.
            memory("L2 stream zmm", L2, |buffer, rounds| unsafe { stream_zmm(buffer, rounds) }),
        ]
    }

    pub(super) fn amx(amx: Amx) -> Vec<Limit> {
        vec![arithmetic("tdpbusd", move |rounds| amx.products(rounds))]
    }

    fn arithmetic(name: &'static str, run: impl Fn(u64) -> u64 + 'static) -> Limit {
        Limit { name, unit: Unit::MultiplyAdds, run: Box::new(run) }
    }

    /// A cache line. Loads that straddle two of them run at half the rate.
    #[derive(Clone)]
    #[repr(align(64))]
    struct Line([u64; 8]);

    fn memory(name: &'static str, bytes: usize, read: impl Fn(&[Line], u64) -> u64 + 'static) -> Limit {
        let buffer = vec![Line([1; 8]); bytes / size_of::<Line>()];
        Limit { name, unit: Unit::Bytes, run: Box::new(move |rounds| read(&buffer, rounds)) }
    }

    /// `rounds` times `chain = step(chain, x, y)` for each chain: all in registers, and no chain waits for another.
    macro_rules! chains {
        ($name:ident, $features:literal, $macs:literal, $start:expr, |$chain:ident, $x:ident, $y:ident| $step:expr) => {
            #[target_feature(enable = $features)]
            fn $name(rounds: u64) -> u64 {
                // Black boxes: the compiler must not know that the chains start equal, or it would compute one.
                let [$x, $y] = black_box([$start; 2]);
                let mut chains = black_box([$start; CHAINS]);
                for _ in 0..rounds {
                    for chain in &mut chains {
                        let $chain = *chain;
                        *chain = $step;
                    }
                }
                black_box(chains);
                rounds * CHAINS as u64 * $macs
            }
        };
    }

    chains!(vpdpbusd_zmm, "avx512f,avx512vnni", 64, _mm512_set1_epi8(1), |sum, x, w| _mm512_dpbusd_epi32(
        sum, x, w
    ));
    chains!(vpdpbusd_ymm, "avx512vl,avx512vnni", 32, _mm256_set1_epi8(1), |sum, x, w| _mm256_dpbusd_epi32(
        sum, x, w
    ));
    chains!(vpdpbusd_avx_ymm, "avx2,avxvnni", 32, _mm256_set1_epi8(1), |sum, x, w| _mm256_dpbusd_avx_epi32(
        sum, x, w
    ));
    // Before widening: what becomes of the 16-bit sums is not counted. `x` only keeps the macro's form.
    chains!(vpmaddubsw_ymm, "avx2", 32, _mm256_set1_epi8(1), |sum, _x, w| _mm256_maddubs_epi16(sum, w));
    chains!(fma_zmm, "avx512f", 16, _mm512_set1_ps(1e-9), |sum, x, w| _mm512_fmadd_ps(x, w, sum));
    chains!(fma_ymm, "avx2,fma", 8, _mm256_set1_ps(1e-9), |sum, x, w| _mm256_fmadd_ps(x, w, sum));

    /// Reads a buffer `rounds` times, `$words` words of 64 bits a load, into sums that do not wait for each other.
    macro_rules! stream {
        ($name:ident, $features:literal, $words:literal, $zero:expr, $load:ident, $add:ident) => {
            #[target_feature(enable = $features)]
            fn $name(buffer: &[Line], rounds: u64) -> u64 {
                let mut sums = [[$zero; 8 / $words]; LINES];
                let (blocks, _) = buffer.as_chunks::<LINES>();
                for _ in 0..rounds {
                    // A black box: the compiler must not know that every round reads the same.
                    for block in black_box(blocks) {
                        for (sums, line) in sums.iter_mut().zip(block) {
                            for (sum, words) in sums.iter_mut().zip(line.0.as_chunks::<$words>().0) {
                                // SAFETY: `words` are as many readable bytes as a register has; the load needs no
                                // alignment.
                                *sum = $add(*sum, unsafe { $load(words.as_ptr().cast()) });
                            }
                        }
                    }
                }
                black_box(sums);
                rounds * size_of_val(blocks) as u64
            }
        };
    }

    stream!(stream_zmm, "avx512f", 8, _mm512_setzero_si512(), _mm512_loadu_si512, _mm512_add_epi64);
    stream!(stream_ymm, "avx2", 4, _mm256_setzero_si256(), _mm256_loadu_si256, _mm256_add_epi64);
}
