//! Downloads from a server on this machine that misbehaves as told.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use super::*;

/// What the server does with one request.
pub(crate) enum Answer {
    /// The file, or the part of it that was asked for.
    Serve(Vec<u8>),
    /// The whole file, whatever part was asked for.
    Whole(Vec<u8>),
    /// The head and so many bytes; then the connection breaks.
    Break(Vec<u8>, usize),
    /// No such file.
    Missing,
}

/// A server on this machine that gives these answers, one a request. Also gives the ranges it was asked for.
pub(crate) fn server(answers: Vec<Answer>) -> (String, Receiver<Option<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (asked, ranges) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let head: Vec<String> = BufReader::new(&stream)
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .map(|line| line.to_lowercase())
                .collect();
            let range = head.iter().find_map(|line| line.strip_prefix("range: bytes=")).map(str::to_owned);
            let start = range.as_ref().map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
            asked.send(range).unwrap();
            let (status, body, sent) = match &answer {
                Answer::Serve(file) if start >= file.len() && start > 0 => ("416 Too Far".into(), &[][..], 0),
                Answer::Serve(file) if start > 0 => {
                    let (last, size) = (file.len() - 1, file.len());
                    let head = format!("206 Partial\r\nContent-Range: bytes {start}-{last}/{size}");
                    (head, &file[start..], size - start)
                }
                Answer::Serve(file) | Answer::Whole(file) => ("200 OK".into(), &file[..], file.len()),
                Answer::Break(file, sent) => ("200 OK".into(), &file[..], *sent),
                Answer::Missing => ("404 Not Found".into(), &[][..], 0),
            };
            let length = body.len();
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
                .unwrap();
            stream.write_all(&body[..sent]).unwrap();
        }
    });
    (address, ranges)
}

const CONTENT: &[u8] = b"the content of a file";

fn compressed() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(CONTENT).unwrap();
    encoder.finish().unwrap()
}

/// Fetches from servers that answer so, one list of answers each. Gives the outcome, the file if it is there, and the
/// ranges that the servers were asked for.
fn attempt(
    servers: Vec<Vec<Answer>>,
    partial: Option<&[u8]>,
) -> (anyhow::Result<()>, Option<Vec<u8>>, Vec<Option<String>>) {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("file.gz");
    if let Some(bytes) = partial {
        fs::write(folder.path().join("file.gz.part"), bytes).unwrap();
    }
    let (addresses, ranges): (Vec<_>, Vec<_>) = servers.into_iter().map(server).unzip();
    let mirrors: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let result =
        fetch_from_any(&agent(), &mirrors, "file.gz", &to, &|bytes| has_checksum(bytes, &checksum(CONTENT)));
    (result, fs::read(&to).ok(), ranges.iter().flat_map(|ranges| ranges.try_iter()).collect())
}

#[test]
fn takes_up_a_broken_download_where_it_broke() {
    let file = compressed();
    let (result, found, ranges) =
        attempt(vec![vec![Answer::Break(file.clone(), 10), Answer::Serve(file.clone())]], None);
    result.unwrap();
    assert_eq!(found, Some(file));
    assert_eq!(ranges, [None, Some("10-".into())]);
}

#[test]
fn takes_up_an_earlier_download() {
    let file = compressed();
    let (result, found, ranges) = attempt(vec![vec![Answer::Serve(file.clone())]], Some(&file[..7]));
    result.unwrap();
    assert_eq!(found, Some(file.clone()));
    assert_eq!(ranges, [Some("7-".into())]);
    // All of it is there, and only the name was missing: the server has no more.
    let (result, found, _) = attempt(vec![vec![Answer::Serve(file.clone())]], Some(&file));
    result.unwrap();
    assert_eq!(found, Some(file.clone()));
    // A server that knows no ranges sends everything.
    let (result, found, _) = attempt(vec![vec![Answer::Whole(file.clone())]], Some(&file[..7]));
    result.unwrap();
    assert_eq!(found, Some(file));
}

#[test]
fn starts_again_behind_the_beginning_of_another_file() {
    let file = compressed();
    let answers = vec![Answer::Serve(file.clone()), Answer::Serve(file.clone())];
    let (result, found, ranges) = attempt(vec![answers], Some(b"another"));
    result.unwrap();
    assert_eq!(found, Some(file));
    assert_eq!(ranges, [Some("7-".into()), None]);
}

#[test]
fn a_wrong_file_never_gets_the_name() {
    let mut wrong = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    wrong.write_all(b"something else").unwrap();
    let (result, found, _) = attempt(vec![vec![Answer::Serve(wrong.finish().unwrap())]], None);
    assert!(format!("{:#}", result.unwrap_err()).contains("expected"));
    assert_eq!(found, None);
    let (result, found, _) = attempt(vec![vec![Answer::Serve(compressed()[..20].to_vec())]], None);
    assert!(format!("{:#}", result.unwrap_err()).contains("cut off"));
    assert_eq!(found, None);
    let (result, found, _) = attempt(vec![vec![Answer::Serve(b"<html>Please log in</html>".into())]], None);
    assert!(format!("{:#}", result.unwrap_err()).contains("SHA-256"));
    assert_eq!(found, None);
}

#[test]
fn asks_the_next_mirror() {
    let file = compressed();
    let (result, found, _) = attempt(vec![vec![Answer::Missing], vec![Answer::Serve(file.clone())]], None);
    result.unwrap();
    assert_eq!(found, Some(file));
    let (result, found, _) = attempt(vec![vec![Answer::Missing], vec![Answer::Missing]], None);
    assert_eq!(result.unwrap_err().to_string().matches("404").count(), 2);
    assert_eq!(found, None);
}
