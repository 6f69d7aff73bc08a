//! A case tried on a subject: what is sent, when enough has come, and whether it was right.

use std::fmt;
use std::sync::Arc;

use super::answer::{Answer, Read, read_answer, shown};
use super::sending::{Moment, NO_DATE, Sending};
use super::subject::Subject;
use super::want::{End, Expected, Want, Word};
use super::{Case, Level, laws};

/// How a connection ended, as far as it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It is open, and more may come.
    Open,
    /// The server closed it.
    Closed,
    /// The server reset it.
    Reset,
    /// Nothing came for as long as was waited.
    Silent,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Read on.
    Read,
    /// Send [`Subject::question`] and read on: is the connection still one, and in step?
    Ask,
    /// Enough is known.
    Done,
}

/// What a case came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As demanded.
    Passed,
    /// Not as demanded.
    Failed(Broken),
}

/// What was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// How binding it was. A case that is a MUST may fail in what is only a SHOULD.
    pub level: Level,
    /// Where it is demanded.
    pub section: &'static str,
    /// What came instead, in words.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// A case and the file it is tried on.
#[derive(Debug, Clone)]
pub struct Trial {
    case: &'static Case,
    subject: Arc<Subject>,
    want: Want,
    sending: Sending,
}

/// The answers in what was received.
struct Answers<'a> {
    /// Interim ones and final ones, in order.
    all: Vec<Answer<'a>>,
    /// What stands behind them, if anything does.
    rest: Option<Result<&'a [u8], String>>,
}

impl<'a> Answers<'a> {
    fn finals(&self) -> impl Iterator<Item = &Answer<'a>> {
        self.all.iter().filter(|answer| answer.status >= 200)
    }

    /// The interim answers before the final answer `n`.
    fn before(&self, n: usize) -> impl Iterator<Item = &Answer<'a>> {
        let mut finals = 0;
        self.all.iter().filter(move |answer| {
            let here = finals == n;
            let interim = answer.status < 200;
            finals += usize::from(!interim);
            here && interim
        })
    }
}

impl Trial {
    /// Errors: what the case needs and this server does not tell, such as `an entity tag`.
    pub fn new(case: &'static Case, subject: &Arc<Subject>) -> Result<Trial, &'static str> {
        let sending = Sending::new(case.sent, subject)?;
        // "A recipient MUST ignore the If-Unmodified-Since header field if the resource does not have a
        // modification date available" (RFC 9110 section 13.1.4): then nothing is there to fail.
        let fails_by_date = case.want.starts_with("412")
            && case.sent.contains("If-Unmodified-Since:")
            && !case.sent.contains("If-Match:");
        if fails_by_date && subject.field("last-modified").and_then(Moment::read).is_none() {
            return Err(NO_DATE);
        }
        // The tests read every expectation of the table.
        let want = Want::read(case.want).ok_or("an expectation that can be read")?;
        Ok(Trial { case, subject: subject.clone(), want, sending })
    }

    /// The case.
    pub fn case(&self) -> &'static Case {
        self.case
    }

    /// The file.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What is sent.
    pub fn sending(&self) -> &Sending {
        &self.sending
    }

    /// How many answers are whole, interim ones included: what [`Piece::Wait`](super::Piece::Wait) waits for.
    pub fn answers(&self, received: &[u8]) -> usize {
        self.read(received, false).all.len()
    }

    /// What to do when `received` came; `asked`: [`Next::Ask`] was done.
    pub fn next(&self, received: &[u8], asked: bool) -> Next {
        let answers = self.read(received, false);
        if matches!(answers.rest, Some(Err(_))) {
            return Next::Done;
        }
        let wanted = self.want.answers.len();
        let mut finals = 0;
        for (answer, expected) in answers.finals().zip(&self.want.answers) {
            if !expected.statuses.hold(answer.status) {
                return Next::Done;
            }
            finals += 1;
        }
        match (answers.finals().count(), self.want.end) {
            _ if finals < wanted => Next::Read,
            (count, _) if count > wanted => Next::Done,
            (_, End::Ended) => Next::Read,
            _ if asked => Next::Read,
            _ => Next::Ask,
        }
    }

    /// Whether it was right: `received` is all that came, `asked` as in [`next`](Self::next).
    pub fn verdict(&self, received: &[u8], ended: Ended, asked: bool) -> Verdict {
        match self.judge(received, ended, asked) {
            Ok(()) => Verdict::Passed,
            Err(broken) => Verdict::Failed(broken),
        }
    }

    /// The laws that an answer in `received` breaks, with what it did.
    pub fn broken_laws(&self, received: &[u8], ended: Ended) -> Vec<(&'static laws::Law, String)> {
        let closed = matches!(ended, Ended::Closed | Ended::Reset);
        let answers = self.read(received, closed);
        let mut broken = Vec::new();
        let sent = self.sending.bytes();
        let line = sent.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let old = line.ends_with(b" HTTP/1.0\r");
        let last = answers.all.len();
        let mut finals = 0;
        for (n, answer) in answers.all.iter().enumerate() {
            let about = laws::About {
                subject: &self.subject,
                head: self.is_head(finals),
                // Only the first request of a case is ever of 1.0.
                old: old && finals == 0,
                closed: closed && n + 1 == last && self.want.end != End::Ended,
                followed: n + 1 < last,
            };
            finals += usize::from(answer.status >= 200);
            broken.extend(laws::broken(answer, &about));
        }
        broken
    }

    fn is_head(&self, n: usize) -> bool {
        self.want.answers.get(n).is_some_and(Expected::is_head)
    }

    fn read<'b>(&self, received: &'b [u8], closed: bool) -> Answers<'b> {
        let mut answers = Answers { all: Vec::new(), rest: None };
        let (mut at, mut finals) = (0, 0);
        while at < received.len() {
            match read_answer(&received[at..], self.is_head(finals), closed) {
                Read::Whole(answer, used) => {
                    finals += usize::from(answer.status >= 200);
                    answers.all.push(answer);
                    at += used;
                }
                Read::Partial => {
                    answers.rest = Some(Ok(&received[at..]));
                    break;
                }
                Read::Broken(why) => {
                    answers.rest = Some(Err(why));
                    break;
                }
            }
        }
        answers
    }

    fn broken(&self, what: impl Into<String>) -> Broken {
        Broken { level: self.case.level, section: self.case.section, what: what.into() }
    }

    /// The connection did not go on where it should have: never worse than a SHOULD.
    fn not_persistent(&self, what: String) -> Broken {
        Broken { level: self.case.level.max(Level::Should), section: "9112 9.3", what }
    }

    fn judge(&self, received: &[u8], ended: Ended, asked: bool) -> Result<(), Broken> {
        let closed = matches!(ended, Ended::Closed | Ended::Reset);
        let answers = self.read(received, closed);
        let finals: Vec<&Answer<'_>> = answers.finals().collect();
        let mut answered = true;
        for (n, expected) in self.want.answers.iter().enumerate() {
            let Some(answer) = finals.get(n) else {
                self.unanswered(&answers, n, expected, ended)?;
                answered = false;
                break;
            };
            let interim: Vec<u16> = answers.before(n).map(|answer| answer.status).collect();
            self.answer(expected, answer, (finals[0], &interim))
                .map_err(|what| self.broken(said(n, self.want.answers.len(), what)))?;
        }
        match &answers.rest {
            Some(Err(why)) => return Err(self.broken(format!("what came is no answer: {why}"))),
            Some(Ok(rest)) if answered => {
                let what = format!("behind the answer came `{}`", shown(rest));
                return Err(self.broken(what));
            }
            _ => {}
        }
        if !answered {
            return Ok(());
        }
        self.end(&finals[self.want.answers.len()..], ended, asked)
    }

    /// There is no answer `n`.
    fn unanswered(
        &self,
        answers: &Answers<'_>,
        n: usize,
        expected: &Expected,
        ended: Ended,
    ) -> Result<(), Broken> {
        match &answers.rest {
            Some(Err(why)) => {
                return Err(self.broken(format!("what came is no answer: {why}")));
            }
            Some(Ok(rest)) => {
                let what = format!("the answer is cut: `{}`", shown(rest));
                return Err(self.broken(said(n, self.want.answers.len(), what)));
            }
            None => {}
        }
        let what = |what: &str| said(n, self.want.answers.len(), what.into());
        // Who said that it closes has answered what it will.
        let told = n > 0 && answers.finals().nth(n - 1).is_some_and(says_close);
        match ended {
            Ended::Closed | Ended::Reset if told && self.want.end == End::Either => Ok(()),
            Ended::Closed | Ended::Reset if expected.none => Ok(()),
            // Who sent more before the answer to the first has to send it again elsewhere.
            Ended::Closed if n > 0 => {
                Err(self.not_persistent(what("no answer: the connection was closed before it")))
            }
            Ended::Closed => Err(self.broken(what("no answer: the connection was closed"))),
            Ended::Reset => Err(self.broken(what("no answer: the connection was reset"))),
            Ended::Open | Ended::Silent => Err(self.broken(what("no answer"))),
        }
    }

    fn answer(
        &self,
        expected: &Expected,
        answer: &Answer<'_>,
        (first, interim): (&Answer<'_>, &[u16]),
    ) -> Result<(), String> {
        let status = answer.status;
        if !expected.statuses.hold(status) {
            return Err(format!("{status}"));
        }
        expected.words.iter().try_for_each(|word| self.word(word, answer, (first, interim)))
    }

    fn word(
        &self,
        word: &Word,
        answer: &Answer<'_>,
        (first, interim): (&Answer<'_>, &[u16]),
    ) -> Result<(), String> {
        let status = answer.status;
        let file = self.subject.content.as_slice();
        let text = |value: Option<&[u8]>| value.map(shown).unwrap_or("none".into());
        match word {
            Word::Head => Ok(()),
            Word::File if status == 200 && answer.content != file => {
                let have = answer.content.len();
                Err(format!("200 whose content is not the file ({have} bytes, not {})", file.len()))
            }
            Word::Part(span) if status == 206 => {
                let (from, to) = span.of(file.len());
                part(answer.get("content-range"), &answer.content, file, (from, to))
            }
            Word::Parts(spans) if status == 206 => {
                let spans: Vec<_> = spans.iter().map(|span| span.of(file.len())).collect();
                parts(answer, file, &spans)
            }
            Word::Unsatisfied if status == 416 => {
                let range = answer.get("content-range");
                let want = format!("bytes */{}", file.len());
                // That it is told at all is a law of its own, and less binding.
                match range.is_none_or(|range| range == want.as_bytes()) {
                    true => Ok(()),
                    false => Err(format!("416 with Content-Range {}, not {want}", text(range))),
                }
            }
            // An error explains itself.
            Word::Empty if status < 400 && !answer.content.is_empty() => {
                Err(format!("{status} with {} bytes of content", answer.content.len()))
            }
            Word::Trace if status == 200 => {
                let sent = self.sending.bytes();
                let line = sent.split(|byte| *byte == b'\r').next().unwrap_or_default();
                match answer.content.starts_with(line) {
                    true => Ok(()),
                    false => Err(format!("200 with `{}`", shown(&answer.content))),
                }
            }
            Word::Has(name) if answer.get(name).is_none() => {
                Err(format!("{status} without {name}"))
            }
            Word::No(name) if answer.get(name).is_some() => {
                Err(format!("{status} with {name}: {}", text(answer.get(name))))
            }
            Word::Is(name, value) if answer.get(name) != Some(value.as_bytes()) => {
                Err(format!("{status} with {name}: {}", text(answer.get(name))))
            }
            Word::Lists(name, token) if !answer.lists(name, token) => {
                Err(format!("{status} with {name}: {}", text(answer.get(name))))
            }
            Word::Lacks(text)
                if memchr::memmem::find(&answer.content, text.as_bytes()).is_some() =>
            {
                Err(format!("{status} whose content has `{text}`"))
            }
            Word::AsGet => self.as_get(answer, false),
            Word::ValidatorsAsGet => self.as_get(answer, true),
            Word::AsFirst if status != first.status => {
                Err(format!("{status}, where GET had {}", first.status))
            }
            Word::AsFirst => {
                let length = answer.get("content-length");
                let want = first.content.len().to_string();
                match length.is_none_or(|length| length == want.as_bytes()) {
                    true => Ok(()),
                    false => {
                        Err(format!("{status} with Content-Length {}, not {want}", text(length)))
                    }
                }
            }
            Word::After100 if !interim.contains(&100) => Err(format!("{status} without a 100")),
            Word::No1xx if !interim.is_empty() => {
                Err(format!("an interim {} came before", interim[0]))
            }
            _ => Ok(()),
        }
    }

    /// Whether the fields are those of the 200 to GET: all of them where this is one, for a 206 those of the
    /// representation, and for a 304, or if `lean`, those that caches need.
    fn as_get(&self, answer: &Answer<'_>, lean: bool) -> Result<(), String> {
        const CACHES: [&str; 5] = ["cache-control", "content-location", "etag", "expires", "vary"];
        const SHAPE: [&str; 4] =
            ["content-type", "content-encoding", "content-language", "last-modified"];
        const CHANGING: [&str; 5] = ["date", "connection", "keep-alive", "age", "set-cookie"];
        let status = answer.status;
        let of = |list: &[&str], name: &str| list.iter().any(|of| of.eq_ignore_ascii_case(name));
        let matters = |name: &str| match status {
            200 if !lean => !of(&CHANGING, name),
            206 if !lean => of(&CACHES, name) || of(&SHAPE, name),
            200 | 206 | 304 => of(&CACHES, name),
            _ => false,
        };
        // In an answer to HEAD it is optional (RFC 9110 section 8.6), as is all that is known only once the
        // content is made (section 9.3.2): no MUST, and of a page that is made no SHOULD either.
        let optional = |name: &str| {
            of(&["content-length", "transfer-encoding"], name)
                && (self.case.level == Level::Must || self.subject.is_made())
        };
        for (name, value) in self.subject.fields.iter().filter(|(name, _)| matters(name)) {
            match answer.get(name) {
                None if optional(name) && answer.content.is_empty() => {}
                None => {
                    return Err(format!("{status} without {name}, which the answer to GET has"));
                }
                // A tag may become strong once nobody can change the file unseen any more.
                Some(other)
                    if name.eq_ignore_ascii_case("etag") && opaque(other) == opaque(value) => {}
                Some(other) if other != value => {
                    let (other, value) = (shown(other), shown(value));
                    return Err(format!("{status} with {name}: {other}, not {value}"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// What became of the connection behind the answers; `more`: final answers behind them.
    fn end(&self, more: &[&Answer<'_>], ended: Ended, asked: bool) -> Result<(), Broken> {
        let closed = matches!(ended, Ended::Closed | Ended::Reset);
        let end = self.want.end;
        match more {
            [] => {}
            [answer] if asked && matches!(end, End::Open | End::Either) => {
                if answer.status != 200 || answer.content != self.subject.content {
                    let what = format!(
                        "the next request was answered with {}, not with the file: where this one \
                         ends was mistaken",
                        answer.status
                    );
                    return Err(self.broken(what));
                }
                return Ok(());
            }
            [answer, ..] if asked && matches!(end, End::Close) => {
                let what = format!("the connection went on: then came {}", answer.status);
                return Err(self.broken(what));
            }
            [answer, ..] => {
                return Err(self.broken(format!("a further answer came: {}", answer.status)));
            }
        }
        match end {
            End::Close | End::Ended if !closed => Err(self.broken("the connection was not closed")),
            End::Open if closed => {
                Err(self.not_persistent("the connection was closed behind the answer".into()))
            }
            End::Open | End::Either if !closed => {
                Err(self.broken("the next request on the connection got no answer"))
            }
            _ => Ok(()),
        }
    }
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

fn says_close(answer: &Answer<'_>) -> bool {
    answer.lists("connection", "close") || answer.version < (1, 1)
}

fn said(n: usize, of: usize, what: String) -> String {
    match of {
        1 => what,
        _ => format!("answer {}: {what}", n + 1),
    }
}

/// Whether this is the part of the file, and said so.
fn part(
    range: Option<&[u8]>,
    content: &[u8],
    file: &[u8],
    (from, to): (usize, usize),
) -> Result<(), String> {
    let last = to.saturating_sub(1);
    let told = [format!("bytes {from}-{last}/{}", file.len()), format!("bytes {from}-{last}/*")];
    let right = range.is_some_and(|range| told.iter().any(|told| told.as_bytes() == range));
    if !right {
        let range = range.map(shown).unwrap_or("none".into());
        return Err(format!("206 with Content-Range: {range}, not {}", told[0]));
    }
    match file.get(from..to) == Some(content) {
        true => Ok(()),
        false => Err(format!("206 whose content is not bytes {from} to {last} of the file")),
    }
}

/// Whether this holds these ranges: as multipart/byteranges in this order, or fewer and larger ones in place
/// of those that lie near each other (RFC 9110 section 15.3.7.2).
fn parts(answer: &Answer<'_>, file: &[u8], spans: &[(usize, usize)]) -> Result<(), String> {
    let kind = String::from_utf8_lossy(answer.get("content-type").unwrap_or_default());
    let multipart = kind.to_ascii_lowercase().starts_with("multipart/byteranges");
    let boundary = kind.split_once("boundary=").map(|(_, rest)| rest.trim_matches('"'));
    let mut held = Vec::new();
    match boundary.filter(|_| multipart) {
        None => {
            let range = answer.get("content-range");
            let span = range.and_then(|range| range_told(range, file.len()));
            let span = span.ok_or("206 that is neither multipart nor a range")?;
            part(range, &answer.content, file, span)?;
            held.push(span);
        }
        Some(boundary) => {
            for (head, content) in pieces(&answer.content, boundary)? {
                let head = String::from_utf8_lossy(head);
                let range = head.split("\r\n").find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-range").then_some(value.trim())
                });
                let span = range.and_then(|range| range_told(range.as_bytes(), file.len()));
                let span = span.ok_or("a part without a Content-Range that can be read")?;
                part(range.map(str::as_bytes), content, file, span)?;
                held.push(span);
            }
        }
    }
    let lacking =
        spans.iter().find(|(from, to)| !held.iter().any(|(first, end)| first <= from && to <= end));
    if let Some((from, to)) = lacking {
        return Err(format!("206 without bytes {from} to {}", to.saturating_sub(1)));
    }
    match held.len() == spans.len() && held != spans {
        true => Err(format!("206 with its parts in another order: {held:?}")),
        false => Ok(()),
    }
}

/// Head and content of a part of a multipart body.
type Piece<'a> = (&'a [u8], &'a [u8]);

/// All parts of a multipart body.
fn pieces<'a>(content: &'a [u8], boundary: &str) -> Result<Vec<Piece<'a>>, String> {
    let first = format!("--{boundary}\r\n");
    let next = format!("\r\n--{boundary}");
    let start =
        memchr::memmem::find(content, first.as_bytes()).ok_or("206 without its boundary")?;
    let mut rest = &content[start + first.len()..];
    let mut found = Vec::new();
    loop {
        let end = memchr::memmem::find(rest, next.as_bytes()).ok_or("a part without an end")?;
        let piece = &rest[..end];
        let blank = memchr::memmem::find(piece, b"\r\n\r\n").ok_or("a part without a head")?;
        found.push((&piece[..blank], &piece[blank + 4..]));
        rest = &rest[end + next.len()..];
        if rest.starts_with(b"--") {
            return Ok(found);
        }
        rest = rest.strip_prefix(b"\r\n").ok_or("a boundary that does not end its line")?;
    }
}

/// The first byte of a Content-Range and the one behind its last.
fn range_told(range: &[u8], size: usize) -> Option<(usize, usize)> {
    let (range, _) = std::str::from_utf8(range).ok()?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < size).then_some((first, last + 1))
}
