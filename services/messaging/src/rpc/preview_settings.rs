//! PreviewSettings: who could write to the caller now, and could not after another choice of
//! `who_can_message`. Nothing is changed, and nothing that the others chose is used.

use postern_policy::{AgeBand, Person, Settings, WhoCanMessage, closes};
use postern_proto::{
    messaging::v1::{PreviewSettingsRequest, PreviewSettingsResponse},
    policy::v1 as wire,
};
use postern_shared::{
    caller::Me,
    error::{Check, Invalid},
    id::UserId,
    page::Scope,
};

use super::{CONSENT_PAGE, Rpc, agreed, reply};
use crate::{error::Error, store::Known};

/// How many people are looked at.
const EXAMINED_MAX: usize = 1_000;

pub(super) async fn preview_settings(
    rpc: &Rpc,
    me: Me,
    request: PreviewSettingsRequest,
) -> Result<PreviewSettingsResponse, Error> {
    let who = who_can_message(request.who_can_message)?;
    let scope = Scope {
        rpc: "messaging.PreviewSettings",
        user: me.id,
        parameters: name(who),
    };
    let page = rpc.pager.read(request.page.as_ref(), CONSENT_PAGE, scope)?;
    let (own, settings) = agreed::own(rpc, &me).await?;
    check_age(own.age_band, who)?;
    let limit = u64::try_from(EXAMINED_MAX + 1).unwrap_or(u64::MAX);
    let mut examined = rpc.store.list_latest(me.id, limit).await?;
    let complete = examined.len() <= EXAMINED_MAX;
    examined.truncate(EXAMINED_MAX);
    examined.retain(|known| !known.peer_gone);
    let examined = Examined::of(rpc, &me, (own, settings), who, &examined).await?;
    let after = reply::place(page.after.as_deref());
    let mut listed: Vec<_> = examined.closed.iter().collect();
    let closed_count = count(listed.len());
    listed.retain(|closed| after.is_none_or(|after| closed.last_event < after));
    let info = rpc.pager.next(&mut listed, page.size, scope, |last| {
        reply::cursor(last.last_event)
    });
    Ok(PreviewSettingsResponse {
        closed_count,
        examined_count: count(examined.people),
        complete,
        closed_user_ids: listed.iter().map(|known| known.peer.to_string()).collect(),
        page: Some(info),
    })
}

/// What was found.
struct Examined {
    /// How many people were looked at.
    people: usize,
    /// Those who could not write any more, latest activity first.
    closed: Vec<Known>,
}

impl Examined {
    async fn of(
        rpc: &Rpc,
        me: &Me,
        own: (Person, Settings),
        who: WhoCanMessage,
        known: &[Known],
    ) -> Result<Self, Error> {
        let peers: Vec<UserId> = known.iter().map(|known| known.peer).collect();
        let edges = rpc.owners.edges_towards(&me.caller, me.id, &peers).await?;
        let now = rpc.clock.now();
        let mut examined = Self {
            people: 0,
            closed: Vec::new(),
        };
        for (known, edges) in known.iter().zip(edges) {
            // Graph knows it already, the lists will know it soon.
            if edges.sender_blocks {
                continue;
            }
            examined.people += 1;
            let own = (me.id, own.0, own.1);
            let receiving = agreed::receiving(rpc, own, known.peer, &known.pair, edges, now);
            if closes(&receiving, who) {
                examined.closed.push(*known);
            }
        }
        Ok(examined)
    }
}

/// As UpdateSettings would refuse it.
const fn check_age(band: AgeBand, who: WhoCanMessage) -> Result<(), Error> {
    match (band, who) {
        (AgeBand::Under16, WhoCanMessage::Everyone | WhoCanMessage::Friends) => {
            Err(Error::NoMessagesForAge)
        }
        (AgeBand::From16To17, WhoCanMessage::Everyone) => Err(Error::NotEveryoneForAge),
        (AgeBand::Under16, WhoCanMessage::NoOne)
        | (AgeBand::From16To17, WhoCanMessage::Friends | WhoCanMessage::NoOne)
        | (AgeBand::Adult, _) => Ok(()),
    }
}

fn who_can_message(value: i32) -> Result<WhoCanMessage, Invalid> {
    let mut check = Check::new();
    let who = match wire::WhoCanMessage::try_from(value) {
        Ok(wire::WhoCanMessage::Everyone) => Some(WhoCanMessage::Everyone),
        Ok(wire::WhoCanMessage::Friends) => Some(WhoCanMessage::Friends),
        Ok(wire::WhoCanMessage::NoOne) => Some(WhoCanMessage::NoOne),
        Ok(wire::WhoCanMessage::Unspecified) | Err(_) => {
            check.wrong("who_can_message", "must be EVERYONE, FRIENDS or NO_ONE");
            None
        }
    };
    check.done(who)
}

const fn name(who: WhoCanMessage) -> &'static str {
    match who {
        WhoCanMessage::Everyone => "everyone",
        WhoCanMessage::Friends => "friends",
        WhoCanMessage::NoOne => "no_one",
    }
}

fn count(people: usize) -> i64 {
    i64::try_from(people).unwrap_or(i64::MAX)
}
