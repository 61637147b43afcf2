//! `cargo xtask …`: everything digit8 does natively, one file per command.

mod bench;
mod chart;
mod data;
mod dump;
mod eval;
mod files;
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

use clap::{Parser, Subcommand};

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
