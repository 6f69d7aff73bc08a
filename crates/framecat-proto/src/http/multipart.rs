//! multipart/form-data (RFC 7578): what a form sends, taken apart while it comes.
//!
//! ```text
//!  preamble ␍␊ --B ␍␊ Content-Disposition: form-data; name="f"; filename="a.txt" ␍␊ ␍␊ content ␍␊ --B-- ␍␊ epilogue
//!             └ CR LF and the boundary: the delimiter. Behind it CR LF: a part; two dashes: the end
//! ```
//!
//! A part with a file name is a file, and is given piece by piece; any other part is a field, and is
//! passed over. What is not the content of a file is counted, and bounded
//! ([`HTTP_FORM_OTHER_BYTES`]); of all that comes nothing is kept but the line of a part's head at hand.
//!
//! Strict, for a file must neither be lost in silence nor stored as another one: a boundary with something
//! else behind it, a part that is a multipart of its own or in base64, and a file whose only name is in
//! `filename*` are refused. A form without its last boundary was cut, and is none.
//!
//! ```
//! use framecat_proto::http::multipart::{Boundary, Form, Next};
//!
//! let boundary = Boundary::of(b"multipart/form-data; boundary=B").unwrap();
//! let mut form = Form::new(&boundary);
//! let body = b"--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nhello\r\n--B--\r\n";
//! let mut at = 0;
//! assert!(matches!(form.next(body, &mut at), Ok(Next::File(name)) if name.name() == "a.txt"));
//! assert_eq!(form.next(body, &mut at), Ok(Next::Content(b"hello")));
//! assert_eq!(form.next(body, &mut at), Ok(Next::FileEnd));
//! assert_eq!(form.next(body, &mut at), Ok(Next::End));
//! assert_eq!(form.finish(), Ok(()));
//! ```

mod disposition;

use memchr::memmem::Finder;

use super::head::{field, refuse, shown};
use super::{Refusal, Why};
use crate::limits::{
    HTTP_FORM_FIELDS, HTTP_FORM_FILES, HTTP_FORM_HEAD_BYTES, HTTP_FORM_OTHER_BYTES, HTTP_FORM_PARTS,
};
use crate::path::SafePath;
use disposition::{Disposition, parameters};

const SECTION_BOUNDARY: &str = "RFC 2046 section 5.1.1";
const SECTION_PART: &str = "RFC 7578 section 4.2";
const SECTION_LIMIT: &str = "RFC 9110 section 15.5.14";

/// The longest boundary (RFC 2046 section 5.1.1).
const BOUNDARY_BYTES: usize = 70;

const NO_FORM: Why = Why {
    rule: "a POST takes a form (multipart/form-data), ?upload, ?mkdir or ?rename=NAME; a single file comes by \
           PUT (curl -T FILE URL)",
    section: "RFC 9110 section 15.5.16",
};
const PARAMETERS: Why = Why {
    rule: "the parameters of Content-Type are not NAME=VALUE each",
    section: "RFC 9110 section 5.6.6",
};
const NO_BOUNDARY: Why =
    Why { rule: "Content-Type names no boundary", section: "RFC 7578 section 4.1" };
const BAD_BOUNDARY: Why = Why {
    rule: "the boundary is not 1 to 70 letters, digits, '()+_,-./:=? or spaces, the last of them no space",
    section: SECTION_BOUNDARY,
};
const TWO_BOUNDARIES: Why =
    Why { rule: "Content-Type names two boundaries", section: SECTION_BOUNDARY };

/// What stands between the parts of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary(Vec<u8>);

impl Boundary {
    /// The one that the value of Content-Type names.
    ///
    /// # Errors
    /// The status of the reply and why: 415 where it is another type, 400 where there is no boundary, or
    /// none that can be one.
    pub fn of(content_type: &[u8]) -> Result<Boundary, (u16, Why)> {
        let end = content_type.iter().position(|byte| matches!(byte, b';' | b' ' | b'\t'));
        let (kind, rest) = content_type.split_at(end.unwrap_or(content_type.len()));
        if !kind.eq_ignore_ascii_case(b"multipart/form-data") {
            return Err((415, NO_FORM));
        }
        let mut boundary = None;
        for (name, value) in parameters(rest).map_err(|_| (400, PARAMETERS))? {
            if name.eq_ignore_ascii_case(b"boundary") && boundary.replace(value).is_some() {
                return Err((400, TWO_BOUNDARIES));
            }
        }
        let boundary = boundary.ok_or((400, NO_BOUNDARY))?;
        let may = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
        let fits = (1..=BOUNDARY_BYTES).contains(&boundary.len());
        if !fits || boundary.ends_with(b" ") || !boundary.iter().all(may) {
            return Err((400, BAD_BOUNDARY));
        }
        Ok(Boundary(boundary))
    }
}

/// What a form has next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<'b> {
    /// A file begins that is to have this name, which has no folder. Its content follows.
    File(SafePath),
    /// Content of the file at hand.
    Content(&'b [u8]),
    /// The file at hand is whole.
    FileEnd,
    /// All of the input is taken, and the form has not ended.
    More,
    /// All of the input is taken, and the form has ended.
    End,
}

/// A form that is being read.
#[derive(Debug, Clone)]
pub struct Form {
    /// CR LF, two dashes, the boundary. No CR stands in it but the first, so what may be the beginning of
    /// a delimiter never is the beginning of two.
    delimiter: Vec<u8>,
    finder: Finder<'static>,
    state: State,
    /// Octets taken so far.
    taken: u64,
    /// Those of them that are no content of a file.
    other: usize,
    parts: usize,
    files: usize,
    /// Of the head at hand: the line at hand, octets up to it, fields, and what they said.
    line: Vec<u8>,
    head: usize,
    fields: usize,
    told: Disposition,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a part or the preamble.
    Inside {
        what: What,
        held: Held,
    },
    /// Behind a delimiter.
    Behind,
    /// Behind a delimiter and one dash.
    Dash,
    /// In the space behind it.
    Space {
        last: bool,
    },
    /// In the line end behind it.
    Lf {
        last: bool,
    },
    /// In the head of a part.
    Head,
    Epilogue,
}

/// What lies before the next delimiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Preamble,
    Field,
    /// What a browser sends where no file was chosen: an empty part with an empty name.
    Nothing,
    File,
}

/// The beginning of a delimiter at the end of what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    /// So many octets of it, counted those that
    len: usize,
    /// did not come but stand for the line that begins here.
    given: usize,
}

/// A line begins here, so a boundary needs no CR LF of its own: at the beginning of a form, and of a content.
const LINE_BEGINS: Held = Held { len: 2, given: 2 };
const NONE: Held = Held { len: 0, given: 0 };

/// What a look at the input came to.
enum Seen {
    /// So many octets of it lie before the delimiter.
    Before(usize),
    /// These octets of the delimiter, which were held, are none.
    NotHeld(std::ops::Range<usize>),
    /// After so many octets the delimiter is all there.
    Delimiter { taken: usize, came: usize },
    /// All of it may be the beginning of the delimiter.
    Held,
}

impl Form {
    /// One whose parts this boundary separates.
    pub fn new(boundary: &Boundary) -> Form {
        let delimiter = [b"\r\n--", boundary.0.as_slice()].concat();
        let finder = Finder::new(&delimiter).into_owned();
        let state = State::Inside { what: What::Preamble, held: LINE_BEGINS };
        Form {
            delimiter,
            finder,
            state,
            taken: 0,
            other: 0,
            parts: 0,
            files: 0,
            line: Vec::new(),
            head: 0,
            fields: 0,
            told: Disposition::default(),
        }
    }

    /// What comes next in `input` from `at` on; moves `at` behind what was taken. What was taken need not be
    /// shown again.
    ///
    /// # Errors
    /// The first octet that breaks a rule, or with which a limit is passed, counted from the form's first.
    /// Nothing can be read behind it. The name of a file that cannot be one is an error, too.
    pub fn next<'b>(&'b mut self, input: &'b [u8], at: &mut usize) -> Result<Next<'b>, Refusal> {
        loop {
            let rest = &input[*at..];
            if rest.is_empty() {
                return Ok(if self.is_whole() { Next::End } else { Next::More });
            }
            match self.state {
                State::Inside { what, held } => {
                    let seen = self.look(rest, held);
                    if let Some(next) = self.inside(what, held, seen, rest, at)? {
                        return Ok(match next {
                            Inside::Content(len) => Next::Content(&rest[..len]),
                            Inside::Held(range) => Next::Content(&self.delimiter[range]),
                            Inside::End => Next::FileEnd,
                        });
                    }
                }
                State::Head => {
                    if let Some(path) = self.head(rest, at)? {
                        return Ok(Next::File(path));
                    }
                }
                State::Epilogue => self.pass(rest.len(), at)?,
                _ => {
                    self.pass(1, at)?;
                    self.state = self.step(rest[0])?;
                    if self.state == State::Head {
                        self.begin_part()?;
                    }
                }
            }
        }
    }

    /// How many files began so far.
    pub fn files(&self) -> usize {
        self.files
    }

    /// Whether the last boundary has come.
    pub fn is_whole(&self) -> bool {
        matches!(
            self.state,
            State::Epilogue | State::Space { last: true } | State::Lf { last: true }
        )
    }

    /// The body ends here.
    ///
    /// # Errors
    /// The form does not: its last boundary has not come, so something of it is missing.
    pub fn finish(&self) -> Result<(), Refusal> {
        if self.is_whole() {
            return Ok(());
        }
        let rule = match self.parts {
            0 => "the content ends, and the boundary that Content-Type names never came",
            _ => "the content ends before the last boundary of the form",
        };
        Err(refuse(400, self.taken as usize, SECTION_BOUNDARY, rule))
    }

    /// Looks for the delimiter.
    fn look(&self, rest: &[u8], held: Held) -> Seen {
        let delimiter = &self.delimiter;
        if held.len > 0 {
            let due = &delimiter[held.len..];
            let same = due.iter().zip(rest).take_while(|(due, came)| due == came).count();
            if same == due.len() {
                return Seen::Delimiter { taken: same, came: delimiter.len() - held.given };
            }
            if same == rest.len() {
                return Seen::Held;
            }
            return Seen::NotHeld(held.given..held.len);
        }
        match self.finder.find(rest) {
            Some(0) => Seen::Delimiter { taken: delimiter.len(), came: delimiter.len() },
            Some(len) => Seen::Before(len),
            None => {
                let from = rest.len().saturating_sub(delimiter.len() - 1);
                let cr = memchr::memrchr(b'\r', &rest[from..]).map(|len| from + len);
                match cr.filter(|at| delimiter.starts_with(&rest[*at..])) {
                    Some(0) => Seen::Held,
                    Some(len) => Seen::Before(len),
                    None => Seen::Before(rest.len()),
                }
            }
        }
    }

    fn inside(
        &mut self,
        what: What,
        held: Held,
        seen: Seen,
        rest: &[u8],
        at: &mut usize,
    ) -> Result<Option<Inside>, Refusal> {
        let mut take = |form: &mut Form, len: usize| {
            *at += len;
            form.taken += len as u64;
        };
        match seen {
            Seen::Held => {
                take(self, rest.len());
                let held = Held { len: held.len + rest.len(), ..held };
                self.state = State::Inside { what, held };
                Ok(None)
            }
            Seen::NotHeld(range) => {
                self.state = State::Inside { what, held: NONE };
                let came = range.len();
                self.content(what, came, came)?;
                Ok((what == What::File && came > 0).then_some(Inside::Held(range)))
            }
            Seen::Before(len) => {
                take(self, len);
                self.content(what, len, len)?;
                Ok((what == What::File).then_some(Inside::Content(len)))
            }
            Seen::Delimiter { taken, came } => {
                take(self, taken);
                self.count(came, came)?;
                self.state = State::Behind;
                Ok((what == What::File).then_some(Inside::End))
            }
        }
    }

    /// So many octets before the delimiter, which ended `behind` octets ago.
    fn content(&mut self, what: What, len: usize, behind: usize) -> Result<(), Refusal> {
        match what {
            What::File => Ok(()),
            What::Preamble | What::Field => self.count(len, behind),
            What::Nothing if len == 0 => Ok(()),
            What::Nothing => {
                let at = self.taken - behind as u64;
                let rule =
                    "a file comes with an empty name, so nobody knows what it is to be called";
                Err(refuse(400, at as usize, SECTION_PART, rule))
            }
        }
    }

    /// So many octets that are no content of a file, the first of them taken `behind` octets ago.
    fn count(&mut self, len: usize, behind: usize) -> Result<(), Refusal> {
        let room = HTTP_FORM_OTHER_BYTES - self.other;
        if len > room {
            let at = self.taken - behind as u64 + room as u64;
            let rule = format!(
                "there are more than {HTTP_FORM_OTHER_BYTES} octets in the form that belong to no file"
            );
            return Err(refuse(413, at as usize, SECTION_LIMIT, rule));
        }
        self.other += len;
        Ok(())
    }

    /// Takes so many octets that are no content of a file.
    fn pass(&mut self, len: usize, at: &mut usize) -> Result<(), Refusal> {
        *at += len;
        self.taken += len as u64;
        self.count(len, len)
    }

    /// One octet of what stands behind a delimiter; it was taken.
    fn step(&self, byte: u8) -> Result<State, Refusal> {
        let last = matches!(self.state, State::Space { last: true } | State::Dash);
        match (self.state, byte) {
            (State::Behind, b'-') => Ok(State::Dash),
            (State::Dash, b'-') => Ok(State::Space { last }),
            (State::Behind | State::Space { .. }, b' ' | b'\t') => Ok(State::Space { last }),
            (State::Behind | State::Space { .. }, b'\r') => Ok(State::Lf { last }),
            (State::Lf { last: false }, b'\n') => Ok(State::Head),
            (State::Lf { last: true }, b'\n') => Ok(State::Epilogue),
            _ => {
                let rule = format!("{} stands behind a boundary", shown(byte));
                Err(refuse(400, self.taken as usize - 1, SECTION_BOUNDARY, rule))
            }
        }
    }

    fn begin_part(&mut self) -> Result<(), Refusal> {
        if self.parts == HTTP_FORM_PARTS {
            let rule = format!("the form has more than {HTTP_FORM_PARTS} parts");
            return Err(refuse(413, self.taken as usize, SECTION_LIMIT, rule));
        }
        self.parts += 1;
        self.line.clear();
        (self.head, self.fields) = (0, 0);
        self.told = Disposition::default();
        Ok(())
    }

    /// Octets of a part's head: those of a line, or the beginning of one. The name of the file that begins
    /// behind it.
    fn head(&mut self, rest: &[u8], at: &mut usize) -> Result<Option<SafePath>, Refusal> {
        let room = HTTP_FORM_HEAD_BYTES - self.head - self.line.len();
        let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |len| len + 1).min(room);
        if len == 0 {
            let rule = format!("the head of a part is longer than {HTTP_FORM_HEAD_BYTES} octets");
            return Err(refuse(413, self.taken as usize, SECTION_LIMIT, rule));
        }
        self.pass(len, at)?;
        self.line.extend_from_slice(&rest[..len]);
        if self.line.last() != Some(&b'\n') {
            return Ok(None);
        }
        let line = std::mem::take(&mut self.line);
        let begins = self.taken as usize - line.len();
        self.head += line.len();
        let Some(line) = line.strip_suffix(b"\r\n") else {
            let rule = "a line of a part's head ends in CR LF, and this LF has no CR before it";
            return Err(refuse(400, self.taken as usize - 1, SECTION_BOUNDARY, rule));
        };
        if line.is_empty() {
            return self.begin_content(begins);
        }
        // It may look like a field: "--B: x".
        if line.starts_with(&self.delimiter[2..]) {
            let rule = "the boundary stands in the head of a part, before its empty line";
            return Err(refuse(400, begins, SECTION_BOUNDARY, rule));
        }
        if self.fields == HTTP_FORM_FIELDS {
            let rule = format!("the head of a part has more than {HTTP_FORM_FIELDS} fields");
            return Err(refuse(413, begins, SECTION_LIMIT, rule));
        }
        let field = field(line, begins, self.fields == 0)?;
        self.fields += 1;
        self.told
            .take(&field)
            .map_err(|Why { rule, section }| refuse(400, begins, section, rule))?;
        Ok(None)
    }

    /// The head of a part is all there; its empty line began at `at`.
    fn begin_content(&mut self, at: usize) -> Result<Option<SafePath>, Refusal> {
        let told = std::mem::take(&mut self.told);
        let name = told.file().map_err(|Why { rule, section }| refuse(400, at, section, rule))?;
        let (what, name) = match name {
            None => (What::Field, None),
            Some(name) if name.is_empty() => (What::Nothing, None),
            Some(name) => {
                let name = file_name(&name)
                    .map_err(|bad| refuse(400, at, SECTION_PART, bad.to_string()))?;
                if self.files == HTTP_FORM_FILES {
                    let rule = format!("the form has more than {HTTP_FORM_FILES} files");
                    return Err(refuse(413, at, SECTION_LIMIT, rule));
                }
                self.files += 1;
                (What::File, Some(name))
            }
        };
        self.state = State::Inside { what, held: LINE_BEGINS };
        Ok(name)
    }
}

/// What [`Form::inside`] gives of a file.
enum Inside {
    /// So many octets of the input.
    Content(usize),
    /// These of the delimiter.
    Held(std::ops::Range<usize>),
    /// The file has ended.
    End,
}

/// The file that a form's file name means: what stands behind the last `/` or `\`, for some programs
/// send the path that the file has at home (RFC 7578 section 4.2), and nobody's folders are ours.
fn file_name(name: &[u8]) -> Result<SafePath, crate::path::UnsafePath> {
    let from = name.iter().rposition(|byte| matches!(byte, b'/' | b'\\')).map_or(0, |at| at + 1);
    SafePath::new([&name[from..]])
}
