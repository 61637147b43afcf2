//! A small server of static files, which answers as a good host does: types, compressed forms, caching.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::anyhow;
use tiny_http::{Header, Method, Request, Response, Server};

use crate::bundle::is_hashed_name;

/// A browser asks for so many files at once.
const THREADS: usize = 6;

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
    /// Serves for as long as the process lives.
    pub fn serve(&self, listener: TcpListener) -> anyhow::Result<()> {
        let server = Server::from_listener(listener, None).map_err(|error| anyhow!("{error}"))?;
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for request in server.incoming_requests() {
                        // A browser that went away wants no answer.
                        let _ = self.answer(request);
                    }
                });
            }
        });
        Ok(())
    }

    fn answer(&self, mut request: Request) -> io::Result<()> {
        if self.print_messages && *request.method() == Method::Post && request.url() == "/message" {
            println!("{}", io::read_to_string(request.as_reader())?);
            return request.respond(Response::empty(204));
        }
        if !matches!(request.method(), Method::Get | Method::Head) {
            return request.respond(Response::empty(405));
        }
        let accepted = value(&request, "Accept-Encoding").to_owned();
        let found = self.file(request.url()).and_then(|path| {
            let (compressed, encoding) = compressed(&path, &accepted);
            Some((path, encoding, File::open(compressed).ok()?))
        });
        let Some((path, encoding, file)) = found else {
            let headers = [header("Cache-Control", "no-cache")];
            let mut response = Response::from_string("not found").with_status_code(404);
            headers.into_iter().flatten().for_each(|header| response.add_header(header));
            return request.respond(response);
        };
        let tag = tag(&file)?;
        let mut headers = vec![
            ("Content-Type", content_type(&path)),
            ("Cache-Control", cache_control(&path)),
            ("Vary", "Accept-Encoding"),
            ("ETag", &tag),
        ];
        headers.extend(encoding.map(|encoding| ("Content-Encoding", encoding)));
        if self.isolated {
            headers.push(("Cross-Origin-Opener-Policy", "same-origin"));
            headers.push(("Cross-Origin-Embedder-Policy", "require-corp"));
        }
        let headers = headers.into_iter().filter_map(|(name, value)| header(name, value));
        if value(&request, "If-None-Match") == tag {
            let mut response = Response::empty(304);
            headers.for_each(|header| response.add_header(header));
            return request.respond(response);
        }
        let mut response = Response::from_file(file);
        headers.for_each(|header| response.add_header(header));
        request.respond(response)
    }

    /// The file that an address means, if the folder has it. Names of the page need no escapes.
    fn file(&self, url: &str) -> Option<PathBuf> {
        let path = url.split(['?', '#']).next()?.strip_prefix('/')?;
        let (folders, name) =
            path.rsplit_once('/').map_or((None, path), |(folders, name)| (Some(folders), name));
        let name = if name.is_empty() { "index.html" } else { name };
        let parts = folders.into_iter().flat_map(|folders| folders.split('/')).chain([name]);
        let mut file = self.folder.clone();
        for part in parts {
            if part.is_empty() || part.starts_with('.') || part.contains(['\\', ':']) {
                return None;
            }
            file.push(part);
        }
        file.is_file().then_some(file)
    }
}

/// The best form of a file that the browser takes, and its name.
fn compressed(path: &Path, accepted: &str) -> (PathBuf, Option<&'static str>) {
    let accepts = |name: &str| {
        accepted.split(',').any(|form| form.split(';').next().is_some_and(|form| form.trim() == name))
    };
    let forms = [("br", "br"), ("gzip", "gz")];
    let found = forms.into_iter().filter(|(name, _)| accepts(name)).find_map(|(name, extension)| {
        let form = path.with_added_extension(extension);
        form.is_file().then_some((form, Some(name)))
    });
    found.unwrap_or_else(|| (path.to_path_buf(), None))
}

/// A name for the content of an open file: its time and its size.
fn tag(file: &File) -> io::Result<String> {
    let metadata: fs::Metadata = file.metadata()?;
    let time = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("\"{:x}-{:x}\"", time.as_nanos(), metadata.len()))
}

/// A file that is named after its content never changes; any other is asked for again.
fn cache_control(path: &Path) -> &'static str {
    if is_hashed_name(&path.to_string_lossy()) { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn header(name: &str, value: &str) -> Option<Header> {
    Header::from_bytes(name, value).ok()
}

/// A header of a request; empty if it has none of that name.
fn value<'a>(request: &'a Request, name: &'static str) -> &'a str {
    let found = request.headers().iter().find(|header| header.field.equiv(name));
    found.map_or("", |header| header.value.as_str())
}

#[cfg(test)]
mod tests {
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
        std::thread::spawn(move || FolderServer { folder, isolated, print_messages: true }.serve(listener));
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
        for path in ["/none.js", "/../Cargo.toml", "/.secret", "//etc/passwd", "/%2e%2e/x", "/index.html/"] {
            check(&ask(address, &format!("GET {path}"), ""), "404", &["not found"]);
        }
        check(&ask(address, "DELETE /", ""), "405", &[]);
        check(&ask(address, "POST /message", "Content-Length: 0\r\n"), "204", &[]);
    }
}
