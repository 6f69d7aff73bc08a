//! `framecat send PATH…`.

use std::path::{Path, PathBuf};

use framecat_net::error::{Error, plain};
use framecat_net::talk::{End, Shutdown};
use framecat_net::transfer::{Role, Source};
use framecat_net::verb::send;
use framecat_proto::limits::TRANSFER_TEXT_BYTES;

use super::meeting::{self, Meet, shown};
use crate::flags::send::SendArgs;
use crate::plan::{Explained, Mistake};
use crate::run::{self, Job, Stdio};

/// What a stream is called where it becomes a file.
const STREAM: &str = "stdin";

/// What is to be done.
#[derive(Debug)]
pub struct Plan {
    what: What,
    links: bool,
    meet: Meet,
}

/// What is sent.
#[derive(Debug)]
enum What {
    Paths(Vec<PathBuf>),
    Stdin,
    Text(String),
}

/// Decides what the flags mean.
pub fn plan(args: SendArgs) -> Result<Plan, Mistake> {
    let SendArgs { paths, text, links, to, meet } = args;
    let what = what(paths, text)?;
    if links && !matches!(what, What::Paths(_)) {
        return Err(Mistake {
            problem: "--links is for what lies in folders, and none is sent".into(),
            remedy: "leave it out".into(),
        });
    }
    let meet = meeting::plan(("--to", to), None, meet)?;
    Ok(Plan { what, links, meet })
}

fn what(paths: Vec<PathBuf>, text: Option<String>) -> Result<What, Mistake> {
    if let Some(text) = text {
        return match text.len() as u64 {
            0..=TRANSFER_TEXT_BYTES => Ok(What::Text(text)),
            _ => Err(Mistake {
                problem: format!("a text has at most {} KiB", TRANSFER_TEXT_BYTES >> 10),
                remedy: "send it as a stream: framecat send - < FILE".into(),
            }),
        };
    }
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
    match paths.as_slice() {
        [] => Err(Mistake {
            problem: "it is not said what to send".into(),
            remedy: "name files and folders; - is stdin, --text TEXT a text".into(),
        }),
        [one] if is_stdin(one) => Ok(What::Stdin),
        all if all.iter().any(is_stdin) => Err(Mistake {
            problem: "- is stdin, which is sent alone".into(),
            remedy: "send it by itself; a file of that name is ./-".into(),
        }),
        all => {
            all.iter().try_for_each(|path| there(path))?;
            apart(all)?;
            Ok(What::Paths(paths))
        }
    }
}

/// Whether a path can be sent, as far as is seen before anybody is dialled.
fn there(path: &Path) -> Result<(), Mistake> {
    let problem = |what: String| format!("{}: {what}", shown(path));
    match std::fs::metadata(path) {
        Ok(about) if about.is_file() || about.is_dir() => Ok(()),
        Ok(_) => Err(Mistake {
            problem: problem("it is no file or folder".into()),
            remedy: "what it says is sent as a stream: framecat send - < PATH".into(),
        }),
        Err(error) => Err(Mistake {
            problem: problem(plain(&error)),
            remedy: meeting::place_for(path, "--to").unwrap_or_else(|| {
                "name files and folders that are there; - is stdin, --text TEXT a text".into()
            }),
        }),
    }
}

/// Two paths that end alike would be one file there.
fn apart(paths: &[PathBuf]) -> Result<(), Mistake> {
    let mut names = std::collections::HashMap::new();
    for path in paths {
        let Some(name) = path.file_name() else { continue };
        if let Some(other) = names.insert(name, path) {
            return Err(Mistake {
                problem: format!(
                    "{} and {} would have one name there: {}",
                    shown(other),
                    shown(path),
                    shown(name)
                ),
                remedy: "send them one after the other, or a folder that holds both".into(),
            });
        }
    }
    Ok(())
}

impl run::Plan for Plan {
    fn explain(&self) -> Explained {
        let mut explained = Explained::default();
        match &self.what {
            What::Paths(paths) => {
                let all: Vec<String> = paths.iter().map(shown).collect();
                explained.fact("send", all.join(", "));
                let links = if self.links { "sent as links" } else { "left out, and told" };
                explained.fact("links in folders", links);
            }
            What::Stdin => {
                explained.fact("send", "stdin, to its end");
            }
            What::Text(text) => {
                explained.fact("send", format_args!("a text of {} bytes", text.len()));
            }
        }
        self.meet.explain(&mut explained);
        explained
    }

    fn job(&self) -> Job {
        Job { reads_stdin: matches!(self.what, What::Stdin), ..self.meet.job(Role::Send, None) }
    }

    async fn run(self, stdio: Stdio, shutdown: Shutdown) -> Result<End, Error> {
        let Stdio { stdin, stdout, observer, lines, voice, .. } = stdio;
        let Some(meeting) = self.meet.meeting(shutdown.clone()).await? else {
            return Ok(End::Interrupted);
        };
        let source = match self.what {
            What::Paths(paths) => Source::Paths(paths),
            What::Stdin => Source::Stream { stream: stdin, name: STREAM.into() },
            What::Text(text) => Source::Text(text),
        };
        let options = send::Send { meeting, source, links: self.links };
        let work = send::run(options, observer, shutdown.clone());
        meeting::told(work, Role::Send, lines.map(|lines| (lines, &stdout)), &voice, shutdown).await
    }
}
