//! Messaging is away while somebody blocks: it is stored and PENDING, and enforced soon after
//! messaging is back.

use std::time::Duration;

use futures_util::future::try_join3;
use tokio::time::Instant;

use super::Stage;
use super::report::{Block, Blocks};
use crate::calls::{self, Sent};
use crate::connect::Client;
use crate::error::{CallError, LoadError};
use crate::retry::pause;
use crate::session::Session;

/// How often it is looked whether messaging is back, and whether a block is enforced.
const TICK: Duration = Duration::from_millis(5);
/// How long messaging stays away once somebody has blocked: by then whoever asks it has learned to
/// let it rest.
const AWAY: Duration = Duration::from_secs(8);
/// How long it may take to come back, and until a block is enforced.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stops all of messaging and blocks a friend, so many times.
pub async fn away(stage: &Stage<'_>) -> Result<Blocks, LoadError> {
    let mut friends = stage.people(1 + stage.args.blocks).await?;
    let recipient = friends.swap_remove(0);
    let mut blocks = Blocks::default();
    for friend in &friends {
        calls::befriend(stage.client, friend, &recipient).await?;
        let (conversation, _) = stage.lands(stage.client, friend, &recipient).await?;
        stage.stop("messaging").await?;
        let asked = Instant::now();
        let acknowledged = calls::block(&stage.once, &recipient, friend).await?;
        let answered = asked.elapsed();
        pause(AWAY).await;

        let starting = stage.start("messaging");
        let back = until("ListMessages", &recipient, || {
            is_back(&stage.once, &recipient, &conversation)
        });
        let holds = until("GetEnforcement", &recipient, || async {
            Ok(calls::is_enforced(stage.client, &recipient).await?)
        });
        let ((), back, holds) = try_join3(starting, back, holds).await?;
        let late = stage.send(stage.client, friend, &recipient).await?;
        blocks.count(Block {
            acknowledged,
            answered,
            enforced: holds.saturating_duration_since(back),
            landed: matches!(late, Sent::Stored(..)),
        });
    }
    Ok(blocks)
}

/// Whether messaging answers.
async fn is_back(once: &Client, who: &Session, conversation: &str) -> Result<bool, LoadError> {
    match calls::last_seq(once, who, conversation).await {
        Ok(_) => Ok(true),
        Err(error) if error.patience_ended => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// When it came true.
async fn until<F>(
    rpc: &'static str,
    who: &Session,
    mut is_true: impl FnMut() -> F,
) -> Result<Instant, LoadError>
where
    F: Future<Output = Result<bool, LoadError>>,
{
    let begun = Instant::now();
    while !is_true().await? {
        if begun.elapsed() > PATIENCE {
            let what = format!("nothing has changed after {PATIENCE:?}");
            return Err(CallError::broken(rpc, &who.handle, &what).into());
        }
        pause(TICK).await;
    }
    Ok(Instant::now())
}
