//! Reads answers strictly: what a server may not generate is broken, whatever a client could make of it.

use std::borrow::Cow;

/// An answer, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    /// Major and minor.
    pub version: (u8, u8),
    /// 100 to 599.
    pub status: u16,
    /// All fields, in order, without the space around their values.
    pub fields: Vec<(&'a str, &'a [u8])>,
    /// The content, out of its chunks.
    pub content: Cow<'a, [u8]>,
    /// Whether the end of the connection ended it.
    pub by_close: bool,
}

impl<'a> Answer<'a> {
    /// The value of the first field `name`.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The values of all fields `name`.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        let named = self.fields.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name));
        named.map(|(_, value)| *value)
    }

    /// The members of the lists in all fields `name`, without parameters.
    pub fn members<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        let members = self.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        members.map(|member| {
            let end = member.iter().position(|byte| *byte == b';').unwrap_or(member.len());
            member[..end].trim_ascii()
        })
    }

    /// Whether one of these members is `token`, whatever the case.
    pub fn lists(&self, name: &str, token: &str) -> bool {
        self.members(name).any(|member| member.eq_ignore_ascii_case(token.as_bytes()))
    }
}

/// What reading came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Read<'a> {
    /// An answer, and how many bytes it took.
    Whole(Answer<'a>, usize),
    /// More must come.
    Partial,
    /// No answer: why not.
    Broken(String),
}

type Parsed<T> = Result<Option<T>, String>;

/// Reads the first answer of `bytes`. `no_content`: it answers HEAD. `ended`: nothing comes behind `bytes`.
pub(super) fn read_answer(bytes: &[u8], no_content: bool, ended: bool) -> Read<'_> {
    match read(bytes, no_content, ended) {
        Ok(Some((answer, used))) => Read::Whole(answer, used),
        Ok(None) => Read::Partial,
        Err(why) => Read::Broken(why),
    }
}

fn read(bytes: &[u8], no_content: bool, ended: bool) -> Parsed<(Answer<'_>, usize)> {
    let mut at = 0;
    let Some(line) = line(bytes, &mut at)? else {
        // Which version it is, the whole line tells.
        let start = b"HTTP/";
        let known = bytes.len().min(start.len());
        return match bytes[..known] == start[..known] {
            true => Ok(None),
            false => Err(format!("it begins with `{}`", shown(bytes))),
        };
    };
    let (version, status) = status_line(line)?;
    let mut fields = Vec::new();
    loop {
        match self::line(bytes, &mut at)? {
            None => return Ok(None),
            Some([]) => break,
            Some(line) => fields.push(field(line)?),
        }
    }
    let mut answer =
        Answer { version, status, fields, content: Cow::Borrowed(&[]), by_close: false };
    if no_content || status < 200 || status == 204 || status == 304 {
        return Ok(Some((answer, at)));
    }
    if answer.members("transfer-encoding").last().is_some() {
        let last = answer.members("transfer-encoding").last().unwrap_or_default();
        if last.eq_ignore_ascii_case(b"chunked") {
            let Some(content) = chunks(bytes, &mut at)? else { return Ok(None) };
            answer.content = Cow::Owned(content);
            return Ok(Some((answer, at)));
        }
    } else if let Some(value) = answer.get("content-length") {
        let length = std::str::from_utf8(value).ok().filter(|text| is_digits(text));
        let length = length.and_then(|text| text.parse::<usize>().ok());
        let length = length.ok_or_else(|| format!("its Content-Length is `{}`", shown(value)))?;
        let Some(content) = bytes[at..].get(..length) else { return Ok(None) };
        answer.content = Cow::Borrowed(content);
        return Ok(Some((answer, at + length)));
    }
    if !ended {
        return Ok(None);
    }
    answer.content = Cow::Borrowed(&bytes[at..]);
    answer.by_close = true;
    Ok(Some((answer, bytes.len())))
}

/// What the Content-Length of the first answer says, if its head is there and no coding overrides it.
pub(super) fn told_length(bytes: &[u8]) -> Option<usize> {
    let (head, _) = read(bytes, true, false).ok()??;
    let coded = head.get("transfer-encoding").is_some();
    let length = std::str::from_utf8(head.get("content-length").filter(|_| !coded)?).ok()?;
    length.parse().ok().filter(|_| is_digits(length))
}

/// The line at `at` without its CR LF.
fn line<'a>(bytes: &'a [u8], at: &mut usize) -> Parsed<&'a [u8]> {
    let rest = &bytes[*at..];
    let Some(end) = memchr::memchr(b'\n', rest) else {
        return match rest.iter().position(|byte| *byte == b'\r') {
            Some(cr) if cr + 1 < rest.len() => Err("there is a CR without LF in its head".into()),
            _ => Ok(None),
        };
    };
    let Some(line) = rest[..end].strip_suffix(b"\r") else {
        return Err(format!("a line of its head ends without CR: `{}`", shown(&rest[..end])));
    };
    if line.contains(&b'\r') {
        return Err(format!("there is a CR without LF in its head: `{}`", shown(line)));
    }
    *at += end + 1;
    Ok(Some(line))
}

/// `HTTP/1.x SP 3DIGIT SP [reason]`.
fn status_line(line: &[u8]) -> Result<((u8, u8), u16), String> {
    let wrong = |what: &str| Err(format!("{what}: `{}`", shown(line)));
    let Some(rest) = line.strip_prefix(b"HTTP/") else { return wrong("no status line") };
    let [major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9', b' ', rest @ ..] = rest else {
        return wrong("the version of its status line is none");
    };
    let [a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = rest else {
        return wrong("its status is none of 100 to 599");
    };
    let [b' ', reason @ ..] = rest else { return wrong("no space behind the status") };
    if reason.iter().any(|byte| is_control(*byte)) {
        return wrong("there are controls in its reason phrase");
    }
    let status = [a, b, c].iter().fold(0, |sum, digit| sum * 10 + u16::from(**digit - b'0'));
    Ok(((major - b'0', minor - b'0'), status))
}

fn field(line: &[u8]) -> Result<(&str, &[u8]), String> {
    let wrong = |what: &str| Err(format!("{what}: `{}`", shown(line)));
    if matches!(line, [b' ' | b'\t', ..]) {
        return wrong("a field of its head is folded");
    }
    let Some(colon) = memchr::memchr(b':', line) else { return wrong("a field without colon") };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let Some(name) = std::str::from_utf8(name).ok().filter(|name| is_token(name)) else {
        return wrong("the name of a field is no token");
    };
    if value.iter().any(|byte| is_control(*byte)) {
        return wrong("there are controls in the value of a field");
    }
    Ok((name, value.trim_ascii()))
}

/// The content out of chunks, behind the last chunk and the trailers.
fn chunks(bytes: &[u8], at: &mut usize) -> Parsed<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let Some(head) = line(bytes, at)? else { return Ok(None) };
        let end = head.iter().position(|byte| *byte == b';').unwrap_or(head.len());
        let size = std::str::from_utf8(&head[..end]).ok();
        let size =
            size.filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit()));
        let size = size.and_then(|text| usize::from_str_radix(text, 16).ok());
        let size = size.ok_or_else(|| format!("the size of a chunk is `{}`", shown(head)))?;
        if size == 0 {
            break;
        }
        let Some(end) = at.checked_add(size) else { return Ok(None) };
        let Some(data) = bytes.get(*at..end) else { return Ok(None) };
        content.extend_from_slice(data);
        *at = end;
        match bytes[*at..] {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] => *at += 2,
            _ => return Err("a chunk does not end in CR LF".into()),
        }
    }
    loop {
        match line(bytes, at)? {
            None => return Ok(None),
            Some([]) => return Ok(Some(content)),
            Some(trailer) => drop(field(trailer)?),
        }
    }
}

/// What no field and no reason may hold; HTAB is allowed, and bytes above 127 are.
fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7F
}

/// 1*tchar.
pub(super) fn is_token(text: &str) -> bool {
    let tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(tchar)
}

/// 1*DIGIT.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The beginning of some bytes, for a sentence.
pub(super) fn shown(bytes: &[u8]) -> String {
    const BYTES: usize = 60;
    let head = bytes[..bytes.len().min(BYTES)].escape_ascii();
    format!("{head}{}", if bytes.len() > BYTES { "…" } else { "" })
}
