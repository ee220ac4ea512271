//! How long sources get, how they open, and which files a service has. Short pieces can be read;
//! knowing one service is knowing all.

use std::collections::BTreeSet;

use super::code;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_CHARS_MAX: usize = 100;

const SERVICE_FILES: [&str; 7] = [
    "main.rs",
    "lib.rs",
    "config.rs",
    "domain.rs",
    "error.rs",
    "rpc.rs",
    "store.rs",
];

pub fn lengths(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        problems.push(format!("{path}: {lines} lines, more than {FILE_LINES_MAX}"));
    }
    for (number, line) in text.lines().enumerate() {
        let chars = line.chars().count();
        if chars > LINE_CHARS_MAX {
            let number = number + 1;
            problems.push(format!(
                "{path}:{number}: {chars} wide, more than {LINE_CHARS_MAX}"
            ));
        }
    }
    for function in code::functions(text) {
        let code::Function { name, line, lines } = function;
        if lines > FUNCTION_LINES_MAX {
            let most = FUNCTION_LINES_MAX;
            problems.push(format!(
                "{path}:{line}: `{name}` has {lines} lines, more than {most}"
            ));
        }
    }
    problems
}

/// What a file is for stands on its first line, so that nobody has to read on to find out.
pub fn opening(path: &str, text: &str) -> Vec<String> {
    let first = text.lines().next().unwrap_or_default();
    match first.strip_prefix("//!") {
        Some(words) if !words.trim().is_empty() => Vec::new(),
        _ => vec![format!(
            "{path}:1: a file opens with `//!` and what it is for"
        )],
    }
}

pub fn no_mod_rs(paths: &BTreeSet<String>) -> Vec<String> {
    let bad = paths.iter().filter(|path| path.ends_with("/mod.rs"));
    bad.map(|path| format!("{path}: name it after its folder, beside its folder"))
        .collect()
}

/// The suite has no domain of its own; every other folder with a manifest is a service.
pub fn service_files(paths: &BTreeSet<String>) -> Vec<String> {
    let services = paths
        .iter()
        .filter_map(|path| match path.split('/').collect::<Vec<_>>()[..] {
            ["services", name, "Cargo.toml"] if name != "suite" => Some(name),
            _ => None,
        });
    services
        .flat_map(|name| SERVICE_FILES.map(|file| format!("services/{name}/src/{file}")))
        .filter(|file| !paths.contains(file))
        .map(|file| format!("{file}: missing; every service has the same files"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_lines_and_functions_are_refused() {
        let lengths = |text: &str| super::lengths("a.rs", text);
        assert_eq!(lengths(&"x\n".repeat(500)), Vec::<String>::new());
        assert_eq!(
            lengths(&"x\n".repeat(501)),
            ["a.rs: 501 lines, more than 500"]
        );
        assert_eq!(lengths(&"é".repeat(100)), Vec::<String>::new());
        assert_eq!(
            lengths(&"é".repeat(101)),
            ["a.rs:1: 101 wide, more than 100"]
        );
        let function = |body| format!("\nfn f() {{\n{}}}\n", "x;\n".repeat(body));
        assert_eq!(lengths(&function(68)), Vec::<String>::new());
        assert_eq!(
            lengths(&function(69)),
            ["a.rs:2: `f` has 71 lines, more than 70"]
        );
    }

    #[test]
    fn a_file_without_its_purpose_is_refused() {
        assert_eq!(
            opening("a.rs", "//! What it is for.\n"),
            Vec::<String>::new()
        );
        for bad in ["", "//!\n", "\n//! x\n", "// x\n", "use a;\n"] {
            assert_eq!(opening("a.rs", bad).len(), 1, "{bad:?}");
        }
    }

    #[test]
    fn mod_rs_is_refused() {
        let paths = ["shared/src/db/mod.rs", "shared/src/mod_rs.rs"].map(str::to_owned);
        assert_eq!(no_mod_rs(&BTreeSet::from(paths)).len(), 1);
    }

    #[test]
    fn a_service_without_one_of_its_files_is_refused() {
        let mut paths: BTreeSet<_> = SERVICE_FILES
            .iter()
            .map(|file| format!("services/graph/src/{file}"))
            .collect();
        paths.insert("services/graph/Cargo.toml".to_owned());
        paths.insert("services/suite/Cargo.toml".to_owned());
        assert_eq!(service_files(&paths), Vec::<String>::new());
        paths.remove("services/graph/src/store.rs");
        let expected = ["services/graph/src/store.rs: missing; every service has the same files"];
        assert_eq!(service_files(&paths), expected);
    }
}
