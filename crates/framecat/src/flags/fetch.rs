//! `fetch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use framecat_proto::http::url::Url;
use framecat_proto::options::{OptionAbout, Options};

use super::{Wrong, auth, show, time};
use crate::print::Show;

pub mod elsewhere;

/// `fetch`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  framecat fetch http://localhost:8000/\n  framecat fetch :8000/x.iso -O\n  framecat fetch https://example.org/ --show -o /dev/null\n  framecat fetch unix:///run/x.sock:/v1/info --host api\n  framecat fetch :8000/form --data 'a=b' --header 'Accept: text/plain'\n  framecat fetch --check http://localhost:8000/file.txt"
)]
pub struct FetchArgs {
    /// What: http://HOST/PATH, https://..., :PORT/PATH of this machine, unix://SOCKET:/PATH
    #[arg(value_parser = url)]
    pub url: Url,

    /// GET, HEAD, POST ... [default: GET; with --data POST, with --upload PUT]
    #[arg(long, value_name = "METHOD", value_parser = method, help_heading = "The request")]
    pub method: Option<String>,

    /// A field more, or in place of ours; 'Name:' sends none; @FILE reads them from a file
    #[arg(long, value_name = "FIELD", help_heading = "The request")]
    pub header: Vec<String>,

    /// Send this along, as a form does; @FILE sends a file as it is
    #[arg(
        long,
        value_name = "TEXT",
        help_heading = "The request",
        allow_hyphen_values = true,
        conflicts_with = "upload"
    )]
    pub data: Option<String>,

    /// Send a file there, into it where the URL ends in a slash; - is stdin
    #[arg(long, value_name = "FILE", help_heading = "The request", allow_hyphen_values = true)]
    pub upload: Option<PathBuf>,

    /// Ask as this user (Basic); the password is that of --password-file, or of the variable
    /// FRAMECAT_PASSWORD, or typed
    #[arg(long, value_name = "USER", value_parser = user, help_heading = "The request")]
    pub user: Option<String>,

    /// The password is the line in this file; /dev/fd/3 is descriptor 3
    #[arg(long, value_name = "FILE", requires = "user", help_heading = "The request")]
    pub password_file: Option<PathBuf>,

    /// The Host field, where it is not the URL's host
    #[arg(long, value_name = "HOST", value_parser = host, help_heading = "The request")]
    pub host: Option<String>,

    /// Ask for the head alone (HEAD), and print it
    #[arg(long, help_heading = "The reply", conflicts_with_all = ["data", "upload", "method", "output", "name"])]
    pub head: bool,

    /// Into this file, which is replaced once all of it is there; a cut one is gone on with
    #[arg(
        short = 'o',
        long,
        value_name = "FILE",
        help_heading = "The reply",
        conflicts_with = "name"
    )]
    pub output: Option<PathBuf>,

    /// Into a file with the name that the URL ends with
    #[arg(short = 'O', long, help_heading = "The reply")]
    pub name: bool,

    /// Keep every byte that the server sends in a file, heads and all, to the end of the connection
    #[arg(long, value_name = "FILE", help_heading = "The reply")]
    pub raw: Option<PathBuf>,

    /// 4xx and 5xx end with 1, and their content is not printed
    #[arg(long, help_heading = "The reply")]
    pub fail: bool,

    /// Ask for no coding, and undo none (gzip, br, zstd)
    #[arg(long, help_heading = "The reply")]
    pub as_sent: bool,

    /// Follow so many redirects; 0 takes them as they are [default: 10]
    #[arg(long, value_name = "N", help_heading = "The reply")]
    pub max_redirects: Option<u32>,

    /// Try the conformance table on the server: what RFC 9110 and 9112 demand, about a plain file of
    /// 100 bytes to 1 MiB; exit 8 where a MUST is not obeyed
    #[arg(long, help_heading = "The server",
          conflicts_with_all = ["method", "header", "user", "data", "upload", "head", "output", "name", "raw",
                                "fail", "as_sent", "max_redirects", "idle", "deadline", "show"])]
    pub check: bool,

    /// Each case also cut at every byte, and byte by byte: some 60,000 connections
    #[arg(long, requires = "check", help_heading = "The server")]
    pub split: bool,

    /// Options of what is dialled: ca=FILE, pin=sha256:..., rcvbuf=1MiB (framecat help options)
    #[arg(long = "with", value_name = "OPTION,...", value_parser = options, help_heading = "The connection")]
    pub options: Option<Options>,

    /// How long to wait for a connection [default: 10s], and for the head of the reply [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "The connection")]
    pub wait: Option<Duration>,

    /// How long the content may give nothing [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "The connection")]
    pub idle: Option<Duration>,

    /// End after so long, exit 5
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "The connection")]
    pub deadline: Option<Duration>,

    /// Show requests and replies part by part, and why each ends where it ends: quoted, hex or
    /// dump; `all` for all content
    #[arg(long, value_name = "FORM", num_args = 0..=1, require_equals = true,
          default_missing_value = "quoted", value_parser = show, help_heading = "Seeing")]
    pub show: Option<Show>,

    /// Every event and the content as JSON lines on stdout
    #[arg(long, help_heading = "Seeing")]
    pub json: bool,

    /// Say what would be done, and do nothing
    #[arg(long, help_heading = "Seeing")]
    pub explain: bool,

    /// Tell connections, times and the ways bytes take
    #[arg(short = 'v', long, action = clap::ArgAction::Count, help_heading = "Seeing")]
    pub verbose: u8,
}

fn url(text: &str) -> Result<Url, Wrong> {
    text.parse::<Url>().map_err(|e| Wrong { problem: e.problem, remedy: e.remedy })
}

fn user(text: &str) -> Result<String, Wrong> {
    let remedy = "write the user alone: the password is typed, or that of --password-file FILE, or of \
                  the variable FRAMECAT_PASSWORD";
    auth::user_alone(text, remedy)
}

fn is_token(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(letter)
}

fn method(text: &str) -> Result<String, Wrong> {
    let wrong = |problem: String, remedy: &str| Err(Wrong { problem, remedy: remedy.into() });
    match text {
        "CONNECT" => wrong(
            "CONNECT makes a tunnel of the connection, and there is nothing to fetch".into(),
            "framecat connect HOST:PORT talks to a proxy byte by byte",
        ),
        text if is_token(text) => Ok(text.into()),
        _ => wrong(
            format!("`{text}` is no method"),
            "a method is one word of letters: GET, HEAD, POST, PUT, DELETE, OPTIONS",
        ),
    }
}

fn host(text: &str) -> Result<String, Wrong> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~[]:%!$&'()*+,;=".contains(&byte);
    match !text.is_empty() && text.bytes().all(letter) {
        true => Ok(text.into()),
        false => Err(Wrong {
            problem: format!("`{text}` is no value of the Host field"),
            remedy: "it is HOST or HOST:PORT, without scheme and path".into(),
        }),
    }
}

/// Options as they follow an endpoint, with the comma in front or without it.
fn options(text: &str) -> Result<Options, Wrong> {
    let mut options = Options::new();
    for word in text.strip_prefix(',').unwrap_or(text).split(',') {
        let name = word.split('=').next().unwrap_or_default();
        let schemes = OptionAbout::of(name).map(|row| row.schemes).unwrap_or_default();
        let ours = ["tcp", "tls", "unix"].into_iter().find(|scheme| schemes.contains(scheme));
        let listens = ["backlog", "self-signed"].contains(&name);
        if listens {
            return Err(Wrong {
                problem: format!("`{name}` is of a listener, and a URL is dialled"),
                remedy: "leave it out".into(),
            });
        }
        let added = options.add(word, ours.unwrap_or("tcp"));
        added.map_err(|e| Wrong { problem: e.problem, remedy: e.remedy })?;
    }
    Ok(options)
}

/// Fields as they were typed, those of files among them.
pub fn fields(typed: &[String]) -> Result<Vec<(String, Vec<u8>)>, Wrong> {
    let mut fields = Vec::new();
    for text in typed {
        let Some(path) = text.strip_prefix('@') else {
            fields.push(field(text)?);
            continue;
        };
        let all = std::fs::read_to_string(path).map_err(|error| Wrong {
            problem: format!("--header @{path}: {}", framecat_net::error::plain(&error)),
            remedy: "it is a file with a field a line".into(),
        })?;
        for line in all.lines().filter(|line| !line.trim().is_empty()) {
            fields.push(field(line)?);
        }
    }
    Ok(fields)
}

fn field(text: &str) -> Result<(String, Vec<u8>), Wrong> {
    let wrong = |problem: String, remedy: &str| Wrong { problem, remedy: remedy.into() };
    let example = "write 'Name: value', such as --header 'Accept: text/plain'";
    let Some((name, value)) = text.split_once(':') else {
        return Err(wrong("--header has no colon, which ends the name".into(), example));
    };
    if !is_token(name) {
        return Err(wrong(format!("`{name}` is no name of a field"), example));
    }
    let value = value.trim_matches([' ', '\t']);
    if value.bytes().any(|byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f) {
        let problem = format!("the value of {name} has a control character in it");
        return Err(wrong(problem, "a field is one line"));
    }
    const OURS: [(&str, &str); 6] = [
        ("Content-Length", "it is counted; --data and --upload send content"),
        ("Transfer-Encoding", "--upload - sends in chunks"),
        ("Connection", "there is one exchange a connection"),
        ("Trailer", "no trailers are sent"),
        ("TE", "trailers are taken anyway"),
        ("Upgrade", "no other protocol is spoken; framecat connect sends what you type"),
    ];
    match OURS.iter().find(|(ours, _)| ours.eq_ignore_ascii_case(name)) {
        Some((ours, why)) => {
            Err(wrong(format!("{ours} says where a message ends, and is ours to say"), why))
        }
        None => Ok((name.into(), value.as_bytes().to_vec())),
    }
}
