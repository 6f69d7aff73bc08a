//! `receive`.

use std::ffi::OsString;

use clap::Args;
use framecat_proto::Endpoint;
use framecat_proto::transfer::receiver::Conflict;

use super::meet::MeetArgs;
use super::{Wrong, endpoint};

/// `receive`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  framecat receive --listen :9000 --lan\n  framecat receive ~/in --from host:9000\n  framecat receive - --from host:9000 | psql\n  framecat receive ~/in --listen :9000 --yes --code-file code.txt\n  framecat receive --plain --listen :9000 --lan\n\nNo file has its name before all of it is there; run again after a cut, the same two commands go on where they were"
)]
pub struct ReceiveArgs {
    /// Where to: a folder [default: the one we are in], or - for stdout; and the code, if it is typed here
    #[arg(value_name = "CODE|DIR")]
    pub words: Vec<OsString>,

    /// Take what is offered without asking
    #[arg(long)]
    pub yes: bool,

    /// What becomes of a file whose name something else has: refuse it, rename it (`a (1).txt`), overwrite what is
    /// there, skip it, or overwrite what is older (newer) [default: rename]
    #[arg(long, value_name = "HOW", value_parser = conflict)]
    pub on_conflict: Option<Conflict>,

    /// Say that a file is there only once that outlives a power cut (fsync)
    #[arg(long)]
    pub durable: bool,

    /// Read what is there already with the same size and time: take it for the same only if its hash is,
    /// and replace it else, unless --on-conflict is refuse or skip
    #[arg(long)]
    pub check: bool,

    /// Take names that begin with a dot; those inside folders are taken anyway
    #[arg(long)]
    pub hidden: bool,

    /// Take links that lead nowhere outside the folder
    #[arg(long)]
    pub links: bool,

    /// Where the other side listens: HOST:PORT, unix://PATH
    #[arg(long, value_name = "EP", value_parser = endpoint, help_heading = "The other side")]
    pub from: Option<Endpoint>,

    #[command(flatten)]
    pub meet: MeetArgs,
}

fn conflict(text: &str) -> Result<Conflict, Wrong> {
    Ok(match text {
        "refuse" => Conflict::Refuse,
        "rename" => Conflict::Rename,
        "overwrite" => Conflict::Overwrite,
        "skip" => Conflict::Skip,
        "newer" => Conflict::Newer,
        _ => {
            return Err(Wrong {
                problem: format!("`{text}` is nothing that is done about a name that is taken"),
                remedy: "--on-conflict refuse, rename, overwrite, skip or newer".into(),
            });
        }
    })
}
