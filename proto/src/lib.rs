//! The public contract, compiled, and nothing else.
//!
//! One module a package; `DESCRIPTORS` is the whole contract as protobuf describes itself, for
//! reflection and for tests that walk every RPC. No rule of Postern lives here.

// The comments of the generated code are those of the .proto files.
#![expect(missing_docs, reason = "prost derives helpers that carry no comment")]

pub mod codec;

/// Every file of the contract and what it imports, as an encoded
/// `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/postern.binpb"));

/// The `domain` of every `google.rpc.ErrorInfo` that Postern sends.
pub const ERROR_DOMAIN: &str = "postern";

/// What every service shares: error reasons, pages, how a person is named.
pub mod common {
    pub mod v1 {
        tonic::include_proto!("postern.common.v1");

        impl ErrorReason {
            /// The reason as ErrorInfo carries it: without the enum's prefix.
            #[must_use]
            pub fn wire(self) -> &'static str {
                let name = self.as_str_name();
                name.strip_prefix("ERROR_REASON_").unwrap_or(name)
            }
        }
    }
}

/// What the services tell the world, by ids alone.
pub mod event {
    pub mod v1 {
        tonic::include_proto!("postern.event.v1");
    }
}

/// The words of the consent policy.
pub mod policy {
    pub mod v1 {
        tonic::include_proto!("postern.policy.v1");
    }
}

/// A `Debug` that shows nothing but the name, for what holds a secret or a message.
macro_rules! hide {
    ($($name:path),* $(,)?) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

/// Accounts, sessions, standing.
pub mod identity {
    pub mod v1 {
        tonic::include_proto!("postern.identity.v1");

        hide!(
            CreateAccountRequest,
            CreateSessionRequest,
            RefreshSessionRequest,
            Tokens
        );
    }
}

/// Follows and blocks.
pub mod graph {
    pub mod v1 {
        tonic::include_proto!("postern.graph.v1");
    }
}

/// What people chose about their messages.
pub mod settings {
    pub mod v1 {
        tonic::include_proto!("postern.settings.v1");
    }
}

/// Messages, conversations, requests.
pub mod messaging {
    pub mod v1 {
        tonic::include_proto!("postern.messaging.v1");

        hide!(Content, content::Content);
    }
}
