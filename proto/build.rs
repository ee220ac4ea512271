//! Compiles the contract with protox, so that a fresh machine needs no protoc.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const FILES: &[&str] = &[
    "postern/common/v1/error.proto",
    "postern/common/v1/page.proto",
    "postern/common/v1/person.proto",
    "postern/event/v1/event.proto",
    "postern/policy/v1/policy.proto",
    "postern/policy/v1/fence_service.proto",
    "postern/policy/v1/presence_service.proto",
    "postern/identity/v1/account_service.proto",
    "postern/identity/v1/session_service.proto",
    "postern/identity/v1/standing_facts_service.proto",
    "postern/identity/v1/standing_service.proto",
    "postern/graph/v1/graph_service.proto",
    "postern/graph/v1/relationship_service.proto",
    "postern/settings/v1/settings_service.proto",
    "postern/settings/v1/dm_policy_service.proto",
    "postern/messaging/v1/message.proto",
    "postern/messaging/v1/message_service.proto",
    "postern/messaging/v1/conversation_service.proto",
    "postern/messaging/v1/request_service.proto",
    "postern/messaging/v1/consent_service.proto",
    "postern/messaging/v1/moderation_service.proto",
];

/// Messages whose `Debug` stands in lib.rs and shows nothing.
const SECRET: &[&str] = &[
    ".postern.identity.v1.CreateAccountRequest",
    ".postern.identity.v1.CreateSessionRequest",
    ".postern.identity.v1.RefreshSessionRequest",
    ".postern.identity.v1.Tokens",
    ".postern.messaging.v1.Content",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=postern");
    let set = protox::compile(FILES, ["."])?;
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo hands OUT_DIR over in no other way"
    )]
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("postern.binpb"), set.encode_to_vec())?;
    let mut names = tonic_prost_build::Config::new();
    names.enable_type_names();
    // What holds a password, a token or a message must not be printed by accident.
    names.skip_debug(SECRET);
    tonic_prost_build::configure()
        .codec_path("crate::codec::StrictCodec")
        .compile_fds_with_config(set, names)?;
    Ok(())
}
