//! What a crate's manifest may say: which of our crates it uses, and that lints, versions and
//! the package's own fields come from the workspace.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::tree::File;

const SHARED: [&str; 2] = ["postern-proto", "postern-shared"];

/// Which of our crates each crate may use. A new crate is added here, on purpose.
fn may_use(name: &str) -> Option<Vec<&'static str>> {
    let services = [
        "postern-identity",
        "postern-graph",
        "postern-settings",
        "postern-messaging",
    ];
    let suite = [SHARED.as_slice(), services.as_slice()].concat();
    Some(match name {
        "postern-proto" | "postern-policy" | "postern-model" => vec![],
        "postern-shared" => vec!["postern-proto"],
        "postern-identity" | "postern-graph" | "postern-settings" | "postern-load" => {
            SHARED.to_vec()
        }
        "postern-messaging" => [SHARED.as_slice(), &["postern-policy"]].concat(),
        "postern" => suite,
        "postern-tests" => [suite.as_slice(), &["postern", "postern-policy"]].concat(),
        _ => return None,
    })
}

/// Every arrow to another of our crates is one that the architecture draws.
pub fn arrows(path: &str, text: &str) -> Vec<String> {
    let manifest = parse(path, text);
    let name = package_name(&manifest);
    let Some(allowed) = may_use(name) else {
        return vec![format!(
            "{path}: `{name}` is in no arrow; say in tidy what it may use"
        )];
    };
    let mut problems = Vec::new();
    for (section, used, _) in dependencies(&manifest) {
        let ours = used == "postern" || used.starts_with("postern-");
        if ours && !allowed.contains(&used) {
            problems.push(format!("{path}: [{section}] `{name}` may not use `{used}`"));
        }
        if name == "postern-policy" {
            problems.push(format!(
                "{path}: [{section}] `{name}` has no dependencies: `{used}`"
            ));
        }
    }
    problems
}

/// Lints, package fields and every dependency come from the workspace's table.
pub fn inherits(path: &str, text: &str) -> Vec<String> {
    let manifest = parse(path, text);
    let inherited = |value: Option<&Value>| {
        value
            .and_then(|value| value.get("workspace"))
            .and_then(Value::as_bool)
            == Some(true)
    };
    let mut problems = Vec::new();
    if !inherited(manifest.get("lints")) {
        problems.push(format!("{path}: `[lints] workspace = true` is missing"));
    }
    for field in ["version", "edition", "rust-version", "license", "publish"] {
        if !inherited(manifest["package"].get(field)) {
            problems.push(format!(
                "{path}: `{field}.workspace = true` is missing in [package]"
            ));
        }
    }
    for (section, name, value) in dependencies(&manifest) {
        let own = ["version", "path", "git", "registry"]
            .iter()
            .any(|key| value.get(key).is_some());
        if own || !inherited(Some(value)) {
            problems.push(format!(
                "{path}: [{section}] write `{name}.workspace = true`"
            ));
        }
    }
    problems
}

/// The feature that takes the guard of the commit away.
const UNGUARDED: &str = "unguarded";

/// No manifest turns on the feature that takes the guard away: it is declared, the program that it
/// is for requires it, and that is all.
pub fn guarded(path: &str, text: &str) -> Vec<String> {
    let manifest = parse(path, text);
    let mut problems = Vec::new();
    let workspace = manifest.get("workspace").and_then(Value::as_table);
    let all = std::iter::once(&manifest).chain(workspace);
    for (section, name, value) in all.flat_map(dependencies) {
        let features = value.get("features").and_then(Value::as_array);
        if features.into_iter().flatten().any(is_unguarded) {
            problems.push(format!("{path}: [{section}] `{name}` without its guard"));
        }
    }
    let features = manifest.get("features").and_then(Value::as_table);
    for (feature, enabled) in features.into_iter().flatten() {
        let enables = enabled.as_array().into_iter().flatten().any(is_unguarded);
        if enables {
            problems.push(format!(
                "{path}: the feature `{feature}` takes the guard away"
            ));
        }
    }
    for program in manifest
        .get("bin")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let name = program
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let required = program.get("required-features").and_then(Value::as_array);
        let needs_it = required.into_iter().flatten().any(is_unguarded);
        if needs_it != name.ends_with(UNGUARDED) {
            problems.push(format!(
                "{path}: the name of `{name}` must tell that it is {UNGUARDED}"
            ));
        }
    }
    problems
}

fn is_unguarded(feature: &Value) -> bool {
    let feature = feature.as_str().unwrap_or_default();
    feature.rsplit('/').next() == Some(UNGUARDED)
}

/// What is built to be served has all its guards.
pub fn serves_the_guard(path: &str, text: &str) -> Vec<String> {
    let words = [UNGUARDED, "--all-features"];
    let found = words.into_iter().filter(|word| text.contains(word));
    found
        .map(|word| format!("{path}: `{word}` builds what must not be served"))
        .collect()
}

/// The workspace lists every crate in the tree and no other.
pub fn members(workspace: &str, paths: &BTreeSet<String>) -> Vec<String> {
    let manifest = parse("Cargo.toml", workspace);
    let listed = manifest["workspace"]
        .get("members")
        .and_then(Value::as_array);
    let listed: BTreeSet<&str> = listed
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let found: BTreeSet<&str> = paths
        .iter()
        .filter_map(|path| path.strip_suffix("/Cargo.toml"))
        .collect();
    let differing = listed.symmetric_difference(&found);
    differing
        .map(|folder| format!("Cargo.toml: members and tree differ in `{folder}`"))
        .collect()
}

pub fn packages<'a>(manifests: impl Iterator<Item = &'a File>) -> BTreeSet<String> {
    manifests
        .map(|file| package_name(&parse(&file.path, &file.text)).to_owned())
        .collect()
}

fn parse(path: &str, text: &str) -> Table {
    toml::from_str(text).unwrap_or_else(|error| panic!("`{path}` is not TOML: {error}"))
}

fn package_name(manifest: &Table) -> &str {
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name"));
    name.and_then(Value::as_str)
        .expect("cargo has built this package, so it has a name")
}

/// Every dependency with its section, those of single platforms too.
fn dependencies(manifest: &Table) -> Vec<(&str, &str, &Value)> {
    let platforms = manifest.get("target").and_then(Value::as_table);
    let platforms = platforms
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    let mut found = Vec::new();
    for table in std::iter::once(manifest).chain(platforms) {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let entries = table
                .get(section)
                .and_then(Value::as_table)
                .into_iter()
                .flatten();
            found.extend(entries.map(|(name, value)| (section, name.as_str(), value)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrow(name: &str, section: &str, used: &str) -> Vec<String> {
        let text = format!("[package]\nname = '{name}'\n[{section}]\n{used}.workspace = true\n");
        arrows("Cargo.toml", &text)
    }

    #[test]
    fn arrows_outside_the_drawing_are_refused() {
        for (name, section, used) in [
            ("postern-graph", "dependencies", "postern-identity"),
            ("postern-graph", "dev-dependencies", "postern-policy"),
            ("postern-shared", "dependencies", "postern-graph"),
            ("postern-proto", "build-dependencies", "postern-shared"),
            (
                "postern-messaging",
                "target.'cfg(unix)'.dependencies",
                "postern",
            ),
            ("postern-load", "dependencies", "postern"),
            ("postern-model", "dependencies", "postern-messaging"),
            ("postern-policy", "dependencies", "serde"),
            ("postern-policy", "dev-dependencies", "serde"),
            ("postern-new", "dependencies", "serde"),
        ] {
            assert_eq!(
                arrow(name, section, used).len(),
                1,
                "`{name}` uses `{used}`"
            );
        }
    }

    #[test]
    fn arrows_of_the_drawing_are_allowed() {
        for (name, used) in [
            ("postern-shared", "postern-proto"),
            ("postern-graph", "postern-shared"),
            ("postern-messaging", "postern-policy"),
            ("postern", "postern-messaging"),
            ("postern-tests", "postern"),
            ("postern-proto", "prost"),
        ] {
            assert_eq!(arrow(name, "dependencies", used), Vec::<String>::new());
        }
    }

    const GOOD: &str = "
        [package]
        name = 'postern-x'
        version.workspace = true
        edition.workspace = true
        rust-version.workspace = true
        license.workspace = true
        publish.workspace = true
        [lints]
        workspace = true
        [dependencies]
        serde = { workspace = true, features = ['rc'] }
    ";

    #[test]
    fn what_is_not_inherited_is_refused() {
        assert_eq!(inherits("Cargo.toml", GOOD), Vec::<String>::new());
        for (good, bad) in [
            (
                "[lints]\n        workspace = true",
                "[lints.rust]\n        unsafe_code = 'allow'",
            ),
            ("edition.workspace = true", "edition = '2021'"),
            (
                "serde = { workspace = true, features = ['rc'] }",
                "serde = '1'",
            ),
            (
                "serde = { workspace = true, features = ['rc'] }",
                "serde = { version = '1' }",
            ),
            (
                "serde = { workspace = true, features = ['rc'] }",
                "serde.path = '../serde'",
            ),
        ] {
            let text = GOOD.replace(good, bad);
            assert_ne!(text, GOOD);
            assert_eq!(inherits("Cargo.toml", &text).len(), 1, "{bad}");
        }
    }

    #[test]
    fn whoever_takes_the_guard_away_is_found() {
        let alone = "[features]\nunguarded = []\n[[bin]]\nname = 'x-unguarded'\n\
                     required-features = ['unguarded']\n";
        assert_eq!(guarded("Cargo.toml", alone), Vec::<String>::new());
        for bad in [
            "[features]\ndefault = ['unguarded']\nunguarded = []",
            "[features]\nproof = ['postern-messaging/unguarded']",
            "[dependencies]\nx = { workspace = true, features = ['unguarded'] }",
            "[workspace.dependencies]\nx = { path = 'x', features = ['unguarded'] }",
            "[dev-dependencies]\nx = { workspace = true, features = ['unguarded'] }",
            "[[bin]]\nname = 'postern-messaging'\nrequired-features = ['unguarded']",
            "[[bin]]\nname = 'x-unguarded'",
        ] {
            assert_eq!(guarded("Cargo.toml", bad).len(), 1, "{bad}");
        }
        for bad in [
            "cargo build --all-features",
            "--features postern-messaging/unguarded",
        ] {
            assert_eq!(serves_the_guard("Dockerfile", bad).len(), 1, "{bad}");
        }
        assert_eq!(
            serves_the_guard("Dockerfile", "cargo build"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn members_and_tree_must_agree() {
        let workspace = "[workspace]\nmembers = ['proto', 'gone']";
        let paths = ["Cargo.toml", "proto/Cargo.toml", "new/Cargo.toml"].map(str::to_owned);
        assert_eq!(members(workspace, &BTreeSet::from(paths)).len(), 2);
    }
}
