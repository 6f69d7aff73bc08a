//! What happens, told as values. Nothing is printed here: the program decides what a person, a log
//! or a JSON reader gets to see.

use std::time::Duration;

use framecat_proto::framing::{EncodeError, FramingError};
use framecat_proto::http::plan::Rights;
use framecat_proto::http::{Refusal, Why};
use framecat_proto::message::{Batch, Context, Dir};
use framecat_proto::transfer::Outcome;
use framecat_proto::transfer::record::Carries;

use crate::error::{Error, Unmet};
use crate::fast::Path;

/// Something worth telling.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A socket is bound and accepts.
    Listening {
        /// The endpoint with its real port.
        endpoint: &'a str,
        /// Who can reach it.
        reach: &'a Reach,
        /// How the other side names our key (`sha256:…`), of tls only.
        pin: Option<&'a str>,
    },
    /// A folder is served over HTTP.
    Serving {
        /// The folder, as it was named; `None`: each request is answered with itself.
        folder: Option<&'a str>,
        /// Where, as a browser takes it; of a Unix socket its endpoint.
        urls: &'a [String],
        /// Who can reach it.
        reach: &'a Reach,
        /// Whether names that begin with a dot are served too.
        hidden: bool,
        /// What who reaches it may do.
        rights: Rights,
        /// What is asked of whoever comes; `None`: nothing.
        passwords: Option<PasswordsAsked<'a>>,
        /// The port that was meant is another program's.
        taken: Option<u16>,
        /// How the other side can name our key: `sha256:…`. Of TLS only.
        pin: Option<&'a str>,
    },
    /// A client was turned away, for there are as many as may be, or as many from its address; told at
    /// 1, 2, 4, 8 … of them.
    TurnedAway {
        /// Its address.
        peer: &'a str,
        /// How many were until now.
        count: u64,
    },
    /// A server was asked to end, and lets what is in hand finish.
    Finishing {
        /// How many connections have something in hand.
        connections: usize,
        /// How long they have at most.
        most: Duration,
    },
    /// A connection is open, either way.
    Connected {
        /// Its number, from 1.
        conn: u64,
        /// The peer's address.
        peer: &'a str,
        /// Our own.
        local: &'a str,
    },
    /// A connection is closed.
    Closed {
        /// Its number.
        conn: u64,
        /// The peer's address.
        peer: &'a str,
        /// What went through it.
        totals: Totals,
    },
    /// One direction of a stream ended: what the peer says (in), or what we say (out). For recordings.
    Ended {
        /// The connection.
        conn: u64,
        /// The peer's address.
        peer: &'a str,
        /// Which direction.
        dir: Dir,
        /// When, in nanoseconds since 1970.
        now_ns: u64,
    },
    /// A connection failed; the listener goes on.
    Failed {
        /// Its number.
        conn: u64,
        /// What happened.
        error: &'a Error,
    },
    /// A message could not be written under the framing or form of the other side. It was left out;
    /// nothing of it was written.
    Refused {
        /// The connection it came from or was meant for.
        conn: u64,
        /// The peer of that connection.
        peer: &'a str,
        /// Which way it went.
        dir: Dir,
        /// Its number in that direction, from 1.
        n: u64,
        /// Where it would have gone.
        place: Place,
        /// Who refused it: a framing or a form, as it prints.
        by: &'a str,
        /// Why.
        error: &'a EncodeError,
    },
    /// A datagram longer than the maximum arrived. It was not delivered.
    TooLong {
        /// The connection.
        conn: u64,
        /// Who sent it.
        peer: &'a str,
        /// Its real length in bytes.
        len: usize,
        /// The maximum.
        max: usize,
    },
    /// A message holding a line break was printed as it is, under the form `line`. Told once.
    LineBreak {
        /// The connection.
        conn: u64,
        /// Who sent it.
        peer: &'a str,
    },
    /// The stream ended inside a message, which is delivered as it is or left out.
    Cut {
        /// The connection.
        conn: u64,
        /// Who sent it.
        peer: &'a str,
        /// Its bytes.
        len: usize,
        /// Whether it was delivered.
        delivered: bool,
    },
    /// A signal or the end of the work came while a peer still had something to say.
    Unfinished {
        /// The connection.
        conn: u64,
        /// Whose bytes they are.
        peer: &'a str,
        /// How many had come and were not looked at, or belong to a message that had not ended.
        unread: usize,
        /// Whether a message in hand could not be finished either.
        cut_off: bool,
    },
    /// Bytes broke the framing, and the framing found its place again behind them.
    Resynchronised {
        /// The connection.
        conn: u64,
        /// Who sent them.
        peer: &'a str,
        /// What was wrong.
        error: &'a FramingError,
    },
    /// A message cannot be answered: the template asks for what it does not have.
    Unanswered {
        /// The connection.
        conn: u64,
        /// Who sent it.
        peer: &'a str,
        /// Its number.
        n: u64,
        /// What it lacks.
        missing: &'a framecat_proto::template::Missing,
    },
    /// The program that was to answer a message failed, or what it said is no answer.
    NoAnswer {
        /// The connection.
        conn: u64,
        /// Who sent the message.
        peer: &'a str,
        /// Its number.
        n: u64,
        /// What happened.
        error: &'a Error,
    },
    /// A message cannot be printed: the template of stdout asks for what it does not have.
    Unprinted {
        /// The connection.
        conn: u64,
        /// Who sent it.
        peer: &'a str,
        /// Its number.
        n: u64,
        /// What it lacks.
        missing: &'a framecat_proto::template::Missing,
    },
    /// A message that ended by silence (`gap`) lay there for longer than that before it was read, so
    /// it may be several.
    LooksMerged {
        /// The connection.
        conn: u64,
        /// Who sent it.
        peer: &'a str,
        /// Its number.
        n: u64,
        /// How many of this peer looked so until now.
        count: u64,
    },
    /// The peer waited with the rest of its message until it was told to go on (`http`: 100 (Continue)),
    /// and it was.
    Prompted {
        /// The connection.
        conn: u64,
        /// Who waited.
        peer: &'a str,
    },
    /// Datagrams of a peer came faster than they were taken and were dropped.
    Dropped {
        /// The connection.
        conn: u64,
        /// Who sent them.
        peer: &'a str,
        /// How many.
        count: u64,
    },
    /// A datagram peer was refused by its host (ICMP).
    Unreachable {
        /// The connection.
        conn: u64,
        /// What happened.
        error: &'a Error,
    },
    /// Dialling failed, and is tried again (`--retry`). Told once.
    Retrying {
        /// What happened.
        error: &'a Error,
        /// For how long it is tried, from the first try.
        time: Duration,
    },
    /// One whose address may not talk was turned away; told at 1, 2, 4, 8 … of them.
    NotAllowed {
        /// Its address.
        peer: &'a str,
        /// How many connections or datagrams were until now.
        count: u64,
    },
    /// Who came to a transfer had another code, or left when it could check its guess. The transfer goes on to
    /// wait for the right one while the code bears more of them.
    WrongCode {
        /// Its address.
        peer: &'a str,
        /// How its handshake ended.
        why: &'a Unmet,
        /// How many more wrong codes there may be.
        left: u32,
    },
    /// Who came to a transfer is none, or one that does not fit ([`Unmet::is_mistake`]): no guess of the code. Of each
    /// of the two kinds told at 1, 2, 4, 8 ….
    NotMet {
        /// Its address.
        peer: &'a str,
        /// What was wrong.
        why: &'a Unmet,
        /// How many until now.
        count: u64,
    },
    /// What others bring to a folder cannot be written there, or not by this user.
    Unwritable {
        /// The folder.
        folder: &'a str,
        /// What the kernel says.
        error: &'a std::io::Error,
    },
    /// A connection could not be accepted for want of descriptors or memory.
    AcceptDelayed {
        /// What the kernel said.
        error: &'a std::io::Error,
        /// How long accepting waits.
        wait: Duration,
    },
    /// Bytes of a raw direction move this way.
    Path {
        /// The connection.
        conn: u64,
        /// Which direction.
        dir: Dir,
        /// The way they move.
        path: Path,
    },
    /// A reply came, so long after its message.
    Replied {
        /// The message's number.
        n: u64,
        /// Who replied.
        peer: &'a str,
        /// The round trip.
        rtt: Duration,
        /// Whether it is one of many that may answer.
        among: bool,
    },
    /// A part of an HTTP message left or came.
    Http {
        /// The connection.
        conn: u64,
        /// Which way.
        dir: Dir,
        /// What.
        part: HttpPart<'a>,
    },
    /// A redirect is followed.
    Redirected {
        /// The status that said so.
        status: u16,
        /// Where to.
        to: &'a str,
        /// The method from now on, where it is another.
        method: Option<&'a str>,
        /// Fields that are not sent there, because it is another origin.
        left_out: &'a [String],
    },
    /// A file of which a part is there is gone on with.
    Resumed {
        /// The file.
        file: &'a str,
        /// From this byte on.
        from: u64,
    },
    /// A file of which a part is there is begun anew.
    Anew {
        /// The file.
        file: &'a str,
        /// Why.
        why: &'a str,
    },
    /// Content is in a coding that is not undone.
    StaysCoded {
        /// As the server names it.
        coding: &'a str,
        /// Why not.
        why: &'a str,
    },
    /// How far a fetch is. Told a few times in a second.
    Fetching {
        /// Bytes of the file or content that are there.
        got: u64,
        /// Of so many, if the server told it.
        whole: Option<u64>,
        /// Bytes in a second, on average.
        rate: u64,
    },
    /// A reply came whole.
    Fetched {
        /// Its status.
        status: u16,
        /// Bytes that were written.
        bytes: u64,
        /// The file they are in.
        file: Option<&'a str>,
        /// How long it took.
        timings: Timings,
    },
    /// The other side of a transfer is there, and is the one that was meant.
    Met {
        /// Its address.
        peer: &'a str,
        /// Whether both proved to know the code; else nothing is proved and nothing is secret.
        secured: bool,
    },
    /// What a transfer offers is known whole, to who sends; or the beginning of it was accepted.
    Offered {
        /// Files, folders and links.
        count: u64,
        /// Bytes of them.
        bytes: u64,
    },
    /// How far a transfer is. Told a few times in a second.
    Moving(Moving),
    /// What became of a file, a folder, a link or a stream of a transfer.
    File {
        /// Its name: at the sender as it was offered, at the receiver as it is called there.
        name: &'a str,
        /// Its bytes.
        bytes: u64,
        /// What.
        outcome: &'a Outcome,
    },
    /// Something that was named to be sent, or lies in what was named, is not offered.
    LeftOut {
        /// Its path, as it was typed.
        path: &'a str,
        /// Why.
        why: &'a framecat_proto::transfer::why::Why,
        /// Whether that makes the transfer incomplete.
        missing: bool,
    },
    /// Parts of files that nobody came back for were removed from a folder.
    Swept {
        /// How many.
        count: usize,
    },
    /// A transfer ended, and both sides know what it came to.
    Transferred(Transferred),
    /// The port is open (`-z`).
    Open {
        /// The endpoint.
        endpoint: &'a str,
        /// How long connecting took.
        took: Duration,
    },
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moving {
    /// Bytes of content that were sent or came, those that were there already counted.
    pub bytes: u64,
    /// Of so many, as far as is known.
    pub of: u64,
    /// Files, folders and links that were dealt with.
    pub entries: u64,
    /// Of so many, as far as is known.
    pub of_entries: u64,
    /// Whether more may still be offered.
    pub more: bool,
    /// Bytes of content a second that crossed the network, over the last seconds.
    pub rate: u64,
}

/// What a transfer came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transferred {
    /// What it carried.
    pub carries: Carries,
    /// Files, folders and links that are there now and were not before.
    pub committed: u64,
    /// Those that were there already.
    pub had: u64,
    /// Those that were not wanted.
    pub skipped: u64,
    /// Those that could not be sent or kept.
    pub failed: u64,
    /// Bytes of content that crossed the network.
    pub moved: u64,
    /// Bytes of all that is there now.
    pub bytes: u64,
    /// From the answer to the offer to the end.
    pub took: Duration,
}

/// A part of an HTTP message, byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpPart<'a> {
    /// The first line, the fields and the empty line.
    Head(&'a [u8]),
    /// Content, or the beginning of it.
    Content(&'a [u8]),
    /// What stands around content that is sent in chunks; the trailers are in it.
    Chunking(&'a [u8]),
    /// So many bytes of content more, which are not shown.
    Left(u64),
    /// The message ends here: why.
    End(&'a str),
}

/// How long the steps of a fetch took, each from its beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// The name had its addresses.
    pub resolved: Option<Duration>,
    /// The connection was there.
    pub connected: Option<Duration>,
    /// The TLS handshake was through.
    pub secured: Option<Duration>,
    /// The first byte of the reply came.
    pub first_byte: Option<Duration>,
    /// The last byte came.
    pub total: Duration,
}

/// Where a message was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// To stdout, under the form of `--out`.
    Stdout,
    /// To a peer, under a framing.
    Peer,
}

/// Who can reach a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Programs on this machine.
    ThisMachine {
        /// Whether it is a UDP socket, which broadcasts do not reach there.
        udp: bool,
    },
    /// The network: the addresses at which it can be reached.
    Network(Vec<String>),
    /// The network, by what is sent to many: each address, and the interface by which it is heard.
    /// Other programs may share the port.
    Cast(Vec<(String, String)>),
    /// Whoever may open the path.
    Path,
}

/// What went through a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages from the peer. Raw directions count none.
    pub messages_in: u64,
    /// Messages to the peer.
    pub messages_out: u64,
    /// Payload bytes from the peer.
    pub bytes_in: u64,
    /// Payload bytes to the peer.
    pub bytes_out: u64,
}

/// Where events go. Called on the data path: it must not wait.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: Event<'_>);

    /// Whether [`messages`](Self::messages) wants to be called. Asked once per connection.
    fn wants_messages(&self) -> bool {
        false
    }

    /// Messages arrived or leave.
    fn messages(&self, _batch: Batch<'_>, _context: &Context<'_>) {}

    /// Whether [`exchange`](Self::exchange) wants to be called, and with how many bytes of each content.
    /// Asked once per connection.
    fn wants_exchanges(&self) -> Option<usize> {
        None
    }

    /// A request over HTTP was answered.
    fn exchange(&self, _exchange: &Exchange<'_>) {}
}

/// That a server asks for a user and a password.
#[derive(Debug, Clone, Copy)]
pub struct PasswordsAsked<'a> {
    /// A user and the password that was made for it, to be told once.
    pub made: Option<(&'a str, &'a str)>,
    /// Whoever reads needs none.
    pub open_read: bool,
    /// They come over a network, and not by TLS.
    pub in_clear: bool,
}

/// How much came of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Came {
    /// Bytes as they came, chunk sizes and all.
    pub bytes: u64,
    /// That was all of it.
    pub whole: bool,
}

/// A request over HTTP and its reply, told when the reply sets out.
#[derive(Debug, Clone)]
pub struct Exchange<'a> {
    /// The connection's number, from 1.
    pub conn: u64,
    /// The request's number on it, from 1.
    pub n: u64,
    /// The client's address; `unix` where it has none.
    pub peer: &'a str,
    /// Whose password came with it, where one is asked for.
    pub user: Option<&'a str>,
    /// When, in nanoseconds since 1970.
    pub now_ns: u64,
    /// The request's head as it came; of what was refused, all that had come. Where passwords are asked for,
    /// what Authorization brought is `*`.
    pub request: &'a [u8],
    /// The beginning of its content as it came, chunk sizes and all.
    pub request_content: &'a [u8],
    /// How much of a content came that is received for a disk. Of any other all that came is above, up to what
    /// is kept of it.
    pub came: Option<Came>,
    /// The reply's head, and as much of its content as lies behind it.
    pub reply: &'a [u8],
    /// What follows that, as far as it is at hand.
    pub reply_content: &'a [u8],
    /// Why it is no request, if it is none.
    pub refusal: Option<&'a Refusal>,
    /// Why it is not granted, where the status does not say so.
    pub why: Option<Why>,
    /// The same as it is said to the client, of a request that would have changed something or could not be read.
    pub words: Option<&'a str>,
}

/// An [`Observer`] for whom nothing is worth telling.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Observer for Nobody {
    fn event(&self, _event: Event<'_>) {}
}
