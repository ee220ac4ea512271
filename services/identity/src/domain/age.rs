//! Birth dates and what follows from them.
//!
//! Ages are those of the calendar day in UTC. Who was born on 29 February is a year older on
//! 1 March of a common year. Other services learn the [`AgeBand`], never the date.

use std::fmt;

use time::{Date, Month};

/// The first year that a birth date may lie in.
const YEAR_MIN: i32 = 1900;

/// What others may learn of a birth date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgeBand {
    /// Younger than 16 years.
    Under16,
    /// 16 or 17 years old.
    From16To17,
    /// 18 years or older.
    Adult,
}

/// Why a text is not a birth date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BirthDateError {
    /// Not a day of the calendar in the one accepted form.
    #[error("must be a day of the calendar in the form YYYY-MM-DD")]
    Format,
    /// After today.
    #[error("must not be in the future")]
    Future,
    /// Longer ago than anyone lives.
    #[error("must not be before {YEAR_MIN}-01-01")]
    TooEarly,
}

/// The day on which someone was born.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BirthDate(Date);

impl BirthDate {
    /// Checks a text against the present day.
    ///
    /// # Errors
    /// When it is no day, or none on which a living person was born.
    pub fn parse(raw: &str, today: Date) -> Result<Self, BirthDateError> {
        let date = parse_day(raw).ok_or(BirthDateError::Format)?;
        if date > today {
            return Err(BirthDateError::Future);
        }
        if date.year() < YEAR_MIN {
            return Err(BirthDateError::TooEarly);
        }
        Ok(Self(date))
    }

    /// Takes a text as [`BirthDate::to_text`] wrote it; none when it is something else.
    pub fn from_text(text: &str) -> Option<Self> {
        parse_day(text).map(Self)
    }

    /// `YYYY-MM-DD`.
    pub fn to_text(self) -> String {
        let (year, month, day) = self.0.to_calendar_date();
        format!("{year:04}-{:02}-{day:02}", u8::from(month))
    }

    /// How many birthdays there have been by that day.
    pub fn years_on(self, day: Date) -> u32 {
        let birthday_to_come =
            (u8::from(day.month()), day.day()) < (u8::from(self.0.month()), self.0.day());
        let years = day.year() - self.0.year() - i32::from(birthday_to_come);
        u32::try_from(years).unwrap_or(0)
    }

    /// The age band on that day.
    pub fn band_on(self, day: Date) -> AgeBand {
        match self.years_on(day) {
            0..16 => AgeBand::Under16,
            16..18 => AgeBand::From16To17,
            _ => AgeBand::Adult,
        }
    }
}

impl fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BirthDate(..)")
    }
}

/// Reads `YYYY-MM-DD` and nothing else: no sign, no white space, no other digits.
fn parse_day(text: &str) -> Option<Date> {
    let well_formed = text.len() == 10
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !well_formed {
        return None;
    }
    let month = Month::try_from(text[5..7].parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(text[..4].parse().ok()?, month, text[8..].parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn born(text: &str) -> BirthDate {
        BirthDate::from_text(text).unwrap()
    }

    #[test]
    fn what_is_a_birth_date() {
        let today = date!(2026 - 11 - 23);
        for good in ["1900-01-01", "2000-02-29", "2026-11-23", "1987-12-31"] {
            assert_eq!(BirthDate::parse(good, today).unwrap().to_text(), good);
        }
        for (bad, why) in [
            ("2026-11-24", BirthDateError::Future),
            ("9999-12-31", BirthDateError::Future),
            ("1899-12-31", BirthDateError::TooEarly),
            ("0000-01-01", BirthDateError::TooEarly),
            ("1900-02-29", BirthDateError::Format),
            ("2001-02-29", BirthDateError::Format),
            ("2001-13-01", BirthDateError::Format),
            ("2001-00-10", BirthDateError::Format),
            ("2001-04-31", BirthDateError::Format),
            ("2001-4-1", BirthDateError::Format),
            ("01.04.2001", BirthDateError::Format),
            ("+001-04-01", BirthDateError::Format),
            (" 2001-04-1", BirthDateError::Format),
            ("2001-04-01 ", BirthDateError::Format),
            ("２００1-", BirthDateError::Format),
            ("", BirthDateError::Format),
        ] {
            assert_eq!(BirthDate::parse(bad, today), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn one_is_older_on_the_birthday_and_not_a_day_before() {
        let born = born("2010-06-15");
        assert_eq!(born.years_on(date!(2023 - 06 - 14)), 12);
        assert_eq!(born.years_on(date!(2023 - 06 - 15)), 13);
        assert_eq!(born.years_on(date!(2010 - 06 - 15)), 0);
        assert_eq!(born.years_on(date!(2009 - 01 - 01)), 0);
    }

    #[test]
    fn a_leap_day_counts_from_1_march_in_common_years() {
        let born = born("2008-02-29");
        assert_eq!(born.years_on(date!(2021 - 02 - 28)), 12);
        assert_eq!(born.years_on(date!(2021 - 03 - 01)), 13);
        assert_eq!(born.years_on(date!(2024 - 02 - 28)), 15);
        assert_eq!(born.years_on(date!(2024 - 02 - 29)), 16);
    }

    #[test]
    fn bands_change_on_the_16th_and_18th_birthday() {
        let born = born("2008-03-10");
        for (day, band) in [
            (date!(2024 - 03 - 09), AgeBand::Under16),
            (date!(2024 - 03 - 10), AgeBand::From16To17),
            (date!(2026 - 03 - 09), AgeBand::From16To17),
            (date!(2026 - 03 - 10), AgeBand::Adult),
        ] {
            assert_eq!(born.band_on(day), band, "{day}");
        }
    }
}
