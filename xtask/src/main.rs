//! `cargo xtask …`: what this repository needs done: building, serving and testing. Every other word goes to the program
//! `digit8`, built for release.
//!
//! Imports `host` and `site`, and no crate that knows of networks.

#![forbid(unsafe_code)]

mod apt;
mod digit8;
mod fuzz;
mod runtimes;
mod serve;
mod setup;
mod test;
mod tools;
mod web;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, serve and test digit8, and run its program
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, about, long_about = None, max_term_width = 100)]
#[command(after_help = digit8::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Setup(setup::Args),
    Web(web::Args),
    Serve(serve::Args),
    Test(test::Args),
    Fuzz(fuzz::Args),
    #[command(external_subcommand)]
    Digit8(Vec<OsString>),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Setup(args) => setup::run(args),
        Command::Web(args) => web::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Test(args) => test::run(args),
        Command::Fuzz(args) => fuzz::run(args),
        Command::Digit8(words) => digit8::run(words),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The top folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}
