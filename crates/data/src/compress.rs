//! Files of Unix's `compress`, `.Z`: Lempel, Ziv and Welch's codes (Welch 1984, "A technique for high-performance data
//! compression").
//!
//! ```text
//! 1f 9d  flags  codes …      flags: bits 0 to 4 the widest code, bit 7 whether code 256 empties the table
//! ```
//!
//! Codes are 9 bits wide at first, the lowest bits first, and get wider when the table is full for their width. They are written
//! eight at a time: where the width changes, the rest of such a group is skipped.

use anyhow::{Context, bail, ensure};

/// The bytes that such a file begins with.
pub const MAGIC: [u8; 2] = [0x1f, 0x9d];
/// The code that empties the table.
const CLEAR: usize = 256;
/// The width of the first codes, in bits.
const NARROWEST: usize = 9;
/// The largest content that is read.
const LIMIT: usize = 1 << 28;

/// The codes of a file, of changing width.
struct Codes<'a> {
    bytes: &'a [u8],
    /// Where the next code starts, in bits.
    at: usize,
    /// Where the group of eight codes starts that it belongs to.
    group: usize,
    width: usize,
}

impl Codes<'_> {
    fn next(&mut self) -> Option<usize> {
        let (first, shift) = (self.at / 8, self.at % 8);
        if self.at + self.width > 8 * self.bytes.len() {
            return None;
        }
        let bytes = self.bytes[first..].iter().take(3).rev();
        let word = bytes.fold(0usize, |word, &byte| word << 8 | usize::from(byte));
        self.at += self.width;
        if self.at - self.group == 8 * self.width {
            self.group = self.at;
        }
        Some(word >> shift & ((1 << self.width) - 1))
    }

    /// Goes on with codes of another width, behind the group.
    fn set_width(&mut self, width: usize) {
        if self.at > self.group {
            self.at = self.group + 8 * self.width;
        }
        (self.group, self.width) = (self.at, width);
    }
}

/// The content of a `.Z` file.
pub fn decompressed(file: &[u8]) -> anyhow::Result<Vec<u8>> {
    let [magic @ .., flags] = file.first_chunk::<3>().context("too short for a file of `compress`")?;
    ensure!(*magic == MAGIC, "not a file of `compress`: it does not begin with 1f 9d");
    let (widest, clears) = (usize::from(flags & 0x1f), flags & 0x80 != 0);
    ensure!((NARROWEST..=16).contains(&widest), "codes of up to {widest} bits, expected 9 to 16");
    let mut codes = Codes { bytes: &file[3..], at: 0, group: 0, width: NARROWEST };
    let start = if clears { CLEAR + 1 } else { CLEAR };
    // What each code above the single bytes stands for: what an earlier code stands for, and a byte.
    let mut table: Vec<(usize, u8)> = Vec::new();
    let mut content = Vec::new();
    let mut before: Option<(usize, u8)> = None;
    let mut text = Vec::new();
    while let Some(code) = codes.next() {
        if clears && code == CLEAR {
            table.clear();
            codes.set_width(NARROWEST);
            before = None;
            continue;
        }
        let known = start + table.len();
        text.clear();
        let mut rest = match before {
            // The one code that stands for what is only known now: the text before, and its own first byte.
            Some((last, first)) if code == known => {
                text.push(first);
                last
            }
            _ if code < known => code,
            _ => bail!("damaged: a code that stands for nothing"),
        };
        while rest >= start {
            let (shorter, byte) = table[rest - start];
            text.push(byte);
            rest = shorter;
        }
        ensure!(rest < 256, "damaged: a code that stands for nothing");
        let first = rest as u8;
        text.push(first);
        content.extend(text.iter().rev());
        ensure!(content.len() <= LIMIT, "more than {LIMIT} bytes when decompressed");
        if let Some((last, _)) = before
            && known < 1 << widest
        {
            table.push((last, first));
            if start + table.len() == 1 << codes.width && codes.width < widest {
                codes.set_width(codes.width + 1);
            }
        }
        before = Some((code, first));
    }
    Ok(content)
}

#[cfg(test)]
pub mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Writes codes as the reader expects them.
    struct Writer {
        bits: Vec<bool>,
        group: usize,
        width: usize,
    }

    impl Writer {
        fn push(&mut self, code: usize) {
            self.bits.extend((0..self.width).map(|bit| code >> bit & 1 == 1));
            if self.bits.len() - self.group == 8 * self.width {
                self.group = self.bits.len();
            }
        }

        fn set_width(&mut self, width: usize) {
            if self.bits.len() > self.group {
                self.bits.resize(self.group + 8 * self.width, false);
            }
            (self.group, self.width) = (self.bits.len(), width);
        }
    }

    /// A `.Z` file with `content`, written without an eye on size. Empties its table every `clear_after` codes.
    pub fn compressed(content: &[u8], widest: usize, clear_after: usize) -> Vec<u8> {
        let mut writer = Writer { bits: Vec::new(), group: 0, width: NARROWEST };
        let mut table: HashMap<Vec<u8>, usize> = HashMap::new();
        let code = |table: &HashMap<Vec<u8>, usize>, text: &[u8]| match text {
            [byte] => Some(usize::from(*byte)),
            _ => table.get(text).copied(),
        };
        let (mut text, mut since) = (Vec::new(), 0);
        for &byte in content {
            let longer = [&text[..], &[byte]].concat();
            if code(&table, &longer).is_some() {
                text = longer;
                continue;
            }
            writer.push(code(&table, &text).unwrap());
            since += 1;
            let next = CLEAR + 1 + table.len();
            if next < 1 << widest {
                table.insert(longer, next);
                // The reader knows each code one step later.
                if next == 1 << writer.width && writer.width < widest {
                    writer.set_width(writer.width + 1);
                }
            }
            text = vec![byte];
            if since == clear_after {
                writer.push(CLEAR);
                writer.set_width(NARROWEST);
                table.clear();
                since = 0;
            }
        }
        if !text.is_empty() {
            writer.push(code(&table, &text).unwrap());
        }
        let bytes = writer
            .bits
            .chunks(8)
            .map(|bits| bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit)));
        MAGIC.into_iter().chain([0x80 | widest as u8]).chain(bytes).collect()
    }

    #[test]
    fn what_was_compressed_comes_back() {
        let lines: String = (0..20_000).map(|n| format!("{} {}\n", n * n % 511, n * 7 % 500)).collect();
        let repeated = [b"aaaaaaaaaaaaaaaaaaaaaaaaabab".to_vec(), vec![7; 3000]].concat();
        for content in [&b""[..], b"x", &repeated, lines.as_bytes()] {
            for (widest, clear_after) in
                [(16, usize::MAX), (12, usize::MAX), (9, usize::MAX), (16, 300), (10, 5000)]
            {
                let file = compressed(content, widest, clear_after);
                assert!(decompressed(&file).unwrap() == content, "{} bytes, {widest} bits", content.len());
            }
        }
    }

    #[test]
    fn a_file_that_compress_wrote() {
        // printf 'digit digit digit 8888888888888\n' | compress
        let file: &[u8] = include_bytes!("compress/words.Z");
        assert_eq!(decompressed(file).unwrap(), b"digit digit digit 8888888888888\n");
    }

    #[test]
    fn damaged_files_are_errors_and_not_panics() {
        let file = compressed(b"abcabcabcabcabcabcabcabc", 16, usize::MAX);
        assert!(decompressed(b"").is_err());
        assert!(decompressed(b"\x1f\x8b\x08").unwrap_err().to_string().contains("1f 9d"));
        assert!(decompressed(b"\x1f\x9d\x9f").unwrap_err().to_string().contains("31 bits"));
        for at in 3..file.len() {
            for byte in 0..=255 {
                let mut damaged = file.clone();
                damaged[at] = byte;
                let _ = decompressed(&damaged);
            }
        }
        assert!(decompressed(b"\x1f\x9d\x90\xff\xff\xff").unwrap_err().to_string().contains("damaged"));
    }
}
