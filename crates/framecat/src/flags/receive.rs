//! `receive`.

use std::ffi::OsString;

use clap::Args;
use clap::ValueEnum;
use framecat_proto::Endpoint;
use framecat_proto::transfer::receiver::Conflict;

use super::endpoint;
use super::meet::MeetArgs;

/// `receive`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  framecat receive --listen :9000 --lan\n  framecat receive ~/in --from host:9000\n  framecat receive - --from host:9000 | psql\n  framecat receive ~/in --listen :9000 --yes --code-file code.txt\n  framecat receive --plain --listen :9000 --lan\n\nNo file has its name before all of it is there; run again after a cut, the same two commands go on where they were"
)]
pub struct ReceiveArgs {
    /// Where to: a folder [default: the one we are in], or - for stdout; and the code, if it is typed here
    #[arg(value_name = "CODE|DIR", num_args = 0..=2)]
    pub words: Vec<OsString>,

    /// Take what is offered without asking
    #[arg(long)]
    pub yes: bool,

    /// What becomes of a file whose name another one has; one that is the same is never sent [default: rename]
    #[arg(long, value_name = "HOW")]
    pub on_conflict: Option<OnConflict>,

    /// Say that a file is there only once that outlives a power cut (fsync)
    #[arg(long)]
    pub durable: bool,

    /// Read what is there already with the same size and time, and take it for the same only if its hash is
    #[arg(long)]
    pub check: bool,

    /// Take names that begin with a dot; those inside folders are taken anyway
    #[arg(long)]
    pub hidden: bool,

    /// Take links that stay inside what is sent
    #[arg(long)]
    pub links: bool,

    /// Where the other side listens: HOST:PORT, unix://PATH
    #[arg(long, value_name = "EP", value_parser = endpoint, help_heading = "The other side")]
    pub from: Option<Endpoint>,

    #[command(flatten)]
    pub meet: MeetArgs,
}

/// What becomes of a file whose name something else has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnConflict {
    /// It is not received
    Refuse,
    /// It gets a number: `photo (1).jpg`
    Rename,
    /// It takes the place of the other one
    Overwrite,
    /// What is there stays, and that is all right
    Skip,
    /// It takes the place of one that is older
    Newer,
}

impl From<OnConflict> for Conflict {
    fn from(how: OnConflict) -> Conflict {
        match how {
            OnConflict::Refuse => Conflict::Refuse,
            OnConflict::Rename => Conflict::Rename,
            OnConflict::Overwrite => Conflict::Overwrite,
            OnConflict::Skip => Conflict::Skip,
            OnConflict::Newer => Conflict::Newer,
        }
    }
}
