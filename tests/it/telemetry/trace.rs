//! One message, one trace: whoever sends a W3C `traceparent` finds every call and every statement
//! of the send below it.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use postern_proto::messaging::v1::SendMessageRequest;

use super::collector::{Collector, attribute, hex};
use crate::{
    processes::{child::Child, friends},
    suite::{delivered, text_content},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const SEND: &str = "postern.messaging.v1.MessageService/SendMessage";
/// Whom messaging asks.
const ASKED: [&str; 3] = [
    "postern.graph.v1.RelationshipService/GetRelationship",
    "postern.settings.v1.DmPolicyService/BatchGetDmPolicies",
    "postern.identity.v1.StandingFactsService/BatchGetStanding",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_send_is_one_trace_from_end_to_end() {
    let (folder, ada, ben) = friends().await;
    let collector = Collector::start();
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.endpoint)];
    let serving = Child::serve(folder.path(), &settings).await;
    let ada = serving.person(&ada);
    let mut ask = ada.ask(SendMessageRequest {
        recipient: ben.reference(),
        client_message_id: "one".to_owned(),
        content: text_content("hello"),
    });
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    ask.metadata_mut()
        .insert("traceparent", traceparent.parse().unwrap());
    delivered(ada.messages().send_message(ask).await.unwrap().into_inner());
    drop(ada);
    assert!(serving.stop().status.success());
    let trace = Trace::of(collector.spans());

    let send = trace.one(SEND, SpanKind::Server);
    assert_eq!(hex(&send.parent_span_id), PARENT);
    assert_eq!(attribute(send, "rpc.response.status_code"), Some("OK"));
    for method in ASKED {
        let served = trace.named(method, SpanKind::Server);
        let mut by_messaging = 0;
        for span in served {
            let client = trace.parent(span).unwrap();
            assert_eq!(
                (&*client.name, client.kind()),
                (method, SpanKind::Client),
                "above {span:?}"
            );
            // Settings asks identity as well.
            let caller = trace.parent(client).unwrap();
            assert_eq!(caller.kind(), SpanKind::Server);
            by_messaging += usize::from(caller.span_id == send.span_id);
            let statements = trace.statements(span);
            assert!(!statements.is_empty(), "{method} asked no database");
            assert!(statements.iter().all(|sql| sql.starts_with("SELECT")));
        }
        assert!(by_messaging > 0, "no {method} below {SEND}");
    }
    // The commit runs in a task of its own.
    let statements = trace.statements(send);
    let stored = |table: &str| {
        statements
            .iter()
            .any(|sql| sql.starts_with(&format!("INSERT INTO \"{table}\"")))
    };
    assert!(stored("message"), "no message in {statements:#?}");
}

/// The spans of the one trace, by their ids.
struct Trace(BTreeMap<Vec<u8>, Span>);

impl Trace {
    /// Takes it out of what a process sent while it served the one call; nothing of the call may
    /// lie elsewhere, and no parent may be missing.
    fn of(spans: Vec<Span>) -> Self {
        let (ours, others): (Vec<_>, Vec<_>) = spans
            .into_iter()
            .partition(|span| hex(&span.trace_id) == TRACE);
        // Starting and regular work speak to databases too, below no call.
        for span in others {
            assert!(
                attribute(&span, "rpc.method").is_none(),
                "outside of the trace: {span:?}"
            );
        }
        let all: BTreeMap<_, _> = ours
            .into_iter()
            .map(|span| (span.span_id.clone(), span))
            .collect();
        for span in all.values() {
            let known =
                all.contains_key(&span.parent_span_id) || hex(&span.parent_span_id) == PARENT;
            assert!(known, "nothing above {span:?}");
        }
        Self(all)
    }

    fn named(&self, name: &str, kind: SpanKind) -> Vec<&Span> {
        let spans = self.0.values();
        spans
            .filter(|span| span.name == name && span.kind() == kind)
            .collect()
    }

    fn one(&self, name: &str, kind: SpanKind) -> &Span {
        let found = self.named(name, kind);
        assert_eq!(found.len(), 1, "{name} in {:#?}", self.0);
        found[0]
    }

    fn parent(&self, span: &Span) -> Option<&Span> {
        self.0.get(&span.parent_span_id)
    }

    /// The SQL that ran below a call and below none of the calls that it made.
    fn statements(&self, call: &Span) -> Vec<&str> {
        let of_call = |span: &&Span| {
            let mut above = self.parent(span);
            while let Some(span) = above {
                if attribute(span, "rpc.method").is_some() {
                    return span.span_id == call.span_id;
                }
                above = self.parent(span);
            }
            false
        };
        let spans = self.0.values();
        spans
            .filter(|span| attribute(span, "db.system").is_some())
            .filter(of_call)
            .filter_map(|span| attribute(span, "db.statement"))
            .collect()
    }
}
