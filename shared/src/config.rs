//! Configuration: environment over a TOML file, every mistake told at once by the setting's name.
//!
//! A setting `identity.minimum_age` is `minimum_age` in the file's table `[identity]` and
//! `POSTERN_IDENTITY_MINIMUM_AGE` in the environment. Values of secret settings are never printed.

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    str::FromStr,
};

pub use common::{Common, Limits, LogFormat, Plaintext, TelemetryConfig};

use crate::caller::ServiceName;

/// What begins the name of every variable of ours.
const PREFIX: &str = "POSTERN_";

/// Names the TOML file.
const FILE_VARIABLE: &str = "POSTERN_CONFIG";

/// What is wrong with the configuration, one line a setting.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is wrong:\n{}", .0.iter().map(|line| format!("  {line}"))
    .collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// A value that must not be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value, for the one place that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Where settings are read from. Each is asked for once; what nobody asked for is a mistake.
#[derive(Debug)]
pub struct Source {
    file: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    asked: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Source {
    /// Reads the process's environment and the file that it names.
    ///
    /// # Errors
    /// When the file cannot be read or is not TOML.
    pub fn from_process() -> Result<Self, ConfigError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the environment"
        )]
        let variables: Vec<_> = std::env::vars_os().collect();
        let ours = variables.into_iter().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            (name.starts_with(PREFIX) || name.starts_with("OTEL_"))
                .then(|| (name, value.to_string_lossy().into_owned()))
        });
        Self::new(ours)
    }

    /// Reads the given variables and the file that they name.
    ///
    /// # Errors
    /// When the file cannot be read or is not TOML.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut environment: BTreeMap<_, _> = variables.into_iter().collect();
        let file = match environment.remove(FILE_VARIABLE) {
            Some(path) => read_file(Path::new(&path))?,
            None => BTreeMap::new(),
        };
        Ok(Self {
            file,
            environment,
            asked: BTreeSet::new(),
            wrong: Vec::new(),
        })
    }

    /// The value of a setting, or its default. `expected` says what a right value looks like.
    pub fn get<T: FromStr>(&mut self, key: &str, expected: &str, default: T) -> T {
        self.optional(key, expected).unwrap_or(default)
    }

    /// The value of a setting that may be missing.
    pub fn optional<T: FromStr>(&mut self, key: &str, expected: &str) -> Option<T> {
        let (name, text) = self.look_up(key)?;
        let parsed = text.trim().parse().ok();
        if parsed.is_none() {
            self.wrong
                .push(format!("{name} is `{text}`: expected {expected}"));
        }
        parsed
    }

    /// The value of a number that must lie between two bounds, both included.
    pub fn number(&mut self, key: &str, unit: &str, bounds: (u64, u64), default: u64) -> u64 {
        let expected = format!("a whole number of {unit} from {} to {}", bounds.0, bounds.1);
        let value = self.get(key, &expected, default);
        if value < bounds.0 || value > bounds.1 {
            let name = variable(key);
            self.wrong
                .push(format!("{name} is `{value}`: expected {expected}"));
            return default;
        }
        value
    }

    /// A secret that may be missing; its value shows up in no message.
    pub fn secret(&mut self, key: &str) -> Option<Secret> {
        self.look_up(key).map(|(_, text)| Secret(text))
    }

    /// The value of a variable that others defined, such as those of OpenTelemetry.
    #[must_use]
    pub fn foreign(&self, name: &str) -> Option<&str> {
        self.environment
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Notes a mistake that shows only when several settings are seen together.
    pub fn reject(&mut self, key: &str, problem: &str) {
        self.wrong.push(format!("{} {problem}", variable(key)));
    }

    /// Ends reading: every setting that was given must have been asked for, by one of `services`
    /// where it belongs to a service.
    ///
    /// # Errors
    /// Every mistake, each by the name of its setting.
    pub fn finish(mut self, services: &[ServiceName]) -> Result<(), ConfigError> {
        let elsewhere = |key: &str| {
            let owner = ServiceName::ALL.into_iter().find(|service| {
                key.strip_prefix(service.as_str())
                    .is_some_and(|rest| rest.starts_with('.'))
            });
            owner.is_some_and(|owner| !services.contains(&owner))
        };
        for key in self.file.keys() {
            if !self.asked.contains(key) && !elsewhere(key) {
                self.wrong
                    .push(format!("`{key}` in the file: there is no such setting"));
            }
        }
        let known: BTreeSet<String> = self.asked.iter().map(|key| variable(key)).collect();
        for name in self
            .environment
            .keys()
            .filter(|name| name.starts_with(PREFIX))
        {
            let key = name[PREFIX.len()..].to_lowercase().replacen('_', ".", 1);
            if !known.contains(name) && !elsewhere(&key) {
                self.wrong.push(format!("{name}: there is no such setting"));
            }
        }
        if self.wrong.is_empty() {
            Ok(())
        } else {
            Err(ConfigError(self.wrong))
        }
    }

    fn look_up(&mut self, key: &str) -> Option<(String, String)> {
        self.asked.insert(key.to_owned());
        let name = variable(key);
        // An empty variable counts as unset, as shells and compose files make them.
        if let Some(value) = self
            .environment
            .get(&name)
            .filter(|value| !value.is_empty())
        {
            return Some((name, value.clone()));
        }
        self.file
            .get(key)
            .map(|value| (format!("`{key}` in the file"), value.clone()))
    }
}

/// The variable of a setting.
#[must_use]
pub fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "_"))
}

fn read_file(path: &Path) -> Result<BTreeMap<String, String>, ConfigError> {
    let fail = |problem: String| {
        ConfigError(vec![format!(
            "{FILE_VARIABLE} names `{}`: {problem}",
            path.display()
        )])
    };
    let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    // The parser's own message may show the line, and a secret may stand in it.
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text[..at].lines().count().max(1);
        fail(format!("line {line} is not TOML: {}", error.message()))
    })?;
    let mut flat = BTreeMap::new();
    for (key, value) in table {
        match value {
            toml::Value::Table(section) => {
                for (inner, value) in section {
                    flat.insert(format!("{key}.{inner}"), plain(value));
                }
            }
            value => {
                flat.insert(key, plain(value));
            }
        }
    }
    Ok(flat)
}

fn plain(value: toml::Value) -> String {
    match value {
        toml::Value::String(text) => text,
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(on) => on.to_string(),
        toml::Value::Datetime(moment) => moment.to_string(),
        // No setting is a list or goes deeper, so none reads this as right.
        toml::Value::Array(_) | toml::Value::Table(_) => "a list or a table".to_owned(),
    }
}

#[cfg(test)]
mod tests;
