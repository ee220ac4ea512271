//! Reads whom to ask about: pairs of people, or people to make pairs of.
//!
//! It promises that a file is well-formed throughout or refused with file, line and expectation,
//! and the same pairs in the same order every time.

use std::path::Path;

use crate::args::About;
use crate::digest::mix;
use crate::error::LoadError;
use crate::trace::excerpt;

const PAIR: &str = "two lower-case UUIDs";
const USER: &str = "one lower-case UUID";

/// Whom to ask about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// These, in turn; never empty.
    Pairs(Vec<[String; 2]>),
    /// Two of these; never fewer than two.
    Users(Vec<String>),
}

impl Whom {
    /// Reads and checks the whole file.
    ///
    /// # Errors
    /// When it cannot be read, a line of it is malformed, or there are too few.
    pub fn read(about: &About) -> Result<Self, LoadError> {
        let (About::Pairs(path) | About::Users(path)) = about;
        let content = std::fs::read(path).map_err(|source| LoadError::Unreadable {
            what: "people to ask about",
            path: path.clone(),
            source,
        })?;
        match about {
            About::Pairs(_) => pairs(path, &content).map(Self::Pairs),
            About::Users(_) => users(path, &content).map(Self::Users),
        }
    }

    /// The two people of one question.
    #[must_use]
    pub fn pair(&self, question: u64) -> [&str; 2] {
        // INVARIANT: there are enough of them; see `read`.
        match self {
            Self::Pairs(pairs) => {
                let [user, peer] = &pairs[remainder(question, pairs.len())];
                [user, peer]
            }
            Self::Users(users) => {
                let user = remainder(mix(question), users.len());
                let steps = 1 + remainder(mix(!question), users.len() - 1);
                [&users[user], &users[(user + steps) % users.len()]]
            }
        }
    }
}

/// The remainder, which is below `count`.
fn remainder(number: u64, count: usize) -> usize {
    usize::try_from(number % count as u64).unwrap_or_default()
}

fn pairs(path: &Path, content: &[u8]) -> Result<Vec<[String; 2]>, LoadError> {
    let found = lines(path, content, PAIR)?;
    if found.is_empty() {
        return Err(malformed(path, 1, "no pair".to_owned(), PAIR));
    }
    Ok(found)
}

fn users(path: &Path, content: &[u8]) -> Result<Vec<String>, LoadError> {
    let found = lines(path, content, USER)?;
    if found.len() < 2 {
        let found = format!("{} of the people that make a pair", found.len());
        return Err(malformed(path, 1, found, "at least two lower-case UUIDs"));
    }
    Ok(found.into_iter().map(|[user]| user).collect())
}

/// The words of each line that is not blank, so many each.
fn lines<const WORDS: usize>(
    path: &Path,
    content: &[u8],
    expected: &'static str,
) -> Result<Vec<[String; WORDS]>, LoadError> {
    let mut found = Vec::new();
    for (index, raw) in content.split(|byte| *byte == b'\n').enumerate() {
        if raw.trim_ascii().is_empty() {
            continue;
        }
        let words = words(raw);
        let words = words.ok_or_else(|| {
            let found = format!("found `{}`", excerpt(raw));
            malformed(path, index + 1, found, expected)
        })?;
        found.push(words);
    }
    Ok(found)
}

fn words<const WORDS: usize>(raw: &[u8]) -> Option<[String; WORDS]> {
    let words = std::str::from_utf8(raw).ok()?.split_ascii_whitespace();
    let words: Vec<String> = words.map(str::to_owned).collect();
    let words: [String; WORDS] = words.try_into().ok()?;
    words.iter().all(|word| is_uuid(word)).then_some(words)
}

/// Whether the contract takes this for a UUID.
fn is_uuid(word: &str) -> bool {
    let hyphen = |index| [8, 13, 18, 23].contains(&index);
    word.len() == 36
        && word.bytes().enumerate().all(|(index, byte)| match byte {
            b'-' => hyphen(index),
            byte => matches!(byte, b'0'..=b'9' | b'a'..=b'f') && !hyphen(index),
        })
}

fn malformed(path: &Path, line: usize, found: String, expected: &'static str) -> LoadError {
    LoadError::Malformed {
        path: path.to_owned(),
        line,
        found,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str = "0f0e0d0c-0b0a-4988-8777-665544332211";
    const BEN: &str = "11223344-5566-4788-99aa-bbccddeeff00";
    const EVE: &str = "22223344-5566-4788-99aa-bbccddeeff00";

    fn refused(pairs_of: &str, users_of: &str) -> [String; 2] {
        let pairs = pairs(Path::new("p"), pairs_of.as_bytes()).unwrap_err();
        let users = users(Path::new("u"), users_of.as_bytes()).unwrap_err();
        [pairs.to_string(), users.to_string()]
    }

    #[test]
    fn pairs_come_in_turn() {
        let content = format!("{ADA} {BEN}\n\n {BEN}\t{EVE} \r\n");
        let whom = Whom::Pairs(pairs(Path::new("p"), content.as_bytes()).unwrap());
        assert_eq!(whom.pair(0), [ADA, BEN]);
        assert_eq!(whom.pair(1), [BEN, EVE]);
        assert_eq!(whom.pair(2), [ADA, BEN]);
    }

    #[test]
    fn users_make_pairs_of_two() {
        let content = format!("{ADA}\n{BEN}\n{EVE}\n");
        let whom = Whom::Users(users(Path::new("u"), content.as_bytes()).unwrap());
        let mut seen = std::collections::HashSet::new();
        for question in 0..100 {
            let [user, peer] = whom.pair(question);
            assert_ne!(user, peer);
            assert_eq!([user, peer], whom.pair(question));
            seen.insert([user, peer]);
        }
        assert_eq!(seen.len(), 6);
    }

    #[test]
    fn names_file_line_and_expectation() {
        let upper = ADA.to_uppercase();
        for bad in [ADA, "x y", &format!("{ADA} {upper}"), &ADA[1..]] {
            let [error, _] = refused(&format!("{ADA} {BEN}\n{bad}\n"), "");
            let start = format!("p:2: found `{}", &bad[..3]);
            assert!(error.starts_with(&start), "{error}");
            assert!(
                error.ends_with("; expected two lower-case UUIDs"),
                "{error}"
            );
        }
        let [pairs, users] = refused("\n", &format!("{ADA}\n"));
        assert_eq!(pairs, "p:1: no pair; expected two lower-case UUIDs");
        assert_eq!(
            users,
            "u:1: 1 of the people that make a pair; expected at least two lower-case UUIDs"
        );
        let [_, error] = refused("", &format!("{ADA}\n{ADA} {BEN}"));
        assert!(error.starts_with("u:2: found `0f0e0d0c"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Whom::read(&About::Pairs("no/such/file".into())).unwrap_err();
        let error = error.to_string();
        assert!(
            error.starts_with("cannot read the people to ask about `no/such/file`: "),
            "{error}"
        );
    }
}
