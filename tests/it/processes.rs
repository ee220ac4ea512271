//! The suite as a process: what survives when it is killed, what it says when it cannot start,
//! how it stops, and the four services as processes of their own.

mod apart;
mod backup;
pub mod child;
mod folders;
mod killed;
mod operator;
mod pending;
mod settings;
mod stopped;

use postern_shared::clock::Clock;
use tempfile::TempDir;

use crate::suite::{Home, Person, Suite};

/// A data folder with two friends in it, which nothing uses any more. The clock was the machine's,
/// so that their tokens are good for a process of its own.
pub async fn friends() -> (TempDir, Person, Person) {
    let suite = Suite::start_in(Home::on_files(), Clock::system(), &[]).await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    ada.befriend(&ben).await;
    let (home, _) = suite.stop().await;
    (home.folder, ada, ben)
}
