//! `cargo xtask …`: everything digit8 does natively, one file per command.

mod bench;
mod chart;
mod data;
mod dump;
mod eval;
mod files;
mod machine;
mod notebook;
mod onnx;
mod process;
mod quantize;
mod samples;
mod serve;
mod setup;
mod terminal;
mod test;
mod train;
mod web;

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Parser, Subcommand};
use digit8_kernels::{KERNEL_VARIABLE, Kernel};

/// Train, quantize, measure and serve digit8.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, about, long_about = None, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Setup(setup::Args),
    Data(data::Args),
    Train(train::Args),
    Quantize(quantize::Args),
    Eval(eval::Args),
    Samples(samples::Args),
    Dump(dump::Args),
    Notebook(notebook::Args),
    Bench(bench::Args),
    Web(web::Args),
    Serve(serve::Args),
    Test(test::Args),
}

fn main() -> ExitCode {
    // Into `head` and the like: ends quietly when nobody reads on.
    sigpipe::reset();
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    // The library passes over a kernel that this CPU cannot run; who names one here wants to know.
    if let Some(name) = std::env::var_os(KERNEL_VARIABLE).filter(|name| !name.is_empty()) {
        let names: Vec<_> = Kernel::available().iter().map(|kernel| kernel.name()).collect();
        let known = names.iter().any(|known| **known == *name);
        ensure!(known, "{KERNEL_VARIABLE} is {name:?}: this CPU runs {}", names.join(", "));
    }
    match command {
        Command::Setup(args) => setup::run(args),
        Command::Data(args) => data::run(args),
        Command::Train(args) => train::run(args),
        Command::Quantize(args) => quantize::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Samples(args) => samples::run(args),
        Command::Dump(args) => dump::run(args),
        Command::Notebook(args) => notebook::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Web(args) => web::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Test(args) => test::run(args),
    }
}
