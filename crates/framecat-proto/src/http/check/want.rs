//! What a case expects, read from its text: the notation is [`CASE_NOTATION`](super::CASE_NOTATION).

/// What must come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Want {
    /// Final answers, in order.
    pub answers: Vec<Expected>,
    /// What becomes of the connection behind them.
    pub end: End,
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It must close, and no further request is answered.
    Close,
    /// It should go on.
    Open,
    /// It may close or go on; if it goes on, the next request is understood.
    Either,
    /// Our side has ended: it must close.
    Ended,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    /// The statuses it may have.
    pub statuses: Statuses,
    /// Whether closing without it is as good.
    pub none: bool,
    /// What else it must be.
    pub words: Vec<Word>,
}

impl Expected {
    /// Whether it answers HEAD, so that nothing follows its head.
    pub fn is_head(&self) -> bool {
        self.words.contains(&Word::Head)
    }
}

/// A set of statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statuses {
    /// Everything but these.
    pub not: bool,
    /// Single ones, and classes: 4 is 400 to 499.
    pub of: Vec<u16>,
}

impl Statuses {
    pub fn hold(&self, status: u16) -> bool {
        let found = self.of.iter().any(|of| *of == status || *of == status / 100);
        found != self.not
    }
}

/// What an answer must be besides its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A 200 holds the file.
    File,
    /// A 206 holds this range.
    Part(Span),
    /// A 206 holds these ranges as multipart/byteranges.
    Parts(Vec<Span>),
    /// A 416 says how long the file is.
    Unsatisfied,
    /// There is no content.
    Empty,
    /// It answers HEAD.
    Head,
    /// A 200 holds the request line.
    Trace,
    /// It has this field.
    Has(&'static str),
    /// It does not have this field.
    No(&'static str),
    /// It has this field with this value.
    Is(&'static str, &'static str),
    /// The list in this field has this member.
    Lists(&'static str, &'static str),
    /// These bytes are not in its content.
    Lacks(&'static str),
    /// Its fields are those of the answer to GET.
    AsGet,
    /// Its fields are those of the answer to GET as far as caches need them.
    ValidatorsAsGet,
    /// Its Content-Length is what the first answer had of content, and its status that of the first.
    AsFirst,
    /// A 100 came before it.
    After100,
    /// No interim answer came before it.
    No1xx,
}

/// A range as a request writes it: `0-9`, `10-`, `-5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    first: Option<usize>,
    last: Option<usize>,
}

impl Span {
    /// The first byte and the one behind the last, of a file of so many bytes.
    pub fn of(self, size: usize) -> (usize, usize) {
        match (self.first, self.last) {
            (Some(first), Some(last)) => (first, (last + 1).min(size)),
            (Some(first), None) => (first, size),
            (None, last) => (size.saturating_sub(last.unwrap_or(0)), size),
        }
    }

    fn read(text: &str) -> Option<Span> {
        let (first, last) = text.split_once('-')?;
        let number = |text: &str| match text {
            "" => Some(None),
            digits => digits.parse().ok().map(Some),
        };
        Some(Span { first: number(first)?, last: number(last)? })
    }
}

impl Want {
    /// Reads an expectation. `None`: it is written wrongly.
    pub fn read(text: &'static str) -> Option<Want> {
        let (answers, end) = text.rsplit_once(", ")?;
        let end = match end {
            "close" => End::Close,
            "open" => End::Open,
            "either" => End::Either,
            "ended" => End::Ended,
            _ => return None,
        };
        let answers = answers.split(" + ").map(expected).collect::<Option<_>>()?;
        Some(Want { answers, end })
    }
}

fn expected(text: &'static str) -> Option<Expected> {
    let mut words = text.split(' ');
    let list = words.next()?;
    let (not, list) = match list.strip_prefix('!') {
        Some(list) => (true, list),
        None => (false, list),
    };
    let none = list.split('|').any(|status| status == "none");
    let statuses = list.split('|').filter(|status| *status != "none");
    let of = statuses.map(|status| match status.strip_suffix("xx") {
        Some(class) => class.parse().ok().filter(|class| (1..=5).contains(class)),
        None => status.parse().ok().filter(|status| (100..=599).contains(status)),
    });
    let statuses = Statuses { not, of: of.collect::<Option<_>>()? };
    Some(Expected { statuses, none, words: words.map(word).collect::<Option<_>>()? })
}

fn word(text: &'static str) -> Option<Word> {
    if let Some((name, value)) = text.split_once(':') {
        let pair = || value.split_once('=');
        return Some(match name {
            "part" => Word::Part(Span::read(value)?),
            "parts" => Word::Parts(value.split(',').map(Span::read).collect::<Option<_>>()?),
            "has" => Word::Has(value),
            "no" => Word::No(value),
            "lacks" => Word::Lacks(value),
            "is" => pair().map(|(name, value)| Word::Is(name, value))?,
            "lists" => pair().map(|(name, token)| Word::Lists(name, token))?,
            _ => return None,
        });
    }
    Some(match text {
        "file" => Word::File,
        "unsatisfied" => Word::Unsatisfied,
        "empty" => Word::Empty,
        "head" => Word::Head,
        "trace" => Word::Trace,
        "as-get" => Word::AsGet,
        "validators-as-get" => Word::ValidatorsAsGet,
        "as-first" => Word::AsFirst,
        "100" => Word::After100,
        "no-1xx" => Word::No1xx,
        _ => return None,
    })
}
