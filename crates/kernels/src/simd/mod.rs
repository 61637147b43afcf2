//! The few operations in which instruction sets differ; everything else is one generic algorithm.
//!
//! A [`Simd`] type works on sixteen lanes at a time: one 512-bit register, two of 256 bits, or four of 128 bits. The
//! algorithms in [`crate::int8`], [`crate::float`] and [`crate::train`] are written once over it, in functions that are
//! always inlined, and [`dispatch!`] compiles them once for each instruction set.

use std::mem::MaybeUninit;

use crate::int8::Output;

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(kernel = "scalar")]
pub(crate) mod portable;
#[cfg(any(kernel = "simd128", kernel = "relaxed"))]
pub(crate) mod simd128;

/// Lanes of every vector here.
pub(crate) const LANES: usize = 16;

/// Sixteen single-precision numbers.
pub(crate) type Floats = [f32; LANES];

/// A cache line of packed weights: four `i8` or one `f32` for each of sixteen neurons. Packed weights start at a line's
/// border, because a load that straddles two lines takes twice as long.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Line(pub [[u8; 4]; LANES]);

impl Line {
    /// The line as integers.
    #[inline(always)]
    pub fn integers(&self) -> &[i8; 4 * LANES] {
        // SAFETY: as many bytes, whose every value is an `i8`.
        unsafe { &*(&raw const *self).cast() }
    }

    /// The line as reals.
    #[inline(always)]
    pub fn reals(&self) -> &Floats {
        // SAFETY: as many bytes, aligned to 64, whose every value is an `f32`.
        unsafe { &*(&raw const *self).cast() }
    }
}

/// What an instruction set does with sixteen lanes.
///
/// # Safety
/// Every method may use the instructions of the set: call them only where the CPU has been found to have it, which is
/// what the tokens in [`crate::Kernel`] prove.
pub(crate) unsafe trait Simd {
    /// Sixteen `i32` in registers.
    type Ints: Copy;
    /// Sixteen `f32` in registers.
    type Reals: Copy;

    /// Whether there are registers for two sets of a panel's sums, so that sums need not wait for each other.
    const TWO_CHAINS: bool;
    /// Whether [`dot4`](Self::dot4) is exact only for activations up to 127.
    const SEVEN_BITS: bool = false;

    /// Puts a line of integers into the order in which [`dot4`](Self::dot4) reads them.
    fn arrange(line: Line) -> Line {
        line
    }

    /// Sixteen integers from memory.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn load_ints(values: &[i32; LANES]) -> Self::Ints;

    /// The integers as an array.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn store_ints(values: Self::Ints) -> [i32; LANES];

    /// `sums[lane] += Σ_k x[k] · w[4·lane + k]` for `k` in 0..4, of a line that was [arranged](Self::arrange): exact for
    /// every `i8`, and every `u8` that [`SEVEN_BITS`](Self::SEVEN_BITS) allows.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn dot4(sums: Self::Ints, x: [u8; 4], w: &Line) -> Self::Ints;

    /// `a + b`.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn add_ints(a: Self::Ints, b: Self::Ints) -> Self::Ints;

    /// `a - b · factor`.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn subtract_scaled(a: Self::Ints, b: Self::Ints, factor: i32) -> Self::Ints;

    /// The nearest reals.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn to_reals(values: Self::Ints) -> Self::Reals;

    /// Sixteen reals from memory.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn load(values: &Floats) -> Self::Reals;

    /// One real in every lane.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn splat(value: f32) -> Self::Reals;

    /// The reals as an array.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn store(values: Self::Reals) -> Floats;

    /// `a + b`.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn add(a: Self::Reals, b: Self::Reals) -> Self::Reals;

    /// `a · b`.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn multiply(a: Self::Reals, b: Self::Reals) -> Self::Reals;

    /// `a · b + c`, rounded once: the fused multiply-add that PyTorch's output stages are defined by.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn fma(a: Self::Reals, b: Self::Reals, c: Self::Reals) -> Self::Reals;

    /// `a · b + c`, however it is fastest: for sums whose rounding nobody defines.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    #[inline(always)]
    unsafe fn accumulate(a: Self::Reals, b: Self::Reals, c: Self::Reals) -> Self::Reals {
        // SAFETY: the caller's contract.
        unsafe { Self::fma(a, b, c) }
    }

    /// `a / b`.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn divide(a: Self::Reals, b: Self::Reals) -> Self::Reals;

    /// `√a`.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn square_root(a: Self::Reals) -> Self::Reals;

    /// The greater; `b` where one is NaN or both are 0.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn max(a: Self::Reals, b: Self::Reals) -> Self::Reals;

    /// The less; `b` where one is NaN or both are 0.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn min(a: Self::Reals, b: Self::Reals) -> Self::Reals;

    /// `clamp(rint(x) + zero_point, min, max)`, half to even. Where `rint(x)` is no `i32` it counts as the least one,
    /// as it does to x86's conversion; so does NaN.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn to_bytes(x: Self::Reals, output: Output) -> [u8; LANES];

    /// [`to_bytes`](Self::to_bytes) of `fma(addend, factor, sums) · multiplier`.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    #[inline(always)]
    unsafe fn requantize(
        [addend, factor, sums, multiplier]: [Self::Reals; 4],
        output: Output,
    ) -> [u8; LANES] {
        // SAFETY: the caller's contract.
        unsafe {
            let t = Self::fma(addend, factor, sums);
            Self::to_bytes(Self::multiply(t, multiplier), output)
        }
    }

    /// `out[i] = table[x[i]]`, for as many as there are of both.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    #[inline(always)]
    unsafe fn lookup(table: &[u8; 256], x: &[u8], out: &mut [u8]) {
        // SAFETY: the caller's contract.
        unsafe { lookup::<Self, u8>(table, x, out) }
    }

    /// Writes the numbers of the groups of four bytes that are not all 0 in all of the rows to `found`, in order, and returns
    /// how many. Looks at [`MAX_GROUPS`] groups at most, of rows that have equally many.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    #[inline(always)]
    unsafe fn nonzero_groups<const R: usize>(
        rows: [&[[u8; 4]]; R],
        found: &mut [MaybeUninit<u16>; MAX_GROUPS],
    ) -> usize {
        nonzero_groups_from(0, 0, rows, found)
    }
}

/// `out[i] = table[x[i]]`. Most of a digit is paper: everything is paper first, and then what is not 0 is looked up.
///
/// # Safety
/// The CPU has the instruction set of `S`.
#[inline(always)]
pub(crate) unsafe fn lookup<S: Simd + ?Sized, T: Copy>(table: &[T; 256], x: &[u8], out: &mut [T]) {
    out.fill(table[0]);
    let mut found = [MaybeUninit::uninit(); MAX_GROUPS];
    for (x, out) in x.chunks(4 * MAX_GROUPS).zip(out.chunks_mut(4 * MAX_GROUPS)) {
        let (groups, tail) = x.as_chunks();
        let (out, out_tail) = out.as_chunks_mut();
        // SAFETY: the caller's contract; the search has written so many.
        let found = unsafe {
            let count = S::nonzero_groups([groups], &mut found);
            found[..count].assume_init_ref()
        };
        for &number in found {
            out[usize::from(number)] = groups[usize::from(number)].map(|x| table[usize::from(x)]);
        }
        for (out, &x) in out_tail.iter_mut().zip(tail) {
            *out = table[usize::from(x)];
        }
    }
}

/// [`Simd::nonzero_groups`] from group `first` on, behind `count` numbers that are there already.
#[inline(always)]
fn nonzero_groups_from<const R: usize>(
    first: usize,
    mut count: usize,
    rows: [&[[u8; 4]]; R],
    found: &mut [MaybeUninit<u16>; MAX_GROUPS],
) -> usize {
    for number in first..rows[0].len().min(MAX_GROUPS) {
        // Written always and counted if it counts: no branch to mispredict.
        found[count].write(number as u16);
        count += usize::from(rows.iter().any(|row| u32::from_ne_bytes(row[number]) != 0));
    }
    count
}

/// The greatest number of groups that [`Simd::nonzero_groups`] looks at in one call.
pub(crate) const MAX_GROUPS: usize = 1024;

/// Calls `$function::<S>(arguments)` compiled for the instruction set of `$kernel`, with `S` its [`Simd`] type.
macro_rules! dispatch {
    ($kernel:expr, $function:ident $(<$generic:ident: $bound:path>)? ($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,bmi2,popcnt")]
        fn avx2$(<$generic: $bound>)?($($argument: $type),*) $(-> $result)? {
            // SAFETY: this function's own target features are the instruction set.
            unsafe { $function::<$crate::simd::avx2::Avx2 $(, $generic)?>($($argument),*) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,bmi2,popcnt,avxvnni")]
        fn avxvnni$(<$generic: $bound>)?($($argument: $type),*) $(-> $result)? {
            // SAFETY: this function's own target features are the instruction set.
            unsafe { $function::<$crate::simd::avx2::AvxVnni $(, $generic)?>($($argument),*) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,bmi2,popcnt,avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
        fn avx512$(<$generic: $bound>)?($($argument: $type),*) $(-> $result)? {
            // SAFETY: this function's own target features are the instruction set.
            unsafe { $function::<$crate::simd::avx512::Avx512 $(, $generic)?>($($argument),*) }
        }
        #[cfg(kernel = "relaxed")]
        #[target_feature(enable = "relaxed-simd")]
        fn relaxed$(<$generic: $bound>)?($($argument: $type),*) $(-> $result)? {
            // SAFETY: this function's own target features are the instruction set.
            unsafe { $function::<$crate::simd::simd128::Relaxed $(, $generic)?>($($argument),*) }
        }
        match $kernel {
            // SAFETY: the portable type needs no instruction set.
            #[cfg(kernel = "scalar")]
            $crate::Kernel::Scalar => unsafe { $function::<$crate::simd::portable::Portable $(, $generic)?>($($argument),*) },
            // SAFETY: the module as a whole needs the instruction set.
            #[cfg(kernel = "simd128")]
            $crate::Kernel::Simd128 => unsafe { $function::<$crate::simd::simd128::Simd128 $(, $generic)?>($($argument),*) },
            // No SAFETY reason is needed: wasm checks instructions when a module is loaded.
            #[cfg(kernel = "relaxed")]
            $crate::Kernel::Relaxed => relaxed$(::<$generic>)?($($argument),*),
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
