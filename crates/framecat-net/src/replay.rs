//! A recording being played (`--replay`): one of its parts is spoken, in turn with the peer; with
//! `--expect` what the peer says is compared with the other part.
//!
//! The turn is by order: before each of its messages a player has heard as many messages as the
//! recording has before it (bytes, where nothing says where messages end). It ends its direction where
//! the recording did; the peer's end is awaited before that, and not before a message.

use std::collections::VecDeque;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use framecat_proto::message::{Batch, Dir};
use framecat_proto::text::recording::{Conversation, Recording, Step};
use framecat_proto::text::visible;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::{Difference, Differs};

/// How much of a message is shown where it differs, in bytes, and how much of it in front of that.
const SHOWN: usize = 64;
const SHOWN_BEFORE: usize = 16;

/// A recording to be played: a conversation a connection, in the order of their numbers, and from the
/// first again when all were played.
#[derive(Debug)]
pub struct Script {
    conversations: Vec<Arc<Conversation>>,
    expect: bool,
    timed: bool,
    begun: AtomicUsize,
    played: AtomicUsize,
    /// Conversations of clients that left without a word: somebody looked whether the port is open.
    again: Mutex<VecDeque<usize>>,
}

impl Script {
    /// Plays what is `Out` in a recording ([`Recording::seen_from`]). `expect`: what the peer says must
    /// be what was recorded. `timed`: with the recorded pause before each message.
    pub fn new(recording: Recording, expect: bool, timed: bool) -> Script {
        Script {
            conversations: recording.conversations.into_iter().map(Arc::new).collect(),
            expect,
            timed,
            begun: AtomicUsize::new(0),
            played: AtomicUsize::new(0),
            again: Mutex::default(),
        }
    }

    /// One message, and the end.
    pub(crate) fn saying(message: Vec<u8>) -> Script {
        let step = Step { line: 1, time_ns: None, dir: Dir::Out, message: Some(message) };
        let conversations = vec![Conversation { conn: 1, steps: vec![step] }];
        Script::new(Recording { conversations, ..Recording::default() }, false, false)
    }

    /// How many conversations there are; at least one.
    pub fn len(&self) -> usize {
        self.conversations.len()
    }

    /// Whether there is none, which no recording is.
    pub fn is_empty(&self) -> bool {
        self.conversations.is_empty()
    }

    /// Whether the peer's part is compared and every conversation was played: nothing is left to find.
    pub(crate) fn is_over(&self) -> bool {
        self.expect && self.played.load(Relaxed) >= self.len()
    }

    /// The player of the next connection. `raw`: nothing says where the peer's messages end. `wait`:
    /// how long it waits for its turn; a listener waits for ever.
    pub(crate) fn player(self: &Arc<Self>, raw: bool, wait: Option<Duration>) -> Arc<Player> {
        let again = self.again.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let n = again.unwrap_or_else(|| self.begun.fetch_add(1, Relaxed) % self.len().max(1));
        Arc::new(Player {
            script: self.clone(),
            n,
            conversation: self.conversations[n].clone(),
            raw,
            wait,
            heard: Mutex::new(Heard::default()),
            changed: Notify::new(),
        })
    }
}

/// One conversation being played.
#[derive(Debug)]
pub(crate) struct Player {
    script: Arc<Script>,
    /// Which of its conversations.
    n: usize,
    conversation: Arc<Conversation>,
    raw: bool,
    wait: Option<Duration>,
    heard: Mutex<Heard>,
    changed: Notify,
}

/// What the peer has said.
#[derive(Debug, Default)]
struct Heard {
    messages: u64,
    bytes: u64,
    ended: bool,
    /// The step that the next message is compared with, or an earlier one.
    step: usize,
    /// How much of that step's message was heard already, where there are no messages.
    offset: usize,
}

/// Where the player is.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    step: usize,
    messages: u64,
    bytes: u64,
    /// The peer ended before this place.
    ended: bool,
    /// Its turn has come, and it speaks at this time.
    speaks: Option<Instant>,
}

/// What the player has to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cue<'a> {
    /// Say this.
    Say(&'a [u8]),
    /// End its direction: nothing more is to be said.
    End,
}

impl Player {
    /// Waits for the player's next turn. Cancel safe: what was waited for is not forgotten.
    ///
    /// # Errors
    /// Nothing came for as long as this.
    pub(crate) async fn cue(&self, at: &mut Cursor) -> Result<Cue<'_>, Duration> {
        let steps = &self.conversation.steps;
        while let Some(step) = steps.get(at.step) {
            let before = at.step.checked_sub(1).and_then(|before| steps[before].time_ns);
            match (step.dir, &step.message) {
                (Dir::In, Some(message)) => {
                    at.messages += 1;
                    at.bytes += message.len() as u64;
                }
                (Dir::In, None) => at.ended = true,
                (Dir::Out, message) => {
                    let ended = at.ended && message.is_none();
                    if at.speaks.is_none() && !self.turn(at, ended).await? {
                        return Ok(Cue::End);
                    }
                    let pause = match (self.script.timed, step.time_ns, before) {
                        (true, Some(time), Some(before)) => {
                            Duration::from_nanos(time.saturating_sub(before))
                        }
                        _ => Duration::ZERO,
                    };
                    let speaks = *at.speaks.get_or_insert_with(|| Instant::now() + pause);
                    if speaks > Instant::now() {
                        tokio::time::sleep_until(speaks).await;
                    }
                    (at.step, at.speaks) = (at.step + 1, None);
                    return Ok(message.as_ref().map_or(Cue::End, |message| Cue::Say(message)));
                }
            }
            at.step += 1;
        }
        self.turn(at, at.ended).await?;
        Ok(Cue::End)
    }

    /// Waits until as much is heard as the recording has before this place. False: the peer ended
    /// before it said so much.
    async fn turn(&self, at: &Cursor, ended: bool) -> Result<bool, Duration> {
        let heard = async {
            loop {
                let mut changed = std::pin::pin!(self.changed.notified());
                changed.as_mut().enable();
                {
                    let heard = self.heard();
                    let enough = match self.raw {
                        true => heard.bytes >= at.bytes,
                        false => heard.messages >= at.messages,
                    };
                    match (enough, heard.ended) {
                        (true, false) if ended => {}
                        (true, _) => return true,
                        (false, true) => return false,
                        (false, false) => {}
                    }
                }
                changed.await;
            }
        };
        match self.wait {
            Some(wait) => tokio::time::timeout(wait, heard).await.map_err(|_| wait),
            None => Ok(heard.await),
        }
    }

    /// The peer said this.
    ///
    /// # Errors
    /// It is not what was recorded, and should be.
    pub(crate) fn hear(&self, batch: Batch<'_>) -> Result<(), Box<Difference>> {
        let mut heard = self.heard();
        let compared = batch.iter().try_for_each(|message| {
            heard.messages += 1;
            heard.bytes += message.len() as u64;
            match (self.script.expect, self.raw) {
                (false, _) => Ok(()),
                (true, false) => self.compare(&mut heard, message),
                (true, true) => self.compare_bytes(&mut heard, message),
            }
        });
        drop(heard);
        self.changed.notify_waiters();
        compared
    }

    /// The peer ended.
    pub(crate) fn hear_end(&self) {
        self.heard().ended = true;
        self.changed.notify_waiters();
    }

    /// The conversation is over, and was not broken off.
    ///
    /// # Errors
    /// Less was said than was recorded, and all of it should be.
    pub(crate) fn finish(&self) -> Result<(), Box<Difference>> {
        let heard = self.heard();
        let waits = self.conversation.steps.first().is_some_and(|step| step.dir == Dir::In);
        if heard.messages == 0 && waits && self.wait.is_none() {
            self.script.again.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.n);
            return Ok(());
        }
        if let (true, Some((_, step))) = (self.script.expect, self.expected(heard.step)) {
            let message = step.message.as_deref().unwrap_or_default();
            let (recorded, line) = (shown(message, heard.offset), Some(step.line));
            let n = self.number(step);
            return Err(self.difference(n, line, Differs::Less { recorded }));
        }
        self.script.played.fetch_add(1, Relaxed);
        Ok(())
    }

    fn compare(&self, heard: &mut Heard, message: &[u8]) -> Result<(), Box<Difference>> {
        let Some((at, step)) = self.expected(heard.step) else {
            return Err(self.more(heard.messages, message));
        };
        heard.step = at + 1;
        let recorded = step.message.as_deref().unwrap_or_default();
        match message == recorded {
            true => Ok(()),
            false => Err(self.differ(heard.messages, step, 0, message)),
        }
    }

    fn compare_bytes(&self, heard: &mut Heard, mut bytes: &[u8]) -> Result<(), Box<Difference>> {
        while !bytes.is_empty() {
            let Some((at, step)) = self.expected(heard.step) else {
                return Err(self.more(heard.messages, bytes));
            };
            let recorded = &step.message.as_deref().unwrap_or_default()[heard.offset..];
            let len = recorded.len().min(bytes.len());
            if bytes[..len] != recorded[..len] {
                return Err(self.differ(self.number(step), step, heard.offset, bytes));
            }
            bytes = &bytes[len..];
            (heard.step, heard.offset) = (at, heard.offset + len);
            if len == recorded.len() {
                (heard.step, heard.offset) = (at + 1, 0);
            }
        }
        Ok(())
    }

    /// The next message of the peer at or behind a step.
    fn expected(&self, from: usize) -> Option<(usize, &Step)> {
        let steps = self.conversation.steps.iter().enumerate().skip(from);
        let raw = self.raw;
        let is_message = move |step: &Step| match &step.message {
            Some(message) => step.dir == Dir::In && !(raw && message.is_empty()),
            None => false,
        };
        steps.into_iter().find(|(_, step)| is_message(step))
    }

    /// Which of the peer's messages a step is, from 1.
    fn number(&self, step: &Step) -> u64 {
        let said = |other: &&Step| other.dir == Dir::In && other.message.is_some();
        let until = self.conversation.steps.iter().take_while(|other| other.line <= step.line);
        until.filter(said).count() as u64
    }

    fn differ(&self, n: u64, step: &Step, from: usize, came: &[u8]) -> Box<Difference> {
        let recorded = step.message.as_deref().unwrap_or_default();
        let same = came.iter().zip(&recorded[from..]).take_while(|(a, b)| a == b).count();
        let differs = Differs::Bytes {
            same: from + same,
            recorded: shown(recorded, from + same),
            came: shown(came, same),
        };
        self.difference(n, Some(step.line), differs)
    }

    fn more(&self, n: u64, came: &[u8]) -> Box<Difference> {
        self.difference(n, None, Differs::More { came: shown(came, 0) })
    }

    fn difference(&self, n: u64, line: Option<u64>, what: Differs) -> Box<Difference> {
        Box::new(Difference { conn: self.conversation.conn, n, line, what })
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message around the place `at`, as a sentence can hold it.
fn shown(message: &[u8], at: usize) -> String {
    let mut from = at.saturating_sub(SHOWN_BEFORE);
    // Not in the middle of a character.
    while from > 0 && at - from < SHOWN_BEFORE + 3 && message[from] & 0xc0 == 0x80 {
        from -= 1;
    }
    let cut = if from > 0 { "…" } else { "" };
    format!("{cut}{}", visible(&message[from..], SHOWN))
}

#[cfg(test)]
mod tests {
    use framecat_proto::message::Spans;

    use super::*;

    /// A player of what stands behind `>` in its lines, at so many seconds.
    fn player(lines: &[(&str, u64)], expect: bool, timed: bool) -> Arc<Player> {
        let steps = lines.iter().zip(1..).map(|((said, at), line)| Step {
            line,
            time_ns: Some(at * 1_000_000_000),
            dir: if said.starts_with('<') { Dir::In } else { Dir::Out },
            message: Some(said[1..].into()).filter(|said: &Vec<u8>| !said.is_empty()),
        });
        let conversation = Conversation { conn: 1, steps: steps.collect() };
        let recording = Recording { conversations: vec![conversation], ..Recording::default() };
        Arc::new(Script::new(recording, expect, timed)).player(false, None)
    }

    fn hear(player: &Player, message: &[u8]) -> Result<(), Box<Difference>> {
        let mut spans = Spans::new();
        spans.push(0, message.len());
        player.hear(Batch { input: message, spans: &spans })
    }

    #[tokio::test(start_paused = true)]
    async fn timed_each_message_waits_as_long_as_it_did() {
        let player =
            player(&[(">a", 10), (">b", 13), ("<c", 20), (">d", 27), (">", 27)], false, true);
        let (mut at, began) = (Cursor::default(), Instant::now());
        assert_eq!(player.cue(&mut at).await, Ok(Cue::Say(b"a")));
        assert_eq!(began.elapsed().as_secs(), 0);
        assert_eq!(player.cue(&mut at).await, Ok(Cue::Say(b"b")));
        assert_eq!(began.elapsed().as_secs(), 3);
        hear(&player, b"?").expect("nothing is expected");
        assert_eq!(player.cue(&mut at).await, Ok(Cue::Say(b"d")));
        assert_eq!(began.elapsed().as_secs(), 10, "7 s after what it answers");
        assert_eq!(player.cue(&mut at).await, Ok(Cue::End));
        assert_eq!(player.cue(&mut at).await, Ok(Cue::End));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_waits_for_messages_and_not_for_time() {
        let lines = [(">a", 0), ("<b", 1), ("<c", 2), (">d", 3)];
        let player = player(&lines, false, false);
        let mut at = Cursor::default();
        assert_eq!(player.cue(&mut at).await, Ok(Cue::Say(b"a")));
        let speaking = player.clone();
        let next =
            tokio::spawn(async move { speaking.cue(&mut at).await.map(|cue| cue == Cue::End) });
        for said in [b"1", b"2"] {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            assert!(!next.is_finished());
            hear(&player, said).expect("nothing is expected");
        }
        assert_eq!(next.await.expect("it does not panic"), Ok(false));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_ends_early_has_no_next_turn() {
        let player = player(&[("<a", 0), ("<b", 1), (">c", 2)], false, false);
        hear(&player, b"a").expect("nothing is expected");
        player.hear_end();
        assert_eq!(player.cue(&mut Cursor::default()).await, Ok(Cue::End));
    }

    #[test]
    fn differences_are_shown_whole_characters_around_their_place() {
        for (recorded, came, shown) in [
            ("abc", "abd", ("abc", "abd")),
            (
                "0123456789012345é!",
                "0123456789012345é?",
                ("…23456789012345é!", "…23456789012345é?"),
            ),
            ("é012345678901234", "é01234567890123", ("é012345678901234", "é01234567890123")),
            (
                "\u{1F600}01234567890123a",
                "\u{1F600}01234567890123b",
                ("\u{1F600}01234567890123a", "\u{1F600}01234567890123b"),
            ),
        ] {
            let player = player(&[(&format!("<{recorded}"), 0)], true, false);
            let found = hear(&player, came.as_bytes()).expect_err("it differs");
            let Differs::Bytes { recorded, came, .. } = found.what else { panic!("{found}") };
            assert_eq!((recorded.as_str(), came.as_str()), shown);
        }
    }
}
