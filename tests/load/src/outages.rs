//! Shows what people meet while services are away: each owner of facts in turn, under load, and
//! then messaging.
//!
//! It promises that a message is one call, not tried again, while a service is away, and that what
//! was stored is counted by the numbers that messages have: they have no gaps, so one that nobody
//! was told of shows in the next. It knows the public contract and nothing of how decisions are
//! kept. Somebody else stops and starts the services; see `operator`.

mod messaging;
mod owners;
mod report;

use std::cell::Cell;
use std::time::Duration;

use crate::accounts;
use crate::args::OutagesArgs;
use crate::calls::{self, Sent};
use crate::connect::Client;
use crate::error::{CallError, LoadError};
use crate::names::Names;
use crate::operator;
use crate::progress::{Phase, Style};
use crate::session::Session;

pub use report::Outages;

use owners::Owner;

/// Who takes part, and how they call.
struct Stage<'a> {
    /// Tries each call again.
    client: &'a Client,
    /// Makes each call once.
    once: Client,
    /// Calls one replica of messaging only: one for each.
    replicas: Vec<Client>,
    names: &'a Names,
    args: &'a OutagesArgs,
    style: Style,
    messages: Cell<usize>,
    people: Cell<u32>,
}

impl Stage<'_> {
    /// So many people who have taken part in nothing yet, signed in.
    async fn people(&self, count: usize) -> Result<Vec<Session>, CallError> {
        let first = self.people.get();
        let end = first.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        self.people.set(end);
        let users: Vec<u32> = (first..end).collect();
        let retries = self.client.retry.count();
        let phase = Phase::begin(self.style, "accounts", users.len(), retries);
        accounts::open(self.client, &users, self.names, &phase).await
    }

    /// Another id and text than any message had before.
    fn next_message(&self) -> usize {
        let number = self.messages.get();
        self.messages.set(number + 1);
        number
    }

    /// Sends a message.
    async fn send(&self, client: &Client, from: &Session, to: &Session) -> Result<Sent, CallError> {
        calls::send(client, self.names, from, to, self.next_message()).await
    }

    /// Sends a message that has to be stored: the conversation, and its number there.
    async fn lands(
        &self,
        client: &Client,
        from: &Session,
        to: &Session,
    ) -> Result<(String, i64), CallError> {
        calls::lands(client, self.names, from, to, self.next_message()).await
    }

    async fn stop(&self, service: &str) -> Result<(), LoadError> {
        self.operator("stop", service).await
    }

    async fn start(&self, service: &str) -> Result<(), LoadError> {
        self.operator("start", service).await
    }

    async fn operator(&self, verb: &str, service: &str) -> Result<(), LoadError> {
        operator::run(&self.args.operator, &[verb, service]).await
    }
}

/// Takes one service after the other away, and gives it back.
///
/// # Errors
/// When it cannot be brought to its end. What it finds is in the answer.
pub async fn run(args: &OutagesArgs, style: Style) -> Result<Outages, LoadError> {
    let client = Client::new(&args.options)?;
    let names = Names::of(format!("outages {}", args.seed).as_bytes());
    let with_messaging = |urls: &[String], patience| {
        let mut options = args.options.clone();
        options.targets.messaging = urls.to_vec();
        options.patience = patience;
        Client::new(&options)
    };
    let messaging = &args.options.targets.messaging;
    let each = messaging.chunks(1);
    let stage = Stage {
        client: &client,
        once: with_messaging(messaging, Duration::ZERO)?,
        replicas: each
            .map(|url| with_messaging(url, args.options.patience))
            .collect::<Result<_, _>>()?,
        names: &names,
        args,
        style,
        messages: Cell::new(0),
        people: Cell::new(0),
    };
    let mut outages = Outages::begin(args.kept);
    for owner in Owner::ALL {
        outages.owners.push(owners::away(&stage, owner).await?);
    }
    outages.messaging = messaging::away(&stage).await?;
    Ok(outages)
}
