//! The names that a replay gives: handles, passwords, message ids, texts.
//!
//! All of them follow from the digest of the trace, so that a second run meets the accounts and
//! messages of the first. A handle obeys the contract's rule for handles whatever the trace.

use crate::digest::digest;

/// Makes and reads the names of one trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    mark: String,
}

impl Names {
    /// The names of the trace with this content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self {
            mark: format!("{:016x}", digest(content)),
        }
    }

    /// The handle of a user of the trace: at most 23 characters.
    #[must_use]
    pub fn handle(&self, user: u32) -> String {
        let mark = self.mark.get(..6).unwrap_or_default();
        format!("trace.{mark}.{user}")
    }

    /// The password that belongs to a handle: 33 characters, the handle not among them.
    #[must_use]
    pub fn password(handle: &str) -> String {
        let [first, second] = [1, 2].map(|half| digest(format!("{half}/{handle}").as_bytes()));
        format!("{first:016x}-{second:016x}")
    }

    /// The client_message_id of a line of the trace.
    #[must_use]
    pub fn message_id(&self, line: usize) -> String {
        format!("trace-{}-{line}", self.mark)
    }

    /// What the message of a line says.
    #[must_use]
    pub fn text(&self, line: usize) -> String {
        format!("line {line} of trace {}", self.mark)
    }

    /// Which line says this; `None` when no line of this trace does.
    #[must_use]
    pub fn line(&self, text: &str) -> Option<usize> {
        let (line, mark) = text.strip_prefix("line ")?.split_once(" of trace ")?;
        let line = line.parse().ok()?;
        // Only what `text` writes counts: `+7` and `007` are also read as 7.
        (mark == self.mark && self.text(line) == text).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obeys_the_rule(handle: &str) -> bool {
        let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        (2..=24).contains(&handle.len())
            && handle
                .chars()
                .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_'))
            && end(handle.chars().next())
            && end(handle.chars().next_back())
            && !handle.contains("..")
    }

    #[test]
    fn handles_obey_the_rule() {
        let names = Names::of(b"1 2 3\n");
        for user in [0, 1, 1_899, u32::MAX] {
            let handle = names.handle(user);
            assert!(obeys_the_rule(&handle), "{handle}");
        }
        assert_ne!(names.handle(1), Names::of(b"1 2 4\n").handle(1));
    }

    #[test]
    fn passwords_are_long_and_not_made_of_the_handle() {
        let handle = Names::of(b"").handle(7);
        let password = Names::password(&handle);
        assert!(password.len() >= 15 && password.len() <= 128);
        assert!(!password.contains(&handle));
        assert_eq!(password, Names::password(&handle));
        assert_ne!(password, Names::password(&Names::of(b"").handle(8)));
    }

    #[test]
    fn a_text_names_its_line() {
        let names = Names::of(b"1 2 3\n");
        assert_eq!(names.line(&names.text(45_000)), Some(45_000));
        assert_eq!(names.line(&Names::of(b"").text(1)), None);
        for other in [
            "",
            "hello",
            "line x of trace y",
            &names.text(7).replace('7', "007"),
        ] {
            assert_eq!(names.line(other), None, "{other}");
        }
        assert!(names.message_id(usize::MAX).len() <= 64);
    }
}
