//! Every input of a decision with every value that can make a difference.
//!
//! For: building products and neighbourhoods of facts.
//!
//! Promises: an input changes one fact and nothing else; where the answer that would hold the fact
//! is missing it changes nothing.
//!
//! Must not: know what the values lead to.

use postern_policy::{
    AgeBand, Answer, Budget, Budgets, Class, Consent, ContentKind, Edges, Facts, Filters,
    Lifecycle, Person, Request, Sanction, Settings, Verdict, WhoCanMessage,
};

/// One way to change facts.
pub type Change = Box<dyn Fn(&mut Facts)>;

/// One input: its name and a change for each of its values.
pub type Input = (&'static str, Vec<Change>);

pub const EPOCH: u64 = 3;
pub const LEFT_EVERYONE: u64 = 20;

pub const ADULT: Person = Person {
    lifecycle: Lifecycle::Active,
    sanction: Sanction::None,
    age_band: AgeBand::Adult,
};

/// Two adults without edges, open to everyone, no filter on, a clean text.
pub fn strangers() -> Facts {
    let settings = Settings {
        who_can_message: WhoCanMessage::Everyone,
        version: 30,
        left_everyone_version: LEFT_EVERYONE,
        filters: Filters {
            spam: false,
            offensive: false,
            keywords: false,
        },
    };
    Facts {
        same_person: false,
        sender: Answer::Known(ADULT),
        recipient: Answer::Known(ADULT),
        sender_settings: Answer::Known(settings),
        recipient_settings: Answer::Known(settings),
        edges: Some(Edges {
            sender_follows: false,
            recipient_follows: false,
            sender_blocks: false,
            recipient_blocks: false,
            recipient_restricts: false,
            recipient_epoch: EPOCH,
        }),
        consent: Consent::None,
        request: Request::None,
        request_messages_max: 3,
        content: ContentKind::Text,
        verdict: Verdict::Clean,
        budgets: Budgets::NEUTRAL,
    }
}

/// The inputs of which the full product is taken.
pub fn relation_and_content() -> Vec<Input> {
    vec![
        (
            "who_can_message(A)",
            each(SETTINGS, |f, v| on(&mut f.sender_settings, v, set_who)),
        ),
        (
            "who_can_message(B)",
            each(SETTINGS, |f, v| on(&mut f.recipient_settings, v, set_who)),
        ),
        ("A→B", each(BOOLS, |f, v| edge(f, |e| e.sender_follows = v))),
        (
            "B→A",
            each(BOOLS, |f, v| edge(f, |e| e.recipient_follows = v)),
        ),
        ("A⊣B", each(BOOLS, |f, v| edge(f, |e| e.sender_blocks = v))),
        (
            "B⊣A",
            each(BOOLS, |f, v| edge(f, |e| e.recipient_blocks = v)),
        ),
        ("consent(B→A)", each(consents(), |f, v| f.consent = v)),
        ("request(A→B)", each(requests(), |f, v| f.request = v)),
        ("verdict", each(verdicts(), |f, v| f.verdict = v)),
        ("content", each(CONTENTS, |f, v| f.content = v)),
    ]
}

/// All the other inputs.
pub fn standing_and_budgets() -> Vec<Input> {
    let mut inputs = standing();
    inputs.extend(budgets_and_answers());
    inputs
}

fn standing() -> Vec<Input> {
    vec![
        ("A = B", each(BOOLS, |f, v| f.same_person = v)),
        (
            "B⊢A",
            each(BOOLS, |f, v| edge(f, |e| e.recipient_restricts = v)),
        ),
        ("filters(B)", filters()),
        (
            "lifecycle(A)",
            each(LIVES, |f, v| on(&mut f.sender, v, |p, v| p.lifecycle = v)),
        ),
        (
            "lifecycle(B)",
            each(LIVES, |f, v| {
                on(&mut f.recipient, v, |p, v| p.lifecycle = v)
            }),
        ),
        (
            "sanctions(A)",
            each(sanctions(), |f, v| {
                on(&mut f.sender, v, |p, v| p.sanction = v)
            }),
        ),
        (
            "sanctions(B)",
            each(sanctions(), |f, v| {
                on(&mut f.recipient, v, |p, v| p.sanction = v)
            }),
        ),
        (
            "age band(A)",
            each(AGES, |f, v| on(&mut f.sender, v, |p, v| p.age_band = v)),
        ),
        (
            "age band(B)",
            each(AGES, |f, v| on(&mut f.recipient, v, |p, v| p.age_band = v)),
        ),
        (
            "left_everyone_version(B)",
            each([0, LEFT_EVERYONE, LEFT_EVERYONE + 1, u64::MAX], |f, v| {
                on(&mut f.recipient_settings, v, |s, v| {
                    s.left_everyone_version = v
                });
            }),
        ),
        (
            "epoch(B→A)",
            each([0, EPOCH, u64::MAX], |f, v| {
                edge(f, |e| e.recipient_epoch = v)
            }),
        ),
    ]
}

fn budgets_and_answers() -> Vec<Input> {
    vec![
        (
            "messages in a request",
            each([0, 1, 3, u32::MAX], |f, v| f.request_messages_max = v),
        ),
        ("attempts(A)", each(BUDGETS, |f, v| f.budgets.attempts = v)),
        (
            "new strangers(A)",
            each(BUDGETS, |f, v| f.budgets.new_strangers = v),
        ),
        (
            "inbound strangers(B)",
            each(BUDGETS, |f, v| f.budgets.inbound_strangers = v),
        ),
        ("pair(A, B)", each(BUDGETS, |f, v| f.budgets.pair = v)),
        ("answer about A", each(missing(), |f, v| f.sender = v)),
        ("answer about B", each(missing(), |f, v| f.recipient = v)),
        (
            "answer about A's settings",
            each(missing(), |f, v| f.sender_settings = v),
        ),
        (
            "answer about B's settings",
            each(missing(), |f, v| f.recipient_settings = v),
        ),
        ("answer about the pair", each([None], |f, v| f.edges = v)),
    ]
}

/// Calls `check` with every combination of the values of `inputs`.
pub fn for_each_product(inputs: &[Input], mut check: impl FnMut(&Facts)) -> usize {
    let total = inputs.iter().map(|(_, values)| values.len()).product();
    for number in 0..total {
        let mut facts = strangers();
        let mut rest = number;
        for (_, values) in inputs {
            values[rest % values.len()](&mut facts);
            rest /= values.len();
        }
        check(&facts);
    }
    total
}

/// Changes the edges, where graph answered.
pub fn edge(facts: &mut Facts, change: impl Fn(&mut Edges)) {
    if let Some(edges) = &mut facts.edges {
        change(edges);
    }
}

/// Changes what is inside an answer, where there is one.
pub fn on<T, V>(answer: &mut Answer<T>, value: V, change: impl Fn(&mut T, V)) {
    if let Answer::Known(known) = answer {
        change(known, value);
    }
}

pub fn set_who(settings: &mut Settings, who_can_message: WhoCanMessage) {
    settings.who_can_message = who_can_message;
}

pub fn set_filters(facts: &mut Facts, spam: bool, offensive: bool, keywords: bool) {
    let filters = Filters {
        spam,
        offensive,
        keywords,
    };
    on(&mut facts.recipient_settings, filters, |s, v| s.filters = v);
}

fn each<V: Copy + 'static>(
    values: impl IntoIterator<Item = V>,
    set: impl Fn(&mut Facts, V) + Copy + 'static,
) -> Vec<Change> {
    values
        .into_iter()
        .map(|value| Box::new(move |facts: &mut Facts| set(facts, value)) as Change)
        .collect()
}

const BOOLS: [bool; 2] = [false, true];

const SETTINGS: [WhoCanMessage; 3] = [
    WhoCanMessage::Everyone,
    WhoCanMessage::Friends,
    WhoCanMessage::NoOne,
];

const CONTENTS: [ContentKind; 3] = [ContentKind::Text, ContentKind::Video, ContentKind::Link];

const AGES: [AgeBand; 3] = [AgeBand::Under16, AgeBand::From16To17, AgeBand::Adult];

const LIVES: [Lifecycle; 5] = [
    Lifecycle::Active,
    Lifecycle::Deactivated,
    Lifecycle::Erasing,
    Lifecycle::Erased,
    Lifecycle::Unknown,
];

const BUDGETS: [Budget; 4] = [
    Budget::Available,
    Budget::Empty { retry_after_ms: 0 },
    Budget::Empty { retry_after_ms: 7 },
    Budget::Empty {
        retry_after_ms: u64::MAX,
    },
];

fn consents() -> [Consent; 5] {
    let granted = |epoch, settings_version| Consent::Granted {
        epoch,
        settings_version,
    };
    [
        Consent::None,
        granted(EPOCH, LEFT_EVERYONE),
        granted(EPOCH - 1, LEFT_EVERYONE + 1),
        granted(EPOCH, LEFT_EVERYONE - 1),
        Consent::Revoked,
    ]
}

fn requests() -> [Request; 8] {
    [
        Request::None,
        Request::Pending { sent: 0 },
        Request::Pending { sent: 1 },
        Request::Pending { sent: 2 },
        Request::Pending { sent: 3 },
        Request::Accepted,
        Request::Declined { cooling_down: true },
        Request::Declined {
            cooling_down: false,
        },
    ]
}

fn verdicts() -> Vec<Verdict> {
    let classes = [Class::Spam, Class::Offensive, Class::Keyword, Class::Link];
    let mut verdicts = vec![Verdict::Clean, Verdict::Unavailable];
    verdicts.extend(classes.map(Verdict::Flagged));
    verdicts.extend(classes.map(Verdict::Rejected));
    verdicts
}

fn sanctions() -> [Sanction; 6] {
    [
        Sanction::None,
        Sanction::SendRestricted { until_ms: None },
        Sanction::SendRestricted { until_ms: Some(9) },
        Sanction::Suspended { until_ms: None },
        Sanction::Suspended { until_ms: Some(-9) },
        Sanction::Banned,
    ]
}

fn filters() -> Vec<Change> {
    each(0..8_u8, |facts, bits| {
        set_filters(facts, bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
    })
}

const fn missing<T>() -> [Answer<T>; 2] {
    [Answer::Unavailable, Answer::Absent]
}
