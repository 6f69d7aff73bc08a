//! Recordings: what is written reads back, from either side; what is none is told with its line.

use framecat_proto::Framing;
use framecat_proto::message::{Batch, Context, Dir, Outgoing, Spans};
use framecat_proto::text::recording::{
    Conversation, Head, Recording, Side, Step, put_ended, put_head,
};
use framecat_proto::text::{Form, Look};
use proptest::prelude::*;

fn head(side: Option<Side>) -> Head {
    let rule = |word: &str| Some(word.parse::<Framing>().expect("it is a rule"));
    Head { side, client: rule("line"), server: rule(r"delim:\x03\x22"), dialled: rule("len:u16be") }
}

fn written(head: &Head, conversations: &[Conversation]) -> Vec<u8> {
    let mut out = Outgoing::new();
    let mut rows = Form::Jsonl.writer(1 << 20, Look::default());
    put_head(head, 0, out.buf());
    for Conversation { conn, steps } in conversations {
        for step in steps {
            let now_ns = step.time_ns.unwrap_or(0);
            let context =
                Context { conn: *conn, dir: step.dir, peer: "\"p\"\n", ..Context::at(now_ns) };
            let Some(payload) = &step.message else {
                put_ended(&context, out.buf());
                continue;
            };
            let mut spans = Spans::new();
            spans.push(0, payload.len());
            let batch = Batch { input: payload, spans: &spans };
            rows.encode_batch(batch, 0, &context, &mut out).expect("every form holds it");
        }
    }
    out.buf().clone()
}

fn problem(text: &str) -> String {
    Recording::parse(text.as_bytes()).expect_err(text).problem
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        said in proptest::collection::vec(
            (1..4_u64, any::<bool>(), proptest::option::of(any::<Vec<u8>>()), 0..u64::MAX / 2),
            1..40,
        ),
    ) {
        let mut conversations: Vec<Conversation> = Vec::new();
        let mut line = 1;
        for conn in 1..4 {
            let mut steps = Vec::new();
            for (_, inward, message, time_ns) in said.iter().filter(|step| step.0 == conn) {
                line += 1;
                let dir = if *inward { Dir::In } else { Dir::Out };
                let (message, time_ns) = (message.clone(), Some(*time_ns));
                steps.push(Step { line, time_ns, dir, message });
            }
            if !steps.is_empty() {
                conversations.push(Conversation { conn, steps });
            }
        }
        let head = head(Some(Side::Listen));
        let read = Recording::parse(&written(&head, &conversations));
        if conversations.iter().flat_map(|one| &one.steps).all(|step| step.message.is_none()) {
            prop_assert_eq!(read.expect_err("it is empty").problem, "it holds no message");
            return Ok(());
        }
        let read = read.expect("it is a recording");
        prop_assert_eq!(&read, &Recording { head, conversations });
        let turned = read.clone().seen_from(Side::Connect);
        prop_assert_eq!(turned.clone().seen_from(Side::Connect), turned.clone());
        prop_assert_eq!(turned.seen_from(Side::Listen), read.clone().seen_from(Side::Listen));
        prop_assert_eq!(read.clone().seen_from(Side::Listen), read);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), cut in 0..400_usize) {
        let _ = Recording::parse(&bytes);
        let step = Step { line: 2, time_ns: None, dir: Dir::In, message: Some(bytes) };
        let whole = written(&head(None), &[Conversation { conn: 1, steps: vec![step] }]);
        let cut = &whole[..cut.min(whole.len())];
        if let Err(error) = Recording::parse(cut) {
            let known = error.problem.starts_with("it ends within line")
                || error.problem == "it holds no message";
            prop_assert!(known, "{}", error.problem);
        }
    }
}

#[test]
fn a_recording_by_hand_needs_little() {
    let text = "{\"dir\":\"out\",\"text\":\"PING\"}\n\n\
                {\"event\":\"connected\",\"conn\":9}\n\
                {\"dir\":\"in\",\"base64\":\"/w==\",\"conn\":2}\n\
                {\"dir\":\"in\",\"text\":\"PONG\",\"more\":[{}]}";
    let read = Recording::parse(text.as_bytes()).expect("it is a recording");
    assert_eq!(read.head, Head::default());
    let step = |line, dir, payload: &[u8]| Step {
        line,
        time_ns: None,
        dir,
        message: Some(payload.to_vec()),
    };
    assert_eq!(
        read.conversations,
        [
            Conversation {
                conn: 1,
                steps: vec![step(1, Dir::Out, b"PING"), step(5, Dir::In, b"PONG")]
            },
            Conversation { conn: 2, steps: vec![step(4, Dir::In, b"\xff")] },
        ]
    );
    // Nothing says whose it is: it is as whoever plays it would see it.
    assert_eq!(read.clone().seen_from(Side::Connect), read);
    // A log of --json says by its first event that it listened.
    let log = "{\"event\":\"listening\",\"endpoint\":\"tcp://127.0.0.1:1\"}\n\
               {\"event\":\"message\",\"dir\":\"in\",\"text\":\"a\"}\n";
    let log = Recording::parse(log.as_bytes()).expect("it is a recording");
    assert_eq!(log.clone().seen_from(Side::Connect).conversations[0].steps[0].dir, Dir::Out);
    assert_eq!(log.clone().seen_from(Side::Listen), log);
}

#[test]
fn what_is_no_recording_is_told_with_its_line() {
    for (text, told) in [
        ("", "it holds no message"),
        ("\n \n", "it holds no message"),
        ("{\"event\":\"ended\",\"dir\":\"in\"}\n", "it holds no message"),
        ("GET / HTTP/1.1\n", "line 1: it is no JSON: expected value at column 1"),
        ("[1]\n", "line 1: it is no JSON object"),
        ("{\"dir\":\"in\",\"text\":\"a\"}\n{\"dir\":\"in\"}\n", "line 2: the object has neither"),
        (
            "{\"dir\":\"in\",\"text\":\"a\"}\n{\"dir\":\"in\",\"te",
            "it ends within line 2: it is no",
        ),
        ("{\"text\":\"a\"}\n", "line 1: `dir` says neither \"in\" nor \"out\""),
        ("{\"dir\":\"up\",\"text\":\"a\"}\n", "line 1: `dir` says neither"),
        ("{\"dir\":\"in\",\"text\":1}\n", "line 1: the value of `text` is no string"),
        ("{\"dir\":\"in\",\"base64\":\"*\"}\n", "line 1: the value of `base64` is no base64"),
        (
            "{\"dir\":\"in\",\"text\":\"a\",\"conn\":-1}\n",
            "line 1: the value of `conn` is no number",
        ),
        (
            "{\"dir\":\"in\",\"text\":\"a\",\"time\":\"noon\"}\n",
            "line 1: the value of `time` is no",
        ),
        (
            "{\"dir\":\"in\",\"text\":\"a\",\"event\":3}\n",
            "line 1: the value of `event` is no string",
        ),
        ("{\"event\":\"recording\",\"version\":2}\n", "line 1: it is of version 2"),
        ("{\"event\":\"recording\",\"side\":\"left\"}\n", "line 1: `side` says neither"),
        (
            "{\"event\":\"recording\",\"client_frame\":\"lin\"}\n",
            "line 1: the value of `client_frame`",
        ),
        ("{\"event\":\"recording\",\"server_frame\":5}\n", "line 1: the value of `server_frame`"),
    ] {
        let problem = problem(text);
        assert!(problem.starts_with(told), "{text}: {problem}");
    }
    let deep = format!("{}1{}\n", "[".repeat(100_000), "]".repeat(100_000));
    assert!(problem(&deep).contains("recursion limit"), "{}", problem(&deep));
}
