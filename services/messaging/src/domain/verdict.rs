//! What is found in a message: the recipient's own words, a link from a stranger, and whether two
//! texts are the same.
//!
//! Promises: pure; two spellings of one text (case, composition, invisible characters, white space)
//! are one. Must not: keep a text or a part of one: what leaves here is a class or a mark.

use aws_lc_rs::hmac;
use postern_policy::{Class, Verdict};
use postern_shared::id::UserId;
use unicode_normalization::UnicodeNormalization as _;

use super::{Content, Kind};

/// What marks are made with. Without it nobody finds out by guessing what a text says.
#[derive(Debug, Clone)]
pub struct MarkKey(hmac::Key);

impl MarkKey {
    /// Takes a secret: the same for everybody who compares marks.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }
}

/// Stands for a text that its sender sent to several strangers: it tells whether two texts are the
/// same, and to nobody who lacks the key what they say. It begins with the sender, so that the same
/// text of two people does not look the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark([u8; 16]);

impl std::fmt::Debug for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mark")
    }
}

impl Mark {
    /// That of a text; other contents have none.
    #[must_use]
    pub fn of(key: &MarkKey, sender: UserId, content: &Content) -> Option<Self> {
        if content.kind() != Kind::Text {
            return None;
        }
        let folded = fold(content.body());
        let mut hash = hmac::Context::with_key(&key.0);
        hash.update(sender.uuid().as_bytes());
        for word in folded.split_whitespace() {
            hash.update(word.as_bytes());
            hash.update(b" ");
        }
        let mut first = [0; 16];
        first.copy_from_slice(&hash.sign().as_ref()[..16]);
        Some(Self(first))
    }

    /// The mark as the database keeps it.
    #[must_use]
    pub const fn into_bytes(self) -> [u8; 16] {
        self.0
    }
}

/// What the built-in filter says of a message. Only a stranger's text is looked through for links.
#[must_use]
pub fn verdict(content: &Content, keywords: &[String], from_stranger: bool) -> Verdict {
    if has_keyword(content, keywords) {
        Verdict::Flagged(Class::Keyword)
    } else if from_stranger && content.kind() == Kind::Text && has_link(content.body()) {
        Verdict::Flagged(Class::Link)
    } else {
        Verdict::Clean
    }
}

/// Whether one of the words stands in what the sender wrote. The id of a video is not written.
fn has_keyword(content: &Content, keywords: &[String]) -> bool {
    if keywords.is_empty() || content.kind() == Kind::Video {
        return false;
    }
    let text = fold(content.body());
    keywords.iter().any(|word| holds(&text, &fold(word)))
}

/// Brings a text into one spelling: composed, one case, nothing invisible.
fn fold(text: &str) -> String {
    text.nfc()
        .filter(|c| !is_invisible(*c))
        // Upwards and down again joins what downwards alone would keep apart: `ß`, `ſ`, `ς`.
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfc()
        .collect()
}

/// Joiners, soft hyphens and the like: they show nothing, and would hide a word.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
    )
}

/// Whether a word stands in a text as a whole. Both are folded.
fn holds(text: &str, word: &str) -> bool {
    let (Some(first), Some(last)) = (word.chars().next(), word.chars().next_back()) else {
        return false;
    };
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(word)) {
        let begin = from + at;
        let end = begin + word.len();
        let before = text[..begin].chars().next_back();
        let after = text[end..].chars().next();
        let apart = |one: Option<char>, other| one.is_none_or(|one| !in_one_word(one, other));
        if apart(before, first) && apart(after, last) {
            return true;
        }
        from = begin + first.len_utf8();
    }
    false
}

/// Whether two characters side by side belong to one word. Scripts that put no space between words
/// do not tell where one ends, so there every place may be an end.
fn in_one_word(one: char, other: char) -> bool {
    let in_word = |c: char| (c.is_alphanumeric() || c == '_') && !is_unspaced(c);
    in_word(one) && in_word(other)
}

const fn is_unspaced(c: char) -> bool {
    matches!(
        c,
        // Thai, Lao, Tibetan, Burmese, Khmer; kana, bopomofo; ideographs.
        '\u{0E00}'..='\u{0FFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
            | '\u{3040}'..='\u{312F}' | '\u{31A0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}'
            | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{FF66}'..='\u{FF9F}'
            | '\u{20000}'..='\u{3FFFF}'
    )
}

/// Endings that make `name.ending` an address on their own. Two-letter ones that are words of
/// everyday languages are left out: without an address behind them they end sentences.
const ENDINGS: [&str; 46] = [
    "com", "net", "org", "info", "biz", "io", "co", "ru", "cn", "de", "uk", "fr", "jp", "br", "eu",
    "nl", "pl", "ly", "gg", "tv", "cc", "ws", "xyz", "top", "site", "online", "shop", "store",
    "club", "link", "click", "live", "app", "dev", "page", "icu", "vip", "win", "bid", "loan",
    "men", "work", "website", "space", "tech", "pro",
];

/// Whether an address of a page stands in a text: with its scheme, with `www.`, or as a bare name.
/// A mail address is none.
fn has_link(text: &str) -> bool {
    let text: String = fold(text).nfkc().collect();
    // Whatever may surround an address: white space, brackets, quotes, commas.
    let outside = |c: char| c.is_whitespace() || "()[]{}<>\"'`«»„“”‘’,;!|*".contains(c);
    text.split(outside).any(is_link)
}

fn is_link(word: &str) -> bool {
    if let Some((scheme, rest)) = word.split_once("://") {
        let scheme = scheme.rsplit(|c: char| !c.is_ascii_alphanumeric()).next();
        return scheme.is_some_and(|scheme| scheme.len() > 1)
            && rest.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    }
    // What ends a sentence, or leads into the address, is not part of it.
    let word = word
        .rsplit([':', '='])
        .find(|part| part.contains('.'))
        .unwrap_or(word);
    let (host, path) = word.split_once(['/', '?', '#']).unwrap_or((word, ""));
    let host = host.trim_matches(|c: char| !c.is_alphanumeric() && c != '@');
    if host.contains('@') {
        return false;
    }
    let labels: Vec<_> = host.split(['.', '。']).collect();
    let label = |label: &str| {
        let inner = |c: char| c.is_alphanumeric() || c == '-';
        !label.is_empty() && label.chars().all(inner)
    };
    if labels.len() < 2 || !labels.iter().all(|one| label(one)) {
        return false;
    }
    let ending = labels.last().copied().unwrap_or_default();
    let could_be = ending.starts_with("xn--")
        || ending.chars().count() > 1 && ending.chars().all(char::is_alphabetic);
    labels[0] == "www" || ENDINGS.contains(&ending) || could_be && !path.is_empty()
}

#[cfg(test)]
mod tests {
    use postern_shared::random::Random;

    use super::*;

    fn text(text: &str) -> Content {
        Content::text(text.to_owned()).unwrap()
    }

    fn judged(said: &str, words: &[&str], from_stranger: bool) -> Verdict {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        verdict(&text(said), &words, from_stranger)
    }

    #[test]
    fn own_words_are_found_whole_and_in_any_spelling() {
        for (said, word) in [
            ("free crypto now", "crypto"),
            ("CRYPTO!", "crypto"),
            ("buy \u{201C}Crypto\u{201D}", "cRyPtO"),
            ("cry\u{200B}pto and cryp\u{AD}to", "crypto"),
            ("Zoe\u{308} says", "zo\u{eb}"),
            ("STRASSE", "stra\u{df}e"),
            (
                "\u{39f}\u{394}\u{39f}\u{3a3}",
                "\u{3bf}\u{3b4}\u{3bf}\u{3c2}",
            ),
            ("xa a a", "a a"),
            ("bitcoin, now", "bitcoin, now"),
            ("win $$$", "$$$"),
            ("an 🎰 for you", "🎰"),
            ("这是垃圾信息", "垃圾"),
            ("crypto", "crypto"),
        ] {
            let found = judged(said, &["other", word], false);
            assert_eq!(found, Verdict::Flagged(Class::Keyword), "{word} in {said}");
        }
        for (said, word) in [
            ("cryptography", "crypto"),
            ("decrypto", "crypto"),
            ("crypto_bro", "crypto"),
            ("class", "ass"),
            ("Zoe\u{308}", "zoe"),
            ("", "x"),
            ("nothing", "\u{200B}"),
        ] {
            let said = format!("{said} .");
            assert_eq!(judged(&said, &[word], false), Verdict::Clean, "{word}");
        }
        assert_eq!(judged("anything", &[], false), Verdict::Clean);
        let video = Content::video("crypto".to_owned()).unwrap();
        let words = ["crypto".to_owned()];
        assert_eq!(verdict(&video, &words, true), Verdict::Clean);
        let link = Content::link("https://x.org/crypto".to_owned()).unwrap();
        assert_eq!(
            verdict(&link, &words, false),
            Verdict::Flagged(Class::Keyword)
        );
    }

    #[test]
    fn links_are_found_in_strangers_texts_alone() {
        for said in [
            "see https://example.org/a?b=c",
            "see HTTP://Example.ORG",
            "(https://1.2.3.4/x)",
            "tg://join?x",
            "www.example.tk",
            "WWW.example.museum.",
            "go to example.com",
            "go to Example.COM, now",
            "\"shop.example.xyz\"",
            "here:example.com",
            "bit.ly/3abc",
            "t.me/joinchat",
            "ex\u{200B}ample.com",
            "ｅｘａｍｐｌｅ．ｃｏｍ",
            "例え.jp/あ",
            "xn--r8jz45g.xn--zckzah/a",
        ] {
            let found = judged(said, &[], true);
            assert_eq!(found, Verdict::Flagged(Class::Link), "{said}");
            assert_eq!(judged(said, &[], false), Verdict::Clean, "{said}");
        }
        for said in [
            "hello",
            "e.g. this, i.e. that",
            "it ends.So does this",
            "wait...what",
            "3.14 and 1.5/2 and 10.12.2026",
            "yes/no, and/or",
            "write to me@example.com",
            "a: b; c://",
            "://x",
            "node.js",
            "www.",
            "www",
            ".com",
            "com.",
            "v1.2.3",
            "what?! ... :-) <3",
        ] {
            assert_eq!(judged(said, &[], true), Verdict::Clean, "{said}");
        }
        // The person's own word says more.
        let both = judged("crypto at example.com", &["crypto"], true);
        assert_eq!(both, Verdict::Flagged(Class::Keyword));
    }

    #[test]
    fn marks_tell_the_same_text_and_nothing_else() {
        let random = Random::system();
        let (ada, ben) = (UserId::random(&random), UserId::random(&random));
        let key = MarkKey::new(&[7; 32]);
        let mark = |sender, said: &str| Mark::of(&key, sender, &text(said)).unwrap();
        let first = mark(ada, "Buy this NOW");
        for same in ["buy this now", " buy\tthis\n now ", "b\u{200B}uy this now"] {
            assert_eq!(mark(ada, same), first, "{same}");
        }
        for other in ["buy thisnow", "buy that now", "buy this now!"] {
            assert_ne!(mark(ada, other), first, "{other}");
        }
        assert_ne!(mark(ben, "Buy this NOW"), first);
        let video = Content::video("v".to_owned()).unwrap();
        assert_eq!(Mark::of(&key, ada, &video), None);
        let elsewhere = MarkKey::new(&[8; 32]);
        assert_ne!(
            Mark::of(&elsewhere, ada, &text("buy this now")),
            Some(first)
        );
        assert_eq!(format!("{first:?}"), "Mark");
        assert!(!format!("{key:?}").contains("7, 7"));
    }

    #[test]
    fn the_longest_text_and_the_most_words_take_no_time() {
        let said = text(&"ab ".repeat(2_000));
        let words: Vec<_> = (0..100).map(|n| format!("ab ab {n}")).collect();
        assert_eq!(verdict(&said, &words, true), Verdict::Clean);
    }
}
