//! The terminal of whoever runs the program: what is asked there and typed there, whatever stdin, stdout and
//! stderr are.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use framecat_net::conn::{Kind, Stream};
use framecat_proto::limits::{CODE_WORDS, CODE_WORDS_MAX};
use framecat_proto::transfer::code::Code;
use rustix::fs::OFlags;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
    tcsetattr,
};

/// More than anybody types here.
const TYPED_BYTES: usize = 256;

/// The most words that completion shows.
const SHOWN: usize = 40;

/// A terminal to ask at, opened anew, so that nobody else's mode is changed with ours.
#[derive(Debug)]
pub struct Terminal(File);

impl Terminal {
    /// The one that stdin is; where it is none, the one of this session.
    ///
    /// # Errors
    /// There is none.
    pub fn open() -> io::Result<Terminal> {
        let mut options = OpenOptions::new();
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        options.read(true).write(true).custom_flags(flags.bits() as i32);
        if io::stdin().is_terminal()
            && let Ok(file) = options.open("/proc/self/fd/0")
        {
            return Ok(Terminal(file));
        }
        options.open("/dev/tty").map(Terminal)
    }

    /// Ready to be waited for. Must be called within a tokio runtime with I/O enabled.
    fn ready(self) -> io::Result<Ready> {
        let (local, peer) = ("terminal".into(), "terminal".into());
        let stream = Stream::new(self.0.into(), Kind::Terminal, local, peer)?;
        Ok(Ready { stream, came: RefCell::default() })
    }

    /// Shows `text`, asks, and waits for a yes; whatever else is typed is a no. Cancel safe: the line that the
    /// question stands on is ended then.
    ///
    /// # Errors
    /// The terminal is gone.
    pub async fn agrees(self, text: &[u8], question: &str) -> io::Result<bool> {
        let terminal = self.ready()?;
        // What was typed before it was asked is no answer to it.
        let _ = tcflush(&terminal, QueueSelector::IFlush);
        let mut open = Line { terminal: &terminal, open: true };
        terminal.write(&[text, question.as_bytes()].concat()).await?;
        let mut line = Vec::new();
        loop {
            match terminal.key().await? {
                // Ctrl-D in an empty line.
                None => return Ok(false),
                Some(b'\n') => break,
                Some(byte) if line.len() < TYPED_BYTES => line.push(byte),
                Some(_) => {}
            }
        }
        open.open = false;
        let answer = String::from_utf8_lossy(&line).trim().to_ascii_lowercase();
        Ok(matches!(answer.as_str(), "y" | "yes"))
    }

    /// Asks for a code until one is typed: Tab completes its words, and what is no code is told. `None`: whoever
    /// types has none (Ctrl-D in an empty line). Cancel safe: the terminal is as it was then.
    ///
    /// # Errors
    /// The terminal is gone.
    pub async fn code(self) -> io::Result<Option<Code>> {
        let terminal = self.ready()?;
        let mode = Mode::keys(&terminal)?;
        let mut line = Line { terminal: &terminal, open: true };
        let mut typed = String::new();
        terminal.write(PROMPT.as_bytes()).await?;
        let code = loop {
            let Some(key) = terminal.key().await? else { break None };
            match edit(&mut typed, key) {
                Edited::Nothing => {}
                Edited::Shows(text) => terminal.write(text.as_bytes()).await?,
                Edited::Leaves => break None,
                Edited::Escape => terminal.escape().await?,
                Edited::Done => match typed.parse::<Code>() {
                    Ok(code) => break Some(code),
                    Err(error) => {
                        let (error, remedy) = match typed.is_empty() {
                            true => (
                                "a code is like 417-blaze-otter-quilt".into(),
                                "it is on the other side's screen; Ctrl-C leaves",
                            ),
                            false => (error.to_string(), error.remedy()),
                        };
                        // The next try is typed anew.
                        typed.clear();
                        let told =
                            format!("\r\n          {error}\r\n          {remedy}\r\n{PROMPT}");
                        terminal.write(told.as_bytes()).await?;
                    }
                },
            }
        };
        terminal.write(b"\r\n").await?;
        line.open = false;
        drop(mode);
        Ok(code)
    }
}

const PROMPT: &str = "framecat: the code (Tab completes words): ";

/// A terminal, and the line that stands there without an end.
struct Line<'a> {
    terminal: &'a Ready,
    open: bool,
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if self.open {
            let _ = rustix::io::write(self.terminal, b"\r\n");
        }
    }
}

struct Ready {
    stream: Stream,
    /// What was typed and not looked at.
    came: RefCell<VecDeque<u8>>,
}

impl Ready {
    /// What a key says. `None`: the end.
    async fn key(&self) -> io::Result<Option<u8>> {
        let key = self.came.borrow_mut().pop_front();
        if key.is_some() {
            return Ok(key);
        }
        let mut more = Vec::with_capacity(TYPED_BYTES);
        self.stream.read(&mut more).await?;
        self.came.borrow_mut().extend(more);
        Ok(self.came.borrow_mut().pop_front())
    }

    /// Passes over the rest of an escape sequence (ECMA-48, 5.4): an arrow key, say.
    async fn escape(&self) -> io::Result<()> {
        if self.key().await? == Some(b'[') {
            while !matches!(self.key().await?, None | Some(0x40..=0x7e)) {}
        }
        Ok(())
    }

    async fn write(&self, text: &[u8]) -> io::Result<()> {
        self.stream.write_all(text).await
    }
}

impl AsFd for Ready {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// Another mode of a terminal, until this is dropped.
struct Mode<'a> {
    terminal: &'a Ready,
    before: Termios,
}

impl<'a> Mode<'a> {
    /// Each key is read as it is typed, and not shown. Ctrl-C stays a signal; nothing else that is typed stops or
    /// kills the program, for the terminal would stay like this.
    fn keys(terminal: &'a Ready) -> io::Result<Mode<'a>> {
        let before = tcgetattr(terminal)?;
        let mut modes = before.clone();
        modes.local_modes -= LocalModes::ECHO | LocalModes::ICANON;
        for code in [SpecialCodeIndex::VSUSP, SpecialCodeIndex::VQUIT] {
            // _POSIX_VDISABLE, termios(3).
            modes.special_codes[code] = 0;
        }
        (
            modes.special_codes[SpecialCodeIndex::VMIN],
            modes.special_codes[SpecialCodeIndex::VTIME],
        ) = (1, 0);
        tcsetattr(terminal, OptionalActions::Now, &modes)?;
        Ok(Mode { terminal, before })
    }
}

impl Drop for Mode<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

/// What a key comes to.
#[derive(Debug, PartialEq, Eq)]
enum Edited {
    Nothing,
    /// The screen gets this.
    Shows(String),
    /// An escape sequence begins.
    Escape,
    Done,
    Leaves,
}

/// What a key does to what is typed of a code.
fn edit(typed: &mut String, key: u8) -> Edited {
    let again = |typed: &str| Edited::Shows(format!("\r\x1b[K{PROMPT}{typed}"));
    match key {
        b'\n' | b'\r' => Edited::Done,
        0x04 if typed.is_empty() => Edited::Leaves,
        b'\t' => complete(typed),
        0x1b => Edited::Escape,
        // Backspace.
        0x08 | 0x7f => match typed.pop() {
            Some(_) => Edited::Shows("\x08 \x08".into()),
            None => Edited::Nothing,
        },
        // Ctrl-W takes a word, Ctrl-U all.
        0x17 => {
            let end = typed.trim_end_matches('-').rfind('-').map_or(0, |at| at + 1);
            typed.truncate(end);
            again(typed)
        }
        0x15 => {
            typed.clear();
            again(typed)
        }
        b' ' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' if typed.len() < TYPED_BYTES => {
            let key = if key == b' ' { '-' } else { char::from(key.to_ascii_lowercase()) };
            typed.push(key);
            Edited::Shows(key.into())
        }
        _ => Edited::Nothing,
    }
}

/// Completes the word that is begun, as far as it is clear which one it is; else shows those there are.
fn complete(typed: &mut String) -> Edited {
    const BELL: &str = "\x07";
    let words = Code::completions(typed);
    let begun = typed.rsplit('-').next().unwrap_or_default().len();
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        return Edited::Shows(BELL.into());
    };
    // They are in order: what the first and the last begin with, all do.
    let same = first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
    let mut more = first[begun..same.max(begun)].to_string();
    if words.len() == 1 && typed.matches('-').count() < CODE_WORDS {
        more.push('-');
    }
    if more.is_empty() && words.len() > 1 {
        let shown = words.iter().take(SHOWN).copied().collect::<Vec<_>>().join(" ");
        let rest = words.len().saturating_sub(SHOWN);
        let rest = if rest > 0 { format!(" … and {rest} more") } else { String::new() };
        return Edited::Shows(format!("\r\n          {shown}{rest}\r\n{PROMPT}{typed}"));
    }
    if typed.matches('-').count() > CODE_WORDS_MAX {
        return Edited::Shows(BELL.into());
    }
    typed.push_str(&more);
    Edited::Shows(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(keys: &str) -> (String, Vec<Edited>) {
        let mut typed = String::new();
        let edited = keys.bytes().map(|key| edit(&mut typed, key)).collect();
        (typed, edited)
    }

    #[test]
    fn tab_completes_a_word_that_is_clear_and_begins_the_next() {
        assert_eq!(types("417 bLaz\totter-quilt").0, "417-blaze-otter-quilt");
        assert_eq!(types("417-blaze-ott\tquilt").0, "417-blaze-otter-quilt");
        // No word follows the third by itself.
        assert_eq!(types("417-blaze-otter-quilt\t").0, "417-blaze-otter-quilt");
    }

    #[test]
    fn tab_shows_the_words_that_it_may_be() {
        let (typed, edited) = types("417-qui\t");
        assert_eq!(typed, "417-qui");
        let Some(Edited::Shows(shown)) = edited.last() else { panic!("{edited:?}") };
        assert!(shown.contains("quill quilt quit"), "{shown}");
        assert!(shown.ends_with("417-qui"), "{shown}");
        let (_, edited) = types("417-\t");
        let Some(Edited::Shows(shown)) = edited.last() else { panic!("{edited:?}") };
        assert!(shown.contains("… and 1255 more"), "{shown}");
        for nothing in ["\t", "41\t", "417-zzz\t", "photos-bl\t"] {
            assert_eq!(types(nothing).1.last(), Some(&Edited::Shows("\x07".into())), "{nothing}");
        }
    }

    #[test]
    fn what_is_typed_can_be_taken_back() {
        assert_eq!(types("418\x7f7-b").0, "417-b");
        assert_eq!(types("417-blaze-oter\x17otter").0, "417-blaze-otter");
        assert_eq!(types("417-blaze-\x17").0, "417-");
        assert_eq!(types("nonsense\x15417").0, "417");
        assert_eq!(types("\x7f\x7f4").0, "4");
        assert_eq!(types("\x04").1, [Edited::Leaves]);
        assert_eq!(types("4\x04").1.last(), Some(&Edited::Nothing));
        assert_eq!(types("4\n").1.last(), Some(&Edited::Done));
        // Whatever else a keyboard can say.
        let (typed, _) = types(&"\u{1}\u{2}ü€;'\"\\\0".repeat(50));
        assert_eq!(typed, "");
        assert_eq!(types(&"a".repeat(1000)).0.len(), TYPED_BYTES);
    }
}
