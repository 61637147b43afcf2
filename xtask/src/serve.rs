//! Serves the page to this machine's browsers, as a good static host would.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::post;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::web;

/// Build the page and serve it
///
/// Builds dist/ as `cargo xtask web` does, serves it to this machine alone, and prints its address. Files go out in their
/// Brotli or gzip form to browsers that take it. Ctrl-C ends it.
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
    let folder = match args.folder {
        Some(folder) => {
            ensure!(folder.is_dir(), "{} is no folder", folder.display());
            folder
        }
        None => {
            web::build(&web::default_folder())?;
            web::default_folder()
        }
    };
    let address = address(&listeners)?;
    println!("serving {} at {address} (Ctrl-C ends it)", folder.display());
    if args.open {
        opener::open_browser(&address).with_context(|| format!("cannot open a browser; visit {address}"))?;
    }
    let mut app = app(&folder, args.cross_origin_isolated);
    if args.print_messages {
        // A message is JSON in one line.
        app = app
            .merge(Router::new().route("/message", post(|body: String| async move { println!("{body}") })));
    }
    serve(listeners, app)
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

/// What answers for a folder's files.
fn app(folder: &Path, isolated: bool) -> Router {
    let files = ServeDir::new(folder).precompressed_br().precompressed_gzip();
    let mut app = Router::new().fallback_service(files).layer(middleware::from_fn(cache_control));
    if isolated {
        for (name, value) in
            [("cross-origin-opener-policy", "same-origin"), ("cross-origin-embedder-policy", "require-corp")]
        {
            app = app.layer(SetResponseHeaderLayer::overriding(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            ));
        }
    }
    app
}

/// Serves for as long as the process lives.
fn serve(listeners: Listeners, app: Router) -> anyhow::Result<()> {
    let ready = |listener: TcpListener| {
        listener.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(listener)
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        if let Some(v6) = listeners.v6 {
            tokio::spawn(axum::serve(ready(v6)?, app.clone()).into_future());
        }
        Ok(axum::serve(ready(listeners.v4)?, app).await?)
    })
}

/// A file that is named after its content never changes; any other is asked for again, and answered 304 if unchanged.
async fn cache_control(request: Request, next: Next) -> Response {
    let hashed = web::is_hashed_name(request.uri().path());
    let mut response = next.run(request).await;
    let value = match hashed && !response.status().is_client_error() {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_another_program_has_at_either_address_is_in_use() {
        let mut others = vec![TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()];
        // A machine without IPv6 has nothing to mistake.
        others.extend(TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).ok());
        for other in &others {
            let port = other.local_addr().unwrap().port();
            let said = listen(port).err().unwrap().to_string();
            assert!(said.contains(&format!("port {port} is in use by another program")), "{said}");
        }
    }

    #[test]
    fn any_free_port_is_free_at_both_addresses() {
        let Listeners { v4, v6 } = listen(0).unwrap();
        if let Some(v6) = v6 {
            assert_eq!(v4.local_addr().unwrap().port(), v6.local_addr().unwrap().port());
        }
    }
}
