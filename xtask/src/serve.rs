//! Serves the page to this machine's browsers, as a good static host would.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
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
    let listeners = listen(args.port)?;
    let is_built = args.folder.is_none();
    let folder = match args.folder {
        Some(folder) => {
            ensure!(folder.is_dir(), "{} is no folder", folder.display());
            folder
        }
        None => {
            let folder = root().join("target/web/page");
            web::build(&folder, Purpose::FirstLook)?;
            folder
        }
    };
    let address = address(&listeners)?;
    println!("serving {} at {address} (Ctrl-C ends it)", folder.display());
    if args.open {
        open::that(&address).with_context(|| format!("cannot open a browser; visit {address}"))?;
    }
    if is_built {
        let folder = folder.clone();
        // Nobody waits for the rest of a page that is built for the first time.
        std::thread::spawn(move || match web::complete(&folder) {
            Ok(true) => println!("the rest of the page is there: reload it"),
            Ok(false) => {}
            Err(error) => println!("the page stays as it is: {error:#}"),
        });
    }
    let Args { cross_origin_isolated: isolated, print_messages, .. } = args;
    let Listeners { v4, v6 } = listeners;
    FolderServer { folder, isolated, print_messages }.serve(std::iter::once(v4).chain(v6))
}

/// A port of this machine, at 127.0.0.1 and at ::1: a browser that is sent to `localhost` may go to either, and another
/// program could answer there.
struct Listeners {
    v4: TcpListener,
    /// None on a machine without IPv6.
    v6: Option<TcpListener>,
}

/// Takes a port of this machine.
fn listen(port: u16) -> anyhow::Result<Listeners> {
    /// How many free ports are tried, where any will do, until one is free at both addresses.
    const TRIES: usize = 20;
    let tries = if port == 0 { TRIES } else { 1 };
    let mut result = Err(ErrorKind::AddrInUse.into());
    for _ in 0..tries {
        result = listen_once(port);
        if !matches!(&result, Err(error) if error.kind() == ErrorKind::AddrInUse) {
            break;
        }
    }
    result.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            anyhow!("port {port} is in use by another program: choose one with --port, or --port 0 for any")
        }
        _ => anyhow!("cannot listen on port {port}: {error}"),
    })
}

fn listen_once(port: u16) -> io::Result<Listeners> {
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let v6 = match TcpListener::bind((Ipv6Addr::LOCALHOST, v4.local_addr()?.port())) {
        Ok(v6) => Some(v6),
        Err(error) if error.kind() == ErrorKind::AddrInUse => return Err(error),
        Err(_) => None,
    };
    Ok(Listeners { v4, v6 })
}

/// Where the page is.
fn address(listeners: &Listeners) -> anyhow::Result<String> {
    Ok(format!("http://localhost:{}/", listeners.v4.local_addr()?.port()))
}
