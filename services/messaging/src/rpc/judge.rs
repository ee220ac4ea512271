//! What the content filter says of one message, before it is decided.

use postern_policy::{Class, Facts, Trust, Verdict, trust_of};
use postern_shared::{clock::Timestamp, id::UserId};

use super::Rpc;
use crate::{
    domain::{Content, Mark, Marked, verdict},
    error::Error,
};

/// A message, and what has to be known of its recipient.
pub(super) struct Said<'a> {
    /// Who wrote it.
    pub(super) sender: UserId,
    /// To whom.
    pub(super) recipient: UserId,
    /// What it says.
    pub(super) content: &'a Content,
    /// The recipient's own words.
    pub(super) keywords: &'a [String],
}

/// The verdict, and by what a stranger's text is recognised when it comes again. `facts` are those
/// of the decision, all but the verdict.
pub(super) async fn judge(
    rpc: &Rpc,
    said: &Said<'_>,
    facts: &Facts,
    now: Timestamp,
) -> Result<(Verdict, Option<Marked>), Error> {
    let from_stranger = trust_of(facts) == Some(Trust::Stranger);
    let found = verdict(said.content, said.keywords, from_stranger);
    let most = rpc.config.same_text_strangers;
    let (Some(most), true) = (most, from_stranger) else {
        return Ok((found, None));
    };
    let Some(mark) = Mark::of(&rpc.mark_key, said.sender, said.content) else {
        return Ok((found, None));
    };
    let mut marked = Marked {
        mark,
        most,
        flagged: found != Verdict::Clean,
    };
    if marked.flagged {
        return Ok((found, Some(marked)));
    }
    let (sender, recipient) = (said.sender, said.recipient);
    let others = rpc
        .store
        .others_who_got(mark, sender, recipient, now)
        .await?;
    marked.flagged = marked.is_spam(others);
    let verdict = if marked.flagged {
        Verdict::Flagged(Class::Spam)
    } else {
        Verdict::Clean
    };
    Ok((verdict, Some(marked)))
}
