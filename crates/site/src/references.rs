//! Where a file of the page names another: quoted relative paths in HTML, CSS, JavaScript and the manifest.
//!
//! One rule covers all: a reference is relative to the file that it stands in, as a browser resolves links and imports.
//! In JavaScript that means `import` and `new URL('./x', import.meta.url)`, never a bare path to `fetch`. Strings there count
//! as references when they are imported or given to `new URL`, or begin with `./` or `../` and name a file that exists.

use std::ops::Range;
use std::sync::LazyLock;

use regex_lite::Regex;

/// A place that names another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The bytes between the quotes.
    pub range: Range<usize>,
    /// The other file, from the top of the page.
    pub target: String,
    /// Whether it is a static `import` or `export … from`, which a browser follows before it runs anything.
    pub import: bool,
    /// Whether the target must exist; otherwise it is a string that only looks like a path if nothing has that name.
    pub certain: bool,
}

static HTML: LazyLock<Regex> = LazyLock::new(|| regex(r#"\b(?:href|src)\s*=\s*["']([^"'?#:]+)["'?#]"#));
static CSS: LazyLock<Regex> = LazyLock::new(|| regex(r#"(?:url\(\s*|@import\s+)["']?([^"'?#:()]+)["'?#)]"#));
static MANIFEST: LazyLock<Regex> = LazyLock::new(|| regex(r#""src"\s*:\s*"([^"?#:]+)""#));
/// Strings and comments: a string in a comment is none, and the reverse.
static JAVASCRIPT: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#""((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`|/\*(?s:.*?)\*/|//[^\n]*"#)
});

/// The references in a file, in order; none in a file that is not text.
pub fn references(path: &str, bytes: &[u8]) -> Vec<Reference> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Vec::new() };
    let pattern = match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" | "svg" => &HTML,
        "css" => &CSS,
        "webmanifest" => &MANIFEST,
        "js" | "mjs" => &JAVASCRIPT,
        _ => return Vec::new(),
    };
    let script = std::ptr::eq(pattern, &JAVASCRIPT);
    pattern
        .captures_iter(text)
        .filter_map(|found| {
            let string = found.iter().skip(1).flatten().next()?;
            let before = text[..string.start() - 1].trim_end();
            let relative = string.as_str().starts_with("./") || string.as_str().starts_with("../");
            let import = script && (before.ends_with("from") || before.ends_with("import"));
            let loads = import || before.ends_with("import(") || before.ends_with("new URL(");
            if script && !relative && !loads {
                return None;
            }
            let target = resolve(path, string.as_str())?;
            Some(Reference { range: string.range(), target, import, certain: loads || !script })
        })
        .collect()
}

/// The path that `reference` means in the file `from`, if it names a file (not a folder) of the page.
fn resolve(from: &str, reference: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in reference.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    let name = parts.last()?;
    name.contains('.').then(|| parts.join("/"))
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this file")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(path: &str, text: &str) -> Vec<String> {
        references(path, text.as_bytes()).into_iter().map(|reference| reference.target).collect()
    }

    #[test]
    fn html_attributes_refer() {
        let page = r##"<link href="style/page.css"><script src='./main.js'></script>
            <a href="https://example.org/x.html">out</a><a href="#top">up</a><img src="icon.svg#dark">"##;
        assert_eq!(targets("index.html", page), ["style/page.css", "main.js", "icon.svg"]);
    }

    #[test]
    fn scripts_refer_by_relative_strings_outside_comments() {
        let script = r#"
            /** @typedef {import('./types.js').Model} Model */
            import { a } from './a.js'; // not './b.js'
            export { c } from "../c.js";
            const type = 'image/*', other = 'd.js', url = 'https://example.org/e.js';
            const worker = new Worker(new URL('worker.js', import.meta.url));
            const lazy = import(`./lazy.js`);
        "#;
        assert_eq!(targets("ui/main.js", script), ["ui/a.js", "c.js", "ui/worker.js", "ui/lazy.js"]);
        let imports: Vec<_> =
            references("ui/main.js", script.as_bytes()).iter().map(|reference| reference.import).collect();
        assert_eq!(imports, [true, true, false, false]);
    }

    #[test]
    fn styles_and_manifests_refer() {
        assert_eq!(
            targets("a/b.css", "@import 'c.css'; i { background: url(../d.svg) }"),
            ["a/c.css", "d.svg"]
        );
        assert_eq!(targets("m.webmanifest", r#"{"icons": [{"src": "icon.png"}]}"#), ["icon.png"]);
    }

    #[test]
    fn a_path_above_the_page_is_no_reference() {
        assert_eq!(targets("index.html", r#"<a href="../x.html">"#), Vec::<String>::new());
    }
}
