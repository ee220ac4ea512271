//! ExplainReceive: what the caller's own choices do to messages from a person. Of the person, only
//! whether they are there for the caller is used.

use postern_policy::{Answer, Cause, Edges, Person, Reception, Settings, receive};
use postern_proto::messaging::v1::{
    self as wire, ExplainReceiveRequest, ExplainReceiveResponse, ReceptionCause,
};
use postern_shared::{caller::Me, error::Check, id::UserId, person::named};

use super::{Rpc, agreed};
use crate::{error::Error, peers::Gathered};

pub(super) async fn explain_receive(
    rpc: &Rpc,
    me: Me,
    request: ExplainReceiveRequest,
) -> Result<ExplainReceiveResponse, Error> {
    let mut check = Check::new();
    let person = named(&mut check, "person", request.person.as_ref());
    let person = check.done(person)?;
    let sender = rpc.owners.named(&me.caller, &person).await?;
    if sender == Some(me.id) {
        return Err(Error::SelfReference);
    }
    // Nobody by that handle: asked about like every other person who does not exist.
    let sender = sender.unwrap_or_else(|| UserId::random(&rpc.random));
    let pair = rpc.store.pair(sender, me.id).await?.conversation;
    // What was set a moment ago is to be seen here.
    let need = rpc.owners.afresh();
    let gathered = rpc.owners.gather(&me.caller, sender, me.id, need).await;
    let (own, settings, edges) = consult(&gathered)?;
    let receiving = agreed::receiving(
        rpc,
        (me.id, own, settings),
        sender,
        &pair,
        edges,
        rpc.clock.now(),
    );
    let received = receive(&receiving).ok_or(Error::Undecidable)?;
    Ok(ExplainReceiveResponse {
        reception: reception(received.reception).into(),
        cause: cause(received.cause).into(),
        consent: agreed::consent(
            sender,
            pair.side(me.id).consent,
            edges.recipient_epoch,
            &settings,
        ),
        filtered: received.filtered,
    })
}

/// The caller's own facts, once everybody answered, when the person is there for the caller.
fn consult(gathered: &Gathered) -> Result<(Person, Settings, Edges), Error> {
    let (Some(edges), Answer::Known(settings)) = (gathered.edges, gathered.recipient_settings)
    else {
        return Err(Error::Undecidable);
    };
    let own = agreed::present(gathered.recipient)?;
    // Gone and blocking are one answer.
    match gathered.sender {
        Answer::Unavailable => Err(Error::Undecidable),
        Answer::Known(sender) if !sender.is_gone() && !edges.sender_blocks => {
            Ok((own, settings, edges))
        }
        Answer::Known(_) | Answer::Absent => Err(Error::AccountNotFound),
    }
}

const fn reception(reception: Reception) -> wire::Reception {
    match reception {
        Reception::Inbox => wire::Reception::Inbox,
        Reception::Request => wire::Reception::Request,
        Reception::Refused => wire::Reception::Refused,
    }
}

const fn cause(cause: Cause) -> ReceptionCause {
    match cause {
        Cause::Friends => ReceptionCause::Friends,
        Cause::YouFollow => ReceptionCause::YouFollow,
        Cause::Consent => ReceptionCause::Consent,
        Cause::Stranger => ReceptionCause::Stranger,
        Cause::YouBlock => ReceptionCause::YouBlock,
        Cause::YourMessagesAreOff => ReceptionCause::YourMessagesAreOff,
        Cause::FriendsOnly => ReceptionCause::FriendsOnly,
        Cause::Age => ReceptionCause::Age,
        Cause::YouDeclined => ReceptionCause::YouDeclined,
        Cause::RequestFull => ReceptionCause::RequestFull,
    }
}
