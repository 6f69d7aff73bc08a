//! No file is read and written by one command: it would be emptied before it is read, or grow without
//! end.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use framecat_proto::Endpoint;
use framecat_proto::endpoint::At;
use framecat_proto::options::Value;

use super::Mistake;
use crate::play::is_same;

/// Refuses ends of which one reads the file that another, or `--record`, writes. `stdio` says that stdin
/// and stdout are ends too.
pub(super) fn apart(ends: &[&Endpoint], stdio: bool, record: Option<&Path>) -> Result<(), Mistake> {
    let (mut read, mut written) = (Vec::new(), Vec::new());
    for end in ends {
        let At::File(path) = &end.at else { continue };
        let on = |name| end.options.get(name) == Some(&Value::Flag(true));
        let to = ["create", "append", "replace"].into_iter().any(on);
        let path = PathBuf::from(OsStr::from_bytes(path.bytes()));
        if to { &mut written } else { &mut read }.push((end.to_string(), path));
    }
    written.extend(record.map(|path| ("--record".to_string(), path.to_path_buf())));
    // What goes from stdin to stdout went through somebody else, and is no concern of ours.
    let standard = |fd| stdio.then(|| (format!("std{fd}"), PathBuf::from(format!("/dev/std{fd}"))));
    let (stdin, stdout) = (standard("in"), standard("out"));
    let from = read.iter().flat_map(|from| written.iter().chain(&stdout).map(move |to| (from, to)));
    let fed = stdin.iter().flat_map(|from| written.iter().map(move |to| (from, to)));
    for ((from, source), (to, sink)) in from.chain(fed) {
        if is_same(source, sink) {
            return Err(Mistake::new(
                format!(
                    "{from} and {to} are one file: read and written at once, it would be emptied first \
                     or grow without end"
                ),
                "name another file for one of them",
            ));
        }
    }
    Ok(())
}
