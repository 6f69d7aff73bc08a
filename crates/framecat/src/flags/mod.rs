//! What was typed. One struct a verb; what several verbs take stands in one place and is flattened
//! in. What it means is decided in [`crate::plan`].

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use framecat_net::respond::{Answer, Each};
use framecat_proto::cidr::{Access, Cidr, ParseCidrError};
use framecat_proto::endpoint::{At, Command, ParseEndpointError};
use framecat_proto::framing::Tail;
use framecat_proto::limits::{CLIENTS, MESSAGE_BYTES_CEILING};
use framecat_proto::options::{parse_size, parse_time};
use framecat_proto::rate::Rate;
use framecat_proto::template::Template;
use framecat_proto::text::Form;
use framecat_proto::{Endpoint, Framing};

use crate::print::{Log, Show};
use crate::verb::lab::LabArgs;

pub mod auth;
pub mod fetch;
pub mod meet;
pub mod nc;
pub mod receive;
pub mod send;
pub mod serve;

use fetch::FetchArgs;
use receive::ReceiveArgs;
use send::SendArgs;

/// netcat that knows where messages end
#[derive(Debug, Parser)]
#[command(name = "framecat", version, disable_help_subcommand = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs of this release.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Wait for peers, print their messages, answer
    Listen(ListenArgs),
    /// Stdin to a peer, its messages to stdout
    Connect(ConnectArgs),
    /// Send messages, await one reply each
    Ask(AskArgs),
    /// Listen on the first, connect to the second, message by message
    Relay(RelayArgs),
    /// Files and folders, a text or a stream, to another machine
    Send(SendArgs),
    /// What another machine sends
    Receive(ReceiveArgs),
    /// A folder over HTTP, for reading or both ways
    Serve(ServeArgs),
    /// Fetch a file or page over HTTP, and see what is said
    Fetch(FetchArgs),
    /// Show the laws of sockets on this machine's kernel
    Lab(LabArgs),
}

/// What every talking verb takes.
#[derive(Debug, Default, Args)]
pub struct TalkArgs {
    /// Where a message ends: line, crlf, nul, delim:BYTES, len:u32be, struct, fixed:N,
    /// netstring, slip, cobs, hdlc, stx, gap:TIME, eof, raw (framecat help framings)
    #[arg(short = 'f', long = "frame", value_name = "RULE", value_parser = framing, help_heading = "Messages")]
    pub frame: Vec<Framing>,

    /// Where a message ends that is sent, if by another rule than -f
    #[arg(long, value_name = "RULE", value_parser = framing, help_heading = "Messages")]
    pub send_frame: Vec<Framing>,

    /// The longest message, at most 1 GiB [default: 16MiB]
    #[arg(long, value_name = "SIZE", value_parser = message_size, help_heading = "Messages")]
    pub max_message: Option<usize>,

    /// When a stream ends inside a message: keep, drop or error [default: by framing]
    #[arg(long, value_name = "POLICY", value_parser = tail, help_heading = "Messages")]
    pub tail: Option<Tail>,

    /// Every event and message as JSON lines on stdout
    #[arg(long, help_heading = "Seeing")]
    pub json: bool,

    /// Show every message on stderr, both ways: quoted, hex or dump; `all` for whole ones
    #[arg(long, value_name = "FORM", num_args = 0..=1, require_equals = true,
          default_missing_value = "quoted", value_parser = show, help_heading = "Seeing")]
    pub show: Option<Show>,

    /// Record both directions with times as JSON lines; a file that is there is overwritten
    #[arg(long, value_name = "FILE", value_parser = record, help_heading = "Seeing")]
    pub record: Option<PathBuf>,

    /// Say what would be done, and do nothing
    #[arg(long, help_heading = "Seeing")]
    pub explain: bool,

    /// Tell connections, their ends and the ways bytes take
    #[arg(short = 'v', long, action = clap::ArgAction::Count, help_heading = "Seeing")]
    pub verbose: u8,

    /// End after N messages (listen, connect and ask: received; relay: relayed)
    #[arg(long, value_name = "N", value_parser = count, help_heading = "The end")]
    pub count: Option<u64>,

    /// End after a message that holds TEXT
    #[arg(long, value_name = "TEXT", help_heading = "The end")]
    pub until: Option<String>,

    #[command(flatten)]
    pub shape: ShapeArgs,

    /// How long to wait for a connection [default: 10s], and for a reply [default: 2s for ask and
    /// datagrams]
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "The end")]
    pub wait: Option<Duration>,

    /// End when nothing happened for so long
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "The end")]
    pub idle: Option<Duration>,

    /// End after so long, exit 5
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "The end")]
    pub deadline: Option<Duration>,
}

/// How what is sent is spread over time and sends.
#[derive(Debug, Default, Args)]
pub struct ShapeArgs {
    /// Wait so long between messages sent
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Pace")]
    pub delay: Option<Duration>,

    /// Send at most so many messages, or bytes: 10, 30/m, 64KiB/s
    #[arg(long, value_name = "RATE", value_parser = rate, help_heading = "Pace")]
    pub rate: Option<Rate>,

    /// Send at most N bytes at a time: does the receiver put messages together?
    #[arg(long, value_name = "N", value_parser = chop, help_heading = "Pace")]
    pub chop: Option<NonZeroUsize>,

    /// Hold messages for TIME, send them as one: does the receiver take them apart?
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Pace")]
    pub coalesce: Option<Duration>,
}

/// How an endpoint is dialled.
#[derive(Debug, Default, Args)]
pub struct DialArgs {
    /// While nobody is there yet, dial again for so long
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Peers")]
    pub retry: Option<Duration>,
}

/// How messages look on stdin and stdout.
#[derive(Debug, Default, Args)]
pub struct FormArgs {
    /// How messages stand on stdin: raw, line, quoted, hex, jsonl, words or a framing
    #[arg(long = "in", value_name = "FORM", value_parser = form, help_heading = "Messages")]
    pub input: Option<Form>,

    /// How messages look on stdout: raw, line, quoted, hex, dump, jsonl, words or a framing
    #[arg(long = "out", value_name = "FORM", value_parser = form, help_heading = "Messages")]
    pub output: Option<Form>,

    /// Print this for each message: {payload} {peer} {time} …, {0} for its first word, {b} for b=…
    #[arg(long, value_name = "TEMPLATE", value_parser = template, help_heading = "Messages")]
    pub format: Option<Template>,
}

/// A recording to play in place of stdin.
#[derive(Debug, Default, Args)]
pub struct ReplayArgs {
    /// Play a recording of --record: the part of who listens, or of who connects
    #[arg(long, value_name = "FILE", help_heading = "Playing")]
    pub replay: Option<PathBuf>,

    /// What the peer says must be what was recorded; exit 8 at the first difference
    #[arg(long, requires = "replay", help_heading = "Playing")]
    pub expect: bool,

    /// With the recorded pauses
    #[arg(long, requires = "replay", help_heading = "Playing")]
    pub timed: bool,
}

/// Who may talk to a listener.
#[derive(Debug, Default, Args)]
pub struct AccessArgs {
    /// Only peers of these networks or addresses: --allow 10.0.0.0/8,::1
    #[arg(long, value_name = "CIDR", value_parser = cidr, value_delimiter = ',', help_heading = "Peers")]
    pub allow: Vec<Cidr>,

    /// No peers of these, whatever --allow says
    #[arg(long, value_name = "CIDR", value_parser = cidr, value_delimiter = ',', help_heading = "Peers")]
    pub deny: Vec<Cidr>,
}

impl AccessArgs {
    /// What they say.
    pub fn access(&self) -> Access {
        Access { allow: self.allow.clone(), deny: self.deny.clone() }
    }
}

/// `listen`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  framecat listen :9000\n  framecat listen :9000 --reply 'got {payload}'\n  framecat listen udp://:9000 --echo\n  framecat listen :9000 --exec 'bc -l'\n  framecat listen udp://:9000 --exec-each 'tr a-z A-Z'\n  framecat listen :9000 > x.tar\n\n-f guess is connect's: a listener has nothing to judge before its peers talk"
)]
pub struct ListenArgs {
    /// Where: 9000, :9000, HOST:PORT, udp://:9000, unix://PATH (framecat help endpoints)
    #[arg(value_parser = endpoint)]
    pub endpoint: Endpoint,

    #[command(flatten)]
    pub talk: TalkArgs,

    #[command(flatten)]
    pub form: FormArgs,

    #[command(flatten)]
    pub play: ReplayArgs,

    /// Answer each message with a template, such as 'got {payload}'
    #[arg(long, value_name = "TEMPLATE", value_parser = template, help_heading = "Answers", conflicts_with = "echo", allow_hyphen_values = true)]
    pub reply: Option<Template>,

    /// Answer each message with itself
    #[arg(long, help_heading = "Answers")]
    pub echo: bool,

    /// Give each message to all the other peers; stdin's go to all of them
    #[arg(long, help_heading = "Answers", conflicts_with_all = ["echo", "reply", "once"])]
    pub chat: bool,

    /// Start a program for each connection, which is its stdin and stdout: the same as
    /// relay EP exec:WORDS
    #[arg(long, value_name = "WORDS", value_parser = command, help_heading = "Answers", allow_hyphen_values = true,
          conflicts_with_all = ["echo", "reply", "chat", "replay", "input", "output", "half_open"])]
    pub exec: Option<Command>,

    /// Start a program for each message, which is its stdin; its stdout is the reply
    #[arg(long, value_name = "WORDS", value_parser = command, help_heading = "Answers", allow_hyphen_values = true,
          conflicts_with_all = ["echo", "reply", "chat", "exec", "replay"])]
    pub exec_each: Option<Command>,

    /// One connection, then the end; for datagrams one message
    #[arg(long, help_heading = "Peers")]
    pub once: bool,

    /// Connections at once; of datagram peers the one silent longest makes room [default: 1024]
    #[arg(long, value_name = "N", value_parser = clients, help_heading = "Peers")]
    pub max_clients: Option<usize>,

    #[command(flatten)]
    pub access: AccessArgs,

    /// Listen on every interface, not only for this machine
    #[arg(long, help_heading = "Peers")]
    pub lan: bool,

    /// After the peer ended, wait for stdin for ever; with --chat it hears until it closes
    #[arg(long, help_heading = "The end")]
    pub half_open: bool,

    /// As nc -k: a raw listener goes on after its first connection.
    #[arg(skip)]
    pub keep: bool,

    /// As nc -l: one connection unless kept, whatever the framing.
    #[arg(skip)]
    pub one: bool,
}

impl ListenArgs {
    /// With --exec, the relay that it is; else itself. Where nobody can come, that is still to be told.
    pub fn relay(self) -> Result<RelayArgs, Box<ListenArgs>> {
        if self.endpoint.is_dialled() {
            return Err(Box::new(self));
        }
        let Some(command) = self.exec else { return Err(Box::new(self)) };
        let ListenArgs { endpoint: left, talk, once, max_clients, access, lan, .. } = self;
        let right = At::Exec(command).into();
        let dial = DialArgs::default();
        let (listen_both, dial_both, shared) = (false, false, false);
        Ok(RelayArgs {
            left,
            right,
            talk,
            dial,
            listen_both,
            dial_both,
            shared,
            once,
            max_clients,
            access,
            lan,
        })
    }

    /// What answers, if not stdin.
    pub fn answer(&self) -> Option<Answer> {
        match (&self.exec_each, &self.reply) {
            (Some(command), _) => {
                let most = self.max_clients.unwrap_or(CLIENTS);
                Some(Answer::Each(Arc::new(Each::new(command.clone(), most))))
            }
            (None, Some(template)) => Some(Answer::Reply(template.clone())),
            (None, None) => self.echo.then_some(Answer::Echo),
        }
    }
}

/// `connect`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  framecat connect example.com:80\n  echo hello | framecat connect :9000 -f len:u32be\n  framecat connect -z db:5432\n  framecat connect file:capture.bin -f guess"
)]
pub struct ConnectArgs {
    /// Where to: HOST:PORT, :9000, udp://HOST:PORT, unix://PATH (framecat help endpoints)
    #[arg(value_parser = endpoint)]
    pub endpoint: Endpoint,

    #[command(flatten)]
    pub dial: DialArgs,

    #[command(flatten)]
    pub talk: TalkArgs,

    #[command(flatten)]
    pub form: FormArgs,

    #[command(flatten)]
    pub play: ReplayArgs,

    /// Is the port open? Nothing is sent
    #[arg(short = 'z', help_heading = "The end")]
    pub zero: bool,

    /// After the peer ended, wait for stdin for ever
    #[arg(long, help_heading = "The end")]
    pub half_open: bool,

    /// A connection for each message: dial, say it, hear what comes, hang up
    #[arg(long, help_heading = "Pace")]
    pub short: bool,
}

/// `ask`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  framecat ask :9000 hello world\n  framecat ask udp://:9000 ping --wait 500ms\n  framecat ask :9000 -f len:u16be --in hex 0a0b < /dev/null\n  framecat ask :6379 -f resp 'SET k \"a b\"' 'GET k'\n  framecat ask :80 -f http 'GET /path'"
)]
pub struct AskArgs {
    /// Whom: HOST:PORT, :9000, udp://HOST:PORT, unix://PATH (framecat help endpoints)
    #[arg(value_parser = endpoint)]
    pub endpoint: Endpoint,

    /// What to ask, each read by --in; without any, each message of stdin
    pub message: Vec<String>,

    #[command(flatten)]
    pub dial: DialArgs,

    #[command(flatten)]
    pub talk: TalkArgs,

    #[command(flatten)]
    pub form: FormArgs,

    /// A connection for each message: dial, say it, await its reply, hang up
    #[arg(long, help_heading = "Pace")]
    pub short: bool,
}

/// `relay`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  framecat relay :8080 localhost:80\n  framecat relay :9000 unix:///run/x.sock,frame=len:u32be -f line\n  framecat relay :6380 :6379 -f crlf --show"
)]
pub struct RelayArgs {
    /// Where to listen; file:PATH and - are opened
    #[arg(value_parser = endpoint, allow_hyphen_values = true)]
    pub left: Endpoint,

    /// Where to connect, once per connection; for datagrams once per peer
    #[arg(value_parser = endpoint, allow_hyphen_values = true)]
    pub right: Endpoint,

    #[command(flatten)]
    pub talk: TalkArgs,

    #[command(flatten)]
    pub dial: DialArgs,

    /// Wait at both ends: whoever comes to one is joined with the next who comes to the other
    #[arg(long, help_heading = "Peers", conflicts_with_all = ["shared", "dial_both", "retry"])]
    pub listen_both: bool,

    /// Dial both ends, and join them: one conversation
    #[arg(long, help_heading = "Peers", conflicts_with_all = ["shared", "max_clients", "lan"])]
    pub dial_both: bool,

    /// Connect once: all clients speak there, in turn, and all hear what it says
    #[arg(long, help_heading = "Peers", conflicts_with = "once")]
    pub shared: bool,

    /// One connection, then the end
    #[arg(long, help_heading = "Peers")]
    pub once: bool,

    /// Connections at once; of datagram peers the one silent longest makes room [default: 1024]
    #[arg(long, value_name = "N", value_parser = clients, help_heading = "Peers")]
    pub max_clients: Option<usize>,

    #[command(flatten)]
    pub access: AccessArgs,

    /// Listen on every interface, not only for this machine
    #[arg(long, help_heading = "Peers")]
    pub lan: bool,
}

/// `serve`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  framecat serve\n  framecat serve ~/share --lan\n  framecat serve ~/share --lan --self-signed --auth ada\n  framecat serve --listen 127.0.0.1:0\n  framecat serve --listen unix:///run/share.sock\n\nNothing outside the folder is ever served: links that lead out of it are not followed"
)]
pub struct ServeArgs {
    /// The folder [default: the one we are in]
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,

    /// Where: HOST:PORT, :PORT, tls://HOST:PORT, unix://PATH [default: 127.0.0.1:8000, or the next
    /// free port]
    #[arg(long, value_name = "EP", value_parser = endpoint, help_heading = "Peers")]
    pub listen: Option<Endpoint>,

    /// Listen on every interface, not only for this machine
    #[arg(long, help_heading = "Peers")]
    pub lan: bool,

    /// Speak TLS (https) with a fresh certificate, whose pin is told; `--listen
    /// tls://HOST:PORT,cert=FILE,key=FILE` shows one of yours
    #[arg(long, help_heading = "Peers")]
    pub self_signed: bool,

    /// Answer whatever name the browser knows us by; else only addresses, localhost and our own names, so
    /// that no page of others can read the folder through a visitor's browser
    #[arg(long, help_heading = "Peers")]
    pub any_host: bool,

    /// Connections at once; later ones are told to come again (503) [default: 1024]
    #[arg(long, value_name = "N", value_parser = clients, help_heading = "Peers")]
    pub max_clients: Option<usize>,

    /// Connections at once from one address, this machine's own not counted [default: 64]
    #[arg(long, value_name = "N", value_parser = clients, help_heading = "Peers")]
    pub max_per_source: Option<usize>,

    #[command(flatten)]
    pub writing: serve::Writing,

    #[command(flatten)]
    pub auth: auth::AuthArgs,

    /// Serve names that begin with a dot, too
    #[arg(long, help_heading = "What")]
    pub hidden: bool,

    /// Send text of 1 KiB and more compressed (gzip) to those who accept that: for slow networks; on fast ones it is
    /// slower. Listings always are, and a `.br`, `.zst` or `.gz` beside a file is sent without this
    #[arg(long, help_heading = "What")]
    pub compress: bool,

    /// Answer TRACE with the request as it came, what is secret in it left out
    #[arg(long, help_heading = "What")]
    pub trace: bool,

    /// Answer each request with itself as text, and serve no folder: what a browser really sends
    #[arg(long, help_heading = "What", conflicts_with_all = ["folder", "upload", "drop", "full", "hidden", "compress", "trace"])]
    pub echo: bool,

    /// A line for each request on stderr: combined, json or none [default: combined; with --show none]
    #[arg(long, value_name = "FORM", value_parser = log, help_heading = "Seeing")]
    pub log: Option<Log>,

    /// Show every request and reply on stderr, part by part, and why each ends where it does: quoted, hex or
    /// dump; `all` for the first 64 KiB of each content, not only 256 bytes
    #[arg(long, value_name = "FORM", num_args = 0..=1, require_equals = true,
          default_missing_value = "quoted", value_parser = show, help_heading = "Seeing")]
    pub show: Option<Show>,

    /// Say what would be done, and do nothing
    #[arg(long, help_heading = "Seeing")]
    pub explain: bool,
}

/// A value that does not parse, in our own words: what is wrong with it, and what to type instead.
#[derive(Debug, Clone)]
pub struct Wrong {
    /// What is wrong.
    pub problem: String,
    /// What to type.
    pub remedy: String,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Wrong {}

/// The problem and the remedy of a value that one of our own parsers refused.
pub fn own_words(error: &clap::Error) -> Option<(String, String)> {
    let source = std::error::Error::source(error)?;
    let Wrong { problem, remedy } = source.downcast_ref::<Wrong>()?;
    Some((problem.clone(), remedy.clone()))
}

fn endpoint(text: &str) -> Result<Endpoint, Wrong> {
    // `-,frame=line` is stdin and stdout; what else begins so was meant to be a flag.
    if text.starts_with('-') && text != "-" && !text.starts_with("-,") {
        let problem = format!("unexpected argument '{text}' found");
        let remedy = "framecat help shows the verbs, framecat VERB --help its flags".into();
        return Err(Wrong { problem, remedy });
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        let problem = format!("`{text}` is a URL, and this verb takes an endpoint");
        let remedy = format!(
            "framecat fetch {text} asks for it; HOST:PORT or tls://HOST:PORT is an endpoint"
        );
        return Err(Wrong { problem, remedy });
    }
    text.parse::<Endpoint>().map_err(|e| Wrong { problem: e.problem, remedy: e.remedy })
}

fn command(text: &str) -> Result<Command, Wrong> {
    text.parse().map_err(|e: ParseEndpointError| Wrong { problem: e.problem, remedy: e.remedy })
}

fn cidr(text: &str) -> Result<Cidr, Wrong> {
    text.parse().map_err(|e: ParseCidrError| Wrong { problem: e.problem, remedy: e.remedy })
}

fn framing(text: &str) -> Result<Framing, Wrong> {
    text.parse::<Framing>().map_err(|e| Wrong { problem: e.problem, remedy: e.remedy })
}

fn form(text: &str) -> Result<Form, Wrong> {
    text.parse::<Form>().map_err(|e| Wrong { problem: e.problem, remedy: e.remedy })
}

fn template(text: &str) -> Result<Template, Wrong> {
    Template::parse(text).map_err(|e| Wrong { problem: e.problem, remedy: e.remedy })
}

fn tail(text: &str) -> Result<Tail, Wrong> {
    let remedy = "--tail keep, --tail drop or --tail error".to_string();
    text.parse().map_err(|problem| Wrong { problem, remedy })
}

fn time(text: &str) -> Result<Duration, Wrong> {
    parse_time(text).map_err(|e| Wrong { problem: e.problem, remedy: e.remedy })
}

fn message_size(text: &str) -> Result<usize, Wrong> {
    let size = parse_size(text).map_err(|e| Wrong { problem: e.problem, remedy: e.remedy })?;
    match usize::try_from(size) {
        Ok(size @ 1..=MESSAGE_BYTES_CEILING) => Ok(size),
        _ => Err(Wrong {
            problem: format!("`{text}` is no size for a message"),
            remedy: "a message has 1 byte to 1 GiB: --max-message 64MiB".into(),
        }),
    }
}

fn log(text: &str) -> Result<Log, Wrong> {
    let remedy = "--log combined, --log json or --log none".to_string();
    text.parse().map_err(|problem| Wrong { problem, remedy })
}

fn show(text: &str) -> Result<Show, Wrong> {
    let remedy = "--show, --show=hex, --show=dump; with whole messages: --show=all".to_string();
    text.parse().map_err(|problem| Wrong { problem, remedy })
}

fn record(text: &str) -> Result<PathBuf, Wrong> {
    match text {
        "-" | "" => Err(Wrong {
            problem: "--record writes to a file, and stdout is for the messages".into(),
            remedy: "name a file: --record talk.jsonl; both ways on stdout is --json".into(),
        }),
        path => Ok(path.into()),
    }
}

fn rate(text: &str) -> Result<Rate, Wrong> {
    text.parse::<Rate>().map_err(|e| Wrong { problem: e.problem, remedy: e.remedy })
}

fn chop(text: &str) -> Result<NonZeroUsize, Wrong> {
    let size = parse_size(text).ok().and_then(|size| usize::try_from(size).ok());
    size.and_then(NonZeroUsize::new).ok_or_else(|| Wrong {
        problem: format!("`{text}` is no number of bytes to send at a time"),
        remedy: "a number from 1 up: --chop 1".into(),
    })
}

fn count(text: &str) -> Result<u64, Wrong> {
    match text.parse() {
        Ok(n @ 1..) => Ok(n),
        _ => Err(Wrong {
            problem: format!("`{text}` is no number of messages"),
            remedy: "a number from 1 up: --count 3".into(),
        }),
    }
}

fn clients(text: &str) -> Result<usize, Wrong> {
    match text.parse() {
        Ok(n @ 1..=1_000_000) => Ok(n),
        _ => Err(Wrong {
            problem: format!("`{text}` is no number of clients"),
            remedy: "a number from 1 to 1000000: --max-clients 100".into(),
        }),
    }
}
