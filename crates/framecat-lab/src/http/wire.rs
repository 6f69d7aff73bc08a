//! A message of HTTP/1.1 by hand: taken apart byte by byte, as RFC 9112 has it, and sent and received
//! with plain calls. It is short on purpose: what is shown is how little there is to it.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::{TcpListener, TcpStream};

use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::PATIENCE;
use crate::evidence::Scene;
use crate::lang::Text;

/// A line without an end is refused at this length, and a body at this one: a peer must not be able to
/// fill the memory.
const LINE_BYTES_MAX: usize = 1_024;
const BODY_BYTES_MAX: usize = 64 << 10;

/// A request or a reply, taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Message {
    /// The three words of the first line: method, target, version, or version, code, reason.
    pub(super) start: [String; 3],
    /// The fields in their order, names as they came, values without the spaces around them.
    pub(super) fields: Vec<(String, String)>,
    /// What follows the empty line; put together where it came in chunks.
    pub(super) body: Vec<u8>,
    /// Every byte, as it came.
    pub(super) raw: Vec<u8>,
    /// How many of them are the head, with the empty line.
    pub(super) head_bytes: usize,
}

impl Message {
    /// The value of the first field of that name; names do not tell A from a.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut named = self.fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.as_str())
    }

    /// How many bytes of a body came, chunk sizes included.
    pub(super) fn body_bytes_on_the_wire(&self) -> usize {
        self.raw.len() - self.head_bytes
    }

    /// The body as a text, with what is no ASCII escaped.
    pub(super) fn text(&self) -> String {
        self.body.escape_ascii().to_string()
    }

    /// Code and reason of a reply.
    pub(super) fn status(&self) -> String {
        format!("{} {}", self.start[1], self.start[2])
    }
}

/// Where in a message the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    FirstLine,
    Fields,
    /// So many bytes of the body are to come (Content-Length).
    Counted(usize),
    ChunkSize,
    /// So many bytes of this chunk are to come, then its line end.
    Chunk(usize),
    ChunkEnd,
    Trailer,
    UntilClose,
    Done,
}

/// What is read: the rules for where it ends differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Request,
    /// Only to the empty line; the body is asked for later ([`Parser::body_of`]).
    RequestHead,
    /// The reply to a request of this method.
    ReplyTo(&'a str),
}

/// Takes a message apart, a byte at a time.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    kind: Kind<'a>,
    at: At,
    line: Vec<u8>,
    message: Message,
}

impl<'a> Parser<'a> {
    pub(super) fn new(kind: Kind<'a>) -> Parser<'a> {
        Parser { kind, at: At::FirstLine, line: Vec::new(), message: Message::default() }
    }

    /// Goes on behind a head that is there already.
    pub(super) fn body_of(head: Message) -> Result<Parser<'a>, &'static str> {
        let mut parser = Parser::new(Kind::Request);
        parser.message = head;
        parser.at = parser.after_the_head()?;
        Ok(parser)
    }

    /// The next byte; whether it was the message's last. An error says what is wrong with it.
    pub(super) fn take(&mut self, byte: u8) -> Result<bool, &'static str> {
        self.message.raw.push(byte);
        match self.at {
            At::Counted(left) => {
                self.message.body.push(byte);
                self.at = if left == 1 { At::Done } else { At::Counted(left - 1) };
            }
            At::Chunk(left) => {
                self.message.body.push(byte);
                self.at = if left == 1 { At::ChunkEnd } else { At::Chunk(left - 1) };
            }
            At::UntilClose => self.message.body.push(byte),
            At::Done => return Err("a byte behind the end"),
            At::FirstLine | At::Fields | At::ChunkSize | At::ChunkEnd | At::Trailer => {
                if let Some(line) = self.line_ended_by(byte)? {
                    self.at = self.after_line(&line)?;
                }
            }
        }
        if self.message.body.len() > BODY_BYTES_MAX {
            return Err("too long a body");
        }
        Ok(self.is_done())
    }

    fn is_done(&self) -> bool {
        self.at == At::Done
    }

    /// What has been taken so far: the message, once it is whole.
    pub(super) fn message(&self) -> Message {
        self.message.clone()
    }

    /// Gathers a line; gives it without its CR LF once they are there.
    fn line_ended_by(&mut self, byte: u8) -> Result<Option<String>, &'static str> {
        self.line.push(byte);
        if self.line.len() > LINE_BYTES_MAX {
            return Err("a line without end");
        }
        if byte != b'\n' {
            return Ok(None);
        }
        let line = mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r\n").ok_or("a line that LF alone ends")?;
        if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err("a control character");
        }
        Ok(Some(String::from_utf8_lossy(line).into_owned()))
    }

    fn after_line(&mut self, line: &str) -> Result<At, &'static str> {
        Ok(match self.at {
            At::FirstLine => {
                self.message.start = self.first_line(line)?;
                At::Fields
            }
            At::Fields if line.is_empty() => {
                self.message.head_bytes = self.message.raw.len();
                if self.kind == Kind::RequestHead { At::Done } else { self.after_the_head()? }
            }
            At::Fields => {
                let (name, value) = line.split_once(':').ok_or("a field without a colon")?;
                if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err("a field whose name is none");
                }
                self.message.fields.push((name.into(), value.trim().into()));
                At::Fields
            }
            At::ChunkSize => match usize::from_str_radix(line, 16) {
                Ok(0) => At::Trailer,
                Ok(size) => At::Chunk(size),
                Err(_) => return Err("a chunk without a size"),
            },
            At::ChunkEnd if line.is_empty() => At::ChunkSize,
            At::ChunkEnd => return Err("a chunk longer than its size"),
            At::Trailer if line.is_empty() => At::Done,
            at => at,
        })
    }

    /// Three words; the reason of a reply may hold spaces or be empty.
    fn first_line(&self, line: &str) -> Result<[String; 3], &'static str> {
        let is_reply = matches!(self.kind, Kind::ReplyTo(_));
        let words: Vec<&str> =
            if is_reply { line.splitn(3, ' ').collect() } else { line.split(' ').collect() };
        let [first, second, third] = words[..] else {
            return Err("a first line that is not three words");
        };
        if is_reply && !(second.len() == 3 && second.bytes().all(|digit| digit.is_ascii_digit())) {
            return Err("a status that is not three digits");
        }
        if first.is_empty() || second.is_empty() {
            return Err("a first line with a word missing");
        }
        Ok([first, second, third].map(String::from))
    }

    /// How the body's end will be known, RFC 9112 section 6.3.
    fn after_the_head(&self) -> Result<At, &'static str> {
        if let Kind::ReplyTo(method) = self.kind {
            let code = self.message.start[1].as_str();
            let tunnel = method == "CONNECT" && code.starts_with('2');
            if method == "HEAD" || tunnel || code.starts_with('1') || ["204", "304"].contains(&code)
            {
                return Ok(At::Done);
            }
        }
        let lengths = self.message.fields.iter();
        let lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("Content-Length"));
        let lengths: Vec<&str> = lengths.map(|(_, value)| value.as_str()).collect();
        match (self.message.field("Transfer-Encoding"), &lengths[..]) {
            (None, []) if matches!(self.kind, Kind::ReplyTo(_)) => Ok(At::UntilClose),
            (None, []) => Ok(At::Done),
            (Some("chunked"), []) => Ok(At::ChunkSize),
            (None, [length]) if length.bytes().all(|digit| digit.is_ascii_digit()) => {
                match length.parse() {
                    Ok(0) => Ok(At::Done),
                    Ok(length) => Ok(At::Counted(length)),
                    Err(_) => Err("a Content-Length that is no number"),
                }
            }
            (None, [_]) => Err("a Content-Length that is no number"),
            (None, _) => Err("two lengths"),
            (Some(_), _) => Err("a Transfer-Encoding that is not understood"),
        }
    }

    /// The stream has ended.
    fn end(self) -> Got {
        match self.at {
            _ if self.message.raw.is_empty() => Got::End,
            At::UntilClose | At::Done => Got::Whole(self.message),
            _ => Got::Cut(self.message),
        }
    }
}

/// What came of reading a message.
#[derive(Debug, PartialEq)]
pub(super) enum Got {
    Whole(Message),
    /// The stream ended in the middle of it.
    Cut(Message),
    /// The stream ended before it.
    End,
    /// It is none, and why.
    Wrong(&'static str),
}

impl Got {
    /// In a word.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Got::Whole(_) => "whole",
            Got::Cut(_) => "cut",
            Got::End => "0",
            Got::Wrong(why) => why,
        }
    }

    /// The whole message; anything else breaks the experiment off.
    pub(super) fn whole(self) -> io::Result<Message> {
        match self {
            Got::Whole(message) => Ok(message),
            Got::End | Got::Cut(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            Got::Wrong(why) => Err(io::Error::other(why)),
        }
    }
}

/// One end of a connection, with the bytes that a recv gave and no message has used yet.
#[derive(Debug)]
pub(super) struct End {
    pub(super) socket: TcpStream,
    unused: VecDeque<u8>,
    /// How many recvs were made.
    pub(super) recvs: u64,
}

impl End {
    pub(super) fn new(socket: TcpStream) -> io::Result<End> {
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(End { socket, unused: VecDeque::new(), recvs: 0 })
    }

    /// A send may take less than it is given.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut sent = 0;
        while sent < bytes.len() {
            sent += send(&self.socket, &bytes[sent..], SendFlags::NOSIGNAL)?;
        }
        Ok(sent)
    }

    /// Receives up to `most` bytes at a time until the parser has its message. What came behind it
    /// stays for the next.
    pub(super) fn receive(&mut self, mut parser: Parser<'_>, most: usize) -> io::Result<Got> {
        if parser.is_done() {
            return Ok(Got::Whole(parser.message));
        }
        let mut buffer = vec![0; most];
        loop {
            while let Some(byte) = self.unused.pop_front() {
                match parser.take(byte) {
                    Ok(false) => {}
                    Ok(true) => return Ok(Got::Whole(parser.message)),
                    Err(why) => return Ok(Got::Wrong(why)),
                }
            }
            let (taken, _) = recv(&self.socket, &mut buffer[..], RecvFlags::empty())?;
            self.recvs += 1;
            if taken == 0 {
                return Ok(parser.end());
            }
            self.unused.extend(&buffer[..taken]);
        }
    }

    /// So many bytes as they come, taken for nothing but bytes.
    pub(super) fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; count];
        while self.unused.len() < count {
            let room = count - self.unused.len();
            let (taken, _) = recv(&self.socket, &mut buffer[..room], RecvFlags::empty())?;
            if taken == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.unused.extend(&buffer[..taken]);
        }
        Ok(self.unused.drain(..count).collect())
    }

    /// What one recv gives that takes nothing and does not wait: `0` at the end, else an error's name
    /// or the number of bytes.
    pub(super) fn peek(&self) -> String {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        crate::watch::returned(recv(&self.socket, &mut [0; 64][..], flags).map(|(taken, _)| taken))
    }
}

/// The bytes of a request: first line, `Host`, these fields, and a body with its length.
pub(super) fn request(method: &str, target: &str, fields: &[&str], body: &str) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: lab\r\n");
    for field in fields {
        head.push_str(&format!("{field}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    format!("{head}\r\n{body}").into_bytes()
}

/// Both ends of a new connection over loopback: the client's and the server's.
pub(super) fn connected(listener: &TcpListener) -> io::Result<(End, End)> {
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    Ok((End::new(client)?, End::new(server)?))
}

/// A scene between a client on the left and a server on the right.
pub(super) fn client_and_server(name: &'static str, kernel: &'static [Text]) -> Scene {
    let mut scene = Scene::new(name, kernel);
    scene.left = Text::new("CLIENT", "客户端");
    scene.right = Text::new("SERVER", "服务器");
    scene
}

/// The send of a message in short: its first line with CR LF to be seen, and the number of bytes in all.
pub(super) fn first_line(message: &[u8]) -> String {
    let end = message.iter().position(|byte| *byte == b'\n').map_or(message.len(), |at| at + 1);
    let rest = if end < message.len() { ".." } else { "" };
    format!("{}{rest} = {}", message[..end].escape_ascii(), message.len())
}
