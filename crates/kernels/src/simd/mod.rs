//! The few operations in which instruction sets differ; everything else is one generic algorithm.
//!
//! A [`Simd`] type works on sixteen lanes at a time: one 512-bit register, two of 256 bits, or four of 128 bits. The
//! algorithms in [`crate::int8`], [`crate::float`] and [`crate::train`] are written once over it, in functions that are
//! always inlined, and [`dispatch!`] compiles them once for each instruction set.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod portable;

/// Lanes of every vector here.
pub(crate) const LANES: usize = 16;

/// Sixteen single-precision numbers.
pub(crate) type Floats = [f32; LANES];

/// What an instruction set does with sixteen lanes.
///
/// # Safety
/// Every method may use the instructions of the set: call them only where the CPU has been found to have it, which is
/// what the tokens in [`crate::Kernel`] prove.
pub(crate) unsafe trait Simd {
    /// Sixteen `i32` sums in registers.
    type Sums: Copy;

    /// All sums 0.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn zero() -> Self::Sums;

    /// `sums[lane] += Σ_k x[k] · w[4·lane + k]` for `k` in 0..4: exact for every `u8` and `i8`.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn dot4(sums: Self::Sums, x: [u8; 4], w: &[i8; 4 * LANES]) -> Self::Sums;

    /// The sum of two sets of sums.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn add(a: Self::Sums, b: Self::Sums) -> Self::Sums;

    /// The sums as an array.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn to_array(sums: Self::Sums) -> [i32; LANES];

    /// `a · b + c`, rounded once: the fused multiply-add that PyTorch's output stages are defined by.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn fma(a: Floats, b: Floats, c: Floats) -> Floats;

    /// `a · b + c`, however it is fastest: for sums whose rounding nobody defines.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn multiply_add(a: Floats, b: Floats, c: Floats) -> Floats;

    /// `out[i] = table[x[i]]`, for as many as there are of both.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    #[inline(always)]
    unsafe fn lookup(table: &[u8; 256], x: &[u8], out: &mut [u8]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = table[usize::from(x)];
        }
    }

    /// Writes the numbers of the groups of four bytes that are not all 0 to `found`, in order, and returns how many.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    #[inline(always)]
    unsafe fn nonzero_groups(x: &[[u8; 4]], found: &mut [u16; MAX_GROUPS]) -> usize {
        let mut count = 0;
        for (number, group) in x.iter().take(MAX_GROUPS).enumerate() {
            // Written always and counted if it counts: no branch to mispredict.
            found[count] = number as u16;
            count += usize::from(u32::from_ne_bytes(*group) != 0);
        }
        count
    }
}

/// The greatest number of groups that [`Simd::nonzero_groups`] looks at in one call.
pub(crate) const MAX_GROUPS: usize = 256;

/// Calls `$function::<S>(arguments)` compiled for the instruction set of `$kernel`, with `S` its [`Simd`] type.
macro_rules! dispatch {
    ($kernel:expr, $function:ident $(<$generic:ident: $bound:path>)? ($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        fn avx2$(<$generic: $bound>)?($($argument: $type),*) $(-> $result)? {
            // SAFETY: this function's own target features are the instruction set.
            unsafe { $function::<$crate::simd::avx2::Avx2 $(, $generic)?>($($argument),*) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,avxvnni")]
        fn avxvnni$(<$generic: $bound>)?($($argument: $type),*) $(-> $result)? {
            // SAFETY: this function's own target features are the instruction set.
            unsafe { $function::<$crate::simd::avx2::AvxVnni $(, $generic)?>($($argument),*) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vnni")]
        fn avx512$(<$generic: $bound>)?($($argument: $type),*) $(-> $result)? {
            // SAFETY: this function's own target features are the instruction set.
            unsafe { $function::<$crate::simd::avx512::Avx512 $(, $generic)?>($($argument),*) }
        }
        match $kernel {
            // SAFETY: the portable type needs no instruction set.
            $crate::Kernel::Scalar => unsafe { $function::<$crate::simd::portable::Portable $(, $generic)?>($($argument),*) },
            // SAFETY: the token proves that the CPU has the instruction set.
            #[cfg(target_arch = "x86_64")]
            $crate::Kernel::Avx2(_) => unsafe { avx2$(::<$generic>)?($($argument),*) },
            // SAFETY: the token proves that the CPU has the instruction set.
            #[cfg(target_arch = "x86_64")]
            $crate::Kernel::AvxVnni(_) => unsafe { avxvnni$(::<$generic>)?($($argument),*) },
            // SAFETY: the token proves that the CPU has the instruction set.
            #[cfg(target_arch = "x86_64")]
            $crate::Kernel::Avx512(_) => unsafe { avx512$(::<$generic>)?($($argument),*) },
        }
    }};
}
pub(crate) use dispatch;
