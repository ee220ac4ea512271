//! Flags and their values, before anybody asks what they mean.
//!
//! It promises that each flag is known to its command, has a value and is given once.

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::ArgsError;

/// How many replicas one flag may name.
pub const REPLICAS_MAX: usize = 64;

/// The flags with their values, each at most once.
#[derive(Debug)]
pub struct Given(Vec<(&'static str, OsString)>);

impl Given {
    /// Takes `--flag value` and `--flag=value` apart.
    ///
    /// # Errors
    /// At a word that is none of `flags`, at one without a value, and at one that comes again.
    pub fn collect(args: &[OsString], flags: &[&'static str]) -> Result<Self, ArgsError> {
        let mut given = Self(Vec::new());
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let shown = arg.to_string_lossy().into_owned();
            let (name, inline) = match shown.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(OsString::from(value))),
                None => (shown.clone(), None),
            };
            let flag = flags.iter().find(|flag| **flag == name);
            let flag = flag.ok_or(ArgsError::Unknown(shown))?;
            let next = || args.next().filter(|value| !is_flag(value)).cloned();
            let value = inline
                .or_else(next)
                .ok_or_else(|| ArgsError::NoValue(name.clone()))?;
            if given.value(flag).is_some() {
                return Err(ArgsError::Twice(name));
            }
            given.0.push((flag, value));
        }
        Ok(given)
    }

    /// The value of a flag as it is.
    #[must_use]
    pub fn value(&self, flag: &str) -> Option<&OsString> {
        self.0
            .iter()
            .find(|(name, _)| *name == flag)
            .map(|(_, value)| value)
    }

    /// A file.
    #[must_use]
    pub fn path(&self, flag: &str) -> Option<PathBuf> {
        self.value(flag).map(PathBuf::from)
    }

    /// The value of a flag as text.
    #[must_use]
    pub fn text(&self, flag: &str) -> Option<String> {
        self.value(flag)
            .map(|value| value.to_string_lossy().into_owned())
    }

    /// One address.
    ///
    /// # Errors
    /// When it is none.
    pub fn url(&self, flag: &str) -> Result<Option<String>, ArgsError> {
        match self.text(flag) {
            Some(value) if !is_url(&value) => Err(wrong(flag, value, "http://HOST:PORT")),
            value => Ok(value),
        }
    }

    /// The addresses of replicas, each once.
    ///
    /// # Errors
    /// When one of them is none, when one comes again, and when there are too many.
    pub fn urls(&self, flag: &str) -> Result<Option<Vec<String>>, ArgsError> {
        let Some(value) = self.text(flag) else {
            return Ok(None);
        };
        let mut urls: Vec<String> = Vec::new();
        for url in value.split(',').map(str::trim) {
            if !is_url(url) {
                let expected = "http://HOST:PORT, or several with commas between them";
                return Err(wrong(flag, url, expected));
            }
            if urls.iter().any(|known| known == url) {
                return Err(wrong(flag, value, "each address once"));
            }
            urls.push(url.to_owned());
        }
        if urls.len() > REPLICAS_MAX {
            let expected = format!("at most {REPLICAS_MAX} addresses");
            return Err(wrong(flag, value, expected));
        }
        Ok(Some(urls))
    }

    /// An integer.
    ///
    /// # Errors
    /// When it is none, or outside of the range.
    pub fn number(&self, flag: &str, range: RangeInclusive<u32>) -> Result<Option<u32>, ArgsError> {
        let Some(value) = self.text(flag) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let expected = format!("an integer from {} to {}", range.start(), range.end());
                Err(wrong(flag, value, expected))
            }
        }
    }

    /// An integer, or another where the flag is not given.
    ///
    /// # Errors
    /// When it is none, or outside of the range.
    pub fn number_or(
        &self,
        flag: &str,
        range: RangeInclusive<u32>,
        default: u32,
    ) -> Result<u32, ArgsError> {
        Ok(self.number(flag, range)?.unwrap_or(default))
    }
}

/// Says that a flag cannot have a value.
pub fn wrong(flag: &str, value: impl Into<String>, expected: impl Into<String>) -> ArgsError {
    ArgsError::Value {
        flag: flag.to_owned(),
        value: value.into(),
        expected: expected.into(),
    }
}

fn is_flag(arg: &OsString) -> bool {
    arg.to_string_lossy().starts_with("--")
}

fn is_url(text: &str) -> bool {
    let host = text.strip_prefix("http://").unwrap_or_default();
    !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == ',')
}
