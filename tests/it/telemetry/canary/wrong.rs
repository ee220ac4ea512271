//! What goes wrong: every RPC of the contract with a canary in every string of its request, from
//! callers with every kind of proof, and what is no request at all.

use postern_proto::{DESCRIPTORS, codec::StrictCodec, messaging::v1::SendMessageRequest};
use postern_shared::{access, auth::CREDENTIAL_HEADER, caller::ServiceName};
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _,
    Value,
};
use tonic::{
    Code, Request, Status, client::Grpc, codegen::http::uri::PathAndQuery, transport::Channel,
};

use super::World;
use crate::suite::{Person, text_content};

/// A handle as well, so that it gets as far as one can.
const WORD: &str = "canary.word";

/// Asks for all of it.
pub async fn ask(world: &World, ada: &Person) {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let proofs = proofs(world, ada);
    let mut refused = 0;
    for rpc in access::all().filter(|rpc| rpc.service.starts_with("postern.")) {
        let service = pool.get_service_by_name(rpc.service).unwrap();
        let method = service.methods().find(|method| method.name() == rpc.method);
        let request = method.unwrap().input();
        let path = format!("/{}/{}", rpc.service, rpc.method);
        for variant in 0..variants(&request) {
            let filled = fill(&request, variant);
            for channel in [&world.channel, &world.internal] {
                for proof in &proofs {
                    let answer = call(channel, &path, proof, filled.clone()).await;
                    refused += usize::from(answer.is_err());
                }
            }
        }
    }
    assert!(refused > 400, "only {refused} were refused");
    no_requests(world, ada, &pool).await;
}

/// Whom a caller says to be.
fn proofs(world: &World, ada: &Person) -> Vec<Vec<(&'static str, String)>> {
    let bearer = |token: &str| ("authorization", format!("Bearer {token}"));
    let (head, _) = ada.token.rsplit_once('.').unwrap();
    vec![
        vec![],
        vec![bearer(&ada.token)],
        vec![bearer("canary")],
        vec![bearer(&format!("{head}.canary"))],
        vec![("authorization", "Basic canary".to_owned())],
        vec![(
            CREDENTIAL_HEADER,
            world.key.credential(ServiceName::Messaging),
        )],
        vec![(CREDENTIAL_HEADER, "messaging.canary".to_owned())],
    ]
}

/// Paths that nobody serves, bytes that are no request, and too many of them.
async fn no_requests(world: &World, ada: &Person, pool: &DescriptorPool) {
    let send = "/postern.messaging.v1.MessageService/SendMessage";
    let proof = &proofs(world, ada)[1];
    let other = pool.get_message_by_name("postern.identity.v1.CreateSessionRequest");
    let other = fill(&other.unwrap(), 0);
    for (path, code) in [
        (send, Code::InvalidArgument),
        ("/canary.Canary/Canary", Code::Unimplemented),
    ] {
        let answer = call(&world.channel, path, proof, other.clone()).await;
        assert_eq!(answer.unwrap_err().code(), code, "{path}");
    }
    let large = SendMessageRequest {
        recipient: ada.reference(),
        client_message_id: WORD.to_owned(),
        content: text_content(&"canary ".repeat(10_000)),
    };
    let answer = ada.messages().send_message(ada.ask(large)).await;
    assert_eq!(answer.unwrap_err().code(), Code::OutOfRange);
}

async fn call(
    channel: &Channel,
    path: &str,
    proof: &[(&'static str, String)],
    message: DynamicMessage,
) -> Result<(), Status> {
    let mut request = Request::new(message);
    for (name, value) in proof {
        request.metadata_mut().insert(*name, value.parse().unwrap());
    }
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = StrictCodec::<DynamicMessage, ()>::default();
    let path: PathAndQuery = path.parse().unwrap();
    client.unary(request, path, codec).await?;
    Ok(())
}

/// How many messages it takes to use every field: as many as the largest choice has.
fn variants(descriptor: &MessageDescriptor) -> usize {
    let choices = descriptor.oneofs().map(|choice| choice.fields().len());
    let inner = descriptor.fields().filter_map(|field| match field.kind() {
        Kind::Message(inner) => Some(variants(&inner)),
        _ => None,
    });
    choices.chain(inner).max().unwrap_or(1)
}

/// A message that is full: a canary in every string, and of each choice one.
fn fill(descriptor: &MessageDescriptor, variant: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        if let Some(choice) = field.containing_oneof() {
            let fields: Vec<_> = choice.fields().collect();
            if fields[variant % fields.len()] != field {
                continue;
            }
        }
        let value = value(&field, variant);
        let value = if field.is_list() {
            Value::List(vec![value])
        } else {
            value
        };
        message.set_field(&field, value);
    }
    assert_eq!(message.descriptor(), *descriptor);
    message
}

fn value(field: &FieldDescriptor, variant: usize) -> Value {
    match field.kind() {
        Kind::String => Value::String(WORD.to_owned()),
        Kind::Bool => Value::Bool(true),
        Kind::Int32 => Value::I32(1),
        Kind::Int64 => Value::I64(1),
        Kind::Uint64 => Value::U64(1),
        Kind::Enum(_) => Value::EnumNumber(1),
        Kind::Message(inner) => Value::Message(fill(&inner, variant)),
        other => panic!("a request has {other:?} in `{}`", field.full_name()),
    }
}
