//! The judge judged: for every case a right answer passes, and false ones do not.

mod subjects;

use std::collections::HashSet;
use std::sync::Arc;

use super::answer::{Read, read_answer};
use super::sending::Moment;
use super::want::{End, Expected, Want, Word};
use super::*;

const DATE: &str = "Sun, 06 Nov 1994 08:50:00 GMT";
const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn content() -> Vec<u8> {
    (0..120_u8).map(|n| b'a' + n % 26).collect()
}

/// A plain answer; `fields` as lines with CR LF.
fn answer(status: u16, fields: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = format!(
        "HTTP/1.1 {status} Words\r\nDate: {DATE}\r\n{fields}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), content].concat()
}

const SHAPE: &str = "Content-Type: text/plain\r\nETag: \"x1\"\r\n\
    Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nAccept-Ranges: bytes\r\n";

fn the_file() -> Vec<u8> {
    answer(200, SHAPE, &content())
}

fn subject() -> Arc<Subject> {
    Arc::new(Subject::learn("host:80", "/a/file.txt", false, &the_file()).unwrap())
}

fn trial(id: &str) -> Trial {
    let case = cases().find(|case| case.id == id).unwrap_or_else(|| panic!("no case {id}"));
    Trial::new(case, &subject()).unwrap()
}

fn want(case: &Case) -> Want {
    Want::read(case.want)
        .unwrap_or_else(|| panic!("{}: `{}` is no expectation", case.id, case.want))
}

/// The first status that is allowed.
fn status(expected: &Expected) -> u16 {
    let all = [200, 304, 206, 400, 404, 405, 412, 416, 501, 505, 414, 417, 408];
    all.into_iter().find(|status| expected.statuses.hold(*status)).expect("some status is allowed")
}

/// A right answer for an expectation.
fn right(expected: &Expected, sent: &[u8]) -> Vec<u8> {
    let file = content();
    // Where both are allowed, the one that says more.
    let mut status = status(expected);
    let ranged = expected.words.iter().any(|word| matches!(word, Word::Part(_) | Word::Parts(_)));
    if ranged && expected.statuses.hold(206) {
        status = 206;
    }
    if expected.words.contains(&Word::Unsatisfied) && expected.statuses.hold(416) {
        status = 416;
    }
    let mut fields = match status {
        200 | 206 | 304 => SHAPE.to_string(),
        405 => "Allow: GET\r\nContent-Type: text/plain\r\n".into(),
        _ => "Content-Type: text/plain\r\n".into(),
    };
    if status == 304 {
        fields = fields.replace("Content-Type: text/plain\r\n", "");
    }
    let mut body: Vec<u8> = match status {
        200 => file.clone(),
        304 => Vec::new(),
        _ => b"words\n".to_vec(),
    };
    let mut interim = Vec::new();
    for word in &expected.words {
        match word {
            Word::Part(span) if status == 206 => {
                let (from, to) = span.of(file.len());
                fields += &format!("Content-Range: bytes {from}-{}/{}\r\n", to - 1, file.len());
                body = file[from..to].to_vec();
            }
            Word::Parts(spans) if status == 206 => {
                fields = fields.replace("text/plain", "multipart/byteranges; boundary=b");
                body.clear();
                for span in spans {
                    let (from, to) = span.of(file.len());
                    let range = format!("bytes {from}-{}/{}", to - 1, file.len());
                    body.extend_from_slice(
                        format!("\r\n--b\r\nContent-Range: {range}\r\n\r\n").as_bytes(),
                    );
                    body.extend_from_slice(&file[from..to]);
                }
                body.extend_from_slice(b"\r\n--b--\r\n");
            }
            Word::Unsatisfied if status == 416 => {
                fields += &format!("Content-Range: bytes */{}\r\n", file.len());
            }
            Word::Empty if status < 400 => body.clear(),
            Word::Trace if status == 200 => body = sent.to_vec(),
            Word::Has(name) if !fields.contains(name) => fields += &format!("{name}: GET\r\n"),
            Word::Is(name, value) => fields += &format!("{name}: {value}\r\n"),
            Word::Lists(name, token) => fields += &format!("{name}: a, {token}\r\n"),
            Word::Lacks(_) if status == 200 => body = b"TRACE".to_vec(),
            Word::After100 => interim = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
            _ => {}
        }
    }
    if expected.words.contains(&Word::Trace) && status == 200 {
        body = sent.split(|byte| *byte == b'\r').next().unwrap().to_vec();
    }
    let mut whole = answer(status, &fields, &body);
    if status == 304 {
        let text = String::from_utf8(whole).unwrap();
        whole = text.replace("Content-Length: 0\r\n", "").into_bytes();
    }
    if expected.is_head() {
        let head = memchr::memmem::find(&whole, b"\r\n\r\n").unwrap() + 4;
        whole.truncate(head);
    }
    [interim, whole].concat()
}

/// What a server does: what came, how the connection ended, whether it was asked to go on.
type Conduct = (Vec<u8>, Ended, bool);

/// All right conducts.
fn rights(trial: &Trial) -> Vec<Conduct> {
    let want = want(trial.case());
    let sent = trial.sending().bytes();
    let all: Vec<u8> = want.answers.iter().flat_map(|expected| right(expected, &sent)).collect();
    let goes_on = || ([&*all, &*the_file()].concat(), Ended::Open, true);
    match want.end {
        End::Close => vec![(all, Ended::Closed, true)],
        End::Open => vec![goes_on()],
        End::Either => vec![goes_on(), (all, Ended::Closed, true)],
        End::Ended => vec![(all, Ended::Closed, false)],
    }
}

/// Conducts that are false for this case, each with a name.
fn wrongs(trial: &Trial) -> Vec<(String, Conduct)> {
    let want = want(trial.case());
    let sent = trial.sending().bytes();
    let answers: Vec<Vec<u8>> =
        want.answers.iter().map(|expected| right(expected, &sent)).collect();
    let all = answers.concat();
    let (closed, asked) = (Ended::Closed, want.end != End::Ended);
    let goes_on = |all: &[u8]| ([all, &*the_file()].concat(), Ended::Open, true);
    let end = |all: Vec<u8>| match want.end {
        End::Close => (all, closed, true),
        End::Open | End::Either => goes_on(&all),
        End::Ended => (all, closed, false),
    };
    let mut wrongs: Vec<(String, Conduct)> = Vec::new();
    let mut wrong = |name: &str, conduct: Conduct| wrongs.push((name.into(), conduct));
    if !want.answers[0].none {
        wrong("no answer, closed", (Vec::new(), closed, asked));
        wrong("no answer, reset", (Vec::new(), Ended::Reset, asked));
    }
    wrong("no answer, silent", (Vec::new(), Ended::Silent, false));
    wrong("garbage", (b"<html>hello</html>".to_vec(), closed, asked));
    for (n, expected) in want.answers.iter().enumerate() {
        let before: Vec<u8> = answers[..n].concat();
        let behind: Vec<u8> = answers[n + 1..].concat();
        let with = |one: &[u8]| end([&*before, one, &*behind].concat());
        let told = status_of(&answers[n]);
        // `!1xx` is any final one.
        if let Some(other) = (200..600).find(|status| !expected.statuses.hold(*status)) {
            let changed = String::from_utf8_lossy(&answers[n]).into_owned();
            let changed = changed.replacen(&format!(" {told} "), &format!(" {other} "), 1);
            wrong(&format!("answer {n} is {other}"), with(changed.as_bytes()));
        }
        let lf = String::from_utf8_lossy(&answers[n]).replacen("\r\n", "\n", 1);
        wrong(&format!("answer {n} with LF"), with(lf.as_bytes()));
        let body = !expected.is_head() && told != 304;
        let told_by_content = expected.words.iter().any(|word| match word {
            Word::File => told == 200,
            Word::Part(_) | Word::Parts(_) => told == 206,
            _ => false,
        });
        if body && told_by_content {
            let mut other = answers[n].clone();
            let at = memchr::memmem::rfind(&other, &content()[..1]).unwrap();
            other[at] ^= 1;
            wrong(&format!("answer {n} with another content"), with(&other));
        }
        for word in &expected.words {
            let text = String::from_utf8_lossy(&answers[n]).into_owned();
            let with_line = |line: &str| {
                let text = text.replacen("\r\nDate", &format!("\r\n{line}\r\nDate"), 1);
                with(text.as_bytes())
            };
            let without = |name: &str| {
                let lines = text.split_inclusive("\r\n");
                let kept: String =
                    lines.filter(|line| !line.starts_with(&format!("{name}:"))).collect();
                with(kept.as_bytes())
            };
            match word {
                Word::Has(name) => wrong(&format!("answer {n} without {name}"), without(name)),
                Word::No(name) => {
                    wrong(&format!("answer {n} with {name}"), with_line(&format!("{name}: a")));
                }
                Word::Is(name, _) | Word::Lists(name, _) => {
                    wrong(&format!("answer {n} without {name}"), without(name));
                }
                Word::AsGet | Word::ValidatorsAsGet if matches!(told, 200 | 206 | 304) => {
                    wrong(&format!("answer {n} without ETag"), without("ETag"));
                }
                Word::Unsatisfied if told == 416 => {
                    let other = text.replace("bytes */120", "bytes */121");
                    wrong(&format!("answer {n} with another length"), with(other.as_bytes()));
                }
                Word::AsFirst => {
                    let text = text.replacen("\r\nContent-Length: ", "\r\nContent-Length: 9", 1);
                    wrong(&format!("answer {n} of another length"), with(text.as_bytes()));
                }
                Word::No1xx => {
                    let early = [b"HTTP/1.1 100 Continue\r\n\r\n", &*answers[n]].concat();
                    wrong(&format!("answer {n} behind a 100"), with(&early));
                }
                Word::Head if told == 200 => {
                    let more = [&*answers[n], &*content()].concat();
                    wrong(&format!("answer {n} with content"), with(&more));
                }
                Word::Lacks(text) if told == 200 => {
                    wrong(
                        &format!("answer {n} with {text}"),
                        with(&answer(200, "", text.as_bytes())),
                    );
                }
                _ => {}
            }
        }
    }
    let extra = answer(404, "", b"no such file");
    match want.end {
        End::Close => {
            wrong("goes on", goes_on(&all));
            wrong("answers more", ([&*all, &*extra].concat(), closed, true));
            wrong("is silent", (all.clone(), Ended::Silent, true));
        }
        End::Open => {
            wrong("closes", (all.clone(), closed, true));
            wrong("goes on out of step", ([&*all, &*extra].concat(), Ended::Open, true));
            wrong("is silent", (all.clone(), Ended::Silent, true));
        }
        End::Either => {
            wrong("goes on out of step", ([&*all, &*extra].concat(), Ended::Open, true));
            let all = [&*all, &*extra, &*the_file()].concat();
            wrong("answers what it was not asked", (all, Ended::Open, true));
            wrong("garbage behind", ([&*answers.concat(), b"x\r\n"].concat(), closed, true));
            wrong("is silent", (answers.concat(), Ended::Silent, true));
        }
        End::Ended => wrong("stays open", (all.clone(), Ended::Silent, false)),
    }
    wrongs
}

fn status_of(answer: &[u8]) -> u16 {
    // Behind any interim answer.
    let text = String::from_utf8_lossy(answer);
    let line = text.lines().find(|line| line.starts_with("HTTP/") && !line.contains(" 100 "));
    line.and_then(|line| line.get(9..12)).and_then(|digits| digits.parse().ok()).unwrap()
}

#[test]
fn the_table_is_well_formed() {
    let mut ids = HashSet::new();
    for case in cases() {
        assert!(ids.insert(case.id), "{} stands twice", case.id);
        let (rfc, section) = case.section.split_once(' ').unwrap();
        assert!(matches!(rfc, "9110" | "9112"), "{}", case.id);
        assert!(section.split('.').all(|part| part.parse::<u8>().is_ok()), "{}", case.id);
        let want = want(case);
        assert!(!want.answers.is_empty(), "{}", case.id);
        let trial = Trial::new(case, &subject()).unwrap();
        let text = String::from_utf8_lossy(&trial.sending().bytes()).into_owned();
        assert!(!text.contains(['{', '}']) || case.sent.contains("{x7B}"), "{}: {text}", case.id);
        let ends = trial.sending().pieces.contains(&Piece::End);
        assert_eq!(ends, want.end == End::Ended, "{}: ended is where our side ends", case.id);
        // A head comes to its end, or nothing would come for it.
        let whole =
            ends || text.contains("\r\n\r\n") || text.contains("\n\n") || text.len() > 100_000;
        assert!(whole, "{}: {text}", case.id);
    }
    for law in laws() {
        assert!(ids.insert(law.id) && law.id.starts_with("every-"), "{}", law.id);
    }
    let must = cases().filter(|case| case.level == Level::Must).count();
    assert!(must >= 400 && ids.len() >= 700, "{must} of {}", ids.len());
}

#[test]
fn right_conduct_passes_every_case() {
    for case in cases() {
        let trial = Trial::new(case, &subject()).unwrap();
        for (received, ended, asked) in rights(&trial) {
            let verdict = trial.verdict(&received, ended, asked);
            let shown = received.escape_ascii();
            assert_eq!(verdict, Verdict::Passed, "{} {ended:?}: {shown}", case.id);
        }
    }
}

#[test]
fn false_conduct_fails_every_case() {
    let mut tried = 0;
    for case in cases() {
        let trial = Trial::new(case, &subject()).unwrap();
        for (name, (received, ended, asked)) in wrongs(&trial) {
            let verdict = trial.verdict(&received, ended, asked);
            let shown = received.escape_ascii();
            assert_ne!(verdict, Verdict::Passed, "{}: {name}: {shown}", case.id);
            tried += 1;
        }
    }
    assert!(tried > 4_000, "{tried}");
}

#[test]
fn an_answer_that_is_cut_anywhere_fails() {
    for case in cases() {
        let trial = Trial::new(case, &subject()).unwrap();
        let want = want(case);
        let sent = trial.sending().bytes();
        let all: Vec<u8> =
            want.answers.iter().flat_map(|expected| right(expected, &sent)).collect();
        let asked = want.end != End::Ended;
        for cut in 1..all.len() {
            let verdict = trial.verdict(&all[..cut], Ended::Closed, asked);
            let first = right(&want.answers[0], &sent).len();
            // Between two answers of several a server may close.
            if let (Verdict::Failed(broken), true) = (&verdict, cut >= first) {
                assert!(!broken.what.is_empty());
                continue;
            }
            assert_ne!(verdict, Verdict::Passed, "{} cut at {cut}", case.id);
        }
    }
}

#[test]
fn what_is_next_is_the_same_however_it_comes() {
    for case in cases() {
        let trial = Trial::new(case, &subject()).unwrap();
        let want = want(case);
        let sent = trial.sending().bytes();
        let all: Vec<u8> =
            want.answers.iter().flat_map(|expected| right(expected, &sent)).collect();
        for cut in 0..all.len() {
            assert_eq!(trial.next(&all[..cut], false), Next::Read, "{} at {cut}", case.id);
        }
        let behind = match want.end {
            End::Ended => Next::Read,
            _ => Next::Ask,
        };
        assert_eq!(trial.next(&all, false), behind, "{}", case.id);
        assert_eq!(trial.next(&all, true), Next::Read, "{}", case.id);
        let more = [&*all, &*the_file()].concat();
        assert_eq!(trial.next(&more, true), Next::Done, "{}", case.id);
    }
}

#[test]
fn closing_where_it_should_go_on_is_no_broken_must() {
    let trial = trial("get");
    let Verdict::Failed(broken) = trial.verdict(&the_file(), Ended::Closed, true) else {
        panic!("it passed");
    };
    assert_eq!((broken.level, broken.section), (Level::Should, "9112 9.3"));
    let two = self::trial("pipelined");
    let Verdict::Failed(broken) = two.verdict(&the_file(), Ended::Closed, false) else {
        panic!("it passed");
    };
    assert_eq!((broken.level, broken.section), (Level::Should, "9112 9.3"));
}

#[test]
fn who_says_close_need_not_answer_what_stands_behind() {
    let trial = trial("content-then-request");
    let refused = answer(405, "Allow: GET\r\nConnection: close\r\n", b"no");
    assert_eq!(trial.verdict(&refused, Ended::Closed, false), Verdict::Passed);
    let silent = answer(405, "Allow: GET\r\n", b"no");
    assert_ne!(trial.verdict(&silent, Ended::Closed, false), Verdict::Passed);
}

#[test]
fn ranges_may_come_alone_or_joined_but_not_wrongly() {
    let trial = trial("ranges-right");
    let file = content();
    let verdict = |fields: &str, body: &[u8]| {
        let received = [answer(206, fields, body), the_file()].concat();
        trial.verdict(&received, Ended::Open, true)
    };
    let plain = "Content-Type: text/plain\r\nContent-Range: bytes 0-49/120\r\n";
    assert_eq!(verdict(plain, &file[..50]), Verdict::Passed);
    assert_ne!(verdict(plain, &file[1..51]), Verdict::Passed, "other bytes");
    let short = "Content-Type: text/plain\r\nContent-Range: bytes 0-39/120\r\n";
    assert_ne!(verdict(short, &file[..40]), Verdict::Passed, "a range is missing");
    let multi = "Content-Type: multipart/byteranges; boundary=\"b c\"\r\n";
    let part = |from: usize, to: usize| {
        let head = format!("--b c\r\nContent-Range: bytes {from}-{}/120\r\n\r\n", to - 1);
        [head.as_bytes(), &file[from..to], b"\r\n"].concat()
    };
    let body = [part(0, 30), part(40, 50), b"--b c--".to_vec()].concat();
    assert_eq!(verdict(multi, &body), Verdict::Passed, "two joined");
    let body = [part(20, 30), part(0, 10), part(40, 50), b"--b c--".to_vec()].concat();
    assert_ne!(verdict(multi, &body), Verdict::Passed, "another order");
    let body = [part(0, 10), part(20, 30), part(40, 50)].concat();
    assert_ne!(verdict(multi, &body), Verdict::Passed, "no last boundary");
    let body = [part(0, 10), part(20, 30), part(40, 49), b"x--b c--".to_vec()].concat();
    assert_ne!(verdict(multi, &body), Verdict::Passed, "a part too short");
}

/// (What is wrong, the answer): none is read.
const BROKEN: &[(&str, &str)] = &[
    ("no version", "HTTP/x.1 200 OK\r\n\r\n"),
    ("another protocol", "ICY 200 OK\r\n\r\n"),
    ("a small name", "http/1.1 200 OK\r\n\r\n"),
    ("two spaces", "HTTP/1.1  200 OK\r\n\r\n"),
    ("a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"),
    ("a status of four", "HTTP/1.1 2000 OK\r\n\r\n"),
    ("a status of 600", "HTTP/1.1 600 OK\r\n\r\n"),
    ("no space behind the status", "HTTP/1.1 200\r\n\r\n"),
    ("a control in the reason", "HTTP/1.1 200 O\u{1}K\r\n\r\n"),
    ("a CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n"),
    ("LF for line ends", "HTTP/1.1 200 OK\n\n"),
    ("LF behind a field", "HTTP/1.1 200 OK\r\nA: b\n\r\n"),
    ("a CR in a field", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n"),
    ("a folded field", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"),
    ("space before the colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"),
    ("no colon", "HTTP/1.1 200 OK\r\nA\r\n\r\n"),
    ("no name", "HTTP/1.1 200 OK\r\n: b\r\n\r\n"),
    ("a NUL in a value", "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n"),
    ("a length of letters", "HTTP/1.1 200 OK\r\nContent-Length: a\r\n\r\n"),
    ("a length with a sign", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na"),
    ("a chunk without a size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n"),
    ("a chunk size with a sign", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na"),
    (
        "a chunk that is too long",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    ),
    ("a broken trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA : b\r\n\r\n"),
];

#[test]
fn what_no_server_may_send_is_no_answer() {
    for (what, bytes) in BROKEN {
        let read = read_answer(bytes.as_bytes(), false, true);
        assert!(matches!(read, Read::Broken(_)), "{what}: {read:?}");
        // Nor is it waited for more of it, wherever it is cut behind the fault.
        assert!(matches!(read_answer(bytes.as_bytes(), false, false), Read::Broken(_)), "{what}");
    }
}

#[test]
fn what_is_an_answer_when_whole_was_none_too_few_bytes_before() {
    for text in
        ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/0.9 191 \r\n\r\n", "HTTP/2.0 200 OK\r\nA:b\r\n\r\n"]
    {
        for cut in 0..text.len() {
            let read = read_answer(&text.as_bytes()[..cut], true, false);
            assert_eq!(read, Read::Partial, "{:?}", &text[..cut]);
        }
        assert!(matches!(read_answer(text.as_bytes(), true, false), Read::Whole(..)), "{text:?}");
    }
}

#[test]
fn answers_end_where_their_head_says() {
    let ends = |text: &str, head: bool, ended: bool| match read_answer(text.as_bytes(), head, ended)
    {
        Read::Whole(answer, used) => Some((answer.content.into_owned(), used)),
        _ => None,
    };
    let ok = "HTTP/1.1 200 OK\r\n";
    assert_eq!(
        ends(&format!("{ok}Content-Length: 2\r\n\r\nabc"), false, false),
        Some((b"ab".to_vec(), 40))
    );
    assert_eq!(ends(&format!("{ok}Content-Length: 2\r\n\r\na"), false, true), None, "cut");
    assert_eq!(ends(&format!("{ok}Content-Length: 2\r\n\r\n"), true, false).unwrap().0, b"");
    assert_eq!(ends(&format!("{ok}\r\nabc"), false, false), None, "until closed");
    assert_eq!(ends(&format!("{ok}\r\nabc"), false, true).unwrap().0, b"abc");
    let chunked =
        format!("{ok}Transfer-Encoding: gzip, Chunked\r\n\r\n2;a=b\r\nab\r\n0\r\nA: b\r\n\r\nHTTP");
    assert_eq!(ends(&chunked, false, false).unwrap().0, b"ab");
    for status in ["100 Continue", "204 No", "304 Not"] {
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: 9\r\n\r\n");
        assert_eq!(ends(&text, false, false), Some((Vec::new(), text.len())));
    }
}

/// A law, and the lines of an answer that breaks it.
const BREACHES: &[(&str, &str)] = &[
    (
        "every-transfer-encoding-alone",
        "200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ),
    ("every-bodiless-without-transfer-encoding", "204 No\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("every-chunked-last", "200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ("every-field-once", "200 OK\r\nETag: \"a\"\r\nETag: \"a\"\r\nContent-Length: 0\r\n\r\n"),
    ("every-date", "404 No\r\nContent-Length: 0\r\n\r\n"),
    (
        "every-date-format",
        "200 OK\r\nDate: Sunday, 06-Nov-94 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n",
    ),
    (
        "every-date-format",
        "200 OK\r\nDate: Sun, 6 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n",
    ),
    (
        "every-last-modified-past",
        "200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nLast-Modified: Sun, 06 Nov 1994 08:49:38 GMT\r\nContent-Length: 0\r\n\r\n",
    ),
    ("every-etag-format", "200 OK\r\nETag: abc\r\nContent-Length: 0\r\n\r\n"),
    ("every-etag-format", "200 OK\r\nETag: w/\"abc\"\r\nContent-Length: 0\r\n\r\n"),
    ("every-etag-format", "200 OK\r\nETag: \"a\"b\"\r\nContent-Length: 0\r\n\r\n"),
    (
        "every-connection-field-listed",
        "200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n",
    ),
    ("every-connection-tokens", "200 OK\r\nConnection: a b\r\nContent-Length: 0\r\n\r\n"),
    ("every-content-type", "200 OK\r\nContent-Length: 1\r\n\r\na"),
    ("every-content-type-format", "200 OK\r\nContent-Type: text\r\nContent-Length: 0\r\n\r\n"),
    ("every-identity-unsaid", "200 OK\r\nContent-Encoding: identity\r\nContent-Length: 0\r\n\r\n"),
    ("every-bodiless-without-length", "204 No\r\nContent-Length: 0\r\n\r\n"),
    ("every-length-as-get", "304 Not\r\nContent-Length: 0\r\n\r\n"),
    ("every-length-digits", "304 Not\r\nContent-Length: a\r\n\r\n"),
    ("every-allow-tokens", "405 No\r\nAllow: GET HEAD\r\nContent-Length: 0\r\n\r\n"),
    ("every-405-allow", "405 No\r\nContent-Length: 0\r\n\r\n"),
    ("every-401-challenge", "401 No\r\nContent-Length: 0\r\n\r\n"),
    ("every-upgrade-said", "426 No\r\nContent-Length: 0\r\n\r\n"),
    (
        "every-content-range-format",
        "206 Part\r\nContent-Range: bytes 0-9\r\nContent-Length: 0\r\n\r\n",
    ),
    (
        "every-content-range-format",
        "206 Part\r\nContent-Range: bytes 0-9/9\r\nContent-Length: 0\r\n\r\n",
    ),
    (
        "every-content-range-format",
        "206 Part\r\nContent-Range: bytes 5-4/9\r\nContent-Length: 0\r\n\r\n",
    ),
    ("every-206-range", "206 Part\r\nContent-Length: 0\r\n\r\n"),
    (
        "every-206-range",
        "206 Part\r\nContent-Type: multipart/byteranges; boundary=a\r\nContent-Range: bytes 0-0/1\r\nContent-Length: 0\r\n\r\n",
    ),
    ("every-416-length", "416 No\r\nContent-Length: 0\r\n\r\n"),
    ("every-accept-ranges-tokens", "200 OK\r\nAccept-Ranges: a b\r\nContent-Length: 0\r\n\r\n"),
    ("every-vary-tokens", "200 OK\r\nVary: a b\r\nContent-Length: 0\r\n\r\n"),
    ("every-redirect-location", "301 Moved\r\nContent-Length: 0\r\n\r\n"),
    ("every-location-format", "301 Moved\r\nLocation: /a b\r\nContent-Length: 0\r\n\r\n"),
    ("every-error-explained", "404 No\r\nContent-Length: 0\r\n\r\n"),
    ("every-coded-varies", "200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"),
    (
        "every-coding-own-tag",
        "200 OK\r\nContent-Encoding: gzip\r\nETag: \"x1\"\r\nContent-Length: 0\r\n\r\n",
    ),
    ("every-length-delimited", "200 OK\r\n\r\nabc"),
    ("every-close-said", "200 OK\r\nContent-Length: 0\r\n\r\n"),
];

#[test]
fn every_law_is_broken_by_an_answer_and_kept_by_a_good_one() {
    let broken = |trial: &Trial, received: &[u8], ended| {
        let broken = trial.broken_laws(received, ended).into_iter();
        broken.map(|(law, _)| law.id).collect::<Vec<_>>()
    };
    let get = trial("get");
    for (id, text) in BREACHES {
        let received = format!("HTTP/1.1 {text}");
        let found = broken(&get, received.as_bytes(), Ended::Closed);
        assert!(found.contains(id), "{id}: {text}: {found:?}");
    }
    assert!(
        broken(&get, b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Ended::Open)
            .contains(&"every-version")
    );
    let old = trial("expect-in-1.0");
    let received = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let found = broken(&old, received, Ended::Closed);
    assert!(
        found.contains(&"every-no-1xx-to-1.0") && found.contains(&"every-transfer-encoding-to-1.1"),
        "{found:?}"
    );
    let head = trial("head");
    let received = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n";
    assert!(broken(&head, received, Ended::Open).contains(&"every-length-as-get"));
    let mut tested: HashSet<&str> = BREACHES.iter().map(|(id, _)| *id).collect();
    let received = [answer(200, "Connection: close\r\n", b"a"), the_file()].concat();
    assert!(broken(&get, &received, Ended::Open).contains(&"every-close-kept"));
    tested.extend([
        "every-close-kept",
        "every-version",
        "every-no-1xx-to-1.0",
        "every-transfer-encoding-to-1.1",
    ]);
    for law in laws() {
        assert!(tested.contains(law.id), "{} is broken by no test", law.id);
    }
    assert_eq!(broken(&get, &the_file(), Ended::Open), [""; 0]);
    for case in cases() {
        let trial = Trial::new(case, &subject()).unwrap();
        for (received, ended, _) in rights(&trial) {
            let found = broken(&trial, &received, ended);
            let found: Vec<_> = found.into_iter().filter(|id| *id != "every-close-said").collect();
            assert_eq!(found, [""; 0], "{}: {}", case.id, received.escape_ascii());
        }
    }
}

fn sent(text: &'static str) -> String {
    let sending = Sending::new(text, &subject()).unwrap();
    String::from_utf8(sending.bytes()).unwrap()
}

#[test]
fn a_case_is_sent_as_it_is_written() {
    assert_eq!(sent("{GET}\n"), "GET /a/file.txt HTTP/1.1\r\nHost: host:80\r\n\r\n");
    assert_eq!(sent("a{CR}b{LF}c{TAB}{x41}{a b*3}"), "a\rb\nc\tAa ba ba b");
    assert_eq!(sent("{A: b\n*2}"), "A: b\r\nA: b\r\n");
    assert_eq!(sent("GET {path-pct} {path-pct-small}"), "GET /a/file.tx%74 /a/file.tx%74");
    assert_eq!(sent("{name} {size} {last} {etag} W/{opaque}"), "host 120 119 \"x1\" W/\"x1\"");
    assert_eq!(sent("{opaque-longer} {opaque-shorter}"), "\"ax1\" \"1\"");
    assert_eq!(sent("{modified}"), MODIFIED);
    assert_eq!(sent("{modified-850}"), "Sunday, 06-Nov-94 08:49:37 GMT");
    assert_eq!(sent("{modified-asc}"), "Sun Nov  6 08:49:37 1994");
    assert_eq!(sent("{scheme}://{host} {scheme-case}{unsecured}"), "http://host:80 hTTp");
    let line = sent("GET {path}?{fill:8000} HTTP/1.1");
    assert_eq!(line.len(), 8000);
    let length: usize = sent("{smuggled-length}").parse().unwrap();
    assert_eq!(length, sent("{smuggled}").len());
    assert_eq!(usize::from_str_radix(&sent("{smuggled-hex}"), 16), Ok(length));
    let waits = Sending::new("a{wait}b{end}", &subject()).unwrap();
    let bytes = |text: &str| Piece::Bytes(text.into());
    assert_eq!(waits.pieces, [bytes("a"), Piece::Wait, bytes("b"), Piece::End]);
}

#[test]
fn cuts_keep_all_bytes_and_their_order() {
    let sending = Sending::new("abc{wait}de{end}", &subject()).unwrap();
    for at in 0..=5 {
        let cut = sending.cut(at);
        assert_eq!(cut.bytes(), b"abcde", "at {at}");
        let more = usize::from(matches!(at, 1 | 2 | 4));
        assert_eq!(cut.pieces.len(), sending.pieces.len() + more, "at {at}");
    }
    let alone = (1..5).fold(sending, |all, at| all.cut(at));
    assert_eq!(alone.pieces.len(), 5 + 2);
}

#[test]
fn dates_are_read_letter_for_letter() {
    for text in [
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 0é Nov 1994 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "",
    ] {
        assert_eq!(Moment::read(text), None, "{text}");
    }
    let moments = [
        "Sat, 31 Dec 1994 23:59:60 GMT",
        "Sun, 01 Jan 1995 00:00:00 GMT",
        "Mon, 02 Jan 1995 00:00:00 GMT",
    ];
    let moments: Vec<_> = moments.iter().map(|text| Moment::read(text).unwrap()).collect();
    assert!(moments.is_sorted());
}
