//! The repository's files: what git tracks and what it would track next, so that a new file is
//! checked before it is added. Without git the folder is walked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Left out when git cannot say what is ignored.
const IGNORED: [&str; 3] = [".git", "data", "target"];

/// The documents whose paths and commands are checked, where they exist.
const DOCUMENTS: [&str; 4] = [
    "README.md",
    "k8s/README.md",
    "services/README.md",
    "tests/README.md",
];

/// One text file, its path relative to the root and with `/`.
pub struct File {
    pub path: String,
    pub text: String,
}

pub struct Tree {
    /// Every file, binary ones too.
    pub paths: BTreeSet<String>,
    /// Those that are UTF-8.
    pub files: Vec<File>,
}

impl Tree {
    pub fn read() -> Self {
        let root = root();
        let listed = git(&root).unwrap_or_else(|| walk(&root));
        // What git still lists may be gone from the folder.
        let paths: BTreeSet<_> = listed
            .into_iter()
            .filter(|p| root.join(p).is_file())
            .collect();
        assert!(
            paths.contains("Cargo.toml"),
            "`{}` is not the repository",
            root.display()
        );
        let files = paths
            .iter()
            .filter_map(|path| {
                let text = String::from_utf8(std::fs::read(root.join(path)).ok()?).ok()?;
                Some(File {
                    path: path.clone(),
                    text,
                })
            })
            .collect();
        Self { paths, files }
    }

    pub fn text(&self, path: &str) -> &str {
        let file = self.files.iter().find(|file| file.path == path);
        &file.unwrap_or_else(|| panic!("`{path}` is missing")).text
    }

    pub fn sources(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    /// The members' manifests, not the workspace's.
    pub fn manifests(&self) -> impl Iterator<Item = &File> {
        self.files
            .iter()
            .filter(|file| file.path.ends_with("/Cargo.toml"))
    }

    pub fn documents(&self) -> impl Iterator<Item = &File> {
        self.files
            .iter()
            .filter(|file| DOCUMENTS.contains(&file.path.as_str()))
    }
}

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the crate lies one folder below the root")
        .to_path_buf()
}

fn git(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let list = String::from_utf8(output.stdout).ok()?;
    Some(
        list.split('\0')
            .filter(|path| !path.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

fn walk(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).expect("the folder was listed by its parent");
        for entry in entries.flatten() {
            let path = entry.path();
            let name = path
                .strip_prefix(root)
                .expect("the walk starts at the root");
            if IGNORED.iter().any(|ignored| name == Path::new(ignored)) {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() => found.push(name.to_string_lossy().into_owned()),
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_file_is_listed_with_and_without_git() {
        let this = "tests/it/tidy/tree.rs".to_owned();
        assert!(Tree::read().paths.contains(&this));
        let walked = walk(&root());
        assert!(walked.contains(&this));
        assert!(!walked.iter().any(|path| path.starts_with("target/")));
    }
}
