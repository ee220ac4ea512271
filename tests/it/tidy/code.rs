//! Just enough reading of Rust to check it: text without strings and comments, the functions
//! with their lengths, and the paths that code names. It never rejects a file; what it cannot
//! follow (macros that build paths) it does not see.

/// A function and where it stands. Lines are counted from `fn` to the closing brace.
#[derive(Debug, PartialEq)]
pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

/// A path such as `crate::store::Store`, one segment each, `use` groups taken apart and `super`
/// and `self` resolved. A lone word (a keyword, a variable) is a path of one segment.
#[derive(Debug, PartialEq)]
pub struct Named {
    pub line: usize,
    pub path: Vec<String>,
}

/// The text with strings, characters and comments blanked out, line for line.
pub fn mask(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = end_of_opaque(&chars, at);
        if end == at {
            masked.push(chars[at]);
            at += 1;
        } else {
            let blank = |c: &char| if *c == '\n' { '\n' } else { ' ' };
            masked.extend(chars[at..end].iter().map(blank));
            at = end;
        }
    }
    masked
}

/// The end of the comment or literal that starts at `at`; `at` itself when none does.
fn end_of_opaque(chars: &[char], at: usize) -> usize {
    let get = |i: usize| chars.get(i).copied().unwrap_or('\0');
    match (get(at), get(at + 1)) {
        ('/', '/') => until(chars, at, '\n'),
        ('/', '*') => end_of_block_comment(chars, at),
        ('"', _) => end_of_quoted(chars, at + 1, '"'),
        ('\'', '\\') => end_of_quoted(chars, at + 1, '\''),
        // Three characters long, or else it is a lifetime.
        ('\'', _) if get(at + 2) == '\'' => at + 3,
        ('r', '"' | '#') if at == 0 || !tail_of_word(chars, at) => end_of_raw(chars, at),
        _ => at,
    }
}

/// Whether the `r` at `at` ends a longer word than the prefixes `br` and `cr`.
fn tail_of_word(chars: &[char], at: usize) -> bool {
    let word = |i: usize| chars[i].is_alphanumeric() || chars[i] == '_';
    word(at - 1) && !(matches!(chars[at - 1], 'b' | 'c') && (at == 1 || !word(at - 2)))
}

fn until(chars: &[char], at: usize, stop: char) -> usize {
    (at..chars.len())
        .find(|i| chars[*i] == stop)
        .unwrap_or(chars.len())
}

fn end_of_block_comment(chars: &[char], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') if depth == 1 => return i + 2,
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
    }
    chars.len()
}

fn end_of_quoted(chars: &[char], at: usize, quote: char) -> usize {
    let mut i = at;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            c if c == quote => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

fn end_of_raw(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    let open = at + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return at; // A raw identifier such as `r#type`.
    }
    let closes = |i: &usize| {
        chars[*i] == '"' && chars[i + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    (open + 1..chars.len())
        .find(closes)
        .map_or(chars.len(), |i| i + 1 + hashes)
}

/// A word, `::` or one character.
struct Token {
    line: usize,
    text: String,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    for (number, line) in mask(text).lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            let length = match word {
                0 if rest.starts_with("::") => 2,
                // A lifetime is one token, so that its name is not taken for a word.
                0 if first == '\'' => {
                    1 + rest[1..]
                        .find(|c: char| !c.is_alphanumeric() && c != '_')
                        .unwrap_or(rest.len() - 1)
                }
                0 => first.len_utf8(),
                word => word,
            };
            found.push(Token {
                line: number + 1,
                text: rest[..length].to_owned(),
            });
            rest = rest[length..].trim_start();
        }
    }
    found
}

/// Every function that has a body, test functions too.
pub fn functions(text: &str) -> Vec<Function> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate() {
        if pair[0].text == "fn"
            // `fn(` is a type.
            && (pair[1].is_word() || pair[1].text == "$")
            && let Some(end) = end_of_body(&tokens[at..])
        {
            let (line, name) = (pair[0].line, pair[1].text.clone());
            let lines = end + 1 - line;
            found.push(Function { name, line, lines });
        }
    }
    found
}

/// The line of the brace that closes the body; `None` for a declaration without one.
fn end_of_body(tokens: &[Token]) -> Option<usize> {
    let (mut parens, mut braces) = (0, 0);
    for token in tokens {
        match token.text.as_str() {
            "(" | "[" => parens += 1,
            ")" | "]" => parens -= 1,
            "{" => braces += 1,
            "}" => {
                braces -= 1;
                if braces == 0 && parens == 0 {
                    return Some(token.line);
                }
            }
            ";" if parens == 0 && braces == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Every path that the code names; `module` is where the file stands in its crate.
pub fn named(module: &[&str], text: &str) -> Vec<Named> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    // The open braces, each with the name of the inline module that it opens, if it opens one.
    let mut open: Vec<Option<String>> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        if token.is_word() {
            let mut here: Vec<&str> = module.to_vec();
            here.extend(open.iter().flatten().map(String::as_str));
            let before = found.len();
            let opens_module = token.text == "mod"
                && tokens.get(at + 1).is_some_and(Token::is_word)
                && tokens.get(at + 2).is_some_and(|token| token.text == "{");
            if opens_module {
                open.push(Some(tokens[at + 1].text.clone()));
                at += 3;
                continue;
            }
            at = chain(&tokens, at, &[], &mut found);
            for named in &mut found[before..] {
                named.path = resolve(&here, std::mem::take(&mut named.path));
            }
            continue;
        }
        match token.text.as_str() {
            "{" => open.push(None),
            "}" => drop(open.pop()),
            _ => {}
        }
        at += 1;
    }
    found
}

/// Reads the path that starts at `at`, groups included, and returns where it ends.
fn chain(tokens: &[Token], at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let line = tokens[at].line;
    let mut path = prefix.to_vec();
    let mut i = at;
    loop {
        path.push(tokens[i].text.clone());
        i += 1;
        if text(i) != "::" {
            break;
        }
        match text(i + 1) {
            "{" => return group(tokens, i + 2, &path, found),
            // A glob ends the path; so does a turbofish, which is no part of it.
            "*" => {
                path.push("*".to_owned());
                i += 2;
                break;
            }
            _ if tokens.get(i + 1).is_some_and(Token::is_word) => i += 1,
            _ => break,
        }
    }
    found.push(Named { line, path });
    i
}

/// Reads the inside of `{…}` in a `use` and returns what follows the closing brace.
fn group(tokens: &[Token], at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let mut i = at;
    while i < tokens.len() {
        match tokens[i].text.as_str() {
            "}" => return i + 1,
            "as" => i += 2,
            "*" => {
                let mut path = prefix.to_vec();
                path.push("*".to_owned());
                found.push(Named {
                    line: tokens[i].line,
                    path,
                });
                i += 1;
            }
            _ if tokens[i].is_word() => i = chain(tokens, i, prefix, found),
            _ => i += 1,
        }
    }
    i
}

/// Turns a leading `super` or `self` into the path from the crate's root.
fn resolve(here: &[&str], path: Vec<String>) -> Vec<String> {
    let supers = path
        .iter()
        .take_while(|segment| *segment == "super")
        .count();
    let relative = supers > 0 || (path.len() > 1 && path[0] == "self");
    if !relative {
        return path;
    }
    let base = &here[..here.len().saturating_sub(supers)];
    let rest = path.into_iter().skip(supers.max(1));
    std::iter::once("crate")
        .chain(base.iter().copied())
        .map(str::to_owned)
        .chain(rest)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(module: &[&str], text: &str) -> Vec<String> {
        named(module, text)
            .into_iter()
            .map(|named| named.path.join("::"))
            .collect()
    }

    #[test]
    fn mask_blanks_strings_characters_and_comments() {
        let text = r###"a('{', '\'', "{\"", r#"{"{"#, br"{", b'{'); // {
/* { /* { */ { */ b::<'a>(r#type); 'x: loop {}"###;
        let masked = mask(text);
        assert_eq!(masked.lines().count(), 2);
        assert_eq!(masked.matches('{').count(), 1);
        assert_eq!(masked.chars().count(), text.chars().count());
        for kept in ["a(", "b::<'a>(r#type)", "'x: loop {}"] {
            assert!(masked.contains(kept), "`{kept}` is gone from `{masked}`");
        }
    }

    #[test]
    fn a_string_may_span_lines() {
        assert_eq!(mask("\"a\\\n{\nb\";\nc"), "   \n \n  ;\nc");
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let text = "trait T { fn none(&self); }\nstruct S(fn(u8) -> u8);\nfn one() {}\n\
                    async fn outer(a: [u8; { 3 }])\nwhere\n{\n\
                    fn inner() {\n}\n'}';\n}\n";
        let found: Vec<_> = functions(text)
            .into_iter()
            .map(|f| (f.name, f.line, f.lines))
            .collect();
        let expected = [("one", 3, 1), ("outer", 4, 7), ("inner", 7, 2)];
        assert_eq!(
            found,
            expected.map(|(name, line, lines)| (name.to_owned(), line, lines))
        );
    }

    #[test]
    fn groups_are_taken_apart() {
        let text = "use crate::{rpc, store::{self, Store as S, entity::*}};";
        let expected = [
            "use",
            "crate::rpc",
            "crate::store::self",
            "crate::store::Store",
            "crate::store::entity::*",
        ];
        assert_eq!(joined(&[], text), expected);
    }

    #[test]
    fn supers_are_resolved_through_inline_modules() {
        let module = ["rpc", "send"];
        assert_eq!(
            joined(&module, "super::super::store::X")[0],
            "crate::store::X"
        );
        assert_eq!(joined(&module, "self::a()")[0], "crate::rpc::send::a");
        let nested = "fn f() { } mod tests { use super::a; } use super::b;";
        let found = joined(&module, nested);
        assert!(
            found.contains(&"crate::rpc::send::a".to_owned()),
            "{found:?}"
        );
        assert!(found.contains(&"crate::rpc::b".to_owned()), "{found:?}");
    }

    #[test]
    fn calls_and_types_are_paths_and_text_is_not() {
        let text = "let x: Vec<tonic::Status> = sea_orm::A::<u8>::new(\"rpc::x\"); // store::y";
        let found = joined(&[], text);
        assert!(found.contains(&"tonic::Status".to_owned()), "{found:?}");
        assert!(found.contains(&"sea_orm::A".to_owned()), "{found:?}");
        assert!(
            !found
                .iter()
                .any(|path| path.contains("rpc") || path.contains("store"))
        );
    }
}
