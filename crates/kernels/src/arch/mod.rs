//! The instruction sets: a file for each, opened by the layout of its registers and packed weights.

/// Code for an instruction set, which is a list of features. Each set's file hands its own list to this macro, and has it
/// nowhere else: what the CPU is asked for is what the compiler may use.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! compiled_for {
    // Whether this CPU has all of the features.
    ($features:literal is here) => {
        $crate::arch::has_all($features)
    };
    // `Simd::run`.
    ($features:literal run) => {
        #[inline(always)]
        fn run<W: $crate::simd::Work>(self, work: W) -> W::Output {
            #[target_feature(enable = $features)]
            fn compiled<S: $crate::simd::Simd, W: $crate::simd::Work>(simd: S, work: W) -> W::Output {
                work.run(simd)
            }
            // SAFETY: `self` is a token: there is none where the CPU lacks one of the features.
            unsafe { compiled(self, work) }
        }
    };
    // Methods of the set's token, or of a token that stands for more.
    ($features:literal $(
        $(#[$meta:meta])*
        fn $name:ident $(<const $generic:ident: $kind:ty>)? (self $(, $argument:ident: $type:ty)* $(,)?) $(-> $result:ty)?
        $body:block
    )+) => {$(
        $(#[$meta])*
        #[inline(always)]
        fn $name $(<const $generic: $kind>)? (self $(, $argument: $type)*) $(-> $result)? {
            #[target_feature(enable = $features)]
            #[inline]
            fn compiled $(<const $generic: $kind>)? ($($argument: $type),*) $(-> $result)? $body
            // SAFETY: `self` is a token: there is none where the CPU lacks one of the features.
            unsafe { compiled $(::<$generic>)? ($($argument),*) }
        }
    )+};
}
#[cfg(target_arch = "aarch64")]
pub(crate) mod aarch64;
#[cfg(kernel = "scalar")]
pub(crate) mod portable;
#[cfg(any(kernel = "simd128", kernel = "relaxed"))]
pub(crate) mod wasm32;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86_64;

#[cfg(target_arch = "aarch64")]
use aarch64::has_all;
#[cfg(target_arch = "x86_64")]
use x86_64::has_all;
