//! What can be set, each with unit and default.

use std::time::Duration;

use postern_shared::config::Source;

/// Seconds of a day.
const DAY_SECS: u64 = 24 * 60 * 60;

/// The settings of identity.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// How old one has to be to open an account, in years: 13 to 18. Default 13.
    pub minimum_age: u32,
    /// How many sign-ins with one handle may fail in an hour. Default 100.
    pub failed_sign_ins_max: u32,
    /// How long a refresh token works unless it is used before; set in days. Default 60.
    pub refresh_token_life: Duration,
}

impl Config {
    /// Reads them.
    pub fn read(source: &mut Source) -> Self {
        let minimum_age = source.number("identity.minimum_age", "years", (13, 18), 13);
        let failed = source.number(
            "identity.failed_sign_ins_max",
            "failed sign-ins per handle and hour",
            (1, 10_000),
            100,
        );
        let life = source.number("identity.refresh_token_life_days", "days", (1, 365), 60);
        Self {
            minimum_age: narrow(minimum_age),
            failed_sign_ins_max: narrow(failed),
            refresh_token_life: Duration::from_secs(life * DAY_SECS),
        }
    }
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).expect("the bounds of every setting here lie far below 2^32")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut source = Source::new(variables).unwrap();
        let config = Config::read(&mut source);
        source.finish(&[]).map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn defaults_and_bounds() {
        let config = read(&[]).unwrap();
        assert_eq!(config.minimum_age, 13);
        assert_eq!(config.failed_sign_ins_max, 100);
        assert_eq!(
            config.refresh_token_life,
            Duration::from_secs(60 * DAY_SECS)
        );
        for wrong in ["12", "19", "old"] {
            let error = read(&[("POSTERN_IDENTITY_MINIMUM_AGE", wrong)]).unwrap_err();
            assert!(error.contains("POSTERN_IDENTITY_MINIMUM_AGE"), "{error}");
        }
    }
}
