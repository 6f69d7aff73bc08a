//! What `serve` lets others do; and what other servers of a folder have and `serve` has not under that name, with what takes its place.
//!
//! Sources: `python3 -m http.server --help`, `miniserve --help`, `dufs --help`.

use std::ffi::OsString;

use clap::Args;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use framecat_proto::quantity::parse_size;

use super::Wrong;

/// What others may do besides reading.
#[derive(Debug, Args)]
pub struct Writing {
    /// Let others bring files whose names are free (PUT, forms), and make folders; nothing that is there
    /// changes
    #[arg(long, help_heading = "Writing")]
    pub upload: bool,

    /// Let others bring files and see nothing of what is there: a letter box. A taken name gets a number
    #[arg(long, help_heading = "Writing")]
    pub drop: bool,

    /// Let others do everything: bring, replace, rename and delete files and folders
    #[arg(long, help_heading = "Writing")]
    pub full: bool,

    /// Where the name of a file that is brought is taken, give it a number: `a (1).txt`
    #[arg(long, help_heading = "Writing")]
    pub rename: bool,

    /// The largest file that is taken [default: 10GiB]
    #[arg(long, value_name = "SIZE", value_parser = upload_size, help_heading = "Writing")]
    pub max_upload: Option<u64>,

    /// Say that something is there, or gone, only once that outlives a power cut (fsync)
    #[arg(long, help_heading = "Writing")]
    pub durable: bool,
}

fn upload_size(text: &str) -> Result<u64, Wrong> {
    match parse_size(text) {
        Ok(0) => Err(Wrong {
            problem: "a file of no more than 0 bytes brings nothing".into(),
            remedy: "leave --upload, --drop and --full out, and nothing is taken at all".into(),
        }),
        size => size.map_err(|e| Wrong { problem: e.problem, remedy: e.remedy }),
    }
}

/// Their options, and what to type here.
const OPTIONS: &[(&[&str], &str)] = &[
    (
        &["-p", "--port"],
        "the port stands behind --listen: framecat serve DIR --listen :8080; with --lan for the network",
    ),
    (
        &["-b", "--bind", "-i", "--interfaces"],
        "the address stands behind --listen: framecat serve DIR --listen 192.0.2.7:8000; every one: --lan",
    ),
    (&["-d", "--directory", "--serve-path"], "write the folder alone: framecat serve DIR"),
    (&["-H"], "write --hidden"),
    (&["-q", "--qrcode"], "leave it out: on a terminal --lan draws the code"),
    (&["-P", "--no-symlinks"], "leave it out: no link that leads out of the folder is followed"),
    (&["--allow-symlink"], "left out: no link that leads out of the folder is followed"),
    (
        &["-z", "--enable-zip", "-r", "--enable-tar", "-g", "--enable-tar-gz", "--allow-archive"],
        "leave it out: ?zip and ?tar behind a folder's address give all of it",
    ),
    (&["--allow-hash"], "leave it out: ?sha256 behind a file's address gives it"),
    (
        &["--tls-cert", "--tls-key"],
        "write --listen tls://:8443,cert=FILE,key=FILE; --self-signed makes one",
    ),
    (&["--render-index", "--index"], "leave it out: a folder with an index.html is that file"),
    (&["-C", "--compress-response"], "write --compress"),
    (&["--readme"], "leave it out: the README of a folder stands below its names"),
    (&["--log-format"], "write --log combined, --log json or --log none"),
    (
        &["-u", "--upload-files", "--allow-upload"],
        "write --upload: files whose names are free are taken by PUT (curl -T FILE URL) and by form (curl -F f=@FILE URL/)",
    ),
    (&["-U", "--mkdir"], "leave it out: who may bring files (--upload) may make folders"),
    (
        &["-R", "--rm-files", "--allow-delete", "-A", "--allow-all", "-o", "--overwrite-files"],
        "write --full: files and folders are brought, replaced, renamed and deleted",
    ),
    (
        &["-a"],
        "write --auth USER: a password is made and told; --auth-file FILE has more users, as lines that --hash makes",
    ),
];

/// What is wrong with a command line of `serve` that holds an option or a port as others take it, and what to type.
pub fn elsewhere(words: &[OsString], error: &clap::Error) -> Option<(String, String)> {
    if words.first()? != "serve" {
        return None;
    }
    if error.kind() == ErrorKind::ArgumentConflict && words.iter().any(|word| word == "--echo") {
        let problem = "--echo answers each request with itself, and serves no folder".to_string();
        return Some((
            problem,
            "leave the folder, --upload, --drop, --full, --hidden, --compress and --trace out, or --echo"
                .into(),
        ));
    }
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidArg) else { return None };
    if let Some(remedy) = place(typed) {
        return Some((format!("`{typed}` stands where no word is taken"), remedy));
    }
    let (_, here) = OPTIONS.iter().find(|(names, _)| names.contains(&typed.as_str()))?;
    Some((format!("{typed} is not taken here"), (*here).into()))
}

/// What to type for a word that is a port, or HOST:PORT, and no folder.
pub fn place(word: &str) -> Option<String> {
    let (host, port) = word.rsplit_once(':').unwrap_or(("", word));
    let port: u16 = port.parse().ok().filter(|_| !host.contains('/'))?;
    Some(format!("where to listen stands behind --listen: --listen {host}:{port}"))
}
