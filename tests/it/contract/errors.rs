//! Reasons: each has a code, a place in the code that sends it, and a name that ErrorInfo carries.

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use postern_proto::{ERROR_DOMAIN, common::v1::ErrorReason};
use prost::Message as _;
use prost_reflect::DescriptorPool;
use tonic::{Code, Status};
use tonic_types::{StatusExt as _, pb};

use super::{comments, rpcs};

/// The code of every reason, as the contract's comment on it begins.
static CODES: LazyLock<BTreeMap<i32, Code>> = LazyLock::new(|| {
    let comments = comments();
    reasons()
        .into_iter()
        .map(|reason| {
            let comment = &comments[&format!("postern.common.v1.{}", reason.as_str_name())];
            let name = comment.split(':').next().unwrap();
            let code = code_named(name);
            (
                reason as i32,
                code.unwrap_or_else(|| panic!("`{name}` is no code")),
            )
        })
        .collect()
});

/// Every reason that can be sent.
pub fn reasons() -> Vec<ErrorReason> {
    let pool = DescriptorPool::decode(postern_proto::DESCRIPTORS).unwrap();
    let declared = pool
        .get_enum_by_name("postern.common.v1.ErrorReason")
        .unwrap();
    let numbers: Vec<_> = declared.values().map(|value| value.number()).collect();
    let known = numbers
        .into_iter()
        .map(|number| ErrorReason::try_from(number).unwrap());
    known
        .filter(|reason| *reason != ErrorReason::Unspecified)
        .collect()
}

/// The code that a reason is sent with.
pub fn code_of(reason: ErrorReason) -> Code {
    CODES[&(reason as i32)]
}

/// A code as the contract writes it.
pub fn code_name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

fn code_named(name: &str) -> Option<Code> {
    (1..=16)
        .map(Code::from_i32)
        .find(|code| code_name(*code) == name)
}

/// The reason of an error status, which carries exactly one ErrorInfo, of ours, and the code that
/// the contract gives to the reason.
#[track_caller]
pub fn only_reason(status: &Status) -> ErrorReason {
    let carried = pb::Status::decode(status.details()).unwrap();
    assert_eq!(carried.code, status.code() as i32, "{status:?}");
    assert_eq!(carried.message, status.message(), "{status:?}");
    let is_info = |any: &&prost_types::Any| any.type_url.ends_with("/google.rpc.ErrorInfo");
    let infos = carried.details.iter().filter(is_info).count();
    assert_eq!(infos, 1, "{status:?}");
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.domain, ERROR_DOMAIN);
    let name = format!("ERROR_REASON_{}", info.reason);
    let reason = ErrorReason::from_str_name(&name).unwrap_or_else(|| panic!("no reason {name}"));
    assert_eq!(status.code(), code_of(reason), "{status:?}");
    reason
}

#[test]
fn reasons_are_upper_snake_short_and_unlike() {
    let names: Vec<_> = reasons().into_iter().map(ErrorReason::wire).collect();
    assert!(names.len() > 30);
    for name in &names {
        let upper_snake = name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        let ends = !name.starts_with('_') && !name.ends_with('_');
        assert!(
            upper_snake && ends && (1..=63).contains(&name.len()),
            "{name}"
        );
        assert_eq!(names.iter().filter(|other| *other == name).count(), 1);
    }
}

#[test]
fn every_reason_is_sent_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut sources = String::new();
    for folder in ["proto/src", "shared/src", "services"] {
        read(&root.join(folder), &mut sources);
    }
    let unsent: Vec<_> = reasons()
        .into_iter()
        .filter(|reason| {
            let named = format!("ErrorReason::{reason:?}");
            let mut after = sources
                .match_indices(&named)
                .map(|(at, _)| &sources[at + named.len()..]);
            !after.any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
        })
        .collect();
    assert!(unsent.is_empty(), "nobody sends {unsent:?}");
}

/// Adds the sources in a folder without their tests.
fn read(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            read(&path, sources);
        } else if path.extension().is_some_and(|kind| kind == "rs") && name != "tests.rs" {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            sources.push_str(code);
        }
    }
}

#[test]
fn what_the_contract_names_as_an_error_is_one() {
    let (comments, mut named) = (comments(), 0);
    for rpc in rpcs() {
        let comment = &comments[rpc.method.full_name()];
        let Some((_, errors)) = comment.split_once("Errors:") else {
            continue;
        };
        let upper = |word: &&str| {
            word.len() > 2 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        };
        let words = errors.split(|c: char| !c.is_alphanumeric() && c != '_');
        for word in words.filter(upper) {
            let known = ErrorReason::from_str_name(&format!("ERROR_REASON_{word}"));
            assert!(known.is_some(), "{}: `{word}` is no reason", rpc.path);
            named += 1;
        }
    }
    assert!(named > 50);
}

#[test]
fn codes_are_named_as_grpc_names_them() {
    assert_eq!(code_name(Code::InvalidArgument), "INVALID_ARGUMENT");
    assert_eq!(code_name(Code::Internal), "INTERNAL");
    assert_eq!(
        code_named("DEADLINE_EXCEEDED"),
        Some(Code::DeadlineExceeded)
    );
    assert_eq!(code_named("NOTHING"), None);
}
