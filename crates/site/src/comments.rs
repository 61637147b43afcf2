//! Scripts and styles without their comments and indentation, which only those who read the source need.

/// A script or a style without indentation, and without the comments and blank lines that stand by themselves; any other file as
/// it is.
///
/// Only whole lines go: what shares its line with code, like the type of an expression, stays. So nothing has to be parsed, as
/// long as no text in a script has lines that begin like a comment, or with blanks that matter.
pub fn without_comments(path: &str, bytes: Vec<u8>) -> Vec<u8> {
    let script = path.ends_with(".js");
    if !script && !path.ends_with(".css") {
        return bytes;
    }
    let Ok(text) = std::str::from_utf8(&bytes) else { return bytes };
    let mut kept = String::with_capacity(text.len());
    let mut inside = false;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if inside {
            inside = !trimmed.ends_with("*/");
            continue;
        }
        if trimmed.is_empty() || (script && trimmed.starts_with("//")) {
            continue;
        }
        if let Some(comment) = trimmed.strip_prefix("/*") {
            match comment.find("*/") {
                Some(end) if end + 2 < comment.len() => {}
                end => {
                    inside = end.is_none();
                    continue;
                }
            }
        }
        kept += line.trim_start_matches([' ', '\t']);
    }
    kept.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::without_comments;

    #[track_caller]
    fn check(path: &str, text: &str, expected: &str) {
        let bytes = without_comments(path, text.as_bytes().to_vec());
        assert_eq!(String::from_utf8(bytes).expect("text"), expected);
    }

    #[test]
    fn lines_of_comment_go_and_code_stays() {
        let script = "// What it is.\n\nimport './a.js'; // why\n\n/**\n * @param {string} id\n */\nf(id);\n/* one */\n  \
                      const b = /** @type {T} */ (c);\n/** @type {T} */ (d).e();\nconst url = 'https://x';\n";
        check(
            "a.js",
            script,
            "import './a.js'; // why\nf(id);\nconst b = /** @type {T} */ (c);\n/** @type {T} */ (d).e();\n\
             const url = 'https://x';\n",
        );
        check("a.css", "/* Colours\n   and type */\n\np {\n  top: 0;\n}\n", "p {\ntop: 0;\n}\n");
    }

    #[test]
    fn other_files_stay_as_they_are() {
        check("a.html", "// a\n\n/* b */", "// a\n\n/* b */");
        check("a.json", "\n", "\n");
    }
}
