//! `framecat fetch URL`.

use std::path::{Path, PathBuf};

use framecat_net::error::Error;
use framecat_net::talk::{End, Shutdown};
use framecat_net::verb::fetch::{self, Content, Fetch, Output};
use framecat_proto::http::path::encode;
use framecat_proto::http::url::Url;
use framecat_proto::http::{auth, kind};
use framecat_proto::limits::{FETCH_REDIRECTS, SHOW_BYTES};

use crate::flags::Wrong;
use crate::flags::fetch::{FetchArgs, fields};
use crate::password;
use crate::plan::{Explained, Mistake};
use crate::run::{self, Job, Stdio};

pub mod check;

/// What is to be done.
pub struct Plan {
    args: FetchArgs,
    method: String,
    fields: Vec<(String, Vec<u8>)>,
    output: Output,
}

/// Decides what the flags mean.
pub fn plan(mut args: FetchArgs) -> Result<Plan, Mistake> {
    if let Some(url) = inside(&args) {
        args.url = url;
    }
    let wrong = |wrong: Wrong| Mistake { problem: wrong.problem, remedy: wrong.remedy };
    let mut fields = fields(&args.header).map_err(wrong)?;
    let sends = args.data.is_some() || args.upload.is_some();
    let method = match (&args.method, args.head) {
        (Some(method), _) => method.clone(),
        (None, true) => "HEAD".into(),
        (None, false) if args.data.is_some() => "POST".into(),
        (None, false) if sends => "PUT".into(),
        (None, false) => "GET".into(),
    };
    if sends && ["GET", "HEAD", "TRACE"].contains(&method.as_str()) {
        return Err(Mistake {
            problem: format!("{method} asks for something and sends no content"),
            remedy: "--method POST, or leave --data and --upload out".into(),
        });
    }
    if let Some(mistake) = missing(&args) {
        return Err(mistake);
    }
    if let Some(content_type) = content_type(&args)
        && !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("Content-Type"))
    {
        fields.push(("Content-Type".into(), content_type.into()));
    }
    let named = fields.iter().map(|(name, _)| name.as_str()).find(|name| {
        ["Authorization", "Cookie", "Proxy-Authorization"]
            .iter()
            .any(|s| s.eq_ignore_ascii_case(name))
    });
    let secret = named.or(args.user.as_ref().map(|_| "--user"));
    if let ("TRACE", Some(name)) = (method.as_str(), secret) {
        // RFC 9110 section 9.3.8: the server would say it back to whoever reads the answer.
        return Err(Mistake {
            problem: format!("TRACE makes the server repeat the request, and {name} is a secret"),
            remedy: format!("leave {name} out, or use another method"),
        });
    }
    let host = fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("Host"));
    if host {
        return Err(Mistake {
            problem: "the Host field has an option of its own".into(),
            remedy: "--host HOST".into(),
        });
    }
    let output = match (&args.output, args.name) {
        (Some(path), _) if path.as_os_str() == "-" => Output::Stdout,
        (Some(path), _) => Output::File(path.clone()),
        (None, true) => {
            let name = args.url.file_name();
            let name = name.map_err(|e| Mistake { problem: e.problem, remedy: e.remedy })?;
            use std::os::unix::ffi::OsStringExt;
            Output::File(PathBuf::from(std::ffi::OsString::from_vec(name)))
        }
        (None, false) => Output::Stdout,
    };
    if let (Output::File(path), Some(raw)) = (&output, &args.raw)
        && path == raw
    {
        return Err(Mistake {
            problem: "--raw and -o name one file".into(),
            remedy: "the content is in the raw bytes, too; name another one of them".into(),
        });
    }
    if let Output::File(path) = &output
        && path.is_dir()
    {
        return Err(Mistake {
            problem: format!("{} is a folder", path.display()),
            remedy: "name a file in it: -o FOLDER/FILE".into(),
        });
    }
    // Last: nobody types a password for what is not done.
    if let Some(user) = &args.user {
        fields.push(("Authorization".into(), authorization(user, &args, &fields)?.into_bytes()));
    }
    Ok(Plan { args, method, fields, output })
}

/// What tells the server who asks (RFC 7617), with the password from wherever it is.
fn authorization(
    user: &str,
    args: &FetchArgs,
    fields: &[(String, Vec<u8>)],
) -> Result<String, Mistake> {
    if fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("Authorization")) {
        return Err(Mistake {
            problem: "--user is what the Authorization field says, and --header has one, too"
                .into(),
            remedy: "leave one of them out".into(),
        });
    }
    let password = match password::left(args.password_file.as_deref())? {
        Some(password) => password,
        None if args.explain => String::new(),
        None => password::ask(&format!("password of {user} at {}: ", args.url.host()))?,
    };
    Ok(auth::basic(user, &password))
}

/// Where a file goes that is sent to a folder: under its own name into it, as with cp and curl -T.
fn inside(args: &FetchArgs) -> Option<Url> {
    use std::os::unix::ffi::OsStrExt;
    let file = args.upload.as_ref().filter(|path| path.as_os_str() != "-")?;
    let name = file.file_name()?.as_bytes();
    // What stands behind a `?` may say where it goes, and stays as it was typed.
    if !args.url.target().ends_with('/') {
        return None;
    }
    // So that no colon in it makes a scheme of its beginning.
    let mut relative = b"./".to_vec();
    encode(name, &mut relative);
    args.url.join(&relative, &args.url.host()).ok()
}

/// A file is to be sent that is not there, or is none.
fn missing(args: &FetchArgs) -> Option<Mistake> {
    let (option, path) = match (&args.data, &args.upload) {
        (Some(data), _) => ("--data @", Path::new(data.strip_prefix('@')?)),
        (None, path) => ("--upload ", path.as_deref()?),
    };
    if path.as_os_str() == "-" {
        return None;
    }
    let why = match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => {
            return Some(Mistake {
                problem: format!("{option}{} is a folder", path.display()),
                remedy: "it sends a file; a folder as one: tar -c FOLDER | framecat fetch --upload - URL"
                    .into(),
            });
        }
        Ok(_) => return None,
        Err(error) => framecat_net::error::plain(&error),
    };
    Some(Mistake {
        problem: format!("{option}{}: {why}", path.display()),
        remedy: match args.data {
            Some(_) => "--data @FILE sends a file, - is stdin; text that begins with @ is sent by --data @-".into(),
            None => "--upload FILE sends a file, - is stdin".into(),
        },
    })
}

/// What kind of content is sent: what forms send, or what a file's name says.
fn content_type(args: &FetchArgs) -> Option<&'static str> {
    let by_name = |path: &Path| {
        use std::os::unix::ffi::OsStrExt;
        kind::of(path.file_name().unwrap_or_default().as_bytes()).content_type
    };
    match (&args.data, &args.upload) {
        (Some(data), _) => Some(match data.strip_prefix('@') {
            Some(path) => by_name(Path::new(path)),
            None => "application/x-www-form-urlencoded",
        }),
        (None, Some(path)) => Some(by_name(path)),
        (None, None) => None,
    }
}

impl Plan {
    fn content(&self) -> Content {
        match (&self.args.data, &self.args.upload) {
            (Some(data), _) => match data.strip_prefix('@') {
                Some("-") => Content::Stdin,
                Some(path) => Content::File(path.into()),
                None => Content::Bytes(data.clone().into_bytes()),
            },
            (None, Some(path)) if path.as_os_str() == "-" => Content::Stdin,
            (None, Some(path)) => Content::File(path.clone()),
            (None, None) => Content::None,
        }
    }
}

impl run::Plan for Plan {
    fn explain(&self) -> Explained {
        let mut explained = Explained::default();
        let options = self.args.options.clone().unwrap_or_default();
        explained.fact("ask", format_args!("{} {}", self.method, self.args.url.target()));
        explained.fact("of", self.args.url.endpoint(&options));
        if let Some(user) = &self.args.user {
            explained.fact("as", user);
        }
        explained.fact("host", self.args.host.clone().unwrap_or_else(|| self.args.url.host()));
        match self.content() {
            Content::None => {}
            Content::Bytes(bytes) => {
                explained.fact("send", format_args!("{} bytes", bytes.len()));
            }
            Content::File(path) => {
                explained.fact("send", path.display());
            }
            Content::Stdin => {
                explained.fact("send", "stdin, in chunks");
            }
        }
        match &self.output {
            Output::Stdout if self.args.head => explained.fact("stdout", "the head of the reply"),
            Output::Stdout => explained.fact("stdout", "the content of the reply"),
            Output::File(path) => explained.fact("into", path.display()),
        };
        let most = self.args.max_redirects.unwrap_or(FETCH_REDIRECTS);
        explained.fact("redirects", format_args!("{most} at most"));
        explained
    }

    fn job(&self) -> Job {
        Job {
            verbose: self.args.verbose,
            show: self.args.show,
            json: self.args.json,
            explain: self.args.explain,
            reads_stdin: matches!(self.content(), Content::Stdin),
            writes_stdout: self.output == Output::Stdout || self.args.json,
            ..Job::default()
        }
    }

    async fn run(self, stdio: Stdio, shutdown: Shutdown) -> Result<End, Error> {
        let content = self.content();
        let args = self.args;
        let shows = args.show.map_or(0, |show| if show.all { usize::MAX } else { SHOW_BYTES });
        let options = Fetch {
            url: args.url,
            method: self.method,
            fields: self.fields,
            host: args.host,
            content,
            output: self.output,
            heads_only: args.head,
            raw: args.raw,
            fail: args.fail,
            as_sent: args.as_sent,
            redirects: args.max_redirects.unwrap_or(FETCH_REDIRECTS),
            options: args.options.unwrap_or_default(),
            wait: args.wait,
            idle: args.idle,
            deadline: args.deadline,
            shows,
            stdin: stdio.stdin,
            stdout: stdio.stdout,
            lines: stdio.lines,
        };
        fetch::run(options, stdio.observer, shutdown).await
    }
}
