//! A terminal for a program to run at: the slave end of a pty, see pty(7).

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A terminal. The test holds the end where the keyboard and the screen are.
pub struct Terminal {
    keyboard: File,
    path: String,
}

impl Terminal {
    /// A new one, with the kernel's usual modes: what is typed is read line by line, and echoed.
    pub fn new() -> Terminal {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("ptys are mounted");
        grantpt(&keyboard).and_then(|()| unlockpt(&keyboard)).expect("the pty is ours");
        let path = ptsname(&keyboard, Vec::new()).expect("the pty has a name");
        let path = path.into_string().expect("its name is plain text");
        Terminal { keyboard: keyboard.into(), path }
    }

    /// The end for the program: its stdin, stdout or both.
    pub fn end(&self) -> File {
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(rustix::fs::OFlags::NOCTTY.bits() as i32);
        options.open(&self.path).expect("the pty is ours")
    }

    /// Types text; `\x04` at the start of a line is the end of input.
    pub fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("the terminal takes it");
    }

    /// What the screen shows up to and with `marker`.
    pub fn shows(&mut self, marker: &str) -> String {
        let mut shown = Vec::new();
        let mut byte = [0];
        while !shown.ends_with(marker.as_bytes()) {
            super::sockets::wait_readable(&self.keyboard, &shown);
            match self.keyboard.read(&mut byte) {
                Ok(1) => shown.push(byte[0]),
                _ => panic!("the terminal shows {:?} and ends", String::from_utf8_lossy(&shown)),
            }
        }
        String::from_utf8_lossy(&shown).into_owned()
    }
}
