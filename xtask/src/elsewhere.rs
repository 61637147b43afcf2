//! The kernels' tests on instruction sets that this machine does not have: ARM's in qemu, WebAssembly's in Node.js.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::apt::apt_install;
use crate::root;
use crate::test::{Count, counted};
use digit8_host::process::{cargo, find, output, run};

/// Emulated and in a debug build, random cases take long; these are some of those that the native tests run.
const CASES: &str = "20";

/// NEON, with and without products of bytes.
pub fn arm() -> anyhow::Result<Count> {
    const TARGET: &str = "aarch64-unknown-linux-gnu";
    if cfg!(target_arch = "aarch64") {
        return Ok(skipped("this CPU is ARM's: cargo test has run its kernels"));
    }
    if let Err(error) = has_target(TARGET).and_then(|()| arm_programs()) {
        return Ok(skipped(&format!("the kernels for ARM: {error:#}")));
    }
    let mut total = Count::default();
    // A Raspberry Pi 4's, which has no products of bytes, and one that has everything.
    for (cpu, kernels) in [("cortex-a72", "neon"), ("max", "neon,dotprod")] {
        let qemu = format!("qemu-aarch64-static -cpu {cpu} -L /usr/aarch64-linux-gnu");
        let mut tests = cargo();
        tests.args(["test", "--package=digit8-kernels", "--target", TARGET, "--"]);
        // These two start themselves again, which needs the system to know ARM's programs.
        tests.args(["--skip=the_variable_forces_a_kernel", "--skip=an_expected_kernel_that_is_not_there"]);
        tests.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc");
        tests.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", qemu);
        tests.env("DIGIT8_EXPECT_KERNELS", kernels).env("DIGIT8_CASES", CASES);
        total.add(counted(&mut tests)?);
    }
    Ok(total)
}

fn arm_programs() -> anyhow::Result<()> {
    let there = || find("qemu-aarch64-static").is_some() && find("aarch64-linux-gnu-gcc").is_some();
    if !there() {
        apt_install(&["qemu-user-static", "gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"])?;
    }
    ensure!(there(), "qemu-aarch64-static and aarch64-linux-gnu-gcc are not on the PATH");
    Ok(())
}

/// `simd128` and the scalar kernel. (Relaxed SIMD is tested in Chromium: Node.js 20 has it as an experiment that computes
/// wrongly.)
pub fn wasm() -> anyhow::Result<Count> {
    const TARGET: &str = "wasm32-wasip1";
    if let Err(error) = has_target(TARGET) {
        return Ok(skipped(&format!("the kernels for WebAssembly: {error:#}")));
    }
    let runner = root().join("crates/kernels/tests/wasi.mjs");
    let mut tests = cargo();
    tests.args(["test", "--package=digit8-kernels", "--features=scalar,simd128", "--target", TARGET]);
    tests.env("CARGO_TARGET_WASM32_WASIP1_RUNNER", format!("node --no-warnings {}", runner.display()));
    tests.env("CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS", "-Ctarget-feature=+simd128");
    tests.env("DIGIT8_EXPECT_KERNELS", "scalar,simd128").env("DIGIT8_CASES", CASES);
    counted(&mut tests)
}

/// Sees to it that the compiler has the standard library for a target.
fn has_target(target: &str) -> anyhow::Result<()> {
    let there = || {
        let folder = output(Command::new("rustc").args(["--print=target-libdir", "--target", target]));
        folder.is_ok_and(|folder| Path::new(folder.trim()).exists())
    };
    if !there() {
        run(Command::new("rustup").args(["target", "add", target]))
            .with_context(|| format!("`rustup target add {target}` would install what they need"))?;
    }
    ensure!(there(), "the compiler has no standard library for {target}");
    Ok(())
}

fn skipped(why: &str) -> Count {
    println!("skipped: {why}");
    Count { skipped: 1, ..Count::default() }
}
