//! The tour: three people, one message delivered, one filtered, two refused, each answer printed.
//!
//! It speaks to the suite as any client does, over gRPC. Each run registers new people.

use std::{fmt::Write as _, io::Write as _};

use postern_proto::{
    common::v1::{PersonRef, person_ref::Person},
    graph::v1::{BlockRequest, FollowRequest, graph_service_client::GraphServiceClient},
    identity::v1::{
        CreateAccountRequest, CreateSessionRequest, account_service_client::AccountServiceClient,
        session_service_client::SessionServiceClient,
    },
    messaging::v1::{
        AcceptRequestRequest, Content, ListRequestsRequest, Placement, SendMessageRequest,
        content::Content as Text, message_service_client::MessageServiceClient,
        request_service_client::RequestServiceClient, send_message_response::Outcome,
    },
    policy::v1::WhoCanMessage,
    settings::v1::{
        Settings, UpdateSettingsRequest, settings_service_client::SettingsServiceClient,
    },
};
use postern_shared::random::Random;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt as _;

/// Good enough for people who exist for a minute.
const PASSWORD: &str = "a door that opens inward";

/// Plays the tour against the suite at `target`.
pub(super) fn run(target: String) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime does not start: {error}"))?;
    runtime.block_on(async {
        let endpoint = Endpoint::from_shared(target.clone())
            .map_err(|_| format!("`{target}` is no address such as http://127.0.0.1:50051"))?;
        let channel = endpoint.connect().await.map_err(|error| {
            format!("nothing answers at {target} ({error}): start the suite with `cargo run`")
        })?;
        Tour::new(channel)
            .play()
            .await
            .map_err(|status| told(&status))
    })
}

/// A person of the story.
struct Someone {
    name: &'static str,
    handle: String,
    bearer: MetadataValue<Ascii>,
}

struct Tour {
    channel: Channel,
    run: String,
    sent: u32,
}

impl Tour {
    fn new(channel: Channel) -> Self {
        let random = Random::system();
        let run = format!("{:08x}", u32::from_be_bytes(random.bytes()));
        Self {
            channel,
            run,
            sent: 0,
        }
    }

    async fn play(mut self) -> Result<(), Status> {
        let ada = self.register("Ada").await?;
        let ben = self.register("Ben").await?;
        let cleo = self.register("Cleo").await?;
        say("\nAda and Ben follow each other: friends. Ada's setting is FRIENDS, the default.\n");
        self.follow(&ada, &ben).await?;
        self.follow(&ben, &ada).await?;
        self.send(&ben, &ada, "hello Ada, it is Ben").await?;
        say("\nCleo is a stranger to Ada.\n");
        self.send(&cleo, &ada, "hi, do you know me?").await?;
        say("\nAda lets EVERYONE write. Strangers land in Filtered requests.\n");
        self.let_everyone_write(&ada).await?;
        self.send(&cleo, &ada, "hi Ada, we met at the library")
            .await?;
        let waiting = self.requests(&ada).await?;
        say("\nAda accepts. From now on Cleo's messages reach her inbox.\n");
        self.accept(&ada, waiting).await?;
        self.send(&cleo, &ada, "thank you!").await?;
        say("\nAda blocks Cleo. To Cleo, Ada is gone; nothing tells her why.\n");
        self.block(&ada, &cleo).await?;
        self.send(&cleo, &ada, "Ada?").await?;
        say("\nThat is the tour. README.md shows the same with grpcurl.\n");
        Ok(())
    }

    async fn register(&self, name: &'static str) -> Result<Someone, Status> {
        let handle = format!("{}.{}", name.to_lowercase(), self.run);
        let account = CreateAccountRequest {
            handle: handle.clone(),
            display_name: name.to_owned(),
            password: PASSWORD.to_owned(),
            birth_date: "1990-05-17".to_owned(),
            ..CreateAccountRequest::default()
        };
        AccountServiceClient::new(self.channel.clone())
            .create_account(account)
            .await?;
        let credentials = CreateSessionRequest {
            handle: handle.clone(),
            password: PASSWORD.to_owned(),
            device_name: "tour".to_owned(),
        };
        let session = SessionServiceClient::new(self.channel.clone())
            .create_session(credentials)
            .await?;
        let token = session.into_inner().tokens.unwrap_or_default().access_token;
        let bearer = MetadataValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Status::data_loss("the access token is no header value"))?;
        say(&format!("{name} registers as {handle} and signs in\n"));
        Ok(Someone {
            name,
            handle,
            bearer,
        })
    }

    async fn follow(&self, who: &Someone, whom: &Someone) -> Result<(), Status> {
        let ask = who.ask(FollowRequest {
            person: whom.person(),
        });
        GraphServiceClient::new(self.channel.clone())
            .follow(ask)
            .await?;
        say(&format!("  {} follows {}\n", who.name, whom.name));
        Ok(())
    }

    async fn block(&self, who: &Someone, whom: &Someone) -> Result<(), Status> {
        let ask = who.ask(BlockRequest {
            person: whom.person(),
        });
        GraphServiceClient::new(self.channel.clone())
            .block(ask)
            .await?;
        say(&format!("  {} blocks {}\n", who.name, whom.name));
        Ok(())
    }

    async fn let_everyone_write(&self, who: &Someone) -> Result<(), Status> {
        let settings = Settings {
            who_can_message: WhoCanMessage::Everyone.into(),
            ..Settings::default()
        };
        let ask = who.ask(UpdateSettingsRequest {
            settings: Some(settings),
            update_mask: Some(mask("who_can_message")),
            ..UpdateSettingsRequest::default()
        });
        SettingsServiceClient::new(self.channel.clone())
            .update_settings(ask)
            .await?;
        say(&format!(
            "  {} sets who_can_message to EVERYONE\n",
            who.name
        ));
        Ok(())
    }

    async fn send(&mut self, who: &Someone, whom: &Someone, text: &str) -> Result<(), Status> {
        self.sent += 1;
        let ask = who.ask(SendMessageRequest {
            recipient: whom.person(),
            client_message_id: format!("tour-{}-{}", self.run, self.sent),
            content: Some(Content {
                content: Some(Text::Text(text.to_owned())),
            }),
        });
        let answer = MessageServiceClient::new(self.channel.clone())
            .send_message(ask)
            .await?
            .into_inner();
        let outcome = match answer.outcome {
            Some(Outcome::Delivered(delivered)) => match delivered.placement() {
                Placement::Request => "delivered as a request: it waits for acceptance".to_owned(),
                _ => "delivered to the inbox".to_owned(),
            },
            Some(Outcome::Refused(refused)) => {
                let reason = refused
                    .reason()
                    .as_str_name()
                    .trim_start_matches("REFUSAL_REASON_");
                format!("refused: {reason}")
            }
            None => "no answer".to_owned(),
        };
        say(&format!(
            "  {} to {}: \"{text}\"\n      {outcome}\n",
            who.name, whom.name
        ));
        Ok(())
    }

    async fn requests(&self, who: &Someone) -> Result<Vec<String>, Status> {
        let ask = who.ask(ListRequestsRequest::default());
        let listed = RequestServiceClient::new(self.channel.clone())
            .list_requests(ask)
            .await?;
        let requests = listed.into_inner().requests;
        say(&format!(
            "  {} has {} filtered request(s)\n",
            who.name,
            requests.len()
        ));
        Ok(requests
            .into_iter()
            .map(|request| request.conversation_id)
            .collect())
    }

    async fn accept(&self, who: &Someone, conversations: Vec<String>) -> Result<(), Status> {
        for conversation_id in conversations {
            let ask = who.ask(AcceptRequestRequest { conversation_id });
            RequestServiceClient::new(self.channel.clone())
                .accept_request(ask)
                .await?;
            say(&format!("  {} accepts the request\n", who.name));
        }
        Ok(())
    }
}

impl Someone {
    fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("authorization", self.bearer.clone());
        request
    }

    fn person(&self) -> Option<PersonRef> {
        Some(PersonRef {
            person: Some(Person::Handle(self.handle.clone())),
        })
    }
}

fn mask(path: &str) -> prost_types::FieldMask {
    prost_types::FieldMask {
        paths: vec![path.to_owned()],
    }
}

fn told(status: &Status) -> String {
    let mut line = format!("{:?}: {}", status.code(), status.message());
    if let Some(info) = status.get_details_error_info() {
        // Writing to a String cannot fail.
        let _ = write!(line, " [{}]", info.reason);
    }
    let wrong = status
        .get_details_bad_request()
        .map(|wrong| wrong.field_violations);
    for violation in wrong.unwrap_or_default() {
        let _ = write!(line, "; {}: {}", violation.field, violation.description);
    }
    line
}

fn say(text: &str) {
    // A reader that has gone, as of `| head`, is no failure.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
