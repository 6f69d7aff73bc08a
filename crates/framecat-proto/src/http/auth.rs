//! Who may ask: the passwords of RFC 7617 (Basic), and the lines in which a server keeps them.
//!
//! What a client sends is a user, a colon and a password, in base64. A server keeps `user:$argon2id$…`, of
//! which nobody can make the password again. Neither is ever printed: no `Debug` here holds a password.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, STANDARD_NO_PAD};

use super::plan::because;
use super::{Fields, Method, Reply, Request, Target, Why, resume};
use crate::limits::{AUTH_HASH_KIB, AUTH_NAME_BYTES, AUTH_USERS};

const NOTHING: Why =
    Why { rule: "a user and a password are asked for here", section: "RFC 7617 section 2" };
const WRONG: Why = Why { rule: "the user or the password is wrong", section: "RFC 7617 section 2" };
const OFTEN: Why = Why {
    rule: "wrong passwords came from this address; no other is looked at for a while",
    section: "RFC 6585 section 4",
};
const BUSY: Why = Why {
    rule: "too many passwords are being looked at; come again in a moment",
    section: "RFC 9110 section 15.6.4",
};

/// What a client says it is: `user:password`, as it stood in its Authorization.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(Vec<u8>);

impl Credentials {
    /// The user and the password with the colon between them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Before the first colon; of users, none holds one.
    pub fn user(&self) -> &[u8] {
        self.0.split(|byte| *byte == b':').next().unwrap_or_default()
    }

    /// Behind it.
    pub fn password(&self) -> &[u8] {
        self.0.get(self.user().len() + 1..).unwrap_or_default()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// The value of Authorization for a user and a password (RFC 7617 section 2).
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// What a request brings. `None`: nothing, or nothing that could be a user and a password.
pub fn given(fields: &Fields<'_>) -> Option<Credentials> {
    let value = fields.only("Authorization")?;
    let scheme = value.get(..6)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = STANDARD.decode(value[6..].trim_ascii()).ok()?;
    // RFC 7617 section 2: neither has control characters in it.
    let fits = decoded.contains(&b':') && !decoded.iter().any(u8::is_ascii_control);
    fits.then_some(Credentials(decoded))
}

/// Whether a request only reads what is served, which some servers let everybody do.
pub fn only_reads(request: &Request<'_>) -> bool {
    let (Target::Origin { query, .. } | Target::Absolute { query, .. }) = request.target else {
        return request.method == Method::Options;
    };
    match request.method {
        // How far an upload has come is for those who may upload.
        Method::Get | Method::Head => resume::asked(query) == resume::Asked::No,
        Method::Options => true,
        _ => false,
    }
}

/// The reply to who brings no password: 401.
pub fn asked() -> Reply {
    challenge(NOTHING)
}

/// The reply to who brings a wrong one: 401.
pub fn wrong() -> Reply {
    challenge(WRONG)
}

fn challenge(why: Why) -> Reply {
    let mut reply = because(401, why);
    reply.field("WWW-Authenticate", "Basic realm=\"framecat\", charset=\"UTF-8\"");
    reply
}

/// The reply to who has brought too many wrong ones, and has to wait so many seconds: 429.
pub fn too_often(seconds: u32) -> Reply {
    let mut reply = because(429, OFTEN);
    reply.field("Retry-After", seconds);
    reply
}

/// The reply where no more can be looked at just now: 503.
pub fn busy() -> Reply {
    let mut reply = because(503, BUSY);
    reply.field("Retry-After", 1);
    reply
}

/// Makes `*` of what follows Authorization and Proxy-Authorization, so that a head can be shown; one that broke
/// a rule, too, whatever the rule. The scheme stays, and so does every length.
pub fn hide(head: &mut [u8]) {
    const NAME: &[u8] = b"authorization";
    let mut at = 0;
    while let Some(found) =
        head[at..].windows(NAME.len()).position(|w| w.eq_ignore_ascii_case(NAME))
    {
        let (begin, end) = (at + found, at + found + NAME.len());
        at = end;
        let proxy =
            begin.checked_sub(6).is_some_and(|at| head[at..begin].eq_ignore_ascii_case(b"proxy-"));
        let begins = begin == 0 || proxy || b"\n\r \t".contains(&head[begin - 1]);
        if begins && matches!(head.get(end), Some(b':' | b' ' | b'\t' | b'\r')) {
            at = hide_value(head, end);
        }
    }
}

/// From `at` to the end of the field, which is returned: a line that begins with a space goes on with it.
fn hide_value(head: &mut [u8], mut at: usize) -> usize {
    let is_space = |byte: &u8| matches!(byte, b':' | b' ' | b'\t' | b'\r');
    at += head[at..].iter().take_while(|byte| is_space(byte)).count();
    let word = head[at..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    if head.get(at + word) == Some(&b' ') {
        at += word;
    }
    while at < head.len() {
        match head[at] {
            b'\n' if !matches!(head.get(at + 1), Some(b' ' | b'\t')) => return at,
            b'\n' | b'\r' | b' ' | b'\t' => {}
            _ => head[at] = b'*',
        }
        at += 1;
    }
    at
}

/// Why a name cannot be a user's. `None`: it can.
pub fn bad_user(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("a user has a name"),
        _ if name.len() > AUTH_NAME_BYTES => Some("the name of a user has 64 bytes at most"),
        _ if name.contains(':') => Some("a colon ends the name of a user"),
        _ if name.starts_with('#') => Some("`#` begins a comment, and no name of a user"),
        _ if name.chars().any(char::is_control) => Some("a control character is in it"),
        _ if name.trim() != name => Some("a space is at its beginning or its end"),
        _ => None,
    }
}

/// What argon2id (RFC 9106) makes of a password: enough to know the password again. As others write it,
/// `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH` (PHC string format), both in base64 without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash {
    /// The memory that it takes to make, in KiB.
    pub memory: u32,
    /// How often all of it is passed over.
    pub passes: u32,
    /// In how many lanes.
    pub lanes: u32,
    /// What makes equal passwords different.
    pub salt: Vec<u8>,
    /// The hash itself.
    pub output: Vec<u8>,
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash(m={},t={},p={})", self.memory, self.passes, self.lanes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (salt, output) = (PADLESS.encode(&self.salt), PADLESS.encode(&self.output));
        let Hash { memory, passes, lanes, .. } = self;
        write!(f, "$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${output}")
    }
}

const PADLESS: &GeneralPurpose = &STANDARD_NO_PAD;

/// Why a text is no [`struct@Hash`], in words that hold nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoHash(String);

impl FromStr for Hash {
    type Err = NoHash;

    /// # Errors
    /// It is another kind of hash, or none, or takes more memory than [`AUTH_HASH_KIB`].
    fn from_str(text: &str) -> Result<Hash, NoHash> {
        let bad = |problem: &str| NoHash(problem.into());
        let rest = text.strip_prefix("$argon2id$").ok_or_else(|| NoHash(other(text)))?;
        let parts: Vec<&str> = rest.split('$').collect();
        let [version, parameters, salt, output] = parts[..] else {
            return Err(bad(
                "a hash has five parts, each behind a `$`: kind, version, costs, salt, hash",
            ));
        };
        if version != "v=19" {
            return Err(bad("a hash of another version of argon2 than 19"));
        }
        let parameters: Vec<&str> = parameters.split(',').collect();
        let [memory, passes, lanes] = parameters[..] else {
            return Err(bad("the costs of a hash are m=…,t=…,p=…"));
        };
        let number = |word: &str, name: &str| {
            let digits = word.strip_prefix(name).filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
            digits.and_then(|digits| digits.parse::<u32>().ok()).ok_or_else(|| {
                NoHash(format!("the costs of a hash are m=…,t=…,p=…, and {name} is no number"))
            })
        };
        let (memory, passes) = (number(memory, "m=")?, number(passes, "t=")?);
        let lanes = number(lanes, "p=")?;
        if memory > AUTH_HASH_KIB {
            let problem =
                format!("each guess would take {memory} KiB of memory; {AUTH_HASH_KIB} at most");
            return Err(NoHash(problem));
        }
        // RFC 9106 section 3.1.
        if !(1..=100).contains(&passes) || !(1..=64).contains(&lanes) || memory < 8 * lanes {
            return Err(bad("t is 1 to 100, p is 1 to 64, and m is 8 p at least"));
        }
        let bytes = |text: &str| PADLESS.decode(text).ok();
        let salt = bytes(salt).filter(|salt| (8..=64).contains(&salt.len()));
        let salt = salt.ok_or_else(|| bad("the salt is not 8 to 64 bytes in base64"))?;
        let output = bytes(output).filter(|output| (16..=64).contains(&output.len()));
        let output = output.ok_or_else(|| bad("the hash is not 16 to 64 bytes in base64"))?;
        Ok(Hash { memory, passes, lanes, salt, output })
    }
}

/// What a line holds in place of a hash of ours.
fn other(text: &str) -> String {
    let kinds = [
        ("$argon2", "a hash of another kind of argon2 than argon2id"),
        ("$apr1$", "a hash of MD5, as htpasswd -m makes it"),
        ("$2", "a hash of bcrypt, as htpasswd -B makes it"),
        ("$5$", "a hash of sha256-crypt"),
        ("$6$", "a hash of sha512-crypt"),
        ("$y$", "a hash of yescrypt"),
        ("$scrypt$", "a hash of scrypt"),
        ("{SHA}", "a hash of SHA-1, as htpasswd -s makes it"),
    ];
    let kind = kinds.iter().find(|(begin, _)| text.starts_with(begin));
    match kind {
        Some((_, kind)) => format!("{kind}, and argon2id is taken"),
        None if text.is_empty() => "no hash stands behind the colon".into(),
        None => "what stands behind the colon is no hash".into(),
    }
}

/// What is wrong with a file of users, in words that hold nothing of a hash or a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct WrongLine {
    /// From 1.
    pub line: usize,
    /// Without a full stop.
    pub problem: String,
}

/// Reads a file of users: a line `user:$argon2id$…` each. Empty lines, and those that begin with `#`, are
/// passed over.
///
/// # Errors
/// A line that is something else, a user for the second time, more than [`AUTH_USERS`] of them, or none
/// at all.
pub fn users(text: &[u8]) -> Result<Vec<(String, Hash)>, WrongLine> {
    let mut users: Vec<(String, Hash)> = Vec::new();
    let mut last = 0;
    for (nth, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let wrong = |problem: &str| WrongLine { line: nth + 1, problem: problem.into() };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() || line.starts_with(b"#") {
            continue;
        }
        last = nth + 1;
        let line = std::str::from_utf8(line).map_err(|_| wrong("it is no UTF-8"))?;
        let (name, hash) =
            line.split_once(':').ok_or_else(|| wrong("no colon ends the name of a user"))?;
        if let Some(problem) = bad_user(name) {
            return Err(wrong(problem));
        }
        if users.iter().any(|(known, _)| known == name) {
            return Err(wrong("the user stands there for the second time"));
        }
        if users.len() == AUTH_USERS {
            return Err(wrong(&format!("there are more than {AUTH_USERS} users")));
        }
        let hash = hash.trim_end().parse().map_err(|NoHash(problem)| wrong(&problem))?;
        users.push((name.into(), hash));
    }
    match users.is_empty() {
        true => Err(WrongLine { line: last.max(1), problem: "no user stands there".into() }),
        false => Ok(users),
    }
}
