//! `file:PATH`: the path of a file, in bytes as the kernel has it.

use std::fmt;
use std::str::FromStr;

use super::ParseEndpointError;
use super::address::{decode, write_path};
use crate::limits::FILE_PATH_BYTES;

/// The path of a file, FIFO or device: 1 to 4,095 bytes, no NUL.
///
/// Written with `%XX` for bytes that a shell or the grammar of endpoints would take for something
/// else: `%2C` a comma, `%25` a percent sign.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FilePath(Vec<u8>);

impl FilePath {
    /// A path as the kernel has it.
    ///
    /// # Errors
    /// It is empty, too long or holds a NUL.
    pub fn new(bytes: Vec<u8>) -> Result<FilePath, ParseEndpointError> {
        if bytes.is_empty() {
            return Err(error(
                "the path of the file is empty",
                "write file:PATH, as in file:x.log",
            ));
        }
        if bytes.contains(&0) {
            return Err(error("a path cannot hold the byte %00", "leave it out"));
        }
        if bytes.len() > FILE_PATH_BYTES {
            let len = bytes.len();
            return Err(error(
                format!("the path of the file has {len} bytes, the most is {FILE_PATH_BYTES}"),
                "use a shorter path, for instance a relative one",
            ));
        }
        // Two slashes in front would read as a host.
        let slashes = bytes.iter().take_while(|byte| **byte == b'/').count();
        Ok(FilePath(bytes[slashes.saturating_sub(1)..].to_vec()))
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for FilePath {
    type Err = ParseEndpointError;

    /// What follows `file:`. `file:///PATH` of RFC 8089 means the same as `file:/PATH`; a host
    /// between the slashes is refused, for no file of another machine is meant here.
    fn from_str(text: &str) -> Result<FilePath, ParseEndpointError> {
        let path = match text.strip_prefix("//") {
            Some(path) if path.starts_with('/') => path,
            Some(host) => {
                return Err(error(
                    format!("`file:{text}` names a host, and a file is on this machine"),
                    format!("write file:{host} from this folder on, or file:///{host} from /"),
                ));
            }
            None => text,
        };
        FilePath::new(decode(path)?)
    }
}

fn error(problem: impl Into<String>, remedy: impl Into<String>) -> ParseEndpointError {
    ParseEndpointError { problem: problem.into(), remedy: remedy.into() }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_path(f, &self.0, false)
    }
}
