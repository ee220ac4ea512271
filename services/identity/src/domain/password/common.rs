//! Which passwords are among the first that an attacker tries.
//!
//! Long passwords that are common are nearly all put together from few pieces: words that head
//! every list of leaked passwords, rows of a keyboard, repetitions, and a year or a sign at the
//! end. So instead of listing them, what they are made of is listed.

/// So many digits and signs beside the pieces make no password strong.
const ORNAMENTS_MAX: usize = 8;
/// A unit of up to so many characters, repeated, is no password.
const UNIT_CHARS_MAX: usize = 5;

/// Words and rows of keys from the top of published lists of leaked passwords, lower case.
const PIECES: &str = "\
    000 111 123 1234 12345 123456 1234567 12345678 123456789 1234567890 0123456789 0987654321 \
    987654321 654321 112233 121212 123123 1q2w3e 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz \
    1qaz2wsx 2wsx 3edc 4rfv 5tgb 666666 777777 aaaaaa abc abcd abcde abcdef abcdefg abcdefgh \
    abcdefghijklmnopqrstuvwxyz access account admin administrator aeiou amanda amazon andrew \
    angel anthony apple asdf asdfg asdfgh asdfghjkl ashley azerty azertyuiop babygirl bailey \
    baseball basketball batman battery blink182 butterfly changeit changeme charlie cheese \
    chocolate computer cookie correct daniel default donald dragon dragonball facebook family \
    flower football forever freedom friends george ginger google guest hallo hannah \
    harley heaven hello hockey horse hunter iloveyou instagram internet jennifer jessica jesus \
    jordan joshua justin killer letmein liverpool login lol love loveme lovely maggie \
    manchester master matrix matthew me merlin michael michelle minecraft mobile monkey \
    monster mustang my mypassword mynameis naruto nicole ninja nothing p@ssw0rd p@ssword \
    pa$$w0rd pa$$word pass passw0rd passwd password passwort pepper please pokemon postern \
    princess purple qazwsx qazwsxedc qqqqqq qwe qweasd qweasdzxc qwer qwert qwerty qwertyu \
    qwertyui qwertyuiop qwertz qwertzuiop ranger robert samsung secret secure security shadow \
    slipknot soccer sophie spiderman staple starwars summer sunshine super superman superstar \
    target temp test testing thebest theone thomas thunder tigger trustno1 unknown user \
    victoria welcome whatever william winter yankees you zaq12wsx zaq1 zxc zxcv zxcvb zxcvbn \
    zxcvbnm zzzzzz";

/// Sentences that everybody knows, without white space, lower case.
const SENTENCES: &str = "\
    correcthorsebatterystaple thequickbrownfox jumpsoverthelazydog tobeornottobe \
    maytheforcebewithyou thereisnospoon openthepodbaydoors iamyourfather loremipsumdolor \
    loremipsumdolorsitamet onceuponatime ineedanewpassword thisismypassword thisisapassword \
    thisisasecret donttellanyone imnottellingyou idontremember iforgotmypassword \
    incorrectpassword";

/// Whether a lower-case password is one of those.
pub fn is_common(folded: &str) -> bool {
    let chars: Vec<char> = folded.chars().collect();
    is_sequence(&chars) || is_repetition(&chars) || is_made_of_pieces(folded)
}

/// Each character follows on the one before by the same step: `aaaa`, `abcd`, `9876`, `7890123`.
fn is_sequence(chars: &[char]) -> bool {
    let follows = |step: i64| {
        chars.windows(2).all(|pair| {
            let (a, b) = (pair[0], pair[1]);
            let around = a.is_ascii_digit()
                && b.is_ascii_digit()
                && (digit(a) + step).rem_euclid(10) == digit(b);
            around || i64::from(u32::from(a)) + step == i64::from(u32::from(b))
        })
    };
    [0, 1, -1].into_iter().any(follows)
}

fn digit(c: char) -> i64 {
    i64::from(u32::from(c)) - i64::from(u32::from('0'))
}

/// A short unit over and over, the last one perhaps cut off.
fn is_repetition(chars: &[char]) -> bool {
    (1..=UNIT_CHARS_MAX).any(|unit| {
        chars
            .iter()
            .skip(unit)
            .zip(chars)
            .all(|(later, c)| later == c)
    })
}

/// Nothing but pieces, and so few ornaments that they can all be tried.
fn is_made_of_pieces(folded: &str) -> bool {
    let text: String = folded.chars().filter(|c| !c.is_whitespace()).collect();
    let known = [PIECES, SENTENCES]
        .into_iter()
        .flat_map(str::split_ascii_whitespace);
    let known: Vec<&str> = known.collect();
    // The fewest ornaments in what follows each place; none where something else stands in it.
    let mut ornaments: Vec<Option<usize>> = vec![None; text.len() + 1];
    ornaments[text.len()] = Some(0);
    for (place, c) in text.char_indices().rev() {
        let rest = &text[place..];
        let after_piece = known
            .iter()
            .filter(|piece| rest.starts_with(**piece))
            .filter_map(|piece| ornaments[place + piece.len()]);
        let after_ornament = is_ornament(c)
            .then(|| ornaments[place + c.len_utf8()].map(|count| count + 1))
            .flatten();
        ornaments[place] = after_piece.chain(after_ornament).min();
    }
    ornaments[0].is_some_and(|count| count <= ORNAMENTS_MAX)
}

fn is_ornament(c: char) -> bool {
    c.is_ascii_digit() || c.is_ascii_punctuation()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_attackers_try_first_is_refused() {
        for bad in [
            "passwordpassword",
            "password12345678",
            "password123456789",
            "p@ssw0rdp@ssw0rd",
            "123456789012345",
            "1234567890123456",
            "987654321098765",
            "012345678901234",
            "abcdefghijklmno",
            "zyxwvutsrqponml",
            "aaaaaaaaaaaaaaa",
            "éééééééééééééééé",
            "qwertyuiopasdfg",
            "qwertyuiopasdfghjklzxcvbnm",
            "qwertyqwertyqwerty",
            "1q2w3e4r5t6y1q2w3e",
            "1qaz2wsx3edc4rfv",
            "abcabcabcabcabc",
            "xyxyxyxyxyxyxyxy",
            "qazxsqazxsqazxs",
            "iloveyou20242024",
            "welcome.2026.!!",
            "admin administrator",
            "correct horse battery staple",
            "correcthorsebatterystaple1",
            "the quick brown fox",
            "thisismypassword",
            "letmeinletmein!",
            "sunshine princess",
        ] {
            assert!(is_common(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_hard_to_guess_is_not() {
        for good in [
            "plum-tractor-97",
            "48151623420918273645",
            "umbrella giraffe tuesday",
            "my dog has fleas",
            "password manager made this",
            "x7$kq!vbn2@mzp9w",
            "ιδού η ρόδος ιδού",
            "pass the salt, hannah's uncle",
        ] {
            assert!(!is_common(good), "{good}");
        }
    }
}
