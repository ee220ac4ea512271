//! Proves from outside that nothing lands after an acknowledged "no": trial after trial, people say
//! it while they are flooded over every replica of messaging, and what is stored afterwards is
//! counted.
//!
//! It promises that a trial counts only where the "no" was acknowledged as ENFORCED and messages
//! had landed before it, that whoever it does not concern gets through all the while (a service
//! that refuses everybody proves nothing), and that the same seed draws the same lots. It knows
//! the public contract and nothing of how the promise is kept.

mod blocks;
mod lots;
mod report;
mod trial;

use std::cell::Cell;

use postern_proto::policy::v1::WhoCanMessage;

use crate::args::ProveArgs;
use crate::calls;
use crate::connect::Client;
use crate::error::{CallError, LoadError};
use crate::names::Names;
use crate::progress::{Phase, Style};
use crate::session::Session;
use crate::{accounts, operator};

pub use report::Proof;

use lots::Lots;
use trial::Lane;

/// Who takes part, and how they call.
struct Cast<'a> {
    client: &'a Client,
    names: &'a Names,
    moderator: Session,
    recipients: Vec<Session>,
    senders: Vec<Session>,
    /// Messages of each sender under way at the same time.
    streams: usize,
    messages: Cell<usize>,
}

impl Cast<'_> {
    /// Another id and text that no message of this run has had.
    fn next_message(&self) -> usize {
        let number = self.messages.get();
        self.messages.set(number + 1);
        number
    }
}

/// Runs the trials, and measures how long a block takes to be acknowledged.
///
/// # Errors
/// When it cannot be brought to its end. What it finds is in the proof.
pub async fn run(args: &ProveArgs, style: Style) -> Result<Proof, LoadError> {
    let client = Client::new(&args.options)?;
    let names = Names::of(format!("prove-fence {}", args.seed).as_bytes());
    style.note(&format!("seed {}", args.seed));
    let cast = gather(&client, &names, args, style).await?;
    let mut proof = Proof::begin(args.seed);
    proof.blocks = blocks::measure(&cast, args.blocks, style).await?;
    trials(&cast, args, style, &mut proof).await?;
    proof.retries = client.retry.retries();
    Ok(proof)
}

/// Registers everybody. A role is in the token that is made after it was granted.
async fn gather<'a>(
    client: &'a Client,
    names: &'a Names,
    args: &ProveArgs,
    style: Style,
) -> Result<Cast<'a>, LoadError> {
    let (recipients, senders) = (args.lanes, args.lanes * args.senders);
    let users = 0..u32::try_from(1 + recipients + senders).unwrap_or(u32::MAX);
    let users: Vec<u32> = users.collect();
    let phase = Phase::begin(style, "accounts", users.len(), client.retry.count());
    let moderator = names.handle(0);
    Session::open(client, 0, moderator.clone()).await?;
    // Nobody can do that over the network.
    operator::run(&args.grant, &[&moderator]).await?;
    let mut people = accounts::open(client, &users, names, &phase).await?;
    phase.end();
    let senders = people.split_off(1 + recipients);
    let recipients = people.split_off(1);
    let moderator = people.swap_remove(0);
    for session in recipients.iter().chain(&senders) {
        calls::let_write(client, session, WhoCanMessage::Friends).await?;
    }
    Ok(Cast {
        client,
        names,
        moderator,
        recipients,
        senders,
        streams: args.streams,
        messages: Cell::new(0),
    })
}

/// The trials, each lane one after the other, all lanes side by side.
async fn trials(
    cast: &Cast<'_>,
    args: &ProveArgs,
    style: Style,
    proof: &mut Proof,
) -> Result<(), CallError> {
    let wanted = u64::from(args.trials);
    let phase = Phase::begin(
        style,
        "trials",
        args.trials as usize,
        cast.client.retry.count(),
    );
    let proof_cell = std::cell::RefCell::new(proof);
    let begun = Cell::new(0);
    let senders = cast.senders.chunks(args.senders);
    let lanes = cast.recipients.iter().zip(senders).map(|(recipient, of)| {
        let (phase, proof, begun) = (&phase, &proof_cell, &begun);
        async move {
            if wanted == 0 {
                return Ok(());
            }
            let lane = Lane::prepare(cast, recipient, of).await?;
            loop {
                let open = {
                    let proof = proof.borrow();
                    // What was pending is played again with other lots, but not for ever.
                    begun.get() < wanted + proof.pending && proof.pending <= wanted
                };
                if !open {
                    return Ok::<_, CallError>(());
                }
                let number = begun.replace(begun.get() + 1);
                let lots = Lots::of(args.seed, number, of.len());
                let seen = lane.play(&lots).await?;
                if let Some(told) = proof.borrow_mut().count(number, &lots, &seen) {
                    style.note(&told);
                }
                phase.advance(cast.client.retry.count());
            }
        }
    });
    let started = tokio::time::Instant::now();
    futures_util::future::try_join_all(lanes).await?;
    phase.end();
    proof_cell.into_inner().elapsed = started.elapsed();
    Ok(())
}
