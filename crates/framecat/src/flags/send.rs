//! `send`.

use std::path::PathBuf;

use clap::Args;
use framecat_proto::Endpoint;

use super::endpoint;
use super::meet::MeetArgs;

/// `send`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  framecat send photo.jpg notes/ --to host:9000\n  framecat send a.iso --listen :9000 --lan\n  framecat send - --to host:9000 < dump.sql\n  framecat send --text 'see you at six' --to host:9000\n  framecat send --plain big.img --to 10.0.0.2:9000\n\nRun again after a cut, the same two commands go on where they were"
)]
pub struct SendArgs {
    /// Files and folders; - is stdin, to its end
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Send this text in place of files: it is shown and not kept
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with = "paths")]
    pub text: Option<String>,

    /// Links as links, not left out; receive takes them with --links
    #[arg(long)]
    pub links: bool,

    /// Where the other side listens: HOST:PORT, unix://PATH
    #[arg(long, value_name = "EP", value_parser = endpoint, help_heading = "The other side")]
    pub to: Option<Endpoint>,

    #[command(flatten)]
    pub meet: MeetArgs,
}
