//! The reference pages: `framecat help`, `framecat help TOPIC`.
//!
//! Each is printed from the table that the program itself uses, so that a page cannot say what the
//! program does not do. The tables that are only read by people, of exit codes and of the end of a
//! conversation, are in [`rules`].

use framecat_proto::endpoint::SCHEMES;
use framecat_proto::options::{OPTIONS, nearest};
use framecat_proto::{framing, limits};

mod page;
pub mod rules;

use page::Page;
use rules::{EOF, EXITS};

/// A verb, its group, and what it is in a line.
const VERBS: &[(&str, &str, &str)] = &[
    ("talk", "listen EP", "wait for peers, print their messages, answer"),
    ("talk", "connect EP", "stdin to a peer, its messages to stdout"),
    ("talk", "ask EP [MESSAGE...]", "send each message, await one reply, tell the round trip"),
    ("talk", "relay EP EP", "listen on the first, connect to the second, message by message"),
    ("move", "send PATH...", "files, folders, a text or a stream to another machine, encrypted"),
    (
        "move",
        "receive [CODE] [DIR]",
        "what another machine sends; never half a file under its name",
    ),
    ("move", "serve [DIR]", "a folder over HTTP, for reading or both ways"),
    ("move", "fetch URL", "a file or page over HTTP, and all that is said for it"),
    ("see", "lab [LAW...]", "the laws of sockets, shown on this machine's kernel"),
];

/// A topic, what it is about, and its page.
type Topic = (&'static str, &'static str, fn() -> String);

const TOPICS: &[Topic] = &[
    ("endpoints", "where: schemes and addresses", endpoints),
    ("options", "what may be asked of a socket", options),
    ("framings", "where a message ends", framings),
    ("recordings", "what --record writes and --replay plays", recordings),
    ("pace", "when and in which pieces things are sent", pace),
    ("limits", "what is bounded, and by how much", limits_page),
    ("exit", "exit codes", exit),
    ("eof", "how a conversation ends", eof),
    ("laws", "what framecat lab shows", laws),
];

/// What `framecat help` prints: the verbs, the nc form, examples and topics.
pub fn overview() -> String {
    let mut page = Page::new("framecat: netcat that knows where messages end.");
    page.prose(
        "An endpoint says where (host:9000, udp://:9000, unix:///run/x.sock), -f says where a \
         message ends (line, len:u32be, struct), a verb says what to do.",
    );
    for group in ["talk", "move", "see"] {
        let rows = VERBS.iter().filter(|row| row.0 == group);
        page.heading(group);
        page.table(&[], rows.map(|row| vec![row.1.into(), row.2.into()]).collect());
    }
    page.heading("as nc");
    page.table(
        &[],
        vec![
            vec!["HOST PORT".into(), "connect; -u udp, -U PATH, -z is it open, -w SECONDS".into()],
            vec!["-l PORT".into(), "listen, for this machine; -k for more than one".into()],
        ],
    );
    page.examples(&[
        "framecat listen :9000 --echo",
        "framecat listen :9000 --chat",
        "framecat ask :9000 hello world",
        "framecat relay :8080 localhost:80 -f crlf --show",
        "framecat receive ~/in --listen :9000 --lan",
        "framecat send photo.jpg notes/ --to host:9000",
        "framecat fetch http://localhost:8000/ --show",
    ]);
    page.heading("framecat help TOPIC");
    page.table(&[], TOPICS.iter().map(|row| vec![row.0.into(), row.1.into()]).collect());
    page.prose("framecat help VERB, or framecat VERB --help, tells a verb's flags.");
    page.end()
}

/// The topics and what each is about.
#[cfg(feature = "pages")]
pub fn topics() -> impl Iterator<Item = (&'static str, &'static str)> {
    TOPICS.iter().map(|row| (row.0, row.1))
}

/// What `framecat help NAME` prints. An unknown name is told as (problem, remedy).
pub fn topic(name: &str) -> Result<String, (String, String)> {
    if let Some((_, _, page)) = TOPICS.iter().find(|row| row.0 == name) {
        return Ok(page());
    }
    let names = TOPICS.iter().map(|row| row.0);
    let all = names.clone().collect::<Vec<_>>().join(" ");
    // `framings` for `frame`, which begins alike; else what is a letter or two away.
    let head = name.get(..4).unwrap_or(name);
    let alike = names.clone().find(|topic| name.len() > 2 && topic.starts_with(head));
    let problem = format!("`{name}` is no topic of help");
    Err(match alike.or_else(|| nearest(name, names)) {
        Some(near) => (problem, format!("did you mean {near}? The topics are {all}")),
        None => (problem, format!("the topics are {all}, and the verbs")),
    })
}

fn endpoints() -> String {
    let mut page = Page::new("Endpoints: where to connect or listen.");
    page.prose(
        "SCHEME://ADDRESS[,OPTION[=VALUE]...][,frame=RULE][,send=RULE] is one word that needs no quotes in a \
         shell. Whether one waits there or dials is the verb's.",
    );
    let row = |row: &framecat_proto::endpoint::SchemeAbout| {
        vec![row.written(), row.address.into(), row.about.into()]
    };
    page.table(&["scheme", "address", "what it is"], SCHEMES.iter().map(row).collect());
    page.prose(
        "No host means this machine, for listening too. Who wants the network types it: 0.0.0.0, \
         [::] or --lan. Port 0 lets the kernel choose; the port is told on stderr. In a path %2C is \
         a comma and %25 a percent sign.",
    );
    page.prose(
        "exec: splits its words as printed: spaces separate, quotes join, and no shell looks at them. \
         The program has FRAMECAT_PEER and FRAMECAT_LOCAL in its environment where it serves a peer; \
         its stderr is ours; a program that fails makes the conversation fail (exit 1).",
    );
    page.prose(
        "file: without an option is read, and ends; with create, append or replace it is written. A \
         FIFO waits for its other end. A relay whose first end is exec:, file: or - dials both ends, and \
         ends with their conversation.",
    );
    page.prose(
        "broadcast and multicast are the network: who listens there is reached by it, on a port that \
         other programs may share, and answers from a port of its own. Without a network loopback \
         takes its place (127.255.255.255, dev=lo). ask prints every reply within --wait.",
    );
    page.prose(
        "tls:// trusts nobody by default but whom the system's authorities vouch for. ca=FILE names \
         others, pin=sha256:... one key; a listener with either demands a certificate of its clients. \
         A listener shows cert=FILE,key=FILE, or makes its own: self-signed, and its pin is told.",
    );
    page.examples(&[
        "framecat listen 0.0.0.0:9000",
        "framecat listen broadcast://:9000 --reply 'here is {local}'",
        "framecat ask broadcast://:9000 'who is there?'",
        "framecat listen multicast://239.1.2.3:9000,dev=eth0",
        "framecat connect tcp://[::1]:9000,nodelay=off,frame=line",
        "framecat relay :9000 unix:///run/app.sock",
        "framecat relay :9000 'exec:bc -l'",
        "framecat listen tls://:9000,self-signed",
        "framecat relay :8080 tls://example.org:443,alpn=http/1.1",
        "framecat relay :9000 file:in.log,append -f line",
    ]);
    page.end()
}

fn options() -> String {
    let mut page = Page::new("Options of an endpoint: tcp://host:9000,nodelay=off,rcvbuf=1MiB");
    page.prose(
        "Each is a socket option of the kernel, how a file is opened, or what TLS is told. A yes or no is OPTION alone, or OPTION=on, \
         OPTION=off; sizes are 4096, 64KiB, 1MB; times are 500ms, 30s, 5m.",
    );
    for row in OPTIONS {
        page.heading(row.example);
        page.indented(row.about);
        page.indented(&format!(
            "takes {}; default {}; set {}; {}",
            row.kind,
            row.default,
            row.when,
            row.schemes.join(" ")
        ));
        page.indented(&match row.level {
            "-" => row.c_name.to_string(),
            level => format!("{level}: {}", row.c_name),
        });
    }
    page.examples(&[
        "framecat listen :9000,backlog=8,reuseport",
        "framecat connect localhost:9000,keepalive=10s/2s/3,linger=1s",
    ]);
    page.end()
}

fn framings() -> String {
    let mut page = Page::new("Framings: where a message ends.");
    page.prose(
        "-f RULE gives one to the stream ends, ,frame=RULE to one endpoint. relay takes -f twice: \
         for its first and its second end. --send-frame RULE, or ,send=RULE on an endpoint, is for what \
         is sent, where that ends by another rule. Without -f, what a person types or reads on a \
         terminal is line, pipes are raw, and what speaks of messages (ask, --reply, --chat, --shared, \
         --format, --count, --until, --json) is line. Datagrams are messages already.",
    );
    let row = |row: &framing::About| vec![row.grammar.into(), row.message.into()];
    page.table(&["rule", "a message is"], framing::TABLE.iter().map(row).collect());
    page.prose(
        "keep leaves header, marker or trailer on the message; resync goes on behind a message that \
         is too long or broken. In BYTES: \\r \\n \\t \\0 \\xHH \\\\. With resp a line of stdin is a command, \
         spaces part its words and quotes join them (--in words), and a value is a line of stdout (--out words). \
         With http a line is a request where we dial, GET /path, and the text of a reply where we listen.",
    );
    page.prose(
        "guess is connect's alone: it reads what is there and tells which of all these would fit, the most \
         specific first. Bits of the messages are flipped; what a rule refuses of that speaks for it. A \
         listener has nothing to judge before its peers talk, and they wait for answers that need a rule.",
    );
    page.heading("presets: names of protocols, each for a line of the above");
    for row in framing::PRESETS {
        page.verbatim(&[&format!("{:11} {}", row.name, row.line)]);
        page.verbatim(&[&format!("{:11} {}", "", row.message)]);
    }
    page.heading("len: a field of WIDTH bytes holds the value v");
    page.prose(
        "WIDTH is u8, u16be, u16le, u24be, u24le, u32be, u32le, u64be, u64le, varint (LEB128), varint4 \
         (4 bytes of it at most) or qvarint (RFC 9000). The field stands at byte AT (0), the header has H bytes (AT + width), \
         the trailer T bytes (0).",
    );
    page.table(
        &["counts=", "the whole message has"],
        vec![
            vec!["payload".into(), "H + v + T bytes (the default)".into()],
            vec!["rest".into(), "AT + width + v + T bytes".into()],
            vec!["self".into(), "AT + v + T bytes".into()],
            vec!["total".into(), "v bytes".into()],
        ],
    );
    page.heading("worked example");
    page.prose(
        "A protocol whose messages begin with the byte 03 and a zero byte, then hold their own length \
         in two bytes, counted from the 03: len:u16be@2,counts=total,magic=03. The message ab is",
    );
    page.verbatim(&["03 00 00 06 61 62    AT = 2, width = 2, H = 4, T = 0, v = 6 = H + 2"]);
    page.examples(&[
        "framecat ask :9000 -f len:u32be ping",
        "framecat relay :9000 localhost:9001 -f line -f len:u32be",
        "framecat listen :9000 -f 'delim:\\x03'",
        "framecat relay :5433 :5432 -f postgres --show",
        "framecat connect file:capture.bin -f guess",
    ]);
    page.end()
}

fn recordings() -> String {
    let mut page = Page::new("Recordings: what was said, both ways, as JSON lines.");
    page.prose(
        "--record FILE keeps every message of every connection, with its time and direction. It is \
         complete: while the disk is slow the conversations wait, and if it is full the program ends \
         with 10. A file that is there is overwritten, once there is something to record.",
    );
    page.prose(
        "listen --replay FILE says what the server said: each client gets the next recorded \
         connection, after the last one the first; one that leaves without a word played none. connect --replay FILE says what the client said, \
         one connection after the other. Before each of its messages it has heard as many messages as \
         were recorded before it (bytes, with -f raw); it waits for them, connect --wait TIME (10s). \
         Messages end as they did in the recording, unless -f says otherwise. --timed keeps the \
         recorded pauses.",
    );
    page.prose(
        "--expect: what the peer says must be what was recorded. The first difference is told with its \
         place and both sides, exit 8; listen ends with 0 once every recorded connection was played.",
    );
    page.heading("the lines");
    page.verbatim(&[
        r#"{"event":"recording","time":"…","version":1,"side":"listen","client_frame":"line", … }"#,
        r#"{"event":"message","time":"…","conn":1,"peer":"…","dir":"in","n":1,"length":4,"text":"PING"}"#,
        r#"{"event":"ended","time":"…","conn":1,"peer":"…","dir":"in"}"#,
    ]);
    let rows = [
        ("side", "who recorded: listen (also a relay) or connect (also ask)"),
        ("client_frame, server_frame", "how the messages of the two parts ended"),
        ("dialled_frame", "how they ended on the other end of a relay, if otherwise"),
        ("conn, n", "the connection, and the number of the message in its direction, from 1"),
        ("dir", "in: to the side that recorded; out: from it"),
        ("text, base64", "the message, one or the other; length counts its bytes"),
        ("ended", "the end of a direction"),
        ("time", "when; --timed needs it, else it may be missing"),
    ];
    page.heading("what stands in them");
    page.table(&[], rows.map(|row| vec![row.0.into(), row.1.into()]).into());
    page.prose(
        "To play, {\"dir\":\"in\",\"text\":\"…\"} is enough of a line, so a recording can be written by hand; \
         without a first line `out` is what the player says. Other events are passed over.",
    );
    page.examples(&[
        "framecat relay :6380 :6379 -f crlf --record talk.jsonl",
        "framecat listen :6379 --replay talk.jsonl",
        "framecat connect :6379 --replay talk.jsonl --expect",
    ]);
    page.end()
}

fn pace() -> String {
    let mut page = Page::new("Pace: when and in which pieces things are sent.");
    let rows = [
        ("--delay TIME", "so long between the end of a message and the next one"),
        (
            "--rate N, N/s, N/m, N/h",
            "at most so many messages, without drift; after a pause there is no burst",
        ),
        ("--rate 64KiB/s", "at most so many bytes on the wire, in small pieces"),
        (
            "--chop N",
            "at most N bytes a send; over TCP each is a segment of its own, but who reads late finds \
             several",
        ),
        ("--coalesce TIME", "messages wait for TIME and leave as one send; less from 1 MiB on"),
        ("--short", "connect and ask: a connection for each message"),
    ];
    page.table(&[], rows.map(|row| vec![row.0.into(), row.1.into()]).into());
    page.prose(
        "Each connection, and each direction of a relay, has its own pace. --chop and --coalesce are \
         for streams: a receiver whose framing is right takes no notice of them. Together they join \
         messages and split them anew; --chop 1 --rate 10B/s leaves time to read between two bytes. A \
         signal does not wait: what is held is sent, what waits for its time is left and, in a relay, \
         told.",
    );
    page.examples(&[
        "framecat connect :9000 -f len:u32be --chop 1",
        "framecat connect :9000 -f line --coalesce 100ms",
        "framecat relay :9000 :9001 --rate 64KiB/s",
    ]);
    page.end()
}

fn limits_page() -> String {
    let mut page = Page::new("Limits: what is bounded, and by how much.");
    page.prose(
        "Nothing that a peer sends makes memory grow without bound. At a bound this happens:",
    );
    let row = |row: &limits::Limit| vec![row.what.into(), row.bound.into(), row.then.into()];
    page.table(&["what", "bound", "then"], limits::TABLE.iter().map(row).collect());
    page.examples(&[
        "framecat listen :9000 -f len:u32be --max-message 64MiB",
        "framecat listen :9000 --echo --max-clients 10",
    ]);
    page.end()
}

fn exit() -> String {
    let mut page = Page::new("Exit codes: how it went.");
    page.prose("Data goes to stdout, talk to stderr; an error is one sentence, and what to try.");
    let row = |row: &rules::Exit| vec![row.code.to_string(), row.means.into(), row.more.into()];
    page.table(&["code", "means", "in particular"], EXITS.iter().map(row).collect());
    page.examples(&[
        "framecat connect -z localhost:22 && echo open",
        "framecat ask :9000 ping --wait 500ms || echo \"no answer: $?\"",
    ]);
    page.end()
}

fn eof() -> String {
    let mut page = Page::new("The end of a conversation: who ends, and what happens then.");
    let row = |row: &rules::Rule| vec![row.when.into(), row.then.into()];
    page.table(&["when", "then"], EOF.iter().map(row).collect());
    page.examples(&[
        "framecat listen :9000 > x.tar",
        "framecat connect host:9000 < x.tar",
        "framecat connect :9000 --half-open",
    ]);
    page.end()
}

fn laws() -> String {
    let mut page = Page::new("Laws of sockets that framecat lab shows on this machine's kernel.");
    page.prose("framecat lab runs all of them; named, a law or a group is told in full.");
    for group in framecat_lab::groups() {
        page.heading(&format!("{}: {}", group.name, group.title.en));
        let laws = framecat_lab::laws().iter().filter(|law| law.group == group.name);
        page.table(&[], laws.map(|law| vec![law.id.into(), law.title.en.into()]).collect());
    }
    page.examples(&[
        "framecat lab",
        "framecat lab sticky",
        "framecat lab --lang zh --report lab.md",
    ]);
    page.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Vec<String> {
        let mut pages = vec![overview()];
        pages.extend(TOPICS.iter().map(|row| topic(row.0).expect("it is a topic")));
        pages
    }

    #[test]
    fn no_page_is_wider_than_a_hundred_columns_or_coloured() {
        for page in pages() {
            assert!(page.ends_with('\n') && !page.ends_with("\n\n"), "{page}");
            for line in page.lines() {
                assert!(line.chars().count() <= 100, "{line}");
                assert!(!line.contains('\x1b') && line == line.trim_end(), "{line:?}");
            }
        }
    }

    #[test]
    fn every_row_of_every_table_is_on_its_page() {
        let has = |name: &str, words: Vec<&str>| {
            let page = topic(name).expect("it is a topic");
            for word in words {
                assert!(page.contains(word), "{word} is missing in {page}");
            }
        };
        has("endpoints", SCHEMES.iter().map(|row| row.name).collect());
        has("options", OPTIONS.iter().map(|row| row.example).collect());
        has("options", OPTIONS.iter().map(|row| row.c_name).collect());
        has("framings", framing::TABLE.iter().map(|row| row.name).collect());
        has("framings", framing::PRESETS.iter().map(|row| row.name).collect());
        has("framings", framing::PRESETS.iter().map(|row| row.line).collect());
        has("limits", limits::TABLE.iter().map(|row| row.bound).collect());
        has("laws", framecat_lab::laws().iter().map(|law| law.id).collect());
    }

    #[test]
    fn an_unknown_topic_is_told_the_nearest() {
        for (typed, meant) in
            [("frame", "framings"), ("framing", "framings"), ("exits", "exit"), ("limts", "limits")]
        {
            let (problem, remedy) = topic(typed).unwrap_err();
            assert!(problem.contains(typed), "{problem}");
            assert!(remedy.contains(&format!("did you mean {meant}?")), "{typed}: {remedy}");
        }
        assert!(topic("xyzzy").unwrap_err().1.contains("endpoints options framings"));
    }

    #[test]
    fn every_framing_and_endpoint_in_an_example_is_one() {
        let mut seen = 0;
        for page in pages() {
            for line in page.lines().filter(|line| line.starts_with("  framecat ")) {
                let words: Vec<_> = line.split_whitespace().skip(1).collect();
                for pair in words.windows(2).filter(|pair| pair[0] == "-f") {
                    let rule = pair[1].trim_matches('\'');
                    rule.parse::<framecat_proto::Framing>().expect(line);
                    seen += 1;
                }
                if ["listen", "connect", "ask", "relay"].contains(&words[0]) && words[1] != "-z" {
                    words[1].parse::<framecat_proto::Endpoint>().expect(line);
                    seen += 1;
                }
            }
        }
        assert!(seen > 15, "{seen}");
    }

    #[test]
    fn the_worked_example_of_len_is_what_the_framing_writes() {
        use framecat_proto::framing::Framing;
        let rule: Framing = "len:u16be@2,counts=total,magic=03".parse().expect("it is a framing");
        let mut framer = rule.framer(1 << 20);
        let input = [0x03, 0x00, 0x00, 0x06, b'a', b'b'];
        let mut spans = framecat_proto::message::Spans::default();
        let progress = framer.decode(&input, &mut spans);
        assert_eq!((progress.consumed, progress.fault), (6, None));
        assert!(framings().contains("03 00 00 06 61 62"));
    }
}
