//! Serves the page to this machine's browsers, as a good static host would.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use anyhow::{Context, anyhow, ensure};
use digit8_site::FolderServer;

use crate::root;
use crate::web::{self, Purpose};

/// Build the page and serve it
///
/// Builds the page as `cargo xtask web` does, but neither shrunk nor compressed, serves it to this machine alone, and prints its
/// address. Ctrl-C ends it.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask serve --open\n  cargo xtask serve --port 0   (any free port)"
)]
pub struct Args {
    /// The port; 0 takes any that is free
    #[arg(long, default_value_t = 8008, value_name = "N")]
    port: u16,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
    /// Isolate the page from other origins, which makes its timer step by 5 µs and not by 100
    #[arg(long)]
    cross_origin_isolated: bool,
    /// Print what pages post to /message, a line each
    #[arg(long, hide = true)]
    print_messages: bool,
    /// Serve this folder as it is, without building
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    // The port first: a build that ends in "port in use" is a build for nothing.
    let listener = listen(args.port)?;
    let is_built = args.folder.is_none();
    let folder = match args.folder {
        Some(folder) => {
            ensure!(folder.is_dir(), "{} is no folder", folder.display());
            folder
        }
        None => {
            let folder = root().join("target/web/page");
            web::build(&folder, Purpose::Look)?;
            folder
        }
    };
    let address = address(&listener)?;
    println!("serving {} at {address} (Ctrl-C ends it)", folder.display());
    if args.open {
        open::that(&address).with_context(|| format!("cannot open a browser; visit {address}"))?;
    }
    if is_built {
        let folder = folder.clone();
        // Nobody waits for the digits to test and to train with: the page is there before them.
        std::thread::spawn(move || match web::add_digits(&folder) {
            Ok(true) => {
                println!("the digits to test and to train with are there: reload the page to use them")
            }
            Ok(false) => {}
            Err(error) => println!("the page goes without digits to test and to train with: {error:#}"),
        });
    }
    let Args { cross_origin_isolated: isolated, print_messages, .. } = args;
    FolderServer { folder, isolated, print_messages }.serve(listener)
}

/// Takes a port of this machine.
fn listen(port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            anyhow!("port {port} is in use by another program: choose one with --port, or --port 0 for any")
        }
        _ => anyhow!("cannot listen on port {port}: {error}"),
    })
}

/// Where a listener's page is.
fn address(listener: &TcpListener) -> anyhow::Result<String> {
    Ok(format!("http://localhost:{}/", listener.local_addr()?.port()))
}
