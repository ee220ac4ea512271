//! Reads a trace: one `sender receiver unix-time` a line.
//!
//! It promises that a trace is whole and well-formed or refused with file, line and expectation;
//! nothing is sent before. Lines are replayed in the order of the file: the times are checked to
//! be numbers and not used.

use std::path::Path;

use crate::error::LoadError;
use crate::names::Names;

/// What a line has to be.
const EXPECTED: &str =
    "`sender receiver unix-time`, three integers, sender and receiver from 0 to 4294967295";

/// A trace as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Its lines, blank ones left out; never empty.
    pub lines: Vec<Line>,
    /// The names that follow from its content.
    pub names: Names,
}

/// One line: somebody wrote to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the file, counted from 1.
    pub number: usize,
    /// Who wrote.
    pub sender: u32,
    /// To whom.
    pub receiver: u32,
}

/// Reads and checks the whole file.
///
/// # Errors
/// When it cannot be read or a line of it is malformed.
pub fn read(path: &Path) -> Result<Trace, LoadError> {
    let content = std::fs::read(path).map_err(|source| LoadError::Unreadable {
        what: "trace",
        path: path.to_owned(),
        source,
    })?;
    parse(path, &content)
}

/// Checks the content of a file; `path` is for the error only.
///
/// # Errors
/// At the first malformed line, or when there is no line but blank ones.
pub fn parse(path: &Path, content: &[u8]) -> Result<Trace, LoadError> {
    let malformed = |line, found| LoadError::Malformed {
        path: path.to_owned(),
        line,
        found,
        expected: EXPECTED,
    };
    let mut lines = Vec::new();
    for (index, raw) in content.split(|byte| *byte == b'\n').enumerate() {
        let number = index + 1;
        if raw.trim_ascii().is_empty() {
            continue;
        }
        match line(number, raw) {
            Some(line) => lines.push(line),
            None => return Err(malformed(number, format!("found `{}`", excerpt(raw)))),
        }
    }
    if lines.is_empty() {
        return Err(malformed(1, "the trace is empty".to_owned()));
    }
    Ok(Trace {
        lines,
        names: Names::of(content),
    })
}

fn line(number: usize, raw: &[u8]) -> Option<Line> {
    let mut words = std::str::from_utf8(raw).ok()?.split_ascii_whitespace();
    let sender = words.next()?.parse().ok()?;
    let receiver = words.next()?.parse().ok()?;
    let _time: i64 = words.next()?.parse().ok()?;
    words.next().is_none().then_some(Line {
        number,
        sender,
        receiver,
    })
}

/// Enough of a line to recognise it, safe to print.
pub(crate) fn excerpt(raw: &[u8]) -> String {
    const EXCERPT_CHARS_MAX: usize = 60;
    let text = String::from_utf8_lossy(raw);
    let mut shown: String = text
        .trim()
        .chars()
        .take(EXCERPT_CHARS_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if text.trim().chars().count() > EXCERPT_CHARS_MAX {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(content: &str) -> Result<Trace, String> {
        parse(Path::new("some/trace.txt"), content.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_lines_and_passes_over_blank_ones() {
        let trace = parsed("1 2 1082040961\n\n  \n2\t1  -5\r\n3 3 0").unwrap();
        let line = |number, sender, receiver| Line {
            number,
            sender,
            receiver,
        };
        assert_eq!(trace.lines, [line(1, 1, 2), line(4, 2, 1), line(5, 3, 3)]);
    }

    #[test]
    fn names_file_line_and_expectation() {
        let error = parsed("1 2 3\n\n1 two 3\n").unwrap_err();
        assert_eq!(
            error,
            "some/trace.txt:3: found `1 two 3`; expected `sender receiver unix-time`, \
             three integers, sender and receiver from 0 to 4294967295"
        );
    }

    #[test]
    fn refuses_what_is_not_three_integers() {
        for bad in [
            "1",
            "1 2",
            "1 2 3 4",
            "a b c",
            "-1 2 3",
            "1 4294967296 3",
            "1 2 3.5",
        ] {
            let error = parsed(&format!("1 2 3\n{bad}\n1 2 3\n")).unwrap_err();
            assert!(error.starts_with("some/trace.txt:2: found `"), "{error}");
        }
        let error = parse(Path::new("t"), b"1 2 3\n\xff\xfe\x07\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("t:2: found `") && !error.contains('\u{7}'),
            "{error}"
        );
    }

    #[test]
    fn refuses_an_empty_trace_and_cuts_long_lines() {
        assert!(
            parsed("\n \n")
                .unwrap_err()
                .contains("the trace is empty; expected")
        );
        let error = parsed(&"x".repeat(10_000)).unwrap_err();
        assert!(error.len() < 250 && error.contains("x…`"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = read(Path::new("no/such/trace")).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot read the trace `no/such/trace`: "),
            "{error}"
        );
    }
}
