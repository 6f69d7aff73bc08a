//! From what was typed to what is done: the defaults of `framecat help framings`, decided here and
//! nowhere else, and told by `--explain`.

use framecat_net::conn::Kind;
use std::path::Path;

use framecat_net::relay::Allowed;
use framecat_net::replay::Script;
use framecat_net::shape::Shape;
use framecat_net::talk::Talk;
use framecat_proto::cidr::{Access, Cidr};
use framecat_proto::endpoint::{At, Host};
use framecat_proto::framing::Ways;
use framecat_proto::limits::MESSAGE_BYTES;
use framecat_proto::rate::Unit;
use framecat_proto::text::http::Typed;
use framecat_proto::text::recording::{Head, Side};
use framecat_proto::text::{Form, Look};
use framecat_proto::{Endpoint, Framing};

use crate::flags::{AccessArgs, FormArgs, ShapeArgs, TalkArgs};

mod same;
pub mod ways;

/// A command that makes no sense: what, and what to type instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl Mistake {
    fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Mistake {
        Mistake { problem: problem.into(), remedy: remedy.into() }
    }
}

/// What the standard descriptors are.
#[derive(Debug, Clone, Copy)]
pub struct Standard {
    /// stdin.
    pub stdin: Kind,
    /// stdout.
    pub stdout: Kind,
}

/// Resolves framings and forms of a verb that talks to stdin and stdout.
///
/// `speaks` says whether the verb or one of its own options speaks of messages.
pub fn talk(
    endpoint: &Endpoint,
    args: &TalkArgs,
    form: &FormArgs,
    speaks: bool,
    standard: Standard,
) -> Result<Talk, Mistake> {
    if args.frame.len() > 1 {
        return Err(Mistake::new(
            "-f was given twice, and there is one connection",
            "give it once; two rules are for the two ends of relay",
        ));
    }
    same::apart(&[endpoint], true, args.record.as_deref())?;
    let message_form = |form: &Option<Form>| form.as_ref().is_some_and(|form| *form != Form::Raw);
    let speaks = speaks
        || args.count.is_some()
        || args.until.is_some()
        || args.json
        || form.format.is_some()
        || message_form(&form.input)
        || message_form(&form.output);
    let rules = match framing(endpoint, args.frame.first())? {
        Some(framing) => (framing.clone(), framing),
        None if speaks => (Framing::line(), Framing::line()),
        // Pipes stay byte-exact as nc's are, and people get lines.
        None => (line_if(standard.stdout), line_if(standard.stdin)),
    };
    let Ways { receive, send } = ways::of_talk(endpoint, args, rules)?;
    let input = form.input.clone().unwrap_or_else(|| default_input(&send));
    if input == Form::Dump {
        return Err(Mistake::new(
            "the form `dump` is for output only",
            "--in takes raw, line, quoted, hex, jsonl, words or a framing",
        ));
    }
    if let (true, Some(Form::Framing(rule))) = (standard.stdout == Kind::Terminal, &form.output) {
        return Err(Mistake::new(
            format!("--out {rule} writes a peer's bytes as they are, and stdout is a terminal"),
            "send stdout elsewhere, or use --out quoted",
        ));
    }
    if let Some(Form::Framing(rule @ Framing::Gap(_))) = &form.output {
        return Err(Mistake::new(
            format!("--out {rule} would keep messages apart by time alone, which stdout forgets"),
            "--out raw writes the same bytes; --out quoted keeps messages apart",
        ));
    }
    if args.until.as_ref().is_some_and(String::is_empty) {
        return Err(Mistake::new(
            "--until holds no text, which every message holds",
            "--count 1 ends after the first message",
        ));
    }
    let output = match (args.json, &form.output) {
        (true, Some(other)) if *other != Form::Jsonl => {
            return Err(Mistake::new(
                format!("--json writes JSON lines, --out {other} something else"),
                "leave one of them out",
            ));
        }
        (true, _) => Form::Jsonl,
        (false, Some(form)) => form.clone(),
        (false, None) if form.format.is_some() => Form::Line,
        (false, None) => Form::default_for(&receive),
    };
    let words = |form, rule: &Framing| match form {
        Form::Words if *rule == Framing::Http => Form::default_for(rule),
        form => form,
    };
    let (input, output) = (words(input, &send), words(output, &receive));
    for (flag, form, rule) in [("--in", &input, &send), ("--out", &output, &receive)] {
        if *form == Form::Words && *rule != Framing::Resp {
            return Err(Mistake::new(
                format!(
                    "{flag} words is how RESP values and HTTP messages are typed and shown, and the framing is {rule}"
                ),
                "give -f resp or -f http, or another form: quoted, hex, jsonl",
            ));
        }
    }
    if form.format.is_some() && output == Form::Jsonl {
        return Err(Mistake::new(
            "--format makes a text of each message, and JSON lines tell the message itself",
            "leave one of them out; without --json the texts are lines on stdout",
        ));
    }
    Ok(Talk {
        receive,
        send,
        input,
        output,
        look: Look { terminal: standard.stdout == Kind::Terminal },
        format: form.format.clone(),
        message_bytes: args.max_message.unwrap_or(MESSAGE_BYTES),
        tail: args.tail,
        count: args.count,
        until: args.until.as_ref().map(|text| text.clone().into_bytes()),
        wait: args.wait,
        retry: None,
        idle: args.idle,
        deadline: args.deadline,
        half_open: false,
        many: false,
        lines: None,
        short: false,
        shape: shape(args, &[endpoint])?,
        replay: None,
        record: None,
        fast: Allowed::Fast,
    })
}

/// What is said of a framing of silences on a network stream, once, before anything is opened.
pub fn caution<'a>(ends: impl IntoIterator<Item = (&'a Endpoint, &'a Framing)>) -> Option<Mistake> {
    let gap = |(end, rule): &(&Endpoint, &Framing)| {
        end.is_network() && !end.keeps_boundaries() && matches!(rule, Framing::Gap(_))
    };
    let (end, rule) = ends.into_iter().find(gap)?;
    Some(Mistake::new(
        format!("{rule} only seems to work on {end}: TCP keeps no silence between what is sent"),
        "a framing that marks or counts works, such as -f line or -f len:u32be",
    ))
}

/// Where we ask, a line typed for `http` is a request to this host.
pub fn asks(endpoint: &Endpoint, talk: &mut Talk) {
    if let Form::Http(typed) = &mut talk.input {
        *typed = Typed::Request { host: host(endpoint) };
    }
}

/// What Host says of an endpoint (RFC 9110 section 7.2): without a port where it is the usual one.
fn host(endpoint: &Endpoint) -> String {
    let (At::Tcp(at) | At::Tls(at)) = &endpoint.at else { return "localhost".into() };
    let host = match &at.host {
        Some(Host::Name(name)) => name.clone(),
        Some(Host::V4(address)) => address.to_string(),
        // An interface is of this machine alone.
        Some(Host::V6 { address, .. }) => format!("[{address}]"),
        None => "localhost".into(),
    };
    let usual = if endpoint.scheme() == "tls" { 443 } else { 80 };
    if at.port == usual { host } else { format!("{host}:{}", at.port) }
}

/// How messages stand on stdin unless it is said. A rule that keeps its marker on the message needs the
/// marker there, so stdin is read by the rule itself.
fn default_input(send: &Framing) -> Form {
    let keeps = match send {
        Framing::Line(line) => line.keep,
        Framing::Delim(delim) => delim.keep(),
        Framing::Syslog(syslog) => syslog.keep,
        Framing::Dot(dot) => dot.keep,
        _ => false,
    };
    if keeps { Form::Framing(send.clone()) } else { Form::default_for(send) }
}

fn line_if(kind: Kind) -> Framing {
    if kind == Kind::Terminal { Framing::line() } else { Framing::Raw }
}

/// How what is sent is spread over time and sends. A datagram is sent whole or not at all.
pub fn shape(args: &TalkArgs, ends: &[&Endpoint]) -> Result<Shape, Mistake> {
    let ShapeArgs { delay, rate, chop, coalesce } = args.shape;
    let splits = match (chop, coalesce) {
        (Some(_), _) => Some("--chop splits"),
        (None, Some(_)) => Some("--coalesce joins"),
        (None, None) => None,
    };
    if let (Some(splits), true) = (splits, ends.iter().all(|end| end.keeps_boundaries())) {
        return Err(Mistake::new(
            format!(
                "{splits} a stream of bytes, and {} keeps each message whole",
                ends[0].scheme()
            ),
            "leave it out, or try it over tcp:// or unix://; --delay and --rate pace messages here",
        ));
    }
    let message_rate = rate.is_some_and(|rate| rate.of == Unit::Messages);
    if coalesce.is_some() && (delay.is_some() || message_rate) {
        let paces = if delay.is_some() { "--delay" } else { "--rate" };
        return Err(Mistake::new(
            format!("{paces} keeps messages apart, --coalesce sends them together"),
            "leave one of them out; --rate 64KiB/s paces bytes",
        ));
    }
    Ok(Shape { delay, rate, chop, coalesce })
}

/// The rule that was asked for on an endpoint; `native` where it keeps messages itself.
fn framing(endpoint: &Endpoint, asked: Option<&Framing>) -> Result<Option<Framing>, Mistake> {
    let asked = endpoint.framing.as_ref().or(asked);
    match (endpoint.keeps_boundaries(), asked) {
        (true, None | Some(Framing::Native)) => Ok(Some(Framing::Native)),
        (true, Some(rule)) => Err(Mistake::new(
            format!("{} keeps messages itself, -f {rule} is for streams", endpoint.scheme()),
            "leave -f out; how messages look on stdin and stdout is --in and --out",
        )),
        (false, Some(Framing::Native)) => Err(Mistake::new(
            format!("{} is a stream: it keeps no messages of its own", endpoint.scheme()),
            "name a rule: -f line, -f len:u32be … (framecat help framings)",
        )),
        (false, Some(Framing::Guess)) => Err(Mistake::new(
            "guess finds no messages: it looks at bytes and tells which rules would fit them",
            "only connect takes it: framecat connect file:PATH -f guess; what is being said needs a rule",
        )),
        (false, asked) => Ok(asked.cloned()),
    }
}

/// Whether it is asked which rules would fit.
pub fn guesses(endpoint: &Endpoint, args: &TalkArgs) -> bool {
    let asked = endpoint.framing.as_ref().or(args.frame.first());
    asked == Some(&Framing::Guess) && !endpoint.keeps_boundaries()
}

/// `--retry` where nobody has to come first.
pub fn retry(dialled: &[&Endpoint], retry: Option<std::time::Duration>) -> Result<(), Mistake> {
    let none = dialled.iter().all(|end| end.is_dialled() || end.keeps_boundaries());
    if retry.is_some() && none && !dialled.iter().any(|end| end.scheme() == "unixseq") {
        let ends: Vec<_> = dialled.iter().map(|end| end.to_string()).collect();
        return Err(Mistake::new(
            format!(
                "--retry waits for somebody to listen, and nobody does on {}",
                ends.join(" or ")
            ),
            "leave it out; --wait is for an answer",
        ));
    }
    Ok(())
}

/// Options and flags that mean nothing to the role an endpoint has.
pub fn role(endpoint: &Endpoint, listens: bool, lan: bool) -> Result<(), Mistake> {
    let asked = |name| endpoint.options.get(name).is_some();
    if listens && asked("bind") {
        return Err(Mistake::new(
            "`bind` says where a dialled connection comes from, and this end listens",
            "the address to listen on is the endpoint's own: ADDRESS:PORT",
        ));
    }
    if !listens && asked("backlog") {
        return Err(Mistake::new(
            "`backlog` is a listener's queue, and this end dials",
            "leave it out here",
        ));
    }
    if listens && asked("sni") {
        return Err(Mistake::new(
            "`sni` says whom a dialling end asks for, and this end listens",
            "leave it out here; a listener shows its one certificate whoever is asked for",
        ));
    }
    if endpoint.scheme() == "tls" && listens && !asked("cert") && !asked("self-signed") {
        return Err(Mistake::new(
            "who listens for TLS shows a certificate, and none is named",
            "write ,self-signed for a fresh one whose pin is told, or ,cert=FILE,key=FILE",
        ));
    }
    if !listens && asked("self-signed") {
        return Err(Mistake::new(
            "`self-signed` makes the certificate of a listener, and this end dials",
            "leave it out here; cert=FILE,key=FILE shows the server one, pin=sha256:… trusts the server's",
        ));
    }
    if !listens && endpoint.port() == Some(0) {
        return Err(Mistake::new(
            "port 0 is no place to connect to: a listener asks the kernel for a free port with it",
            "the listener's first line on stderr tells its real port",
        ));
    }
    if !listens && asked("source") {
        return Err(Mistake::new(
            "`source` says whom a listener hears, and this end sends",
            "leave it out here; bind=ADDRESS says where from",
        ));
    }
    if listens && asked("loop") {
        return Err(Mistake::new(
            "`loop` is for who sends to a group, and this end listens",
            "leave it out here",
        ));
    }
    if listens && endpoint.is_cast() && asked("broadcast") {
        return Err(Mistake::new(
            "`broadcast` allows sending; whoever listens hears broadcasts without it",
            "leave it out here",
        ));
    }
    if lan && (endpoint.has_host() || !endpoint.is_network()) {
        return Err(Mistake::new(
            format!("--lan listens on every interface, {endpoint} names its place itself"),
            "leave one of them out: --lan with :PORT, or the address alone",
        ));
    }
    Ok(())
}

/// Who may talk to the ends that wait, as far as it can come true.
pub fn access(waits: &[&Endpoint], args: &AccessArgs, lan: bool) -> Result<(), Mistake> {
    let access = args.access();
    if access.is_open() {
        return Ok(());
    }
    if waits.is_empty() {
        return Err(Mistake::new(
            "--allow and --deny are for those who come, and both ends are dialled",
            "leave them out",
        ));
    }
    if let Some(end) = waits.iter().find(|end| !end.is_network()) {
        return Err(Mistake::new(
            format!(
                "--allow and --deny go by addresses, and who comes to {} has none",
                end.scheme()
            ),
            "leave them out; who may open a Unix socket is said by the modes of its path",
        ));
    }
    let own = ["127.0.0.0/8", "::1"].map(|own| own.parse::<Cidr>());
    let is_own = |cidr: &Cidr| own.iter().flatten().any(|own| own.meets(cidr));
    let alone = |end: &&Endpoint| !lan && !end.has_host() && !end.is_cast();
    let nobody = !access.allow.is_empty() && !access.allow.iter().any(is_own);
    if nobody && waits.iter().any(alone) {
        return Err(Mistake::new(
            "--allow lets nobody in: without an address only this machine can reach a listener",
            "--lan listens on every interface; an address before the port on its own",
        ));
    }
    Ok(())
}

/// A verb that talks to stdin and stdout needs somebody else to talk to.
pub fn not_stdio(endpoint: &Endpoint) -> Result<(), Mistake> {
    match endpoint.at {
        At::Stdio => Err(Mistake::new(
            "stdin and stdout are this end already, and - is the other one",
            "name a socket: HOST:PORT, udp://..., unix://...; framecat relay takes - as an end",
        )),
        _ => Ok(()),
    }
}

/// What - as an end of a relay forbids.
fn stdio_end(
    left: &Endpoint,
    right: &Endpoint,
    args: &TalkArgs,
    stdout: Kind,
) -> Result<(), Mistake> {
    let ends = [left, right].into_iter().filter(|end| end.at == At::Stdio).count();
    if ends == 2 {
        return Err(Mistake::new(
            "- joined to - would hand stdin to stdout, which cat does",
            "name another end: framecat relay - HOST:PORT",
        ));
    }
    if ends == 1 && args.json {
        return Err(Mistake::new(
            "stdout is an end of the relay, and --json would write into it",
            "--show tells messages on stderr, -v connections",
        ));
    }
    if ends == 1 && stdout == Kind::Terminal {
        return Err(Mistake::new(
            "- writes a peer's bytes as they are, and stdout is a terminal",
            "framecat connect shows messages on a terminal; or send stdout elsewhere",
        ));
    }
    Ok(())
}

/// Whether a listener takes one connection: as nc does while stdout is raw and nothing speaks of
/// messages, so that two clients never mix in one file.
pub fn takes_one(endpoint: &Endpoint, talk: &Talk, answers: bool) -> bool {
    let raw = talk.receive == Framing::Raw && talk.output == Form::Raw;
    raw && !answers && !endpoint.keeps_boundaries()
}

/// Whether a relay would hear what it sends, and send it again, for ever: both ends are on one port and
/// nothing keeps their networks apart.
fn hears_itself(left: &Endpoint, right: &Endpoint, lan: bool) -> bool {
    use framecat_proto::endpoint::BroadcastTo;
    use framecat_proto::options::Value;
    if left.port() != right.port() || left.port() == Some(0) {
        return false;
    }
    let dev = |end: &Endpoint| end.options.get("dev").cloned();
    let apart = |one: Option<Value>, other: Option<Value>| match (one, other) {
        (Some(one), Some(other)) => one != other,
        _ => false,
    };
    match (&left.at, &right.at) {
        (At::Broadcast(from), At::Broadcast(to)) => {
            let network = |at: &framecat_proto::endpoint::BroadcastAt, end: &Endpoint| match &at.to
            {
                Some(BroadcastTo::Interface(name)) => Some(Value::Text(name.clone())),
                Some(BroadcastTo::Address(ip)) if !ip.is_broadcast() => {
                    Some(Value::Ip((*ip).into()))
                }
                _ => dev(end),
            };
            !apart(network(from, left), network(to, right))
        }
        // Bound to every address, it hears broadcasts too.
        (At::Udp(at), At::Broadcast(_)) => match &at.host {
            None => lan,
            Some(Host::V4(ip)) => ip.is_unspecified(),
            Some(Host::V6 { address, .. }) => address.is_unspecified(),
            Some(Host::Name(_)) => false,
        },
        (At::Multicast(from), At::Multicast(to)) => {
            let zone = |at: &framecat_proto::endpoint::GroupAt, end: &Endpoint| {
                at.zone.clone().map(Value::Text).or_else(|| dev(end))
            };
            let silent = right.options.get("loop") == Some(&Value::Flag(false));
            from.group == to.group && !silent && !apart(zone(from, left), zone(to, right))
        }
        _ => false,
    }
}

/// The framings of a relay's two ends. What many clients share are messages.
pub fn relay(
    left: &Endpoint,
    right: &Endpoint,
    args: &TalkArgs,
    (lan, stdout): (bool, Kind),
    shared: bool,
) -> Result<[Ways; 2], Mistake> {
    stdio_end(left, right, args, stdout)?;
    let stdio = [left, right].iter().any(|end| end.at == At::Stdio);
    same::apart(&[left, right], stdio, args.record.as_deref())?;
    if shared && left.is_dialled() {
        return Err(Mistake::new(
            format!("{left} is one conversation, and --shared is for many clients"),
            "leave --shared out, or listen: framecat relay --shared :9000 HOST:PORT",
        ));
    }
    if hears_itself(left, right, lan) {
        return Err(Mistake::new(
            format!("{left} would hear what goes to {right}, and relay it again and again"),
            "take another port on one side, or name another interface on each: eth0, eth1",
        ));
    }
    let (first, second) = match args.frame.as_slice() {
        [] => (None, None),
        [both] => (Some(both), Some(both)),
        [first, second] => (Some(first), Some(second)),
        _ => {
            return Err(Mistake::new(
                "-f was given more than twice",
                "once for both ends, or twice: first the left, then the right",
            ));
        }
    };
    // One -f with a datagram end means the other one.
    let only = |end: &Endpoint, rule: Option<&Framing>| match args.frame.len() {
        1 if end.keeps_boundaries() => framing(end, None),
        _ => framing(end, rule),
    };
    let speaks = shared || args.count.is_some() || args.until.is_some() || args.json;
    let unsaid = || if speaks { Framing::line() } else { Framing::Raw };
    let left_rule = only(left, first)?.unwrap_or_else(unsaid);
    let right_rule = only(right, second)?.unwrap_or_else(unsaid);
    ways::of_relay([left, right], args, [left_rule, right_rule])
}

/// How a recording begins: whose it is, and the framings of what the two parts say.
pub fn head(side: Side, client: &Framing, server: &Framing) -> Head {
    let (client, server) = (Some(client.clone()), Some(server.clone()));
    Head { side: Some(side), client, server, dialled: None }
}

/// What is played of a recording, for `--explain`.
pub fn played(part: &str, path: &Path, script: &Script) -> String {
    let connections = match script.len() {
        1 => "1 connection".into(),
        n => format!("{n} connections"),
    };
    format!("the {part}'s part of {}, {connections}", path.display())
}

/// What `--explain` prints: a line a fact.
#[derive(Debug, Default)]
pub struct Explained(Vec<(String, String)>);

impl Explained {
    /// Adds a fact.
    pub fn fact(&mut self, name: &str, value: impl ToString) -> &mut Explained {
        self.0.push((name.to_string(), value.to_string()));
        self
    }

    /// Adds what is common to all that talks.
    pub fn talk(&mut self, talk: &Talk) -> &mut Explained {
        self.fact(
            "from the wire",
            format_args!("{}, longest {}", spelled(&talk.receive), size(talk)),
        );
        self.fact("to the wire", spelled(&talk.send));
        if talk.replay.is_none() {
            self.fact("stdin", format_args!("--in {}", talk.input));
        }
        let terminal = if talk.look.terminal { ", control characters escaped" } else { "" };
        self.fact("stdout", format_args!("--out {}{terminal}", talk.output));
        if let Some(format) = &talk.format {
            self.fact("printed as", format);
        }
        if let Some(count) = talk.count {
            self.fact("ends after", format_args!("{count} messages"));
        }
        if let Some(until) = &talk.until {
            let text = framecat_proto::text::visible(until, 64);
            self.fact("ends after", format_args!("a message that holds `{text}`"));
        }
        self.shape(&talk.shape).times(talk.wait, talk.idle, talk.deadline)
    }

    /// Adds how what is sent is spread.
    pub fn shape(&mut self, shape: &Shape) -> &mut Explained {
        let print = framecat_proto::quantity::print_time;
        if let Some(delay) = shape.delay {
            self.fact("delay", print(delay));
        }
        if let Some(rate) = shape.rate {
            self.fact("sends at most", rate);
        }
        if let Some(chop) = shape.chop {
            self.fact("bytes a send", chop);
        }
        if let Some(time) = shape.coalesce {
            self.fact("sent together", format_args!("after {}", print(time)));
        }
        self
    }

    /// Adds who may talk.
    pub fn access(&mut self, access: &Access) -> &mut Explained {
        for (name, cidrs) in [("let in", &access.allow), ("turned away", &access.deny)] {
            if !cidrs.is_empty() {
                let cidrs: Vec<_> = cidrs.iter().map(Cidr::to_string).collect();
                self.fact(name, cidrs.join(", "));
            }
        }
        self
    }

    /// Adds the times.
    pub fn times(
        &mut self,
        wait: Option<std::time::Duration>,
        idle: Option<std::time::Duration>,
        deadline: Option<std::time::Duration>,
    ) -> &mut Explained {
        for (name, time) in [("wait", wait), ("idle", idle), ("deadline", deadline)] {
            if let Some(time) = time {
                self.fact(name, framecat_proto::quantity::print_time(time));
            }
        }
        self
    }
}

/// A rule, and the line that it stands for if it is a preset.
pub fn spelled(rule: &Framing) -> String {
    match rule.expanded() {
        line if line == rule => rule.to_string(),
        line => format!("{rule}, which is {line}"),
    }
}

fn size(talk: &Talk) -> String {
    framecat_proto::quantity::print_size(talk.message_bytes as u64)
}

impl std::fmt::Display for Explained {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in &self.0 {
            writeln!(f, "{name:width$}  {value}")?;
        }
        Ok(())
    }
}
