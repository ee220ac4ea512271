//! Command lines, good and bad.

use super::*;

fn parsed(line: &str) -> Result<Command, String> {
    let args = line
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(OsString::from);
    parse(args).map_err(|error| error.to_string())
}

fn replayed(line: &str) -> ReplayArgs {
    match parsed(line) {
        Ok(Command::Replay(args)) => args,
        other => panic!("`{line}` is {other:?}"),
    }
}

fn asked(line: &str) -> RelationshipsArgs {
    match parsed(line) {
        Ok(Command::Relationships(args)) => args,
        other => panic!("`{line}` is {other:?}"),
    }
}

#[test]
fn has_defaults() {
    let args = replayed("replay --trace t.txt");
    assert_eq!(args.trace, PathBuf::from("t.txt"));
    assert_eq!(args.options, Options::for_target("http://127.0.0.1:50051"));
    assert_eq!((args.options.connections, args.options.in_flight), (8, 64));
    assert_eq!(
        (args.options.rate, args.options.patience.as_secs()),
        (None, 60)
    );
}

#[test]
fn a_service_may_be_elsewhere() {
    let args = replayed(
        "replay --graph http://g:1 --target http://all:2 --trace=t --rate=50 --in-flight 3 \
         --connections 2 --patience 9 --identity=http://i:3",
    );
    let targets = args.options.targets;
    assert_eq!(targets.identity, ["http://i:3"]);
    assert_eq!(targets.graph, ["http://g:1"]);
    assert_eq!(targets.settings, ["http://all:2"]);
    assert_eq!(targets.messaging, ["http://all:2"]);
    assert_eq!((args.options.rate, args.options.in_flight), (Some(50), 3));
    assert_eq!(
        (args.options.connections, args.options.patience.as_secs()),
        (2, 9)
    );
}

#[test]
fn a_service_may_have_replicas() {
    let line = "replay --trace t --target http://a:1,http://b:2 --messaging http://m:1,http://m:2";
    let targets = replayed(line).options.targets;
    assert_eq!(targets.identity, ["http://a:1", "http://b:2"]);
    assert_eq!(targets.settings, targets.identity);
    assert_eq!(targets.messaging, ["http://m:1", "http://m:2"]);
}

#[test]
fn a_trace_has_a_shape() {
    let shape = |people, messages, seed| Shape {
        people,
        messages,
        seed,
    };
    for (line, expected, out) in [
        ("trace", shape(1_000, 20_000, 1), None),
        (
            "trace --people 30000 --seed 0",
            shape(30_000, 30_000, 0),
            None,
        ),
        (
            "trace --people 9 --messages=9 --seed=7 --out f",
            shape(9, 9, 7),
            Some(PathBuf::from("f")),
        ),
    ] {
        let expected = TraceArgs {
            shape: expected,
            out,
        };
        assert_eq!(parsed(line), Ok(Command::Trace(expected)), "{line}");
    }
}

#[test]
fn one_server_or_two_are_asked() {
    let one = asked("relationships --internal http://a:1 --header=x:1 --pairs p --calls 5");
    assert_eq!(one.internal.about, About::Pairs("p".into()));
    assert_eq!((one.against, one.calls, one.warm_up), (None, 5, 1_000));
    assert_eq!((one.in_flight, one.connections), (8, 8));
    let two = "relationships --internal http://a:1 --header=x:1 --users u --against http://b:2";
    let same = asked(two).against.unwrap();
    assert_eq!((&*same.url, &*same.header), ("http://b:2", "x:1"));
    assert_eq!(same.about, About::Users("u".into()));
    let other = asked(&format!("{two} --against-header=y:2 --against-pairs p"));
    let other = other.against.unwrap();
    assert_eq!(
        (&*other.header, other.about),
        ("y:2", About::Pairs("p".into()))
    );
}

#[test]
fn a_proof_has_defaults() {
    let proved = |line| match parsed(line) {
        Ok(Command::Prove(args)) => args,
        other => panic!("`{line}` is {other:?}"),
    };
    let args = proved("prove-fence --grant ./grant");
    assert_eq!((args.trials, args.seed, args.blocks), (500, 1, 200));
    assert_eq!((args.lanes, args.senders, args.streams), (16, 3, 2));
    assert_eq!(args.options, Options::for_target("http://127.0.0.1:50051"));
    let args = proved(
        "prove-fence --grant g --trials 20 --seed 7 --lanes 2 --senders 5 --streams 1 --blocks 0 \
         --messaging http://m:1,http://m:2 --patience 5",
    );
    assert_eq!((args.trials, args.seed, args.blocks), (20, 7, 0));
    assert_eq!((args.lanes, args.senders, args.streams), (2, 5, 1));
    assert_eq!(args.options.targets.messaging.len(), 2);
    assert_eq!(args.options.patience.as_secs(), 5);
}

#[test]
fn outages_have_defaults() {
    let away = |line| match parsed(line) {
        Ok(Command::Outages(args)) => args,
        other => panic!("`{line}` is {other:?}"),
    };
    let args = away("outages --operator ./operator");
    assert_eq!((args.seed, args.senders, args.blocks), (1, 8, 5));
    assert_eq!(args.kept.as_secs(), 60);
    assert_eq!(args.options, Options::for_target("http://127.0.0.1:50051"));
    let args = away("outages --operator o --seed 7 --senders 2 --blocks 0 --kept 3");
    assert_eq!((args.seed, args.senders, args.blocks), (7, 2, 0));
    assert_eq!((args.operator, args.kept.as_secs()), ("o".into(), 3));
}

#[test]
fn help_is_found_anywhere_and_names_every_flag() {
    for line in ["--help", "-h", "replay --help", "replay --trace t --help"] {
        assert_eq!(parsed(line), Ok(Command::Help), "{line}");
    }
    let flags = [
        CALL_FLAGS.as_slice(),
        &REPLAY_FLAGS,
        &TRACE_FLAGS,
        &RELATIONSHIPS_FLAGS,
        &PROVE_FLAGS,
        &OUTAGES_FLAGS,
    ];
    for flag in flags.concat() {
        let named = |end| USAGE.contains(&format!(" {flag}{end}"));
        assert!(named(" ") || named(",") || named("\n"), "{flag}");
    }
    assert!(USAGE.lines().all(|line| line.chars().count() <= 100));
}

#[test]
fn says_what_is_wrong_with_a_replay() {
    for (line, expected) in [
        (
            "",
            "expected the command `replay`, `trace`, `relationships`, `prove-fence` or `outages`",
        ),
        (
            "play",
            "unknown command `play`; expected `replay`, `trace`, `relationships`, `prove-fence` or \
             `outages`",
        ),
        ("replay", "`--trace FILE` is missing"),
        ("replay --trace", "`--trace` needs a value"),
        ("replay --trace --rate 1", "`--trace` needs a value"),
        ("replay --trace t --speed 9", "unknown argument `--speed`"),
        ("replay --trace t --people 9", "unknown argument `--people`"),
        ("replay t", "unknown argument `t`"),
        ("replay --trace a --trace b", "`--trace` is given twice"),
        (
            "replay --trace t --rate 0",
            "`--rate` cannot be `0`; expected an integer from 1 to 1000000",
        ),
        (
            "replay --trace t --in-flight x",
            "`--in-flight` cannot be `x`; expected an integer from 1 to 4096",
        ),
        (
            "replay --trace t --graph localhost:50052",
            "`--graph` cannot be `localhost:50052`; expected http://HOST:PORT, or several with \
             commas between them",
        ),
        (
            "replay --trace t --graph http://a:1,,http://b:1",
            "`--graph` cannot be ``; expected http://HOST:PORT, or several with commas between \
             them",
        ),
        (
            "replay --trace t --graph http://a:1,http://a:1",
            "`--graph` cannot be `http://a:1,http://a:1`; expected each address once",
        ),
    ] {
        assert_eq!(parsed(line), Err(expected.to_owned()), "{line}");
    }
    let many: Vec<_> = (1..=65).map(|port| format!("http://a:{port}")).collect();
    let error = parsed(&format!("replay --trace t --graph {}", many.join(","))).unwrap_err();
    assert!(
        error.ends_with("; expected at most 64 addresses"),
        "{error}"
    );
}

#[test]
fn says_what_is_wrong_with_the_others() {
    let asks = "relationships --internal http://a:1 --header=x:1";
    for (line, expected) in [
        (
            "trace --people 1",
            "`--people` cannot be `1`; expected an integer from 2 to 1000000",
        ),
        (
            "trace --people 10 --messages 9",
            "`--messages` cannot be `9`; expected at least one message for each of 10 people",
        ),
        ("relationships", "`--internal URL` is missing"),
        (
            "relationships --internal http://a:1,http://b:1",
            "`--internal` cannot be `http://a:1,http://b:1`; expected http://HOST:PORT",
        ),
        (
            "relationships --internal http://a:1",
            "`--header 'NAME: VALUE'` is missing",
        ),
        (asks, "`--pairs FILE` or `--users FILE` is missing"),
        (
            &format!("{asks} --pairs p --users u"),
            "`--pairs` and `--users` exclude each other",
        ),
        (
            &format!("{asks} --pairs p --against-pairs q"),
            "`--against URL` is missing",
        ),
        ("prove-fence --trials 9", "`--grant PROGRAM` is missing"),
        (
            "prove-fence --grant g --lanes 0",
            "`--lanes` cannot be `0`; expected an integer from 1 to 1000",
        ),
        (
            "prove-fence --grant g --rate 1",
            "unknown argument `--rate`",
        ),
        ("outages --kept 9", "`--operator PROGRAM` is missing"),
        (
            "outages --operator o --kept 61",
            "`--kept` cannot be `61`; expected an integer from 1 to 60",
        ),
        (
            &format!("{asks} --pairs p --calls 0"),
            "`--calls` cannot be `0`; expected an integer from 1 to 10000000",
        ),
    ] {
        assert_eq!(parsed(line), Err(expected.to_owned()), "{line}");
    }
}
