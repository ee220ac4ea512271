//! The automatic restriction: whoever goes on trying new people with no budget left for them does
//! not send for a while. It lifts by itself.

use std::time::Duration;

use postern_shared::{
    caller::{Caller, Me},
    clock::Timestamp,
    id::UserId,
};
use tokio::time::Instant;

use super::Rpc;
use crate::error::Error;

/// The limit as the record of the restriction names it.
const RULE: &str = "new_strangers";
/// How long identity may take of the time in which the refusal is to be answered.
const ASK_WITHIN: Duration = Duration::from_secs(1);

/// Notes a stranger whom the caller could not afford, and has them restricted when there were too
/// many. The refusal is answered whatever becomes of this: the next one tries again.
pub(super) async fn overran(rpc: &Rpc, me: &Me, stranger: UserId, now: Timestamp) {
    if rpc.config.restrict_after_strangers == 0 {
        return;
    }
    if let Err(error) = restrict(rpc, me, stranger, now).await {
        tracing::warn!(%error, "someone over an automatic limit was not restricted yet");
    }
}

async fn restrict(rpc: &Rpc, me: &Me, stranger: UserId, now: Timestamp) -> Result<(), Error> {
    let strangers = rpc.store.note_overrun(me.id, stranger, now).await?;
    let most = u64::from(rpc.config.restrict_after_strangers);
    if strangers < most {
        return Ok(());
    }
    let until = now.plus(rpc.config.restrict_for);
    let explanation = format!(
        "Within 24 hours you tried to write to {most} or more people who do not know you, after \
         your daily number of new people was used up. You can receive messages, and send again \
         when this ends by itself."
    );
    let caller = Caller {
        deadline: me.caller.deadline.min(Instant::now() + ASK_WITHIN),
        ..me.caller.clone()
    };
    let owners = &rpc.owners;
    owners
        .restrict(&caller, me.id, until, RULE, explanation)
        .await?;
    Ok(rpc.store.forget_overruns(me.id).await?)
}
