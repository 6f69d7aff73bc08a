//! Passwords from where nobody else sees them: a file, a descriptor, the environment, the terminal. Never
//! from a command line, which every program of this machine may read (proc(5), cmdline).

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use framecat_net::error::plain;
use framecat_proto::limits::AUTH_PASSWORD_BYTES;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::plan::Mistake;

/// Where a password may stand for whoever starts the program.
pub const VARIABLE: &str = "FRAMECAT_PASSWORD";

/// The password that was left for us: in the file, or else in the environment. `None`: nowhere.
pub fn left(file: Option<&Path>) -> Result<Option<String>, Mistake> {
    if let Some(path) = file {
        let what = format!("--password-file {}", path.display());
        let bytes = read(path, &what, AUTH_PASSWORD_BYTES + 2)?;
        return one_line(bytes, &what).map(Some);
    }
    match std::env::var_os(VARIABLE) {
        None => Ok(None),
        Some(value) => {
            use std::os::unix::ffi::OsStringExt;
            one_line(value.into_vec(), VARIABLE).map(Some)
        }
    }
}

/// All of a file that nobody else may write, up to so many bytes.
pub fn read(path: &Path, what: &str, most: usize) -> Result<Vec<u8>, Mistake> {
    let failed = |error: io::Error| Mistake {
        problem: format!("{what}: {}", plain(&error)),
        remedy: "name a file that can be read; /dev/fd/3 is descriptor 3".into(),
    };
    let file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if about.is_file() && about.mode() & 0o022 != 0 {
        return Err(Mistake {
            problem: format!("{what}: others than its owner may write it, and let themselves in"),
            remedy: format!("chmod go-w {}", path.display()),
        });
    }
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() > most {
        false => Ok(bytes),
        true => Err(Mistake {
            problem: format!("{what}: it is longer than {most} bytes"),
            remedy: "name another file".into(),
        }),
    }
}

/// A password is a line: its end is not part of it.
fn one_line(mut bytes: Vec<u8>, what: &str) -> Result<String, Mistake> {
    let remedy = || "a password is one line of UTF-8 without control characters".to_string();
    let wrong = |problem: &str| Mistake { problem: format!("{what}: {problem}"), remedy: remedy() };
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("the password is no UTF-8"))?;
    match text.as_str() {
        "" => Err(wrong("the password is empty")),
        text if text.len() > AUTH_PASSWORD_BYTES => {
            Err(wrong(&format!("the password is longer than {AUTH_PASSWORD_BYTES} bytes")))
        }
        // RFC 7617 section 2.
        text if text.chars().any(char::is_control) => {
            Err(wrong("a control character is in the password, or a second line"))
        }
        _ => Ok(text),
    }
}

/// A new password: typed twice at a terminal, or all that stdin says.
pub fn new() -> Result<String, Mistake> {
    let mut stdin = io::stdin();
    if stdin.is_terminal() {
        let first = one_line(typed("password: ")?, "password")?;
        return match one_line(typed("and again: ")?, "password")? == first {
            true => Ok(first),
            false => Err(Mistake {
                problem: "the two passwords differ".into(),
                remedy: "type the same one twice".into(),
            }),
        };
    }
    let mut bytes = Vec::new();
    let most = AUTH_PASSWORD_BYTES as u64 + 3;
    stdin.by_ref().take(most).read_to_end(&mut bytes).map_err(|error| Mistake {
        problem: format!("read the password on stdin: {}", plain(&error)),
        remedy: "type it at a terminal, or write it to stdin".into(),
    })?;
    one_line(bytes, "stdin")
}

/// A password typed at the terminal.
pub fn ask(prompt: &str) -> Result<String, Mistake> {
    one_line(typed(prompt)?, "password")
}

/// A line typed where it is not seen: at stdin, or at the terminal of this session.
fn typed(prompt: &str) -> Result<Vec<u8>, Mistake> {
    let stdin = io::stdin();
    let line = if stdin.is_terminal() {
        unseen(&stdin, &io::stderr(), prompt)
    } else {
        let terminal = File::options().read(true).write(true).open("/dev/tty");
        terminal.and_then(|terminal| unseen(&terminal, &terminal, prompt))
    };
    line.map_err(|error| Mistake {
        problem: format!("there is no terminal to ask for the password at: {}", plain(&error)),
        remedy: format!("--password-file FILE, or the variable {VARIABLE}, has it without one"),
    })
}

fn unseen(keyboard: &impl AsFd, screen: &impl AsFd, prompt: &str) -> io::Result<Vec<u8>> {
    let before = tcgetattr(keyboard)?;
    let mut modes = before.clone();
    // Ctrl-C is a byte, too: whoever types it gets the terminal back as it was.
    modes.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
    tcsetattr(keyboard, OptionalActions::Flush, &modes)?;
    let line = rustix::io::write(screen, prompt.as_bytes()).map_err(io::Error::from);
    let line = line.and_then(|_| keys(keyboard));
    tcsetattr(keyboard, OptionalActions::Flush, &before)?;
    let _ = rustix::io::write(screen, b"\n");
    if let Ok(None) = line {
        let _ = io::stderr().flush();
        // As if it had reached us as a signal: nobody has another plan for it yet.
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT);
    }
    line?.ok_or_else(|| io::ErrorKind::Interrupted.into())
}

/// Keys up to Enter or Ctrl-D. `None`: Ctrl-C.
fn keys(keyboard: &impl AsFd) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut key = [0];
    loop {
        match rustix::io::read(keyboard, &mut key) {
            Ok(0) => return Ok(Some(line)),
            Err(rustix::io::Errno::INTR) => continue,
            read => read?,
        };
        match key[0] {
            b'\n' | b'\r' | 0x04 => return Ok(Some(line)),
            0x03 => return Ok(None),
            // Backspace takes a character, whose first byte is no 10xxxxxx.
            0x08 | 0x7f => while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            // Ctrl-U takes all.
            0x15 => line.clear(),
            key if line.len() <= AUTH_PASSWORD_BYTES => line.push(key),
            _ => {}
        }
    }
}
