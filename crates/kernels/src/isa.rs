//! The instruction sets, and which of them this CPU has.

use std::sync::OnceLock;

/// Declares a token: a value that exists only where the CPU has been asked and said yes.
#[cfg(target_arch = "x86_64")]
macro_rules! token {
    ($(#[$doc:meta])* $name:ident needs $($feature:tt)+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(());

        impl $name {
            /// The token, if this CPU has the instructions.
            pub fn new() -> Option<Self> {
                let has = $(is_x86_feature_detected!($feature))&&+;
                has.then_some(Self(()))
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
token!(
    /// AVX2 and FMA: 256-bit integers and floats. (BMI2 and POPCNT come with them on every CPU.)
    Avx2 needs "avx2" "fma" "bmi2" "popcnt"
);
#[cfg(target_arch = "x86_64")]
token!(
    /// AVX-VNNI: `vpdpbusd` on 256 bits, on CPUs without AVX-512.
    AvxVnni needs "avx2" "fma" "bmi2" "popcnt" "avxvnni"
);
#[cfg(target_arch = "x86_64")]
token!(
    /// AVX-512 with VNNI and VBMI, which is Ice Lake, Zen 4 and later: `vpdpbusd` on 512 bits.
    Avx512 needs "avx2" "fma" "bmi2" "popcnt" "avx512f" "avx512bw" "avx512vl" "avx512dq" "avx512vbmi" "avx512vbmi2" "avx512vnni"
);

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
}

/// The environment variable that forces a kernel by its [`Kernel::name`].
pub const KERNEL_VARIABLE: &str = "DIGIT8_KERNEL";

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
        }
        kernels
    }

    /// The kernel of that [`name`](Kernel::name), if this CPU can run it.
    pub fn named(name: &str) -> Option<Kernel> {
        Kernel::available().into_iter().find(|kernel| kernel.name() == name)
    }

    /// The fastest kernel of this CPU, or the one that the variable `DIGIT8_KERNEL` names. A name that this CPU cannot
    /// run is passed over: a program that must know asks [`Kernel::named`].
    pub fn best() -> Kernel {
        static BEST: OnceLock<Kernel> = OnceLock::new();
        *BEST.get_or_init(|| {
            let forced = std::env::var(KERNEL_VARIABLE).ok().and_then(|name| Kernel::named(&name));
            forced.or(Kernel::available().last().copied()).expect("every build has a kernel")
        })
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
        }
    }
}
