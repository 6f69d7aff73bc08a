//! How the two sides of a transfer find and trust each other: the flags of `send` and `receive`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use framecat_proto::Endpoint;
use framecat_proto::limits::{TRANSFER_TRIES, TRANSFER_TRIES_MAX};

use super::{Wrong, endpoint, time};

/// What both verbs take besides their own.
#[derive(Debug, Clone, Default, Args)]
pub struct MeetArgs {
    /// Wait there for the other side: :PORT, HOST:PORT, unix://PATH; port 0 is a free one, which is told
    #[arg(long, value_name = "EP", value_parser = endpoint, help_heading = "The other side")]
    pub listen: Option<Endpoint>,

    /// Listen on every interface, not only for this machine
    #[arg(long, help_heading = "The other side")]
    pub lan: bool,

    /// How long a connection may take [default: 10s]; with --listen how long somebody may take to come
    /// [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "The other side")]
    pub wait: Option<Duration>,

    /// The code of both sides, which `ps` shows to others here; else it is the variable FRAMECAT_CODE's, or
    /// typed, or with --listen made and told
    #[arg(long, value_name = "CODE", help_heading = "Trust", conflicts_with = "code_file")]
    pub code: Option<String>,

    /// The code is the line in this file; /dev/fd/3 is descriptor 3
    #[arg(long, value_name = "FILE", help_heading = "Trust")]
    pub code_file: Option<PathBuf>,

    /// With --listen: wrong guesses after which the code is worth nothing, 1 to 5 [default: 3]
    #[arg(long, value_name = "N", value_parser = tries, help_heading = "Trust")]
    pub tries: Option<u32>,

    /// No code and no encryption, as said on both sides: for a cable that nobody else is on
    #[arg(long, help_heading = "Trust")]
    pub plain: bool,

    /// Every event as a JSON line on stdout
    #[arg(long, help_heading = "Seeing")]
    pub json: bool,

    /// Say what would be done, and do nothing
    #[arg(long, help_heading = "Seeing")]
    pub explain: bool,

    /// Name every file, and what became of it
    #[arg(short = 'v', long, action = clap::ArgAction::Count, help_heading = "Seeing")]
    pub verbose: u8,
}

fn tries(text: &str) -> Result<u32, Wrong> {
    match text.parse() {
        Ok(n @ 1..=TRANSFER_TRIES_MAX) => Ok(n),
        _ => Err(Wrong {
            problem: format!("`{text}` is no number of guesses"),
            remedy: format!("a number from 1 to {TRANSFER_TRIES_MAX}: --tries {TRANSFER_TRIES}"),
        }),
    }
}

/// An option, and what to type here.
type Row = (&'static [&'static str], &'static str);

/// What others take to send, and `send` does not.
const SEND: &[Row] = &[
    (&["--from"], "who sends says --to; receive says --from"),
    (
        &["-r", "-R", "-a", "--recursive", "--archive"],
        "leave it out: folders are sent with all that is in them",
    ),
    (&["-p", "-P", "--port"], "the port stands behind the place: --to HOST:PORT, --listen :PORT"),
    (&["-z", "-C", "--zip", "--compress"], "leave it out: files are sent as they are"),
    (&["-l", "-L"], "write --listen :PORT"),
    (&["-c"], "write --code-file FILE; the code is asked for at the terminal else"),
    (&["-t"], "write --text TEXT"),
    (&["-q", "--quiet"], "leave it out, or 2> /dev/null"),
    (&["--progress"], "leave it out: on a terminal it is shown"),
    (
        &["-y", "--yes", "--hidden", "--on-conflict", "--durable", "--check", "--overwrite"],
        "whoever receives decides that: framecat receive --help",
    ),
];

/// What others take to receive, and `receive` does not.
const RECEIVE: &[Row] = &[
    (&["--to"], "who receives says --from; send says --to"),
    (
        &["-o", "-O", "--out", "--output", "--output-file", "--output-dir", "--dir"],
        "write the folder alone: framecat receive DIR; - is stdout",
    ),
    (&["-y", "--accept-file"], "write --yes"),
    (&["-f", "--force", "--overwrite"], "write --on-conflict overwrite"),
    (&["-p", "-P", "--port"], "the port stands behind the place: --from HOST:PORT, --listen :PORT"),
    (&["-l", "-L"], "write --listen :PORT"),
    (&["-c"], "write the code alone, or --code-file FILE"),
    (&["-q", "--quiet"], "leave it out, or 2> /dev/null"),
    (&["-n", "--no-clobber", "--ignore-existing"], "write --on-conflict skip"),
    (&["-u", "--update"], "write --on-conflict newer"),
    (&["--fsync"], "write --durable"),
    (&["--checksum"], "write --check"),
    (&["--text"], "leave it out: send says --text, and a text is shown"),
];

/// What is wrong with a command that clap could not read, and what to type: `send` or `receive` with an option
/// that scp, rsync, croc, magic-wormhole or nc has, or that is the other side's.
pub fn elsewhere(words: &[OsString], error: &clap::Error) -> Option<(String, String)> {
    let rows = match words.first()?.to_str()? {
        "send" => SEND,
        "receive" => RECEIVE,
        _ => return None,
    };
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidArg) else { return None };
    let (_, here) = rows.iter().find(|(names, _)| names.contains(&typed.as_str()))?;
    Some((format!("{typed} is not taken here"), (*here).into()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use clap::{CommandFactory, Parser};

    use super::{RECEIVE, SEND};
    use crate::flags::Cli;

    #[test]
    fn every_row_is_of_an_option_that_is_not_taken_and_names_those_that_are() {
        let mut cli = Cli::command();
        cli.build();
        for (verb, rows) in [("send", SEND), ("receive", RECEIVE)] {
            let command = cli.find_subcommand(verb).unwrap();
            let longs: HashSet<_> =
                command.get_arguments().filter_map(|arg| arg.get_long()).collect();
            let mut seen = HashSet::new();
            for (names, here) in rows {
                for name in *names {
                    assert!(seen.insert(name), "{verb} {name} stands there twice");
                    let parsed = Cli::try_parse_from(["framecat", verb, name, "x"]);
                    let kind = parsed.unwrap_err().kind();
                    assert_eq!(kind, clap::error::ErrorKind::UnknownArgument, "{verb} {name}");
                }
                let ours = here.split(&[';', ':'][..]).next().unwrap().split([' ', ',']);
                for long in ours.filter_map(|word| word.strip_prefix("--")) {
                    assert!(longs.contains(long), "{verb}: there is no --{long}: {here}");
                }
            }
        }
    }
}
