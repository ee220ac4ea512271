//! BatchDeclineRequests: several requests leave the caller's lists, each by itself.

use std::collections::BTreeSet;

use postern_proto::messaging::v1::{BatchDeclineRequestsRequest, BatchDeclineRequestsResponse};
use postern_shared::{
    caller::Me,
    error::{Check, Invalid},
    id::ConversationId,
};

use super::{Rpc, asked};
use crate::error::Error;

/// Requests that are declined at once.
const REQUESTS_MAX: usize = 100;

pub(super) async fn batch_decline_requests(
    rpc: &Rpc,
    me: Me,
    request: BatchDeclineRequestsRequest,
) -> Result<BatchDeclineRequestsResponse, Error> {
    let ids = parse(&request.conversation_ids)?;
    let mut answer = BatchDeclineRequestsResponse::default();
    let mut failed = None;
    for id in ids {
        match asked::decline(rpc, me.id, id).await {
            Ok(()) => answer.declined_conversation_ids.push(id.to_string()),
            Err(Error::RequestNotFound) => answer.unknown_conversation_ids.push(id.to_string()),
            // The others are declined all the same; trying again finds them so.
            Err(error) => {
                let hopeless = error.is_of_everything();
                failed.get_or_insert(error);
                if hopeless {
                    break;
                }
            }
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(answer),
    }
}

fn parse(texts: &[String]) -> Result<Vec<ConversationId>, Invalid> {
    if texts.is_empty() || texts.len() > REQUESTS_MAX {
        let description = format!("must name 1 to {REQUESTS_MAX} conversations");
        return Err(Invalid::field("conversation_ids", description));
    }
    let mut check = Check::new();
    let mut seen = BTreeSet::new();
    let mut ids = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let field = format!("conversation_ids[{index}]");
        let Some(id) = check.take(&field, text.parse::<ConversationId>()) else {
            continue;
        };
        if !seen.insert(id) {
            check.wrong(&field, "must not name a conversation again");
        }
        ids.push(id);
    }
    check.done(Some(ids))
}
