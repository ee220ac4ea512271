//! A small digest, so that everything a replay makes up follows from its trace.
//!
//! It promises the same value on every machine and in every version of this tool. It is no
//! cryptography and must not be taken for it.

/// FNV-1a of the bytes, mixed so that any part of the result is as good as another.
#[must_use]
pub fn digest(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(fnv)
}

/// Spreads a number over all 64 bits (the finaliser of SplitMix64).
#[must_use]
pub fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_the_same_for_ever() {
        // A replay made today has to be the same replay against the same data next year.
        assert_eq!(digest(b""), 0xc381_7c01_6ba4_ff30);
        assert_eq!(digest(b"1 2 3\n"), 0x36c2_8b41_840f_e199);
    }
}
