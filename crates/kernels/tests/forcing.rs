//! That a kernel can be forced: by a variable, in a process of its own each time, and by name.
#![cfg(not(any(miri, target_family = "wasm")))]

use std::process::Command;

use digit8_kernels::{KERNEL_VARIABLE, Kernel};

#[test]
#[ignore = "says which kernel is best, for the test below"]
fn best() {
    println!("best: {}.", Kernel::best().name());
    match Kernel::chosen() {
        Ok(kernel) => println!("chosen: {}.", kernel.name()),
        Err(error) => println!("refused: {error}."),
    }
}

#[test]
fn the_variable_forces_a_kernel() {
    let fastest = Kernel::available().last().map_or("", |kernel| kernel.name());
    let names = Kernel::available().into_iter().map(|kernel| (kernel.name(), kernel.name()));
    let known = Kernel::available().into_iter().map(Kernel::name).collect::<Vec<_>>().join(", ");
    let unknown =
        format!("best: {fastest}.\nrefused: {KERNEL_VARIABLE} is \"avx9\", expected one of {known}.");
    let chosen = |(name, kernel)| (name, format!("best: {kernel}.\nchosen: {kernel}."));
    for (name, expected) in names.chain([("", fastest)]).map(chosen).chain([("avx9", unknown)]) {
        let mut command = Command::new(std::env::current_exe().expect("the path of this test"));
        command.args(["--exact", "best", "--include-ignored", "--nocapture"]).env(KERNEL_VARIABLE, name);
        let output = String::from_utf8(command.output().expect("this test runs").stdout).expect("text");
        assert!(output.contains(&expected), "{KERNEL_VARIABLE}={name}: {output}");
    }
}

#[test]
fn a_name_finds_a_kernel_that_runs() {
    for kernel in Kernel::available() {
        assert_eq!(Kernel::named(kernel.name()), Some(kernel));
    }
    assert_eq!(Kernel::named("avx9"), None);
}
