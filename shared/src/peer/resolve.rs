//! From the names of a setting to addresses, again and again: replicas come and go.
//!
//! What a name was known to mean stays as long as it cannot be looked up: a name service that is
//! away takes nobody's peers away.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future, future::BoxFuture};
use http::Uri;

/// How long one name may take.
const LOOK_UP: Duration = Duration::from_secs(2);
/// What a name without a port means.
const PORT: u16 = 80;

/// Looks up all addresses of a host and a port.
pub type Resolve =
    Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The name service of the machine.
#[must_use]
pub fn dns() -> Resolve {
    Arc::new(|host, port| {
        async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }.boxed()
    })
}

/// The names of one peer, and what each of them meant last.
pub(super) struct Names {
    names: Vec<Name>,
    resolve: Resolve,
}

struct Name {
    uri: Uri,
    host: String,
    addresses: Vec<SocketAddr>,
}

/// What all the names mean.
pub(super) struct Looked {
    /// Every address, with the name by which it was found first.
    pub(super) addresses: BTreeMap<SocketAddr, Uri>,
    /// What was wrong with the names that could not be looked up.
    pub(super) problems: Vec<String>,
}

impl Names {
    /// # Errors
    /// When an address names no host.
    pub(super) fn new(uris: &[Uri], resolve: Resolve) -> Result<Self, String> {
        let name = |uri: &Uri| {
            let host = uri.host().unwrap_or_default();
            // An address of IPv6 stands in brackets.
            let host = host.trim_start_matches('[').trim_end_matches(']');
            match host {
                "" => Err(format!("`{uri}` names no host")),
                host => Ok(Name {
                    uri: uri.clone(),
                    host: host.to_owned(),
                    addresses: Vec::new(),
                }),
            }
        };
        let names = uris.iter().map(name).collect::<Result<Vec<_>, _>>()?;
        if names.is_empty() {
            return Err("it names no address".to_owned());
        }
        Ok(Self { names, resolve })
    }

    pub(super) async fn look_up(&mut self) -> Looked {
        let asked = self.names.iter().map(|name| {
            let port = name.uri.port_u16().unwrap_or(PORT);
            tokio::time::timeout(LOOK_UP, (self.resolve)(name.host.clone(), port))
        });
        let answers = future::join_all(asked).await;
        let (mut addresses, mut problems) = (BTreeMap::new(), Vec::new());
        for (name, answer) in self.names.iter_mut().zip(answers) {
            match answer.unwrap_or_else(|late| Err(late.into())) {
                Ok(found) if !found.is_empty() => name.addresses = found,
                Ok(_) => problems.push(format!("`{}` has no address", name.host)),
                Err(error) => problems.push(format!("`{}`: {error}", name.host)),
            }
            for address in &name.addresses {
                addresses
                    .entry(*address)
                    .or_insert_with(|| name.uri.clone());
            }
        }
        Looked {
            addresses,
            problems,
        }
    }
}
