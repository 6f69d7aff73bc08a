//! Who may ask: the flags of `serve`.

use std::path::PathBuf;

use clap::Args;
use framecat_proto::http::auth::bad_user;

use super::Wrong;

/// Passwords.
#[derive(Debug, Clone, Default, Args)]
pub struct AuthArgs {
    /// Ask for a user and a password: one is made and told once, unless --password-file or the variable
    /// FRAMECAT_PASSWORD has it
    #[arg(long, value_name = "USER", value_parser = user, help_heading = "Passwords")]
    pub auth: Option<String>,

    /// The password is the line in this file; /dev/fd/3 is descriptor 3
    #[arg(long, value_name = "FILE", requires = "auth", help_heading = "Passwords")]
    pub password_file: Option<PathBuf>,

    /// Ask for a user and a password of this file, a line USER:HASH each, as --hash makes them
    #[arg(long, value_name = "FILE", help_heading = "Passwords")]
    pub auth_file: Option<PathBuf>,

    /// Whoever reads needs no password, and whoever changes something does
    #[arg(long, help_heading = "Passwords")]
    pub open_read: bool,

    /// Print the hash of a password, typed or on stdin; with --auth USER the line for --auth-file
    #[arg(long, help_heading = "Passwords", conflicts_with_all = ["password_file",
          "auth_file", "open_read", "folder", "listen", "lan", "self_signed", "upload", "drop", "full", "rename", "max_upload", "durable", "hidden", "compress", "echo", "show", "explain"])]
    pub hash: bool,
}

/// The name of a user of ours.
fn user(text: &str) -> Result<String, Wrong> {
    let remedy = "write the user alone: --auth USER makes a password; --password-file FILE or the \
                  variable FRAMECAT_PASSWORD has yours";
    user_alone(text, remedy)
}

/// The name of a user. A password behind it would be seen by every program of this machine.
pub fn user_alone(text: &str, remedy: &str) -> Result<String, Wrong> {
    if text.contains(':') {
        let problem = "a password on the command line can be read by every program of this machine";
        return Err(Wrong { problem: problem.into(), remedy: remedy.into() });
    }
    match bad_user(text) {
        None => Ok(text.into()),
        Some(problem) => Err(Wrong {
            problem: format!("no user is called that: {problem}"),
            remedy: "a name, such as ada".into(),
        }),
    }
}
