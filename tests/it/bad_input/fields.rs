//! Fields of the wrong kind: enum values that do not exist, ids that are none, texts beyond their
//! limits. The answer names every field that is wrong, and nothing is stored.

use std::collections::BTreeSet;

use postern_proto::{
    common::v1::{PersonRef, person_ref::Person as Named},
    graph::v1::{
        BatchGetRelationshipsRequest, BlockRequest, GetMyRelationshipRequest,
        GetRelationshipRequest,
    },
    identity::v1::{
        Account, BatchGetAccountsRequest, BatchGetStandingRequest, CreateAccountRequest,
        GetAccountRequest, GetStandingRequest, RevokeSessionRequest, UpdateAccountRequest,
    },
    messaging::v1::{
        Content, DeleteMessageRequest, Link, ListConversationsRequest, ListMessagesRequest,
        ListRequestsRequest, PreviewSettingsRequest, SendMessageRequest, SharedVideo, content,
    },
    settings::v1::{
        BatchGetDmPoliciesRequest, GetDmPolicyRequest, Settings, UpdateSettingsRequest,
    },
};
use postern_shared::caller::ServiceName::{Graph, Messaging};
use prost_reflect::{Kind, MessageDescriptor};

use super::{ask, ask_as, stored, wrong_fields};
use crate::{
    contract::rpcs,
    suite::{Person, Suite, by_handle, by_id, mask, text_content},
};

const BAD_IDS: [&str; 10] = [
    "",
    "ada",
    "018F4E2A-7C1B-4D3E-9A4F-2B6C8D0E1F35",
    "018f4e2a7c1b4d3e9a4f2b6c8d0e1f35",
    "{018f4e2a-7c1b-4d3e-9a4f-2b6c8d0e1f35}",
    "018f4e2a-7c1b-4d3e-9a4f-2b6c8d0e1f3",
    "018f4e2a-7c1b-4d3e-9a4f-2b6c8d0e1f35 ",
    "018f4e2a-7c1b-4d3e-9a4f-2b6c8d0e1f3\0",
    "' OR 1=1 --",
    "../../identity.db",
];
const BAD_HANDLES: [&str; 12] = [
    "",
    "a",
    "Ada",
    "@ada",
    "a b",
    "é.é",
    ".ada",
    "ada.",
    "a..b",
    "_a",
    "ada\0",
    "a.b.c.d.e.f.g.h.i.j.k.l.m",
];

/// The enum fields below a message, by path.
fn enums(message: &MessageDescriptor, above: &str, found: &mut BTreeSet<String>) {
    for field in message.fields() {
        let path = format!("{above}{}", field.name());
        match field.kind() {
            Kind::Enum(_) => drop(found.insert(path)),
            Kind::Message(inner) => enums(&inner, &format!("{path}."), found),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn enum_values_that_do_not_exist_are_refused_in_every_request() {
    let suite = Suite::start().await;
    let ada = suite.person("ada").await;
    let before = stored(&ada).await;
    let mut declared = BTreeSet::new();
    for rpc in rpcs() {
        enums(
            &rpc.method.input(),
            &format!("{}:", rpc.method.name()),
            &mut declared,
        );
    }
    let tried = [
        "CreateAccount:kind",
        "DeleteMessage:scope",
        "ListConversations:folder",
        "ListRequests:tier",
        "PreviewSettings:who_can_message",
        // For services: its own test is beside the code.
        "Raise:owner",
        "UpdateAccount:account.kind",
        // The server computes it: whatever is sent is not looked at.
        "UpdateAccount:account.own.age_band",
        "UpdateSettings:settings.who_can_message",
    ];
    assert_eq!(declared, tried.map(str::to_owned).into());
    for value in NO_VALUES {
        wrong_in_messaging(&ada, value).await;
        let create = CreateAccountRequest {
            kind: value,
            ..registration("ben")
        };
        let answer = ask(&ada, "identity.v1.AccountService/CreateAccount", &create).await;
        assert_eq!(wrong_fields(answer), ["kind"]);
        let account = Account {
            display_name: "Other".to_owned(),
            kind: value,
            ..Account::default()
        };
        let update = UpdateAccountRequest {
            account: Some(account),
            ..UpdateAccountRequest::default()
        };
        let answer = ask(&ada, "identity.v1.AccountService/UpdateAccount", &update).await;
        assert_eq!(wrong_fields(answer), ["account.kind"]);
        for paths in [&[][..], &["*"], &["who_can_message"]] {
            let settings = Settings {
                who_can_message: value,
                ..Settings::default()
            };
            let update = UpdateSettingsRequest {
                settings: Some(settings),
                update_mask: Some(mask(paths)),
                etag: String::new(),
            };
            let answer = ask(&ada, "settings.v1.SettingsService/UpdateSettings", &update).await;
            assert_eq!(wrong_fields(answer), ["settings.who_can_message"]);
        }
    }
    assert_eq!(stored(&ada).await, before);
    // The handle is still free.
    suite.person("ben").await;
}

/// Values that no enum of the contract has.
const NO_VALUES: [i32; 5] = [99, 4_000, -1, i32::MAX, i32::MIN];

/// What messaging says to such a value.
async fn wrong_in_messaging(ada: &Person, value: i32) {
    let list = ListRequestsRequest {
        page: None,
        tier: value,
    };
    let answer = ask(ada, "messaging.v1.RequestService/ListRequests", &list).await;
    assert_eq!(wrong_fields(answer), ["tier"]);
    let list = ListConversationsRequest {
        page: None,
        folder: value,
    };
    let method = "messaging.v1.ConversationService/ListConversations";
    assert_eq!(wrong_fields(ask(ada, method, &list).await), ["folder"]);
    let delete = DeleteMessageRequest {
        conversation_id: ada.id.to_string(),
        seq: 1,
        scope: value,
    };
    let answer = ask(ada, "messaging.v1.MessageService/DeleteMessage", &delete).await;
    assert_eq!(wrong_fields(answer), ["scope"]);
    let preview = PreviewSettingsRequest {
        who_can_message: value,
        page: None,
    };
    let answer = ask(ada, "messaging.v1.ConsentService/PreviewSettings", &preview).await;
    assert_eq!(wrong_fields(answer), ["who_can_message"]);
}

fn registration(handle: &str) -> CreateAccountRequest {
    CreateAccountRequest {
        handle: handle.to_owned(),
        display_name: "Ben".to_owned(),
        password: crate::suite::PASSWORD.to_owned(),
        birth_date: "1990-05-17".to_owned(),
        kind: 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_none_are_refused_in_every_request() {
    let suite = Suite::start().await;
    let ada = suite.person("ada").await;
    let before = stored(&ada).await;
    for id in BAD_IDS {
        let ids = || vec![ada.id.to_string(), id.to_owned()];
        let get = GetAccountRequest { person: by_id(id) };
        let answer = ask(&ada, "identity.v1.AccountService/GetAccount", &get).await;
        assert_eq!(wrong_fields(answer), ["person.user_id"], "{id}");
        let batch = BatchGetAccountsRequest { user_ids: ids() };
        let answer = ask(&ada, "identity.v1.AccountService/BatchGetAccounts", &batch).await;
        assert_eq!(wrong_fields(answer), ["user_ids[1]"], "{id}");
        let revoke = RevokeSessionRequest {
            session_id: id.to_owned(),
        };
        let answer = ask(&ada, "identity.v1.SessionService/RevokeSession", &revoke).await;
        assert_eq!(wrong_fields(answer), ["session_id"], "{id}");
        assert_eq!(
            send(&ada, by_id(id), "1", text_content("x")).await,
            ["recipient.user_id"]
        );
        // The requests that name a conversation read alike, and so do those that name a person.
        let read = ListMessagesRequest {
            conversation_id: id.to_owned(),
            page: None,
        };
        for rpc in [
            "MessageService/ListMessages",
            "RequestService/AcceptRequest",
            "RequestService/DeclineRequest",
        ] {
            let answer = ask(&ada, &format!("messaging.v1.{rpc}"), &read).await;
            assert_eq!(wrong_fields(answer), ["conversation_id"], "{rpc} {id}");
        }
        for rpc in PEOPLE {
            let answer = ask(&ada, &format!("graph.v1.GraphService/{rpc}"), &get).await;
            assert_eq!(wrong_fields(answer), ["person.user_id"], "{rpc} {id}");
        }
    }
    assert_eq!(stored(&ada).await, before);
}

const PEOPLE: [&str; 6] = [
    "Follow",
    "Unfollow",
    "RemoveFollower",
    "Block",
    "Unblock",
    "GetMyRelationship",
];

#[tokio::test(flavor = "multi_thread")]
async fn services_are_told_of_ids_that_are_none_as_well() {
    let suite = Suite::start().await;
    let ada = suite.person("ada").await.id.to_string();
    for id in BAD_IDS {
        let ids = || vec![ada.clone(), id.to_owned()];
        let (one, user_ids) = (id.to_owned(), ids());
        let get = GetStandingRequest {
            person: by_id(id),
            min_version: 0,
        };
        let answer = ask_as(
            &suite,
            Graph,
            "identity.v1.StandingFactsService/GetStanding",
            &get,
        );
        assert_eq!(wrong_fields(answer.await), ["person.user_id"], "{id}");
        let batch = BatchGetStandingRequest { user_ids };
        let rpc = "identity.v1.StandingFactsService/BatchGetStanding";
        assert_eq!(
            wrong_fields(ask_as(&suite, Graph, rpc, &batch).await),
            ["user_ids[1]"]
        );
        let pair = GetRelationshipRequest {
            user_id: one.clone(),
            peer_id: one.clone(),
            ..GetRelationshipRequest::default()
        };
        let rpc = "graph.v1.RelationshipService/GetRelationship";
        let answer = ask_as(&suite, Messaging, rpc, &pair).await;
        assert_eq!(wrong_fields(answer), ["user_id", "peer_id"], "{id}");
        let batch = BatchGetRelationshipsRequest {
            user_id: one.clone(),
            peer_ids: ids(),
        };
        let rpc = "graph.v1.RelationshipService/BatchGetRelationships";
        let answer = ask_as(&suite, Messaging, rpc, &batch).await;
        assert_eq!(wrong_fields(answer), ["user_id", "peer_ids[1]"], "{id}");
        let get = GetDmPolicyRequest {
            user_id: one,
            min_version: 0,
        };
        let rpc = "settings.v1.DmPolicyService/GetDmPolicy";
        assert_eq!(
            wrong_fields(ask_as(&suite, Messaging, rpc, &get).await),
            ["user_id"]
        );
        let batch = BatchGetDmPoliciesRequest { user_ids: ids() };
        let rpc = "settings.v1.DmPolicyService/BatchGetDmPolicies";
        assert_eq!(
            wrong_fields(ask_as(&suite, Messaging, rpc, &batch).await),
            ["user_ids[1]"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_none_and_of_too_many_are_refused() {
    let suite = Suite::start().await;
    let ada = suite.person("ada").await.id.to_string();
    for count in [0, 101] {
        let batch = BatchGetStandingRequest {
            user_ids: vec![ada.clone(); count],
        };
        for (service, rpc) in [
            (Graph, "identity.v1.StandingFactsService/BatchGetStanding"),
            (Messaging, "settings.v1.DmPolicyService/BatchGetDmPolicies"),
        ] {
            assert_eq!(
                wrong_fields(ask_as(&suite, service, rpc, &batch).await),
                ["user_ids"]
            );
        }
        let batch = BatchGetRelationshipsRequest {
            user_id: ada.clone(),
            peer_ids: vec![ada.clone(); count],
        };
        let rpc = "graph.v1.RelationshipService/BatchGetRelationships";
        assert_eq!(
            wrong_fields(ask_as(&suite, Messaging, rpc, &batch).await),
            ["peer_ids"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_that_are_none_and_nobody_at_all_are_refused() {
    let suite = Suite::start().await;
    let ada = suite.person("ada").await;
    let named = |handle| by_handle(handle);
    let nobody = || Some(PersonRef { person: None });
    for handle in BAD_HANDLES {
        let get = GetAccountRequest {
            person: named(handle),
        };
        let answer = ask(&ada, "identity.v1.AccountService/GetAccount", &get).await;
        assert_eq!(wrong_fields(answer), ["person.handle"], "{handle}");
        for rpc in PEOPLE {
            let answer = ask(&ada, &format!("graph.v1.GraphService/{rpc}"), &get).await;
            assert_eq!(wrong_fields(answer), ["person.handle"], "{rpc} {handle}");
        }
        let wrong = send(&ada, named(handle), "1", text_content("x")).await;
        assert_eq!(wrong, ["recipient.handle"], "{handle}");
    }
    for person in [None, nobody()] {
        for rpc in PEOPLE {
            let ask_for = BlockRequest {
                person: person.clone(),
            };
            let answer = ask(&ada, &format!("graph.v1.GraphService/{rpc}"), &ask_for).await;
            assert_eq!(wrong_fields(answer), ["person"], "{rpc}");
        }
        let get = GetStandingRequest {
            person: person.clone(),
            min_version: 0,
        };
        let rpc = "identity.v1.StandingFactsService/GetStanding";
        assert_eq!(
            wrong_fields(ask_as(&suite, Graph, rpc, &get).await),
            ["person"]
        );
        let wrong = send(&ada, person, "1", text_content("x")).await;
        assert_eq!(wrong, ["recipient"]);
    }
    let get = GetMyRelationshipRequest { person: nobody() };
    let answer = ask(&ada, "identity.v1.AccountService/GetAccount", &get).await;
    assert_eq!(wrong_fields(answer), ["person"]);
    for count in [0, 101] {
        let batch = BatchGetAccountsRequest {
            user_ids: vec![ada.id.to_string(); count],
        };
        let answer = ask(&ada, "identity.v1.AccountService/BatchGetAccounts", &batch).await;
        assert_eq!(wrong_fields(answer), ["user_ids"]);
    }
}

/// The fields that are wrong with a message.
async fn send(
    person: &Person,
    recipient: Option<PersonRef>,
    id: &str,
    content: Option<Content>,
) -> Vec<String> {
    let message = SendMessageRequest {
        recipient,
        client_message_id: id.to_owned(),
        content,
    };
    wrong_fields(ask(person, "messaging.v1.MessageService/SendMessage", &message).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_beyond_the_limits_are_refused_and_not_stored() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.open_person("ada").await, suite.person("ben").await);
    let before = (stored(&ada).await, stored(&ben).await);
    let ids = ["", "a b", "é", "a\tb", "a\0", "\u{7F}", &"a".repeat(65)];
    for id in ids {
        let wrong = send(&ben, ada.reference(), id, text_content("x")).await;
        assert_eq!(wrong, ["client_message_id"], "{id:?}");
    }
    let long = [
        "é".repeat(6_001),
        "🦀".repeat(6_145),
        "x".repeat(24 * 1_024 + 1),
    ];
    let texts = ["", "a\0b", "\0"]
        .map(str::to_owned)
        .into_iter()
        .chain(long);
    for text in texts {
        let wrong = send(&ben, ada.reference(), "1", text_content(&text)).await;
        assert_eq!(wrong, ["content.text"], "{} bytes", text.len());
    }
    for id in ["", "a b", "é", "a\0", &"v".repeat(129)] {
        let video_id = id.to_owned();
        let video = content::Content::SharedVideo(SharedVideo { video_id });
        let content = Some(Content {
            content: Some(video),
        });
        let wrong = send(&ben, ada.reference(), "1", content).await;
        assert_eq!(wrong, ["content.shared_video.video_id"], "{id:?}");
    }
    let long = format!("https://example.org/{}", "x".repeat(2_029));
    for url in [
        "",
        "example.org",
        "javascript:alert(1)",
        "https://a b",
        "https://a\0",
        &long,
    ] {
        let url = url.to_owned();
        let content = Some(Content {
            content: Some(content::Content::Link(Link { url })),
        });
        let wrong = send(&ben, ada.reference(), "1", content).await;
        assert_eq!(wrong, ["content.link.url"]);
    }
    for content in [None, Some(Content { content: None })] {
        assert_eq!(send(&ben, ada.reference(), "1", content).await, ["content"]);
    }
    assert_eq!((stored(&ada).await, stored(&ben).await), before);
    // None of it took the id.
    ben.send_as(&ada, "1", "x").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_told_at_once() {
    let suite = Suite::start().await;
    let ada = suite.person("ada").await;
    let nobody = Some(PersonRef {
        person: Some(Named::UserId("x".to_owned())),
    });
    let wrong = send(&ada, nobody, "", text_content("")).await;
    assert_eq!(
        wrong,
        ["recipient.user_id", "client_message_id", "content.text"]
    );
    let create = CreateAccountRequest {
        handle: "B".to_owned(),
        display_name: "\u{202E}".to_owned(),
        password: "short".to_owned(),
        birth_date: "17.5.1990".to_owned(),
        kind: 9,
    };
    let answer = ask(&ada, "identity.v1.AccountService/CreateAccount", &create).await;
    let all = ["handle", "display_name", "password", "birth_date", "kind"];
    assert_eq!(wrong_fields(answer), all);
    // However much is wrong, the answer stays readable.
    let many = BatchGetAccountsRequest {
        user_ids: vec!["x".to_owned(); 100],
    };
    let answer = ask(&ada, "identity.v1.AccountService/BatchGetAccounts", &many).await;
    assert_eq!(wrong_fields(answer).len(), 20);
}
