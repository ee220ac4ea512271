//! What a message says, checked once at the edge.

use postern_policy::ContentKind;

/// The longest text in characters.
const TEXT_CHARS_MAX: usize = 6_000;
/// The longest text in bytes.
const TEXT_BYTES_MAX: usize = 24 * 1_024;
/// The longest address of a link in bytes.
const URL_BYTES_MAX: usize = 2_048;
/// The longest id of a video in characters.
const VIDEO_ID_CHARS_MAX: usize = 128;
/// The longest client_message_id in characters.
const CLIENT_MESSAGE_ID_CHARS_MAX: usize = 64;

/// Why a content or an id is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Nothing in it.
    #[error("must not be empty")]
    Empty,
    /// Too many characters.
    #[error("must have at most {max} characters, has {got}")]
    TooManyChars {
        /// The limit.
        max: usize,
        /// What came.
        got: usize,
    },
    /// Too many bytes.
    #[error("must have at most {max} bytes, has {got}")]
    TooManyBytes {
        /// The limit.
        max: usize,
        /// What came.
        got: usize,
    },
    /// A character that the database cannot keep.
    #[error("must not contain the NUL character")]
    Nul,
    /// Not the address of a page.
    #[error("must be an http or https address without spaces or control characters")]
    Url,
    /// Something else than printable ASCII.
    #[error("must consist of printable ASCII characters without spaces")]
    NotPrintable,
}

/// What kind of thing a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Plain text.
    Text,
    /// The id of a video of the platform.
    Video,
    /// The address of a page.
    Link,
}

impl Kind {
    /// The name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Video => "video",
            Self::Link => "link",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Text, Self::Video, Self::Link]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }

    /// The kind as the policy sees it.
    #[must_use]
    pub const fn for_policy(self) -> ContentKind {
        match self {
            Self::Text => ContentKind::Text,
            Self::Video => ContentKind::Video,
            Self::Link => ContentKind::Link,
        }
    }
}

/// What a message says. Its text is nobody's business: it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    kind: Kind,
    body: String,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Content({}, {} bytes)",
            self.kind.as_str(),
            self.body.len()
        )
    }
}

impl Content {
    /// Plain text, kept as it is.
    ///
    /// # Errors
    /// When it is empty, too long, or holds a NUL.
    pub fn text(text: String) -> Result<Self, ContentError> {
        // The bytes first: whoever sends megabytes need not have them counted.
        bytes_at_most(&text, TEXT_BYTES_MAX)?;
        let got = text.chars().count();
        if got > TEXT_CHARS_MAX {
            return Err(ContentError::TooManyChars {
                max: TEXT_CHARS_MAX,
                got,
            });
        }
        Self::checked(Kind::Text, text)
    }

    /// A video, by the platform's id.
    ///
    /// # Errors
    /// When the id is empty, too long, or not printable ASCII.
    pub fn video(id: String) -> Result<Self, ContentError> {
        printable(&id, VIDEO_ID_CHARS_MAX)?;
        Self::checked(Kind::Video, id)
    }

    /// A link.
    ///
    /// # Errors
    /// When it is not an http or https address, or too long.
    pub fn link(url: String) -> Result<Self, ContentError> {
        bytes_at_most(&url, URL_BYTES_MAX)?;
        let lower = url
            .get(..8.min(url.len()))
            .unwrap_or_default()
            .to_ascii_lowercase();
        let rest = match (
            lower.strip_prefix("https://"),
            lower.strip_prefix("http://"),
        ) {
            (Some(_), _) => &url[8..],
            (None, Some(_)) => &url[7..],
            (None, None) => return Err(ContentError::Url),
        };
        let bad = |c: char| c.is_whitespace() || c.is_control();
        if rest.is_empty() || rest.starts_with('/') || url.chars().any(bad) {
            return Err(ContentError::Url);
        }
        Self::checked(Kind::Link, url)
    }

    /// A content as it comes out of the database.
    #[must_use]
    pub const fn stored(kind: Kind, body: String) -> Self {
        Self { kind, body }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What it says, for the database and its participants alone.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    fn checked(kind: Kind, body: String) -> Result<Self, ContentError> {
        match body.as_str() {
            "" => Err(ContentError::Empty),
            // PostgreSQL cannot store it.
            body if body.contains('\0') => Err(ContentError::Nul),
            _ => Ok(Self { kind, body }),
        }
    }
}

/// The id that a client gives its message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientMessageId(String);

impl ClientMessageId {
    /// Takes 1 to 64 printable ASCII characters.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: String) -> Result<Self, ContentError> {
        printable(&text, CLIENT_MESSAGE_ID_CHARS_MAX)?;
        Ok(Self(text))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn bytes_at_most(text: &str, max: usize) -> Result<(), ContentError> {
    if text.len() > max {
        return Err(ContentError::TooManyBytes {
            max,
            got: text.len(),
        });
    }
    Ok(())
}

fn printable(text: &str, max: usize) -> Result<(), ContentError> {
    if text.is_empty() {
        return Err(ContentError::Empty);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ContentError::NotPrintable);
    }
    if text.len() > max {
        return Err(ContentError::TooManyChars {
            max,
            got: text.len(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kept_as_it_is_up_to_its_limits() {
        let odd = " \u{202E}e\u{301}\r\n👩‍🚀 ";
        assert_eq!(Content::text(odd.to_owned()).unwrap().body(), odd);
        assert!(Content::text("é".repeat(6_000)).is_ok());
        assert!(matches!(
            Content::text("é".repeat(6_001)),
            Err(ContentError::TooManyChars {
                max: 6_000,
                got: 6_001
            })
        ));
        assert!(Content::text("🦀".repeat(6_000)).is_ok());
        assert!(matches!(
            Content::text("x".repeat(24 * 1_024 + 1)),
            Err(ContentError::TooManyBytes { .. })
        ));
        assert_eq!(Content::text(String::new()), Err(ContentError::Empty));
        assert_eq!(Content::text("a\0b".to_owned()), Err(ContentError::Nul));
    }

    #[test]
    fn links_are_addresses_of_pages() {
        for good in [
            "https://example.org",
            "HTTP://example.org/a?b=c#d",
            "https://例え.jp/",
        ] {
            assert!(Content::link(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "example.org",
            "ftp://x",
            "javascript:alert(1)",
            "https://",
            "https:///x",
            "https://a b",
            "https://a\nb",
            "日本語日本語",
            "https:/",
        ] {
            assert_eq!(
                Content::link(bad.to_owned()),
                Err(ContentError::Url),
                "{bad}"
            );
        }
    }

    #[test]
    fn ids_are_printable_ascii() {
        assert!(ClientMessageId::parse("a".repeat(64)).is_ok());
        for bad in ["", "a b", "é", "a\n", &"a".repeat(65)] {
            assert!(ClientMessageId::parse(bad.to_owned()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn debug_shows_no_text() {
        let shown = format!("{:?}", Content::text("secret".to_owned()).unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }
}
