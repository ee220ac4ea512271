//! The settings of the settings service, each with its unit and default.

use postern_shared::config::Source;

/// What an operator can choose.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// `settings.origins_max`: of how many people the facts behind their defaults are remembered.
    /// Unit: people, about 100 bytes each. Default: 100,000.
    pub origins_max: u64,
}

impl Config {
    /// Reads them; what is wrong is noted in `source`.
    pub fn read(source: &mut Source) -> Self {
        Self {
            origins_max: source.number("settings.origins_max", "people", (1, 100_000_000), 100_000),
        }
    }
}
