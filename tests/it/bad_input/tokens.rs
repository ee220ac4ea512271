//! Access tokens that are not ours, not for us, not for now, or no tokens at all: none is
//! accepted.

mod forge;

use std::time::Duration;

use postern_proto::{common::v1::ErrorReason, identity::v1::GetAccountResponse};
use postern_shared::caller::ServiceName;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::{
    contract::{allowed, bearer, credential, errors::only_reason, raw, rpcs},
    suite::{PASSWORD, Person, Suite, assert_fails},
};
use forge::{Forge, base64};

const GET_ACCOUNT: &str = "/postern.identity.v1.AccountService/GetAccount";

/// Who the suite takes the sender of this header for.
async fn who(suite: &Suite, header: &str) -> Result<String, Status> {
    let headers = [("authorization", header.to_owned())];
    let answers = raw::call(&suite.channel, GET_ACCOUNT, &headers, &[]).await?;
    let answer = GetAccountResponse::decode(answers[0].as_slice()).unwrap();
    Ok(answer.account.unwrap().user_id)
}

async fn forgery() -> (Suite, Person, Forge) {
    let suite = Suite::start().await;
    let ada = suite.person("ada").await;
    let forge = Forge::new(&suite, &ada);
    // What is forged below differs in one thing from a token that works.
    let made = forge.sign(&forge.header(), &forge.claims());
    let taken_for = who(&suite, &format!("Bearer {made}")).await.unwrap();
    assert_eq!(taken_for, ada.id.to_string());
    (suite, ada, forge)
}

/// The headers of tokens that must not work, signed by the right key.
fn wrong_headers(forge: &Forge) -> Vec<(String, String)> {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": forge.foreign_x()});
    let edits: Vec<(&str, Value)> = [
        "none", "None", "nOnE", "", "HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384",
        "EDDSA", "eddsa", "Ed25519", "Ed448",
    ]
    .map(|alg| ("alg", json!(alg)))
    .into_iter()
    .chain([
        ("alg", json!(1)),
        ("alg", json!(["EdDSA"])),
        ("alg", Value::Null),
    ])
    .chain(["JWT", "", "at+jwt ", "jwt", "refresh+jwt"].map(|typ| ("typ", json!(typ))))
    .chain([("typ", Value::Null), ("typ", json!(1))])
    .chain(
        [
            "",
            "unknown",
            "../../token.pem",
            "/dev/null",
            "' OR 1=1 --",
            "token.pem\0",
            "*",
            "https://example.org/jwks.json",
        ]
        .map(|kid| ("kid", json!(kid))),
    )
    .chain([
        ("kid", Value::Null),
        ("kid", json!(0)),
        ("kid", json!([forge.kid()])),
    ])
    .chain([("kid", json!("k".repeat(1_000))), ("kid", jwk)])
    // Who does not understand what is critical must not accept.
    .chain([("crit", json!(["b64"])), ("crit", json!(["exp"]))])
    .collect();
    let edited = edits.into_iter().map(|(name, value)| {
        let mut header = forge.header();
        header[name] = value.clone();
        (
            format!("{name} {value}"),
            forge.sign(&header, &forge.claims()),
        )
    });
    let missing = ["alg", "typ", "kid"].map(|name| {
        let mut header = forge.header();
        header.as_object_mut().unwrap().remove(name);
        (format!("no {name}"), forge.sign(&header, &forge.claims()))
    });
    edited.chain(missing).collect()
}

/// Tokens whose claims are not those of one of ours, signed by the right key.
fn wrong_claims(forge: &Forge) -> Vec<(String, String)> {
    let now = forge.now;
    let edits = [
        ("iss", json!("postern")),
        ("iss", json!("")),
        ("iss", json!(["postern-identity"])),
        ("aud", json!("postern-admin")),
        ("aud", json!("")),
        ("aud", json!(["other"])),
        ("aud", json!(["postern", "other"])),
        ("sub", json!("")),
        ("sub", json!("ada")),
        ("sub", json!(forge.person.to_uppercase())),
        ("sub", json!(7)),
        ("sub", json!(format!("{}\0", forge.person))),
        ("sid", json!("")),
        ("sid", json!("' OR 1=1 --")),
        ("iat", json!(now + 31)),
        ("iat", json!(now * 1_000)),
        ("iat", json!("now")),
        ("exp", json!(now + 601)),
        ("exp", json!((now + 600) * 1_000)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(now - 1)),
        ("exp", json!(i64::MIN)),
        ("exp", json!("never")),
        ("exp", json!(1e300)),
        ("roles", json!("moderator")),
    ];
    let edited = edits.into_iter().map(|(name, value)| {
        let mut claims = forge.claims();
        claims[name] = value.clone();
        (
            format!("{name} {value}"),
            forge.sign(&forge.header(), &claims),
        )
    });
    let missing = ["iss", "aud", "sub", "sid", "jti", "iat", "exp"].map(|name| {
        let mut claims = forge.claims();
        claims.as_object_mut().unwrap().remove(name);
        (format!("no {name}"), forge.sign(&forge.header(), &claims))
    });
    edited.chain(missing).collect()
}

/// Tokens whose signature is not that of the right key over what they say.
fn wrong_signatures(forge: &Forge, other: &str) -> Vec<(String, String)> {
    let (header, claims) = (forge.header(), forge.claims());
    let good = forge.sign(&header, &claims);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, payload) = signed.split_once('.').unwrap();
    let mut theirs = forge.claims();
    theirs["sub"] = json!(other);
    let theirs = base64(theirs.to_string().as_bytes());
    let mut jku = forge.header();
    jku["jku"] = json!("https://example.org/jwks.json");
    let mut jwk = forge.header();
    jwk["jwk"] = json!({"kty": "OKP", "crv": "Ed25519", "x": forge.foreign_x()});
    let mut unknown = jku.clone();
    unknown["kid"] = json!("foreign");
    let mut hs256 = forge.header();
    hs256["alg"] = json!("HS256");
    let mut none = forge.header();
    none["alg"] = json!("none");
    let none = format!("{}.{payload}.", base64(none.to_string().as_bytes()));
    [
        (
            "another person's name",
            format!("{head}.{theirs}.{signature}"),
        ),
        ("alg none, no signature", none.clone()),
        ("alg none, a signature", format!("{none}{signature}")),
        ("no signature", format!("{signed}.")),
        (
            "a signature of zeros",
            format!("{signed}.{}", base64(&[0; 64])),
        ),
        ("half a signature", good[..good.len() - 43].to_owned()),
        ("one character less", good[..good.len() - 1].to_owned()),
        (
            "a foreign key of the same id",
            forge.sign_foreign(&header, &claims),
        ),
        (
            "a foreign key at an address",
            forge.sign_foreign(&jku, &claims),
        ),
        (
            "a foreign key of its own id",
            forge.sign_foreign(&unknown, &claims),
        ),
        (
            "a foreign key in the header",
            forge.sign_foreign(&jwk, &claims),
        ),
        (
            "the public key as a secret",
            forge.sign_hmac(&hs256, &claims, &forge.public()),
        ),
        (
            "its text as a secret",
            forge.sign_hmac(&hs256, &claims, forge.x().as_bytes()),
        ),
        (
            "its PEM as a secret",
            forge.sign_hmac(&hs256, &claims, forge.public_pem().as_bytes()),
        ),
        ("an empty secret", forge.sign_hmac(&hs256, &claims, b"")),
        ("the other half of the group", forge.malleable(&good)),
        ("bits to spare", forge::spare_bits(&good)),
    ]
    .map(|(what, token)| (what.to_owned(), token))
    .into()
}

/// What has not even the shape of a token.
fn no_tokens(forge: &Forge) -> Vec<(String, String)> {
    let (header, claims) = (forge.header().to_string(), forge.claims().to_string());
    let good = forge.sign_text(&header, &claims);
    // Not every token has a letter in which the two alphabets differ.
    let lettered = (0..)
        .map(|n| claims.replacen('{', &format!("{{\"n\":{n},"), 1))
        .map(|claims| forge.sign_text(&header, &claims))
        .find(|token| token.contains(['-', '_']))
        .unwrap();
    let twice = claims.replacen('{', &format!("{{\"sub\":\"{}\",", forge.person), 1);
    let alg_twice = header.replacen('{', "{\"alg\":\"none\",", 1);
    let texts = [
        ("a claim twice", forge.sign_text(&header, &twice)),
        ("the algorithm twice", forge.sign_text(&alg_twice, &claims)),
        (
            "claims in a list",
            forge.sign_text(&header, &format!("[{claims}]")),
        ),
        ("no claims", forge.sign_text(&header, "")),
        (
            "claims that are no JSON",
            forge.sign_text(&header, &claims[1..]),
        ),
        (
            "more after the claims",
            forge.sign_text(&header, &format!("{claims}{claims}")),
        ),
        (
            "a header in a list",
            forge.sign_text(&format!("[{header}]"), &claims),
        ),
        ("no header", forge.sign_text("", &claims)),
        (
            "a header that is no JSON",
            forge.sign_text("EdDSA", &claims),
        ),
        ("five parts", format!("{good}.x.y")),
        ("four parts", format!("{good}.x")),
        ("a dot behind", format!("{good}.")),
        ("a dot before", format!(".{good}")),
        ("padding", format!("{good}=")),
        ("the other alphabet", lettered.replace(['-', '_'], "+")),
        ("a space inside", good.replacen('.', ". ", 1)),
        ("a tab inside", good.replacen('.', "\t.", 1)),
        ("two tokens", format!("{good} {good}")),
        ("two tokens with a comma", format!("{good},{good}")),
        ("quotes", format!("\"{good}\"")),
        ("letters of another script", good.replacen('e', "е", 1)),
        ("far too long", good.replacen('.', &"A".repeat(3_000), 1)),
        ("two parts", good.rsplit_once('.').unwrap().0.to_owned()),
        ("one part", good.split('.').next().unwrap().to_owned()),
    ];
    let dots = [".", "..", "...", "a.b.c", "null", "{}", "0"];
    let dots = dots.map(|text| (text.to_owned(), text.to_owned()));
    texts
        .map(|(what, token)| (what.to_owned(), token))
        .into_iter()
        .chain(dots)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_forged_token_is_accepted() {
    let (suite, ada, forge) = forgery().await;
    let ben = suite.person("ben").await.id.to_string();
    let mut forged = wrong_headers(&forge);
    forged.extend(wrong_claims(&forge));
    forged.extend(wrong_signatures(&forge, &ben));
    forged.extend(no_tokens(&forge));
    let secrets = [
        credential(&suite, ServiceName::Messaging),
        credential(&suite, ServiceName::Identity),
        base64(&[7; 32]),
        PASSWORD.to_owned(),
        ada.id.to_string(),
        ada.handle.clone(),
    ];
    forged.extend(secrets.map(|secret| ("another secret".to_owned(), secret)));
    assert!(forged.len() >= 60, "{}", forged.len());
    let mut accepted = Vec::new();
    for (what, token) in &forged {
        match who(&suite, &format!("Bearer {token}")).await {
            Ok(person) => accepted.push(format!("{what}: taken for {person}")),
            Err(status) => {
                let reason = only_reason(&status);
                assert_eq!(reason, ErrorReason::TokenInvalid, "{what}: {status:?}");
                let signature = token.rsplit('.').next().unwrap();
                let told = !signature.is_empty() && status.message().contains(signature);
                assert!(
                    !told || signature.len() < 8,
                    "{what} comes back: {status:?}"
                );
            }
        }
    }
    assert!(accepted.is_empty(), "{accepted:#?}");
    // And the key is still known.
    assert_eq!(
        who(&suite, &bearer(&ada).1).await.unwrap(),
        ada.id.to_string()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn schemes_are_read_as_http_writes_them() {
    let (suite, ada, _) = forgery().await;
    let token = &ada.token;
    for header in ["bearer", "BEARER", "bEaReR", "Bearer "] {
        let answer = who(&suite, &format!("{header} {token}")).await;
        assert_eq!(answer.unwrap(), ada.id.to_string(), "{header}");
    }
    let malformed = [
        String::new(),
        " ".to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        token.clone(),
        format!("Bearer{token}"),
        format!("Bearer,{token}"),
        format!("Bearer:{token}"),
        format!("Basic {token}"),
        format!("Token {token}"),
        format!("Bearer Bearer {token}"),
        format!("Bearer\t{token}"),
    ];
    for header in malformed {
        let answer = who(&suite, &header).await;
        assert_fails(answer, Code::Unauthenticated, ErrorReason::TokenInvalid);
    }
    // Two headers say nothing for sure.
    let two = [bearer(&ada), ("authorization", "Bearer x".to_owned())];
    for headers in [two.clone(), [two[1].clone(), two[0].clone()]] {
        let answer = raw::call(&suite.channel, GET_ACCOUNT, &headers, &[]).await;
        assert_fails(answer, Code::Unauthenticated, ErrorReason::TokenInvalid);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_for_ten_minutes_and_says_when_it_has_expired() {
    let (suite, ada, forge) = forgery().await;
    let mut early = forge.claims();
    early["iat"] = json!(forge.now + 30);
    early["exp"] = json!(forge.now + 600);
    let early = format!("Bearer {}", forge.sign(&forge.header(), &early));
    who(&suite, &early).await.unwrap();
    let (_, header) = bearer(&ada);
    suite.pass(Duration::from_secs(600));
    who(&suite, &header).await.unwrap();
    // Clocks may differ by half a minute.
    suite.pass(Duration::from_secs(30));
    who(&suite, &header).await.unwrap();
    suite.pass(Duration::from_secs(1));
    for rpc in rpcs() {
        let (channel, headers) = allowed(&suite, &ada, &rpc);
        if headers.iter().any(|(name, _)| *name == "authorization") {
            let expired = [bearer(&ada)];
            let answer = raw::call(channel, &rpc.path, &expired, &[]).await;
            assert_fails(answer, Code::Unauthenticated, ErrorReason::TokenExpired);
        }
    }
    let fresh = suite.token(ada.id, suite.clock.now());
    who(&suite, &format!("Bearer {fresh}")).await.unwrap();
}
