//! Serves the page to this machine's browsers, as a good static host would.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
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
    let listener = listen(args.port)?;
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
    let address = address(&listener)?;
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
    serve(listener, app)
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
fn serve(listener: TcpListener, app: Router) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(axum::serve(listener, app).await?)
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
