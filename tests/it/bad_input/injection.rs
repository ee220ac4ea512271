//! Texts that would be commands if anything took them for such: in every string of every request
//! they are kept as they are or refused, and never a fault.

use std::collections::BTreeMap;

use postern_proto::{
    identity::v1::{
        Account, CreateAccountRequest, CreateSessionRequest, GetAccountRequest, GetAccountResponse,
        UpdateAccountRequest,
    },
    messaging::v1::{Content, SendMessageRequest, SharedVideo, content},
    settings::v1::{
        Filters, GetSettingsRequest, GetSettingsResponse, Settings, UpdateSettingsRequest,
    },
};
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use tonic::Code;

use super::{ask, stored};
use crate::{
    contract::{allowed, errors::only_reason, raw, rpcs},
    suite::{PASSWORD, Person, Suite, by_handle, delivered, text_content},
};

const COMMANDS: [&str; 8] = [
    "' OR '1'='1",
    "x'; DROP TABLE account; --",
    "\"; DELETE FROM message; --",
    "1) UNION SELECT password_hash FROM account --",
    "$1 %s ? :name {0} ${jndi:ldap://x}",
    "%' ESCAPE '\\",
    "\\'; SELECT pg_sleep(9); --",
    "<script>alert(1)</script>",
];

/// A string below a message: the fields that lead to it.
type Place = Vec<FieldDescriptor>;

fn strings(message: &MessageDescriptor, above: &[FieldDescriptor], found: &mut Vec<Place>) {
    for field in message.fields() {
        let place = [above, std::slice::from_ref(&field)].concat();
        match field.kind() {
            Kind::String => found.push(place),
            Kind::Message(inner) => strings(&inner, &place, found),
            _ => {}
        }
    }
}

/// Puts a text where the fields lead to.
fn put(message: &mut DynamicMessage, place: &[FieldDescriptor], text: &str) {
    let (field, rest) = place.split_first().unwrap();
    let value = match rest {
        [] => Value::String(text.to_owned()),
        rest => {
            let mut inner = match message.get_field(field).into_owned() {
                Value::Message(inner) => inner,
                other => panic!("{other:?} is no message"),
            };
            put(&mut inner, rest, text);
            Value::Message(inner)
        }
    };
    let value = match field.is_list() {
        true => Value::List(vec![value]),
        false => value,
    };
    message.set_field(field, value);
}

/// Requests that are right but for what is put into them, by RPC; all others start empty.
fn bases(other: &Person) -> BTreeMap<&'static str, Vec<u8>> {
    let create = CreateAccountRequest {
        handle: "injected".to_owned(),
        display_name: "Injected".to_owned(),
        password: PASSWORD.to_owned(),
        birth_date: "1990-05-17".to_owned(),
        kind: 0,
    };
    let sign_in = CreateSessionRequest {
        handle: "ada".to_owned(),
        password: PASSWORD.to_owned(),
        device_name: String::new(),
    };
    let update = UpdateAccountRequest {
        account: Some(Account {
            display_name: "Ada".to_owned(),
            ..Account::default()
        }),
        ..UpdateAccountRequest::default()
    };
    let send = SendMessageRequest {
        recipient: other.reference(),
        client_message_id: "1".to_owned(),
        content: text_content("x"),
    };
    [
        ("CreateAccount", create.encode_to_vec()),
        ("CreateSession", sign_in.encode_to_vec()),
        ("UpdateAccount", update.encode_to_vec()),
        ("SendMessage", send.encode_to_vec()),
    ]
    .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_in_any_string_of_any_request_are_no_fault() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.open_person("ben").await);
    let cleo = suite.open_person("cleo").await;
    let before = stored(&ben).await;
    let (bases, mut tried) = (bases(&cleo), 0);
    for rpc in rpcs() {
        let (channel, headers) = allowed(&suite, &ada, &rpc);
        let mut places = Vec::new();
        strings(&rpc.method.input(), &[], &mut places);
        let base = bases.get(rpc.method.name()).cloned().unwrap_or_default();
        for place in places {
            // Each of these costs a password hash; one command shows as much as all.
            let hashed = ["password", "handle", "device_name"].contains(&place[0].name());
            let few = if hashed { 1 } else { COMMANDS.len() };
            for command in &COMMANDS[..few] {
                let mut message =
                    DynamicMessage::decode(rpc.method.input(), base.as_slice()).unwrap();
                put(&mut message, &place, command);
                let message = message.encode_to_vec();
                let answer = raw::call(channel, &rpc.path, &headers, &message).await;
                tried += 1;
                let Err(status) = answer else { continue };
                let reason = only_reason(&status);
                let fault = matches!(
                    status.code(),
                    Code::Internal | Code::Unavailable | Code::DeadlineExceeded
                );
                let (rpc, place) = (&rpc.path, place.last().unwrap().full_name());
                assert!(!fault, "{rpc} {place} {command}: {reason:?} {status:?}");
            }
        }
    }
    assert!(tried > 250, "{tried}");
    assert_eq!(stored(&ben).await, before);
    // Nobody's rows are gone, and nobody got in.
    assert_eq!(
        delivered(cleo.send(&ben, "still here").await)
            .message
            .unwrap()
            .seq,
        1
    );
}

async fn name_of(person: &Person, handle: &str) -> String {
    let ask_for = GetAccountRequest {
        person: by_handle(handle),
    };
    let answer = ask(person, "identity.v1.AccountService/GetAccount", &ask_for)
        .await
        .unwrap();
    let answer = GetAccountResponse::decode(answer.as_slice()).unwrap();
    answer.account.unwrap().display_name
}

#[tokio::test(flavor = "multi_thread")]
async fn names_keep_what_looks_like_a_command() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    for command in COMMANDS {
        let update = UpdateAccountRequest {
            account: Some(Account {
                display_name: command.to_owned(),
                ..Account::default()
            }),
            ..UpdateAccountRequest::default()
        };
        ask(&ada, "identity.v1.AccountService/UpdateAccount", &update)
            .await
            .unwrap();
        assert_eq!(name_of(&ben, "ada").await, command);
        assert_eq!(name_of(&ben, "ben").await, "Name of ben");
    }
    let filters = Filters {
        keywords: COMMANDS.map(str::to_owned).into(),
        ..Filters::default()
    };
    let update = UpdateSettingsRequest {
        settings: Some(Settings {
            filters: Some(filters),
            ..Settings::default()
        }),
        ..UpdateSettingsRequest::default()
    };
    ask(&ada, "settings.v1.SettingsService/UpdateSettings", &update)
        .await
        .unwrap();
    let rpc = "settings.v1.SettingsService/GetSettings";
    for (person, words) in [(&ada, COMMANDS.to_vec()), (&ben, vec![])] {
        let answer = ask(person, rpc, &GetSettingsRequest {}).await.unwrap();
        let answer = GetSettingsResponse::decode(answer.as_slice()).unwrap();
        assert_eq!(answer.settings.unwrap().filters.unwrap().keywords, words);
    }
    let sign_in = CreateSessionRequest {
        handle: "ada".to_owned(),
        password: PASSWORD.to_owned(),
        device_name: COMMANDS[1].to_owned(),
    };
    let answer = suite
        .sessions()
        .create_session(sign_in)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.session.unwrap().device_name, COMMANDS[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_keep_what_looks_like_a_command() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    ada.befriend(&ben).await;
    let mut conversation = String::new();
    for (number, command) in COMMANDS.into_iter().enumerate() {
        // An id without spaces that would end a string.
        let id = format!("';--{number}");
        let first = ada.send_as(&ben, &id, command).await.unwrap();
        assert_eq!(ada.send_as(&ben, &id, command).await.unwrap(), first);
        conversation = delivered(first).message.unwrap().conversation_id;
    }
    let video = SendMessageRequest {
        recipient: ben.reference(),
        client_message_id: "video".to_owned(),
        content: Some(Content {
            content: Some(content::Content::SharedVideo(SharedVideo {
                video_id: "');--".to_owned(),
            })),
        }),
    };
    ada.messages()
        .send_message(ada.ask(video.clone()))
        .await
        .unwrap();
    let mut read = ben.read(&conversation).await.unwrap();
    assert_eq!(read.remove(0).content, video.content);
    read.reverse();
    let read: Vec<_> = read.into_iter().map(|message| message.content).collect();
    assert_eq!(read, COMMANDS.map(text_content));
}
