//! A whole replay, phase by phase.
//!
//! It promises the order: everyone is registered, reachable and following before the first
//! message, and nothing is read back before the last answer.

use crate::args::Options;
use crate::connect::Client;
use crate::error::LoadError;
use crate::plan::Plan;
use crate::progress::{Phase, Style};
use crate::read::{self, Lines};
use crate::report::Report;
use crate::trace::Trace;
use crate::{accounts, prepare, send, verify};

/// Replays a trace.
///
/// # Errors
/// When it cannot be brought to its end. What it finds at its end is in the report.
pub async fn run(trace: &Trace, options: &Options, style: Style) -> Result<Report, LoadError> {
    let plan = Plan::of(trace);
    let client = Client::new(options)?;
    let names = &trace.names;
    let in_flight = options.in_flight;
    let begin = |name, total| Phase::begin(style, name, total, client.retry.count());
    style.note(&expectation(&plan));

    let phase = begin("accounts", plan.people.len());
    let sessions = accounts::open(&client, &plan.people, names, &phase).await?;
    phase.end();

    let phase = begin("settings", sessions.len());
    prepare::settings(&client, &sessions, in_flight, &phase).await?;
    phase.end();

    let phase = begin("follows", plan.follows.len());
    prepare::follows(&client, &sessions, &plan.follows, in_flight, &phase).await?;
    phase.end();

    let phase = begin("messages", plan.messages.len());
    let sent = send::all(&client, &sessions, &plan, names, options, &phase).await;
    phase.end();

    let phase = begin("lists", sessions.len());
    let listed = read::lists(&client, &sessions, in_flight, &phase).await?;
    phase.end();

    let phase = begin("conversations", listed.len());
    let lines = Lines::new(&plan, names, &sessions);
    let views = read::views(&client, &sessions, listed, &lines, in_flight, &phase).await?;
    phase.end();

    Ok(Report::new(
        &sent,
        verify::compare(&plan, &sent.answers, &views),
        client.retry.retries(),
    ))
}

fn expectation(plan: &Plan) -> String {
    let expected = plan.expected();
    format!(
        "{} messages between {} people with {} follows; by the policy {} go to the inbox, {} are \
         requests, {} await acceptance, {} are to oneself",
        plan.messages.len(),
        plan.people.len(),
        plan.follows.len(),
        expected.inbox,
        expected.requests,
        expected.awaiting_acceptance,
        expected.self_messages,
    )
}
