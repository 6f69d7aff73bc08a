//! `exec:WORDS`: a program and its arguments.

use std::fmt;
use std::str::FromStr;

use super::ParseEndpointError;
use crate::words::split_text;

/// A command line without a shell: words split as the notes' argv has them (see [`crate::words`]), the
/// first of them the program. It prints as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Command {
    text: String,
    words: Vec<String>,
}

impl Command {
    /// The program: a path, or a name looked for in PATH.
    pub fn program(&self) -> &str {
        &self.words[0]
    }

    /// What it is given, the program's own name apart.
    pub fn arguments(&self) -> &[String] {
        &self.words[1..]
    }
}

impl FromStr for Command {
    type Err = ParseEndpointError;

    fn from_str(text: &str) -> Result<Command, ParseEndpointError> {
        let error = |problem: String, remedy: &str| ParseEndpointError {
            problem,
            remedy: remedy.to_string(),
        };
        let words = split_text(text).map_err(|unclosed| {
            let remedy = "close it, or put it between quotes of the other kind";
            error(format!("in `{text}` {unclosed}"), remedy)
        })?;
        if words.first().is_none_or(String::is_empty) {
            let remedy = "write the program and its arguments, as in 'exec:wc -c'";
            return Err(error("the program to run is missing".into(), remedy));
        }
        if text.contains('\0') {
            return Err(error("a word of a command cannot hold a NUL".into(), "leave it out"));
        }
        Ok(Command { text: text.to_string(), words })
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
