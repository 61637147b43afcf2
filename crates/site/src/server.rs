//! A small server of static files, which answers as a good host does: types, compressed forms, caching.

use std::net::TcpListener;
use std::path::PathBuf;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::task::JoinSet;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::bundle::is_hashed_name;

/// What is served, and how.
pub struct FolderServer {
    /// The folder with the files.
    pub folder: PathBuf,
    /// Isolated from other origins, which gives a page a finer timer.
    pub isolated: bool,
    /// What pages post to `/message` is printed, a line each.
    pub print_messages: bool,
}

impl FolderServer {
    /// Serves for as long as the process lives, on every one of the listeners.
    pub fn serve(&self, listeners: impl IntoIterator<Item = TcpListener>) -> anyhow::Result<()> {
        let app = self.app();
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            let mut servers = JoinSet::new();
            for listener in listeners {
                listener.set_nonblocking(true)?;
                let listener = tokio::net::TcpListener::from_std(listener)?;
                servers.spawn(axum::serve(listener, app.clone()).into_future());
            }
            while let Some(ended) = servers.join_next().await {
                ended??;
            }
            Ok(())
        })
    }

    /// What answers to each address.
    fn app(&self) -> Router {
        let files = ServeDir::new(&self.folder).precompressed_br().precompressed_gzip();
        let mut app = Router::new()
            .fallback_service(files)
            .layer(middleware::from_fn(no_hidden_files))
            .layer(middleware::from_fn(cache_control));
        if self.print_messages {
            app = app.route("/message", post(print_message));
        }
        if self.isolated {
            app = app
                .layer(always("cross-origin-opener-policy", "same-origin"))
                .layer(always("cross-origin-embedder-policy", "require-corp"));
        }
        app
    }
}

/// Says what a page has to say.
async fn print_message(text: String) -> StatusCode {
    println!("{text}");
    StatusCode::NO_CONTENT
}

/// A file or folder whose name begins with a dot is nobody else's business.
async fn no_hidden_files(request: Request, next: Next) -> Response {
    match request.uri().path().contains("/.") || request.uri().path().to_lowercase().contains("/%2e") {
        true => (StatusCode::NOT_FOUND, "not found").into_response(),
        false => next.run(request).await,
    }
}

/// A header of every answer.
fn always(name: &'static str, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(HeaderName::from_static(name), HeaderValue::from_static(value))
}

/// A file that is named after its content never changes; any other is asked for again, and answered 304 if unchanged.
async fn cache_control(request: Request, next: Next) -> Response {
    let hashed = is_hashed_name(request.uri().path());
    let mut response = next.run(request).await;
    let keeps = hashed && !response.status().is_client_error();
    let value = if keeps { "public, max-age=31536000, immutable" } else { "no-cache" };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    response
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, SocketAddr, TcpStream};

    use super::*;

    /// Serves a small page for as long as the tests run.
    fn site(isolated: bool) -> SocketAddr {
        let folder = tempfile::tempdir().unwrap().keep();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write("index.html", "the page");
        write("index.html.br", "the page, smaller");
        write("main-0123456789.js", "a script");
        write(".secret", "not for others");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || FolderServer { folder, isolated, print_messages: true }.serve([listener]));
        address
    }

    /// The whole answer to a request, its headers' names in small letters.
    fn ask(address: SocketAddr, start: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{start} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        format!("{}\n{body}", head.to_lowercase())
    }

    #[track_caller]
    fn check(answer: &str, status: &str, has: &[&str]) {
        assert!(answer.starts_with(&format!("http/1.1 {status}")), "{answer}");
        for text in has {
            assert!(answer.contains(text), "{text} in {answer}");
        }
    }

    #[test]
    fn files_come_with_their_type_and_how_long_they_keep() {
        let address = site(false);
        check(&ask(address, "GET /", ""), "200", &["text/html", "cache-control: no-cache", "\nthe page"]);
        let script = ask(address, "GET /main-0123456789.js?x", "");
        check(&script, "200", &["text/javascript", "immutable", "\na script"]);
        assert!(!script.contains("cross-origin"));
        let head = ask(address, "HEAD /index.html", "");
        check(&head, "200", &["content-length: 8"]);
        assert!(!head.contains("the page"));
    }

    #[test]
    fn a_browser_gets_the_form_it_takes() {
        let address = site(false);
        let answer = ask(address, "GET /", "Accept-Encoding: gzip, br;q=0.9\r\n");
        check(&answer, "200", &["content-encoding: br", "text/html", "the page, smaller"]);
        let answer = ask(address, "GET /", "Accept-Encoding: gzip, deflate\r\n");
        assert!(!answer.contains("content-encoding"), "{answer}");
    }

    #[test]
    fn what_a_browser_has_is_not_sent_again() {
        let address = site(true);
        let answer = ask(address, "GET /", "");
        check(&answer, "200", &["cross-origin-opener-policy: same-origin"]);
        let tag = answer.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
        check(
            &ask(address, "GET /", &format!("If-None-Match: {tag}\r\n")),
            "304",
            &["cross-origin-embedder"],
        );
        check(&ask(address, "GET /", "If-None-Match: \"another\"\r\n"), "200", &["the page"]);
    }

    #[test]
    fn nothing_else_is_served() {
        let address = site(false);
        for path in [
            "/none.js",
            "/../Cargo.toml",
            "/.secret",
            "/%2Esecret",
            "//etc/passwd",
            "/%2e%2e/x",
            "/index.html/",
        ] {
            check(&ask(address, &format!("GET {path}"), ""), "404", &["not found"]);
        }
        check(&ask(address, "DELETE /", ""), "405", &[]);
        check(&ask(address, "POST /message", "Content-Length: 0\r\n"), "204", &[]);
    }
}
