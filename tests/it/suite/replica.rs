//! Another replica of a suite, for what two of them must agree on.

use postern_shared::run::{Running, Setup};
use tonic::transport::Channel;

use super::{Person, Suite, connect, start_setup};

/// A second suite over the same databases. A SQLite file has one process, so there it is another
/// connection to the same one.
pub struct Replica {
    channel: Channel,
    _running: Option<Running>,
}

impl Replica {
    /// The same person, calling this replica.
    pub fn seen_by(&self, person: &Person) -> Person {
        Person {
            channel: self.channel.clone(),
            ..person.clone()
        }
    }
}

impl Suite {
    /// Starts another replica, with some settings of its own.
    pub async fn replica(&self, more: &[(&str, &str)]) -> Replica {
        self.replica_of(more, |_| {}).await
    }

    /// The same, its setup changed by the test.
    pub async fn replica_setup(&self, change: impl FnOnce(&mut Setup)) -> Replica {
        self.replica_of(&[], change).await
    }

    async fn replica_of(&self, more: &[(&str, &str)], change: impl FnOnce(&mut Setup)) -> Replica {
        if self.home.databases().is_none() {
            return Replica {
                channel: connect(self.running.public).await,
                _running: None,
            };
        }
        let keys = self.home.path().to_str().unwrap();
        let more = [more, &[("POSTERN_KEYS_DIR", keys)]].concat();
        let variables = self.home.variables(&more);
        let running = start_setup(postern::services(), variables, &self.clock, change).await;
        let running = running.unwrap();
        Replica {
            channel: connect(running.public).await,
            _running: Some(running),
        }
    }
}
