//! The instruction sets, and which of them this CPU has.

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;

#[cfg(target_arch = "aarch64")]
use crate::arch::aarch64::neon::Neon;
#[cfg(kernel = "scalar")]
use crate::arch::portable::Portable;
#[cfg(kernel = "relaxed")]
use crate::arch::wasm32::relaxed::Relaxed;
#[cfg(kernel = "simd128")]
use crate::arch::wasm32::simd128::Plain;
#[cfg(any(kernel = "simd128", kernel = "relaxed"))]
use crate::arch::wasm32::simd128::V128;
#[cfg(target_arch = "x86_64")]
use crate::arch::x86_64::{amx::Amx, avx2::Avx2, avx512::Avx512, avxvnni::AvxVnni};
use crate::simd::{Simd, Work};

/// An instruction set that this CPU has. Ordered from the plainest to the fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Plain Rust: defines the answer.
    #[cfg(kernel = "scalar")]
    Scalar,
    /// WebAssembly's 128-bit SIMD: an engine without it rejects the module.
    #[cfg(kernel = "simd128")]
    Simd128,
    /// WebAssembly's relaxed SIMD besides: an engine without it rejects the module.
    #[cfg(kernel = "relaxed")]
    Relaxed,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// AVX-VNNI on 256 bits.
    #[cfg(target_arch = "x86_64")]
    AvxVnni(AvxVnni),
    /// AVX-512 with VNNI.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// AMX's tiles for many rows of integers, and AVX-512 with VNNI for all else.
    #[cfg(target_arch = "x86_64")]
    Amx(Amx),
    /// NEON.
    #[cfg(target_arch = "aarch64")]
    Neon(Neon<false>),
    /// NEON with products of bytes.
    #[cfg(target_arch = "aarch64")]
    DotProd(Neon<true>),
}

/// The environment variable that forces a kernel by its [`Kernel::name`].
pub const KERNEL_VARIABLE: &str = "DIGIT8_KERNEL";

/// A name in `DIGIT8_KERNEL` that no kernel of this CPU has. Its text lists those that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKernel(String);

impl fmt::Display for UnknownKernel {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let names: Vec<_> = Kernel::available().into_iter().map(Kernel::name).collect();
        write!(f, "{KERNEL_VARIABLE} is \"{}\", expected one of {}", self.0, names.join(", "))
    }
}

impl Error for UnknownKernel {}

impl Kernel {
    /// Every kernel this CPU can run, plainest first, fastest last.
    pub fn available() -> Vec<Kernel> {
        #[allow(unused_mut)]
        let mut kernels = Vec::from([
            #[cfg(kernel = "scalar")]
            Kernel::Scalar,
            #[cfg(kernel = "simd128")]
            Kernel::Simd128,
            #[cfg(kernel = "relaxed")]
            Kernel::Relaxed,
        ]);
        #[cfg(target_arch = "x86_64")]
        {
            kernels.extend(Avx2::new().map(Kernel::Avx2));
            kernels.extend(AvxVnni::new().map(Kernel::AvxVnni));
            kernels.extend(Avx512::new().map(Kernel::Avx512));
            kernels.extend(Amx::new().map(Kernel::Amx));
        }
        #[cfg(target_arch = "aarch64")]
        {
            kernels.extend(Neon::<false>::new().map(Kernel::Neon));
            kernels.extend(Neon::<true>::new().map(Kernel::DotProd));
        }
        kernels
    }

    /// The kernel of that [`name`](Kernel::name), if this CPU can run it.
    pub fn named(name: &str) -> Option<Kernel> {
        Kernel::available().into_iter().find(|kernel| kernel.name() == name)
    }

    /// The kernel that the variable `DIGIT8_KERNEL` names, or the fastest of this CPU where it is not set or empty. Programs
    /// ask once, when they start, so that a wrong name is an error and not passed over.
    ///
    /// # Errors
    /// [`UnknownKernel`], if the variable names none that this CPU can run.
    pub fn chosen() -> Result<Kernel, UnknownKernel> {
        match std::env::var_os(KERNEL_VARIABLE).filter(|name| !name.is_empty()) {
            Some(name) => {
                let name = name.to_string_lossy();
                Kernel::named(&name).ok_or_else(|| UnknownKernel(name.into_owned()))
            }
            None => Ok(Kernel::fastest()),
        }
    }

    /// The [chosen](Kernel::chosen) kernel, or the fastest where that is an error.
    pub fn best() -> Kernel {
        static BEST: OnceLock<Kernel> = OnceLock::new();
        *BEST.get_or_init(|| Kernel::chosen().unwrap_or_else(|_| Kernel::fastest()))
    }

    fn fastest() -> Kernel {
        *Kernel::available().last().expect("every build has a kernel")
    }

    /// Does `work` in a function that is compiled for the instruction set.
    #[inline(always)]
    pub(crate) fn run<W: Work>(self, work: W) -> W::Output {
        match self {
            #[cfg(kernel = "scalar")]
            Kernel::Scalar => Portable.run(work),
            #[cfg(kernel = "simd128")]
            Kernel::Simd128 => Simd::run(V128(Plain), work),
            #[cfg(kernel = "relaxed")]
            Kernel::Relaxed => Simd::run(V128(Relaxed::new()), work),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2(simd) => Simd::run(simd, work),
            #[cfg(target_arch = "x86_64")]
            Kernel::AvxVnni(simd) => Simd::run(simd, work),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512(simd) => simd.run(work),
            #[cfg(target_arch = "x86_64")]
            Kernel::Amx(amx) => amx.avx512.run(work),
            #[cfg(target_arch = "aarch64")]
            Kernel::Neon(simd) => Simd::run(simd, work),
            #[cfg(target_arch = "aarch64")]
            Kernel::DotProd(simd) => Simd::run(simd, work),
        }
    }

    /// The name by which reports and the environment variable know the kernel.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(kernel = "scalar")]
            Kernel::Scalar => "scalar",
            #[cfg(kernel = "simd128")]
            Kernel::Simd128 => "simd128",
            #[cfg(kernel = "relaxed")]
            Kernel::Relaxed => "relaxed",
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kernel::AvxVnni(_) => "avxvnni",
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kernel::Amx(_) => "amx",
            #[cfg(target_arch = "aarch64")]
            Kernel::Neon(_) => "neon",
            #[cfg(target_arch = "aarch64")]
            Kernel::DotProd(_) => "dotprod",
        }
    }
}
