//! Chance as an argument, from the operating system.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A source of cryptographically secure random bytes.
#[derive(Clone, Debug)]
pub struct Random(SystemRandom);

impl Random {
    /// The operating system's source.
    #[must_use]
    pub fn system() -> Self {
        Self(SystemRandom::new())
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0
            .fill(&mut bytes)
            .expect("aws-lc aborts the process itself when it has no entropy");
        bytes
    }

    /// A number below `end`; 0 when `end` is 0. Slightly uneven for huge ends: for jitter.
    #[must_use]
    pub fn below(&self, end: u64) -> u64 {
        u64::from_le_bytes(self.bytes())
            .checked_rem(end)
            .unwrap_or(0)
    }
}
