//! What `--help` prints.

/// The usage of every command.
pub const USAGE: &str = "\
usage: postern-load replay --trace FILE [options]
       postern-load trace [--people N] [--messages N] [--seed N] [--out FILE]
       postern-load relationships --internal URL --header 'NAME: VALUE' --pairs FILE [options]
       postern-load prove-fence --grant PROGRAM [options]
       postern-load outages --operator PROGRAM [options]

replay registers the people of a trace, sends its messages and reads back what was kept. The last
line, on standard output, is JSON. The exit code is 0 only if every message was answered and none
is missing, duplicated or out of order.

  --trace FILE        one `sender receiver unix-time` a line, integers; blank lines are ignored
  --target URLS       where all four services are; default http://127.0.0.1:50051
  --identity URLS     where identity is, instead of --target
  --graph URLS        where graph is, instead of --target
  --settings URLS     where settings is, instead of --target
  --messaging URLS    where messaging is, instead of --target
  --connections N     connections to each address, 1 to 256; default 8
  --in-flight N       calls under way at the same time, 1 to 4096; default 64
  --rate N            start N messages a second, 1 to 1000000, and measure each from the moment it
                      was due, so that waiting for a slow server counts as latency; without it the
                      next message starts when one is answered and is measured from its start
  --patience SECONDS  how long to try one call again while the server is away, 1 to 3600; default 60

URLS is one http://HOST:PORT, or up to 64 with commas between them: the replicas of that service.
Calls are spread over them one by one, also those of one person. A call that failed in a way that
may pass is tried again with the same ids, first at once on another replica, then after growing
waits. In the JSON, `retried` counts the calls that were tried more than once, and
`connections_failed` the attempts whose connection could not be opened or broke.

trace makes up a trace that replay takes: a tenth of the pairs of people write half of the messages
and seven messages of ten are in conversations that go both ways. The same numbers give the same
file.

  --people N          people who take part, all of them, 2 to 1000000; default 1000
  --messages N        lines, 1 to 10000000 and at least as many as people; default 20000
  --seed N            another number makes another trace, 0 to 4294967295; default 1
  --out FILE          where to write it; default standard output

relationships measures GetRelationship on the internal port of graph. The last line, on standard
output, is JSON. With --against it asks two servers in turn, call by call, and tells the ratio of
their medians, --internal to --against. The first call that fails ends it.

  --internal URL      the internal address of graph, such as http://127.0.0.1:50152
  --header 'N: V'     the credential of a service that may ask, such as messaging
  --pairs FILE        whom to ask about: two UUIDs a line, in turn
  --users FILE        whom to ask about: one UUID a line, random pairs of them; instead of --pairs
  --against URL       a second server
  --against-header, --against-pairs, --against-users
                      what differs for the second server; default: the same as for the first
  --calls N           calls to each server that are measured, 1 to 10000000; default 10000
  --warm-up N         calls to each server before those, 0 to 10000000; default 1000
  --in-flight N       calls under way at the same time, 1 to 4096; default 8
  --connections N     connections to each server, 1 to 256; default 8

prove-fence proves that nothing lands after an acknowledged \"no\", on services that are there for
it: with the limits off, and nobody on them yet. In each trial friends flood a person over all
replicas of messaging; the person blocks or no longer follows one of them, makes one no longer
follow, takes messages from no one, or is suspended, and once that is acknowledged as ENFORCED
nothing of those whom it concerns may be stored any more. Then it is taken back. What is
acknowledged as PENDING is counted apart and is no trial. The last line, on standard output, is
JSON; the exit code is 0 only if so many trials count, no message landed, and none was refused that
nobody had said no to. It is 1 if a message landed, and 2 if nothing was proved.

  --grant PROGRAM     is run with a handle and makes that person a moderator
  --trials N          trials that have to count, 0 to 10000000; default 500
  --seed N            another number draws other lots and other people, 0 to 4294967295; default 1
  --lanes N           recipients, each with a trial at the same time, 1 to 1000; default 16
  --senders N         senders of each recipient, 1 to 1000; default 3
  --streams N         messages of each sender under way at the same time, 1 to 100; default 2
  --blocks N          blocks whose acknowledgement is timed, as many with all senders flooding one
                      recipient as without, 0 to 1000000; default 200
  --target, --identity, --graph, --settings, --messaging, --connections, --patience
                      as for replay

outages shows what people meet while services are away, on services that are there for it, with the
limits off. Graph, settings and identity go one after the other, while friends who have just written
to somebody, and one who has not, go on to write: the former get through for as long as messaging
uses what it was told, and nobody after that. Then messaging goes while somebody blocks, and comes
back. While an owner is away every message is sent once. The last line, on standard output, is JSON:
for each owner the seconds from the moment it was gone until the last message was sent that was
delivered, and until the first was answered that could not be decided, the longest wait for such an
answer, and how long it took, once it was back, until everyone got through (`back_s`); of the blocks
how long the answer took, and how long they took to be enforced once messaging answered again. The
exit code is 0 if all was as it should be, 1 if not, and 2 if it could not be brought to its end.

  --operator PROGRAM  is run with `stop` or `start` and identity, graph, settings or messaging; it
                      stops all replicas of that service at once, and starts them until they are
                      ready
  --kept SECONDS      messaging's cache_seconds, 1 to 60; default 60
  --senders N         friends who write, 1 to 1000; default 8
  --blocks N          how often messaging goes while somebody blocks, 0 to 1000; default 5
  --seed N            another number makes other people, 0 to 4294967295; default 1
  --target, --identity, --graph, --settings, --messaging, --connections, --patience
                      as for replay

  --help              print this";
