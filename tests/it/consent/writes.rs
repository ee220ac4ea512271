//! Every RPC that changes something, by a caller and about a person in every kind of trouble.

use std::{collections::BTreeSet, time::Duration};

use super::calls::*;
use crate::suite::{Person, Suite, delivered};
use futures_util::{StreamExt as _, stream};
use postern_proto::{identity::v1::SuspendAccountRequest, policy::v1::WhoCanMessage};
use postern_shared::access::{self, Access};

/// What is the matter between the caller and the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matter {
    Nothing,
    IBlock,
    TheyBlock,
    TheirMessagesOff,
    MyMessagesOff,
    TheySuspended,
    TheyDeactivated,
    /// With a token from before.
    ISuspended,
    /// With a token from before.
    IDeactivated,
    /// With a token as such an account gets it.
    IRestricted,
}

const MATTERS: [Matter; 10] = [
    Matter::Nothing,
    Matter::IBlock,
    Matter::TheyBlock,
    Matter::TheirMessagesOff,
    Matter::MyMessagesOff,
    Matter::TheySuspended,
    Matter::TheyDeactivated,
    Matter::ISuspended,
    Matter::IDeactivated,
    Matter::IRestricted,
];

/// One RPC: how two people come to it, the call, and what comes out for each matter.
struct Entry {
    rpc: &'static str,
    start: Start,
    call: fn(Pair) -> Outcome,
    /// A word for each matter, or one for all.
    outcomes: &'static str,
}

/// What lies between the two before the matter begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// They are friends and the caller has written.
    Friends,
    /// The caller takes messages from everyone, and the other has asked.
    Asked,
}

// In the order of MATTERS.
const OK: &str = "ok";
const NEEDS_AN_ACCOUNT_IN_USE: &str = "ok ok ok ok ok ok ok \
    ACCOUNT_RESTRICTED ACCOUNT_RESTRICTED ACCOUNT_RESTRICTED";
/// What narrows goes on with a token from before.
const NARROWS: &str = "ok ok ok ok ok ok ok ok ok ACCOUNT_RESTRICTED";
const MODERATES: &str = "CALLER_NOT_ALLOWED CALLER_NOT_ALLOWED CALLER_NOT_ALLOWED \
    CALLER_NOT_ALLOWED CALLER_NOT_ALLOWED CALLER_NOT_ALLOWED CALLER_NOT_ALLOWED \
    CALLER_NOT_ALLOWED CALLER_NOT_ALLOWED ACCOUNT_RESTRICTED";
const SENDS: &str = "Inbox YouBlockedRecipient NotAccepting RecipientMessagesAreOff \
    YourMessagesAreOff NotAccepting NotAccepting \
    SenderRestricted SenderRestricted ACCOUNT_RESTRICTED";
const FOLLOWS: &str = "ok ACCOUNT_BLOCKED_BY_YOU ACCOUNT_NOT_FOUND ok ok ACCOUNT_NOT_FOUND \
    ACCOUNT_NOT_FOUND ACCOUNT_RESTRICTED ACCOUNT_RESTRICTED ACCOUNT_RESTRICTED";
const UNFOLLOWS: &str = "ok ok ACCOUNT_NOT_FOUND ok ok ACCOUNT_NOT_FOUND ACCOUNT_NOT_FOUND \
    ok ok ACCOUNT_RESTRICTED";
const ACCEPTS: &str = "ok REQUEST_NOT_FOUND REQUEST_NOT_FOUND ok YOUR_MESSAGES_ARE_OFF \
    REQUEST_NOT_FOUND REQUEST_NOT_FOUND \
    ACCOUNT_RESTRICTED ACCOUNT_RESTRICTED ACCOUNT_RESTRICTED";
const DECLINES: &str = "ok REQUEST_NOT_FOUND REQUEST_NOT_FOUND ok ok \
    REQUEST_NOT_FOUND REQUEST_NOT_FOUND ok ok ACCOUNT_RESTRICTED";

const ENTRIES: &[Entry] = &[
    friends(
        "identity.v1.AccountService/CreateAccount",
        create_account,
        OK,
    ),
    friends(
        "identity.v1.AccountService/UpdateAccount",
        update_account,
        NEEDS_AN_ACCOUNT_IN_USE,
    ),
    friends(
        "identity.v1.AccountService/DeactivateAccount",
        deactivate,
        OK,
    ),
    friends(
        "identity.v1.AccountService/ReactivateAccount",
        reactivate,
        OK,
    ),
    friends(
        "identity.v1.SessionService/CreateSession",
        create_session,
        OK,
    ),
    friends(
        "identity.v1.SessionService/RefreshSession",
        refresh,
        "REFRESH_TOKEN_INVALID",
    ),
    friends(
        "identity.v1.SessionService/RevokeSession",
        revoke_session,
        "SESSION_NOT_FOUND",
    ),
    friends(
        "identity.v1.StandingService/RestrictMessaging",
        restrict,
        MODERATES,
    ),
    friends(
        "identity.v1.StandingService/SuspendAccount",
        suspend,
        MODERATES,
    ),
    friends("identity.v1.StandingService/BanAccount", ban, MODERATES),
    friends("identity.v1.StandingService/LiftAction", lift, MODERATES),
    friends("graph.v1.GraphService/Follow", follow, FOLLOWS),
    friends("graph.v1.GraphService/Unfollow", unfollow, UNFOLLOWS),
    friends(
        "graph.v1.GraphService/RemoveFollower",
        remove_follower,
        UNFOLLOWS,
    ),
    friends("graph.v1.GraphService/Block", block, OK),
    friends("graph.v1.GraphService/Unblock", unblock, OK),
    friends(
        "settings.v1.SettingsService/UpdateSettings",
        choose,
        NEEDS_AN_ACCOUNT_IN_USE,
    ),
    friends("messaging.v1.MessageService/SendMessage", send, SENDS),
    friends("messaging.v1.MessageService/DeleteMessage", delete, NARROWS),
    friends("messaging.v1.ConsentService/ExplainSend", explain, SENDS),
    friends("messaging.v1.ConsentService/RevokeConsent", revoke, NARROWS),
    asked("messaging.v1.RequestService/AcceptRequest", accept, ACCEPTS),
    asked(
        "messaging.v1.RequestService/DeclineRequest",
        decline,
        DECLINES,
    ),
    asked(
        "messaging.v1.RequestService/BatchDeclineRequests",
        decline_all,
        NARROWS,
    ),
];

/// What changes nothing: looked at elsewhere.
const READS: &[&str] = &[
    "graph.v1.GraphService/GetCounts",
    "graph.v1.GraphService/GetEnforcement",
    "graph.v1.GraphService/GetMyRelationship",
    "graph.v1.GraphService/ListBlocked",
    "graph.v1.GraphService/ListFollowers",
    "graph.v1.GraphService/ListFollowing",
    "graph.v1.GraphService/ListFriends",
    "identity.v1.AccountService/BatchGetAccounts",
    "identity.v1.AccountService/GetAccount",
    "identity.v1.AccountService/GetEnforcement",
    "identity.v1.SessionService/GetJwks",
    "identity.v1.SessionService/ListSessions",
    "identity.v1.StandingService/GetActionEnforcement",
    "identity.v1.StandingService/GetMyStanding",
    "identity.v1.StandingService/ListActions",
    "messaging.v1.ConsentService/ExplainReceive",
    "messaging.v1.ConsentService/ListConsents",
    "messaging.v1.ConsentService/PreviewSettings",
    "messaging.v1.ConversationService/ListConversations",
    "messaging.v1.MessageService/ListMessages",
    "messaging.v1.ModerationService/GetDecision",
    "messaging.v1.RequestService/ListRequests",
    "settings.v1.SettingsService/GetEffectivePolicy",
    "settings.v1.SettingsService/GetEnforcement",
    "settings.v1.SettingsService/GetSettings",
    "settings.v1.SettingsService/ListChanges",
];

const fn friends(rpc: &'static str, call: fn(Pair) -> Outcome, outcomes: &'static str) -> Entry {
    Entry {
        rpc,
        start: Start::Friends,
        call,
        outcomes,
    }
}

const fn asked(rpc: &'static str, call: fn(Pair) -> Outcome, outcomes: &'static str) -> Entry {
    Entry {
        start: Start::Asked,
        ..friends(rpc, call, outcomes)
    }
}

#[test]
fn every_rpc_for_people_either_reads_or_has_an_entry() {
    let rows = access::all().filter(|row| !matches!(row.access, Access::Services(_)));
    let ours = rows.filter(|row| row.service.starts_with("postern."));
    let name = |row: access::Rpc| format!("{}/{}", &row.service["postern.".len()..], row.method);
    let declared: BTreeSet<_> = ours.map(name).collect();
    let entries = ENTRIES.iter().map(|entry| entry.rpc);
    let listed: Vec<_> = entries
        .chain(READS.iter().copied())
        .map(str::to_owned)
        .collect();
    let once: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(once.len(), listed.len(), "one stands twice");
    assert_eq!(once, declared);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_meets_every_matter_as_the_table_says() {
    // So many people at once would wait for each other's passwords.
    let suite = Suite::start_with(&[("POSTERN_LIMITS", "off")]).await;
    let moderator = suite.moderator("mia").await;
    let mut cases = Vec::new();
    for entry in ENTRIES {
        let words: Vec<_> = entry.outcomes.split_whitespace().collect();
        assert!(matches!(words.len(), 1 | 10), "{}", entry.rpc);
        for (place, matter) in MATTERS.into_iter().enumerate() {
            cases.push((entry, matter, words[place % words.len()]));
        }
    }
    let wrong: Vec<_> = stream::iter(cases.into_iter().enumerate())
        .map(|(number, (entry, matter, expected))| {
            let (suite, moderator) = (&suite, &moderator);
            async move {
                let pair = begin(suite, number, entry.start).await;
                let pair = befall(suite, moderator, pair, matter).await;
                let found = (entry.call)(pair).await;
                (found != expected)
                    .then(|| format!("{} {matter:?}: {found}, expected {expected}", entry.rpc))
            }
        })
        .buffer_unordered(8)
        .filter_map(|problem| async { problem })
        .collect()
        .await;
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

async fn begin(suite: &Suite, number: usize, start: Start) -> Pair {
    let me = suite.person(&format!("me{number}")).await;
    let peer = suite.person(&format!("peer{number}")).await;
    let first = match start {
        Start::Friends => {
            me.befriend(&peer).await;
            me.send(&peer, "hello").await
        }
        Start::Asked => {
            me.let_write(WhoCanMessage::Everyone).await;
            peer.send(&me, "may I?").await
        }
    };
    let conversation = delivered(first).message.unwrap().conversation_id;
    Pair {
        me,
        peer,
        conversation,
    }
}

async fn befall(suite: &Suite, moderator: &Person, mut pair: Pair, matter: Matter) -> Pair {
    let (me, peer) = (&pair.me, &pair.peer);
    match matter {
        Matter::Nothing => {}
        Matter::IBlock => drop(me.block(peer).await),
        Matter::TheyBlock => drop(peer.block(me).await),
        Matter::TheirMessagesOff => peer.let_write(WhoCanMessage::NoOne).await,
        Matter::MyMessagesOff => me.let_write(WhoCanMessage::NoOne).await,
        Matter::TheySuspended => suspend_for_a_day(suite, moderator, peer).await,
        Matter::TheyDeactivated => peer.deactivate().await,
        Matter::ISuspended => suspend_for_a_day(suite, moderator, me).await,
        Matter::IDeactivated => me.deactivate().await,
        Matter::IRestricted => {
            suspend_for_a_day(suite, moderator, me).await;
            pair.me = suite.restricted(&pair.me);
        }
    }
    pair
}

/// Suspends a person, and waits for nothing: it is enforced when it is answered.
pub async fn suspend_for_a_day(suite: &Suite, moderator: &Person, person: &Person) {
    let end = suite.clock.now().plus(Duration::from_secs(24 * 60 * 60));
    let ask = moderator.ask(SuspendAccountRequest {
        person: person.reference(),
        end_time: Some(end.to_proto()),
        rule: "spam".to_owned(),
        explanation: "many people reported the same text".to_owned(),
    });
    moderator.standing().suspend_account(ask).await.unwrap();
}
