//! Hashed names: every file is named after its content, and every reference to it follows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use anyhow::{Context, bail};
use base64::Engine;
use sha2::{Digest, Sha256};

use super::comments::without_comments;
use super::references::{Reference, references};
use digit8_host::files;

/// The page, ready to publish.
pub struct Site {
    /// Every file's bytes by its path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What a browser fetches before the first answer: index.html, and all that it loads or preloads.
    pub first: BTreeSet<String>,
}

/// The service worker, which lists all other files and therefore comes last.
const SERVICE_WORKER: &str = "sw.js";

/// The script that says why the others do not run: it is to be there also where a newer version has taken the place of them.
const BOOT: &str = "boot.js";

/// Files that others find by a fixed name.
fn keeps_its_name(path: &str) -> bool {
    path == SERVICE_WORKER
        || path == BOOT
        || path == "robots.txt"
        || path.ends_with(".html")
        || path.ends_with(".webmanifest")
}

/// All files under a folder, by their path in it, without hidden ones and what is written for developers (.md).
pub fn read_folder(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            let inner = read_folder(&entry.path())?;
            found.extend(inner.into_iter().map(|(path, bytes)| (format!("{name}/{path}"), bytes)));
        } else if !name.starts_with('.') && !name.ends_with(".md") {
            found.insert(name, files::read(&entry.path())?);
        }
    }
    Ok(found)
}

/// What makes a file of a path smaller.
pub type Minify<'a> = &'a dyn Fn(&str, Vec<u8>) -> anyhow::Result<Vec<u8>>;

/// Leaves comments out, rewrites the references, minifies, gives files their hashed names, preloads what index.html imports,
/// fills in the service worker.
pub fn bundle(files: BTreeMap<String, Vec<u8>>, minify: Minify) -> anyhow::Result<Site> {
    let sources = files.into_iter().map(|(path, bytes)| {
        let bytes = without_comments(&path, bytes);
        (path, bytes)
    });
    let mut bundler = Bundler { sources: sources.collect(), minify, done: BTreeMap::new(), open: Vec::new() };
    let paths: Vec<String> = bundler.sources.keys().cloned().collect();
    for path in &paths {
        if path != SERVICE_WORKER {
            bundler.add(path)?;
        }
    }
    let mut files: BTreeMap<_, _> = bundler.done.values().cloned().collect();
    if let Some(template) = bundler.sources.get(SERVICE_WORKER) {
        files.insert(SERVICE_WORKER.to_owned(), service_worker(template, &files)?);
    }
    let first = match files.get("index.html") {
        Some(page) => loaded(page).chain(["index.html".to_owned()]).collect(),
        None => BTreeSet::new(),
    };
    Ok(Site { files, first })
}

struct Bundler<'a> {
    sources: BTreeMap<String, Vec<u8>>,
    minify: Minify<'a>,
    /// Source path → published path and bytes.
    done: BTreeMap<String, (String, Vec<u8>)>,
    /// The files being worked on, each referred to by the one before.
    open: Vec<String>,
}

impl Bundler<'_> {
    /// Publishes a file, after those that it refers to: its own hash depends on their names.
    fn add(&mut self, path: &str) -> anyhow::Result<()> {
        if self.done.contains_key(path) {
            return Ok(());
        }
        if self.open.iter().any(|open| open == path) {
            bail!(
                "{} refer to each other in a circle, so none can be named after its content",
                self.open.join(", ")
            );
        }
        let bytes = self.sources[path].clone();
        self.open.push(path.to_owned());
        let references = references(path, &bytes);
        for reference in references.iter().filter(|reference| !keeps_its_name(&reference.target)) {
            if self.sources.contains_key(&reference.target) {
                self.add(&reference.target)?;
            } else if reference.certain {
                bail!("www/{path} refers to {}, which does not exist", reference.target);
            }
        }
        self.open.pop();
        let mut bytes = (self.minify)(path, self.rewritten(path, bytes, &references))?;
        if path.ends_with(".html") {
            bytes = self.with_preloads(bytes, &references);
        }
        let name = if keeps_its_name(path) { path.to_owned() } else { hashed_name(path, &bytes) };
        self.done.insert(path.to_owned(), (name, bytes));
        Ok(())
    }

    fn rewritten(&self, path: &str, mut bytes: Vec<u8>, references: &[Reference]) -> Vec<u8> {
        for reference in references.iter().rev() {
            if let Some((name, _)) = self.done.get(&reference.target) {
                bytes.splice(reference.range.clone(), relative(path, name).into_bytes());
            }
        }
        bytes
    }

    /// Names every module that the page's scripts import, so that the browser asks for all at once and not for one after the other.
    /// Many hosts send only a few files at a time: what the first script needs comes first, and what it then asks for itself goes
    /// before what the others need.
    fn with_preloads(&self, page: Vec<u8>, of_page: &[Reference]) -> Vec<u8> {
        let of_page: Vec<&str> = of_page.iter().map(|reference| &*reference.target).collect();
        let mut seen: BTreeSet<&str> = of_page.iter().copied().collect();
        let mut links = String::new();
        let mut priority = "";
        for script in of_page {
            let before = links.len();
            let mut queue = VecDeque::from([script]);
            while let Some(path) = queue.pop_front() {
                for reference in references(path, self.sources.get(path).map_or(&[], |bytes| bytes)) {
                    let Some((target, (name, _))) = self.done.get_key_value(&reference.target) else {
                        continue;
                    };
                    if reference.import && seen.insert(target) {
                        links += &format!("<link rel=\"modulepreload\" href=\"./{name}\"{priority}>\n");
                        queue.push_back(target);
                    }
                }
            }
            if links.len() > before {
                priority = " fetchpriority=\"low\"";
            }
        }
        let text = String::from_utf8_lossy(&page);
        text.replacen("</head>", &format!("{links}</head>"), 1).into_bytes()
    }
}

/// `main.js` → `main-1a2b3c4d5e.js`. The name of a module, of a model and of packed digits has the whole digest, by which the page checks
/// their bytes.
fn hashed_name(path: &str, bytes: &[u8]) -> String {
    let digest = files::hex(&Sha256::digest(bytes));
    let is_checked = [".wasm", ".safetensors", ".digits"].iter().any(|end| path.ends_with(end));
    let hash = if is_checked { &digest[..] } else { &digest[..SHORT] };
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
    let slash = if folder.is_empty() { "" } else { "/" };
    format!("{folder}{slash}{stem}-{hash}.{extension}")
}

/// So many digits of its digest tell a file from all others of its name.
const SHORT: usize = 10;

/// Whether a path's name was made from its content.
pub fn is_hashed_name(path: &str) -> bool {
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    let hash = stem.rsplit_once('-').map_or("", |(_, hash)| hash);
    (hash.len() == SHORT || hash.len() == 64) && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The way from one file to another.
fn relative(from: &str, to: &str) -> String {
    let folders = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (folders(from), folders(to));
    let common = from.iter().zip(&to).take(from.len() - 1).take_while(|(a, b)| a == b).count();
    let up = from.len() - 1 - common;
    let start = if up == 0 { "./".to_owned() } else { "../".repeat(up) };
    start + &to[common..].join("/")
}

/// The files that an HTML page loads by itself: scripts, styles and preloads.
fn loaded(page: &[u8]) -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(page);
    let tags: Vec<_> = references("index.html", page)
        .into_iter()
        .filter(|reference| {
            let tag = &text[text[..reference.range.start].rfind('<').unwrap_or(0)..reference.range.start];
            tag.starts_with("<script")
                || (tag.starts_with("<link") && (tag.contains("preload") || tag.contains("stylesheet")))
        })
        .map(|reference| reference.target)
        .collect();
    tags.into_iter()
}

/// The service worker with the list of files, each with its content's digest, and with a version that is the digest of all.
fn service_worker(template: &[u8], files: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<Vec<u8>> {
    let base64 = base64::engine::general_purpose::STANDARD;
    let list: BTreeMap<_, _> = files
        .iter()
        .map(|(path, bytes)| (path, format!("sha256-{}", base64.encode(Sha256::digest(bytes)))))
        .collect();
    let list = serde_json::to_string(&list)?;
    let template = std::str::from_utf8(template).context("www/sw.js is not text")?;
    let version = &files::hex(&Sha256::digest(list.clone() + template))[..SHORT];
    let mut filled = template.to_owned();
    for (place, value) in [("'%VERSION%'", format!("'{version}'")), ("'%FILES%'", format!("'{list}'"))] {
        if !template.contains(place) {
            bail!("www/sw.js has no {place} to fill in");
        }
        filled = filled.replace(place, &value);
    }
    Ok(filled.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(files: &[(&str, &str)]) -> anyhow::Result<Site> {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        bundle(files.collect(), &|_, bytes| Ok(bytes))
    }

    fn text<'a>(site: &'a Site, start: &str) -> &'a str {
        let (_, bytes) = site.files.iter().find(|(path, _)| path.starts_with(start)).expect(start);
        std::str::from_utf8(bytes).expect("text")
    }

    const PAGE: &str = r#"<head><script type="module" src="main.js"></script></head>"#;

    #[test]
    fn names_follow_content_through_every_reference() {
        let before =
            site(&[("index.html", PAGE), ("main.js", "import './a/b.js';"), ("a/b.js", "1")]).unwrap();
        let after =
            site(&[("index.html", PAGE), ("main.js", "import './a/b.js';"), ("a/b.js", "2")]).unwrap();
        let main = |site: &Site| site.files.keys().find(|path| path.starts_with("main")).cloned().unwrap();
        assert_ne!(main(&before), main(&after), "a module's name depends on the modules it imports");
        assert!(text(&before, "index").contains(&main(&before)));
        let inner = before.files.keys().find(|path| path.starts_with("a/b-")).unwrap();
        assert_eq!(text(&before, "main"), format!("import './{inner}';"));
        assert!(text(&before, "index").contains(&format!("<link rel=\"modulepreload\" href=\"./{inner}\">")));
        assert_eq!(before.first.len(), 3);
    }

    #[test]
    fn what_the_first_script_imports_comes_first() {
        let page = r#"<head><script type="module" src="b.js"></script><script type="module" src="a.js"></script></head>"#;
        let site = site(&[
            ("index.html", page),
            ("a.js", "import './both.js'; import './c.js';"),
            ("b.js", "import './d.js';"),
            ("d.js", "import './both.js';"),
            ("both.js", "1"),
            ("c.js", "2"),
        ]);
        let site = site.unwrap();
        let links: Vec<&str> =
            text(&site, "index").lines().filter(|line| line.contains("modulepreload")).collect();
        let expected = [("d-", false), ("both-", false), ("c-", true)];
        assert_eq!(links.len(), expected.len(), "{links:?}");
        for (link, (name, is_low)) in links.iter().zip(expected) {
            assert!(link.contains(name) && link.contains("fetchpriority=\"low\"") == is_low, "{links:?}");
        }
    }

    #[test]
    fn circles_and_dangling_references_are_errors() {
        let circle = site(&[("a.js", "import './b.js'"), ("b.js", "import './a.js'")]);
        assert!(circle.err().unwrap().to_string().contains("a.js, b.js"));
        let dangling = site(&[("index.html", PAGE)]);
        assert!(dangling.err().unwrap().to_string().contains("www/index.html refers to main.js"));
    }

    #[test]
    fn the_service_worker_lists_everything_else_and_its_version_follows() {
        let worker = ("sw.js", "const v = '%VERSION%', f = '%FILES%'");
        let one = site(&[("index.html", "<p>1"), worker]).unwrap();
        let two = site(&[("index.html", "<p>2"), worker]).unwrap();
        assert!(text(&one, "sw").contains(r#"{"index.html":"sha256-"#));
        assert_ne!(text(&one, "sw")[..20], text(&two, "sw")[..20]);
        assert!(site(&[("sw.js", "nothing to fill")]).is_err());
    }

    #[test]
    fn relative_paths_lead_from_one_file_to_the_other() {
        assert_eq!(relative("index.html", "a/b.js"), "./a/b.js");
        assert_eq!(relative("a/b.js", "a/c.js"), "./c.js");
        assert_eq!(relative("a/b.js", "pkg/d.js"), "../pkg/d.js");
        assert_eq!(relative("a/b/c.js", "a/d.js"), "../d.js");
    }
}
