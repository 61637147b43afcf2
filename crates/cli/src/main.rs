//! `digit8 …`: trains, quantizes, measures and explains a small digit classifier. A file for each command.
//!
//! Imports everything that is native; nothing imports this.

#![forbid(unsafe_code)]

mod ablations;
mod bench;
mod compare;
mod data;
mod dump;
mod eval;
mod export;
mod import;
mod models;
mod notebook;
mod pack;
mod quantize;
mod samples;
mod sweep;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use digit8_core::Kernel;

/// Train, quantize, measure and explain a digit classifier.
#[derive(Parser)]
#[command(name = "digit8", version, about, long_about = None, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Data(data::Args),
    Train(train::Args),
    Quantize(quantize::Args),
    Eval(eval::Args),
    Models(models::Args),
    Ablations(ablations::Args),
    Dump(dump::Args),
    Samples(samples::Args),
    Sweep(sweep::Args),
    Notebook(notebook::Args),
    Pack(pack::Args),
    Bench(bench::Args),
    Export(export::Args),
    Import(import::Args),
    Compare(compare::Args),
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
    // Who names a kernel that this CPU cannot run wants to know.
    Kernel::chosen()?;
    match command {
        Command::Data(args) => data::run(args),
        Command::Train(args) => train::run(args),
        Command::Quantize(args) => quantize::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Models(args) => models::run(args),
        Command::Ablations(args) => ablations::run(args),
        Command::Dump(args) => dump::run(args),
        Command::Samples(args) => samples::run(args),
        Command::Sweep(args) => sweep::run(args),
        Command::Notebook(args) => notebook::run(args),
        Command::Pack(args) => pack::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Export(args) => export::run(args),
        Command::Import(args) => import::run(args),
        Command::Compare(args) => compare::run(args),
    }
}
