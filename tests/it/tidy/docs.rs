//! What the documents name must exist: paths in backticks, links and shell blocks, and the
//! packages in `cargo … -p NAME`. A document that lies is worse than none.

use std::collections::BTreeSet;

use super::tree::File;

/// A word that starts with one of these is a path of this repository.
const TOP: [&str; 7] = [
    "services/",
    "proto/",
    "shared/",
    "tests/",
    "k8s/",
    ".ci/",
    ".cargo/",
];

/// From the first of these on, a word stands for several paths.
const PLACEHOLDERS: [char; 6] = ['*', '<', '{', '$', '[', '…'];

pub fn check(doc: &File, paths: &BTreeSet<String>, packages: &BTreeSet<String>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut fenced = false;
    for (number, line) in doc.text.lines().enumerate() {
        let mut wrong = Vec::new();
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            wrong.extend(check_command(line, paths, packages));
        } else {
            let code = line.split('`').skip(1).step_by(2);
            wrong.extend(code.flat_map(|code| check_command(code, paths, packages)));
            wrong.extend(check_links(&doc.path, line, paths));
        }
        let place = format!("{}:{}", doc.path, number + 1);
        problems.extend(
            wrong
                .into_iter()
                .map(|wrong| format!("{place}: {wrong} does not exist")),
        );
    }
    problems
}

fn check_command(
    command: &str,
    paths: &BTreeSet<String>,
    packages: &BTreeSet<String>,
) -> Vec<String> {
    let words: Vec<&str> = command
        .split_whitespace()
        .map(|word| {
            word.trim_matches(|c| "\"'(),;".contains(c))
                .trim_start_matches("./")
        })
        .collect();
    let mut wrong = Vec::new();
    for word in &words {
        if TOP.iter().any(|top| word.starts_with(top)) && !exists(word, paths) {
            wrong.push(format!("path `{word}`"));
        }
    }
    if let Some(cargo) = words.iter().position(|word| *word == "cargo") {
        // What follows `--` belongs to the program that cargo starts.
        let arguments: Vec<_> = words[cargo..]
            .iter()
            .take_while(|word| **word != "--")
            .collect();
        for pair in arguments.windows(2) {
            if ["-p", "--package"].contains(pair[0]) && !packages.contains(*pair[1]) {
                wrong.push(format!("package `{}`", pair[1]));
            }
        }
    }
    wrong
}

fn check_links(doc: &str, line: &str, paths: &BTreeSet<String>) -> Vec<String> {
    let folder = doc.rsplit_once('/').map_or("", |(folder, _)| folder);
    let targets = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.contains(':') && !target.starts_with('#'))
        .map(|target| resolve(folder, target))
        .filter(|path| !exists(path, paths))
        .map(|path| format!("link target `{path}`"))
        .collect()
}

/// A link's target, seen from the root.
fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether the word, without line number, anchor and full stop, is a file or folder of the tree.
fn exists(word: &str, paths: &BTreeSet<String>) -> bool {
    let word = word.split([':', '#']).next().unwrap_or_default();
    let path = match word.find(PLACEHOLDERS) {
        Some(at) => word[..at].rsplit_once('/').map_or("", |(folder, _)| folder),
        None => word.trim_end_matches(['.', '/']),
    };
    let folder = format!("{path}/");
    path.is_empty() || paths.contains(path) || paths.iter().any(|path| path.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        let paths = [
            "README.md",
            "tests/run",
            "proto/postern/graph/v1/graph_service.proto",
        ];
        let paths = paths.map(str::to_owned).into();
        let packages = ["postern".to_owned()].into();
        check(
            &File {
                path: path.to_owned(),
                text: text.to_owned(),
            },
            &paths,
            &packages,
        )
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        for text in [
            "See `tests/gone`.",
            "Run `./tests/gone --long`.",
            "`proto/postern/gone/*.proto`",
            "[run](tests/gone)",
            "[run](gone.md#there)",
            "```sh\ntests/gone\n```",
            "```sh\ncargo run -p gone\n```",
            "`cargo test --package gone -- x`",
        ] {
            assert_eq!(problems("README.md", text).len(), 1, "{text}");
        }
        let found = problems("README.md", "\nsee `tests/gone`");
        assert_eq!(found, ["README.md:2: path `tests/gone` does not exist"]);
    }

    #[test]
    fn links_are_relative_to_their_document() {
        assert_eq!(
            problems("tests/README.md", "[a](run) [b](../README.md) [c](./run)").len(),
            0
        );
        assert_eq!(problems("tests/README.md", "[a](README.md)").len(), 1);
    }

    #[test]
    fn what_exists_or_is_no_path_is_allowed() {
        for text in [
            "`tests/run --long`, `tests/`, `tests/run:12`, `./tests/run`",
            "`proto/postern/<service>/v1/*.proto` and `proto/postern/graph/v1/`",
            "tests/gone without backticks, `application/grpc`, [x](https://a.org/tests/gone)",
            "```sh\ncargo run -p postern -- -p gone\n```",
            "[up](#up)",
        ] {
            assert_eq!(problems("README.md", text), Vec::<String>::new());
        }
    }
}
