//! Reads the repository's own files and fails where they leave the house rules: which crate may
//! use which, what a layer may name, how long things get, and whether documents tell the truth.
//! A check is a pure function over (path, text) that returns what is wrong; beside each check
//! stands a test that it can fail. Nothing is compiled or started here.

mod code;
mod docs;
mod layers;
mod manifests;
mod shape;
mod tree;
mod words;

use tree::{File, Tree};

/// Fails with every problem at once, one a line.
#[track_caller]
fn none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

fn over<'a>(
    files: impl Iterator<Item = &'a File>,
    check: fn(&str, &str) -> Vec<String>,
) -> Vec<String> {
    files
        .flat_map(|file| check(&file.path, &file.text))
        .collect()
}

#[test]
fn crates_follow_the_arrows() {
    none(over(Tree::read().manifests(), manifests::arrows));
}

#[test]
fn crates_inherit_lints_and_versions() {
    none(over(Tree::read().manifests(), manifests::inherits));
}

#[test]
fn nothing_takes_the_guard_away() {
    let tree = Tree::read();
    none(over(tree.manifests(), manifests::guarded));
    none(manifests::guarded("Cargo.toml", tree.text("Cargo.toml")));
    let served = |path: &str| path.starts_with("k8s/") || path.starts_with(".ci/");
    let files = tree.files.iter().filter(|file| served(&file.path));
    none(over(files, manifests::serves_the_guard));
}

#[test]
fn every_crate_is_a_member() {
    let tree = Tree::read();
    none(manifests::members(tree.text("Cargo.toml"), &tree.paths));
}

#[test]
fn layers_keep_to_themselves() {
    none(over(Tree::read().sources(), layers::check));
}

#[test]
fn nothing_grows_too_long() {
    none(over(Tree::read().sources(), shape::lengths));
}

#[test]
fn every_source_says_what_it_is_for() {
    none(over(Tree::read().sources(), shape::opening));
}

#[test]
fn every_service_has_the_same_files() {
    let tree = Tree::read();
    none(shape::no_mod_rs(&tree.paths));
    none(shape::service_files(&tree.paths));
}

#[test]
fn documents_name_what_exists() {
    let tree = Tree::read();
    let packages = manifests::packages(tree.manifests());
    none(
        tree.documents()
            .flat_map(|doc| docs::check(doc, &tree.paths, &packages))
            .collect(),
    );
}

#[test]
fn no_text_names_a_machine_or_leaves_work_undone() {
    none(over(Tree::read().files.iter(), words::check));
}
