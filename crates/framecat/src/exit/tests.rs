use std::fmt::Write as _;
use std::time::Duration;

use super::*;

fn kernel(op: Op, endpoint: &str, code: i32) -> Error {
    Error::io(op, endpoint, io::Error::from_raw_os_error(code))
}

fn framing(endpoint: &str, fault: Fault) -> Error {
    let error = FramingError {
        framing: "len:u32be".into(),
        fault,
        offset: 11,
        message: 2,
        head: b"HTTP".to_vec(),
    };
    let (op, cause) = (Op::Receive, Cause::Framing(Box::new(error)));
    Error { op, endpoint: endpoint.into(), cause }
}

fn caused(op: Op, endpoint: &str, cause: Cause) -> Error {
    Error { op, endpoint: endpoint.into(), cause }
}

/// As the program shows it, the code first.
fn shown(verdict: &Verdict) -> String {
    let mut text = format!("{:>3}  {}\n", verdict.code, verdict.sentence.as_deref().unwrap_or("-"));
    if let Some(remedy) = &verdict.remedy {
        writeln!(text, "     {remedy}").unwrap();
    }
    text
}

fn all_shown(errors: impl IntoIterator<Item = Error>) -> String {
    errors.into_iter().map(|error| shown(&of_error(&error))).collect()
}

#[test]
fn errors_of_listening_say_what_is_in_the_way() {
    let listen = |endpoint, code| kernel(Op::Listen, endpoint, code);
    let text = all_shown([
        listen("tcp://127.0.0.1:9000", libc::EADDRINUSE),
        listen("udp://127.0.0.1:9000", libc::EADDRINUSE),
        listen("unix:///run/x.sock", libc::EADDRINUSE),
        listen("tcp://192.0.2.1:9000", libc::EADDRNOTAVAIL),
        listen("tcp://127.0.0.1:80", libc::EACCES),
        listen("tcp://127.0.0.1:8080", libc::EACCES),
        listen("unix:///srv/x.sock", libc::EACCES),
        listen("unix:///nowhere/x.sock", libc::ENOENT),
        listen("unix:///proc/x.sock", libc::EROFS),
        listen("tcp://[::1]:9000", libc::EAFNOSUPPORT),
        listen("tcp://127.0.0.1:9000", libc::EMFILE),
        listen("tcp://127.0.0.1:9000", libc::EIO),
        kernel(Op::Open, "tcp://[::1]:9000", libc::EAFNOSUPPORT),
        kernel(Op::Open, "tcp://[::1]:9000", libc::EACCES),
        kernel(Op::Open, "tcp://[::1]:9000", libc::ENOMEM),
        kernel(Op::Open, "/srv/share", libc::EACCES),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn errors_of_connecting_say_what_would_answer() {
    let connect = |endpoint, code| kernel(Op::Connect, endpoint, code);
    let text = all_shown([
        connect("tcp://db:5432", libc::ECONNREFUSED),
        connect("tcp://db:5432,nodelay,frame=line", libc::ECONNREFUSED),
        connect("tcp://127.0.0.1:9000", libc::ECONNREFUSED),
        connect("tcp://[::1]:9000", libc::ECONNREFUSED),
        connect("udp://db:53", libc::ECONNREFUSED),
        connect("unix:///run/x.sock", libc::ECONNREFUSED),
        connect("unixgram:///run/x.sock", libc::ENOENT),
        connect("unix:///run/x.sock", libc::EACCES),
        connect("unix:///run/x.sock", libc::EPROTOTYPE),
        connect("tcp://192.0.2.1:9", libc::ENETUNREACH),
        connect("tcp://[2001:db8::1]:9", libc::EHOSTUNREACH),
        connect("tcp://192.0.2.1:9", libc::EPERM),
        connect("tcp://192.0.2.1:9", libc::ETIMEDOUT),
        connect("tcp://192.0.2.1:9", libc::ECONNRESET),
        connect("tcp://192.0.2.1:9", libc::EADDRNOTAVAIL),
        connect("tcp://192.0.2.1:9", libc::EMFILE),
        connect("tcp://192.0.2.1:9", libc::EIO),
        caused(Op::Connect, "tcp://192.0.2.1:9", Cause::TimedOut(Duration::from_secs(10))),
        caused(
            Op::Connect,
            "tcp://db:5432",
            Cause::EveryAddress(vec![
                ("[2001:db8::1]:5432".into(), io::Error::from_raw_os_error(libc::ENETUNREACH)),
                ("192.0.2.1:5432".into(), io::Error::from_raw_os_error(libc::ECONNREFUSED)),
            ]),
        ),
        caused(Op::Resolve, "tcp://nowhere:1", Cause::Name("name or service not known".into())),
        caused(
            Op::Resolve,
            "tcp://[fe80::1%eth9]:1",
            Cause::Name("the interface `eth9` after %: there is no such interface".into()),
        ),
        kernel(Op::Resolve, "tcp://nowhere:1", libc::EIO),
        connect("udp://192.0.2.255:9", libc::EACCES),
        caused(
            Op::Connect,
            "multicast://239.1.2.3:9",
            Cause::Missing {
                problem: "no route leads to 239.1.2.3".into(),
                remedy: "name it: dev=eth0".into(),
            },
        ),
        caused(
            Op::Send,
            "192.0.2.255:9, 198.51.100.255:9",
            Cause::Partly(vec![(
                "198.51.100.255:9 by eth1".into(),
                io::Error::from_raw_os_error(libc::ENETUNREACH),
            )]),
        ),
        caused(
            Op::Connect,
            "tcp://db:1,mark=1",
            Cause::Option {
                name: "mark",
                c_name: "SO_MARK",
                source: io::Error::from_raw_os_error(libc::EPERM),
                remedy: "leave `mark` out".into(),
            },
        ),
        caused(
            Op::Connect,
            "-",
            Cause::Address {
                problem: "stdin and stdout are there already".into(),
                remedy: "name a socket".into(),
            },
        ),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn errors_of_a_conversation_name_the_peer_and_the_cause() {
    let peer = "127.0.0.1:50112";
    let not_for_input =
        io::Error::new(io::ErrorKind::InvalidInput, "the form dump is for output only");
    let does_not_fit = io::Error::new(io::ErrorKind::InvalidInput, "its byte 5 would end it early");
    let text = all_shown([
        kernel(Op::Receive, peer, libc::ECONNRESET),
        kernel(Op::Send, peer, libc::ECONNRESET),
        kernel(Op::Send, peer, libc::EPIPE),
        kernel(Op::Receive, peer, libc::ETIMEDOUT),
        kernel(Op::Receive, peer, libc::ECONNREFUSED),
        kernel(Op::Send, "192.0.2.1:9", libc::EHOSTUNREACH),
        kernel(Op::Send, peer, libc::EMSGSIZE),
        kernel(Op::Send, "192.0.2.255:9", libc::EACCES),
        kernel(Op::Receive, peer, libc::EIO),
        Error::io(Op::Send, peer, does_not_fit),
        kernel(Op::Receive, "stdin", libc::EBADF),
        kernel(Op::Receive, "stdin", libc::EISDIR),
        kernel(Op::Receive, "stdin", libc::EIO),
        Error::io(Op::Receive, "stdin", not_for_input),
        kernel(Op::Write, "stdout", libc::ENOSPC),
        kernel(Op::Write, "stdout", libc::EBADF),
        kernel(Op::Write, "stdout", libc::EFBIG),
        kernel(Op::Write, "stdout", libc::EIO),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn errors_of_framing_name_the_rule_and_the_option() {
    let faults = || {
        [
            Fault::TooLong { len: Some(1_213_486_160), max: 16_777_216 },
            Fault::Broken("the length is no number".into()),
            Fault::Cut { have: 7, need: Some(12) },
        ]
    };
    let errors = ["127.0.0.1:50112", "stdin"]
        .into_iter()
        .flat_map(|place| faults().map(|fault| framing(place, fault)));
    let text = all_shown(errors);
    insta::assert_snapshot!(text);
}

#[test]
fn two_sides_of_a_transfer_that_do_not_meet_are_told_why() {
    let unmet = |unmet| caused(Op::Connect, "tcp://192.0.2.1:9000", Cause::Unmet(unmet));
    let waited = Cause::TimedOut(Duration::from_secs(60));
    let burned = Cause::Unmet(Unmet::Burned { guesses: 3 });
    let text = all_shown([
        unmet(Unmet::WrongCode),
        caused(Op::Listen, "tcp://0.0.0.0:9000", burned),
        unmet(Unmet::Void),
        unmet(Unmet::Taken),
        unmet(Unmet::BothSend),
        unmet(Unmet::BothReceive),
        unmet(Unmet::Guards { plain: true }),
        unmet(Unmet::Guards { plain: false }),
        unmet(Unmet::Version { theirs: 2, ours: 1 }),
        unmet(Unmet::Stranger { said: "HTTP/1.1".into() }),
        unmet(Unmet::Left { why: None }),
        unmet(Unmet::Left { why: Some("connection reset by peer".into()) }),
        unmet(Unmet::Late(Duration::from_secs(10))),
        unmet(Unmet::NoTls("received a corrupt message".into())),
        unmet(Unmet::Broken("its key share is none")),
        caused(Op::Accept, "tcp://0.0.0.0:9000", waited),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn every_end_has_its_code() {
    let ends = [
        (End::Done, None),
        (End::Done, Some(Signal::Interrupt)),
        (End::NotMet("2 of 5 messages came before the end".into()), None),
        (End::NoReply(Duration::from_secs(2)), None),
        (End::PeerEnded, None),
        (End::Unanswered(1), None),
        (End::Unanswered(2), None),
        (End::OutOfStep { n: 3, wait: Duration::from_secs(2), replied: true }, None),
        (End::OutOfStep { n: 1, wait: Duration::from_millis(500), replied: false }, None),
        (End::Refused, None),
        (End::Deadline(Duration::from_millis(1500)), None),
        (End::Partly, None),
        (End::Partly, Some(Signal::Terminate)),
        (End::Interrupted, Some(Signal::Interrupt)),
        (End::Interrupted, Some(Signal::Terminate)),
        (End::Interrupted, None),
    ];
    let mut text: String = ends.iter().map(|(end, signal)| shown(&of_end(end, *signal))).collect();
    text += &shown(&usage("`lines` is no framing", "did you mean `line`?"));
    insta::assert_snapshot!(text);
}
