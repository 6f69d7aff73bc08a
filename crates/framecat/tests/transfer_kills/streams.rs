//! Streams and texts cannot be gone on with: of one that was killed there is nothing, or all.

use std::fs;

use super::run::{self, Finished, Folder, Run};
use super::scene::{Side, can_trace, host, told};
use super::trees::{bytes, found};

/// Both sides to their ends, who listens under strace where something is to be done to it. Without the other
/// side: it ended before it told where.
fn pass(
    listens: Side,
    inject: Option<(&str, &str)>,
    (send, content): (&[&str], &str),
    receive: &[&str],
) -> (Finished, Option<Finished>) {
    let host = host();
    let listen = format!("{host}:0");
    let start = |side: Side, place: &[&str], inject: Option<(&str, &str)>| {
        let args = match side {
            Side::Sends => [&["send"], send, &["--plain"], place].concat(),
            Side::Receives => [&["receive"], receive, &["--yes", "--plain"], place].concat(),
        };
        let run = match inject {
            None => Run::new(&args),
            Some((call, inject)) => {
                let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{inject}"));
                let strace = ["-f", "-o", "/dev/null", "-e", &trace, "-e", &inject];
                Run::program("strace", &[&strace[..], &[run::tested()], &args].concat())
            }
        };
        match side {
            Side::Sends => run.stdin(fs::File::open(content).unwrap()).start(),
            Side::Receives => run.stdin_null().start(),
        }
    };
    let listener = start(listens, &["--listen", &listen], inject);
    let Some(port) = listener.port_if_told() else { return (listener.wait(), None) };
    let at = format!("{host}:{port}");
    let dialler = match listens {
        Side::Sends => start(Side::Receives, &["--from", &at], None),
        Side::Receives => start(Side::Sends, &["--to", &at], None),
    };
    let dialler = dialler.wait();
    (listener.wait(), Some(dialler))
}

/// The numbers of calls at which something is done, fewer and fewer of them.
fn numbers() -> impl Iterator<Item = u32> {
    (1..8).chain((8..).step_by(5)).take(20)
}

/// Kills `side` at each of these calls, until it makes no more of them; how often that was.
fn killed(side: Side, calls: &[&str], receive: &[&str]) -> u32 {
    let source = Folder::in_memory();
    let (content, path) = (bytes(3, (2 << 20) + 777), source.file("content"));
    fs::write(&path, &content).unwrap();
    let mut kills = 0;
    for call in calls {
        for n in numbers() {
            let into = Folder::in_memory();
            let receive = [&[into.path().to_str().unwrap()], receive].concat();
            let inject = format!("signal=SIGKILL:when={n}");
            let send = (&["-"][..], path.as_str());
            let (first, other) = pass(side, Some((call, &inject)), send, &receive);
            let context = format!("{call}, {inject}\n{first}\n{other:?}");
            let whole = |context: &str| {
                let (there, ours) = found(into.path());
                assert!(ours.is_empty(), "{ours:?}: {context}");
                for (name, is) in &there {
                    assert!(is.as_ref() == Some(&content), "{name} is not whole: {context}");
                }
                there.into_keys().collect::<Vec<String>>()
            };
            let there = whole(&context);
            let said = other.as_ref().is_some_and(|other| other.code == 0) || first.code == 0;
            assert!(!said || there == ["stdin"], "it says that it is there: {context}");
            let (again, Some(other)) = pass(side, None, send, &receive) else {
                panic!("{context}")
            };
            assert_eq!((again.code, other.code), (0, 0), "{again}\n{other}\nafter {context}");
            let names = ["stdin", "stdin (1)"];
            assert_eq!(whole(&context), names[..=there.len()], "{again}\n{other}\nafter {context}");
            if first.code == 0 {
                break;
            }
            assert_eq!(first.code, 137, "{context}");
            kills += 1;
        }
    }
    kills
}

#[test]
fn a_stream_that_is_cut_has_no_name() {
    if !can_trace() {
        return;
    }
    let calls = ["pwrite64", "linkat", "fchmod", "recvfrom", "sendto"];
    let mut kills = killed(Side::Receives, &calls, &[]);
    kills += killed(Side::Receives, &["fsync", "linkat"], &["--durable"]);
    kills += killed(Side::Sends, &["writev", "sendto", "recvfrom", "epoll_wait"], &[]);
    told(&format!("streams: killed {kills} times"));
    assert!(kills >= 20, "{kills}");
}

#[test]
fn a_text_that_is_cut_is_not_shown() {
    if !can_trace() {
        return;
    }
    let text = "see you at six, 六点见\n".repeat(1_000);
    let send = (&["--text", &text][..], "/dev/null");
    let mut kills = 0;
    for call in ["writev", "sendto", "recvfrom", "epoll_wait"] {
        for n in numbers() {
            let inject = format!("signal=SIGKILL:when={n}");
            let (first, other) = pass(Side::Sends, Some((call, &inject)), send, &[]);
            if let Some(other) = &other {
                let shown = other.text();
                assert!(shown.is_empty() || shown == text, "{call}, {inject}: {other}");
                assert!(other.code != 0 || shown == text, "{call}, {inject}: {other}");
            }
            if first.code == 0 {
                break;
            }
            assert_eq!(first.code, 137, "{call}, {inject}: {first}");
            kills += 1;
        }
    }
    told(&format!("texts: killed {kills} times"));
    assert!(kills >= 5, "{kills}");
}
