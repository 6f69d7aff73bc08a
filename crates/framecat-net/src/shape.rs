//! How what is sent is spread over time and over system calls: pacing (`--delay`, `--rate`), and a
//! stream split or stuck together on purpose (`--chop`, `--coalesce`).

use std::num::NonZeroUsize;
use std::time::Duration;

use framecat_proto::limits::{QUEUE_BYTES, READ_BYTES_MIN};
use framecat_proto::rate::{Pace, Rate, Unit};
use tokio::time::{Instant, sleep_until};

use crate::conn::Stream;

/// What is asked for. The default is nothing: all at once, as few calls as possible.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// The time between the end of one message and the beginning of the next.
    pub delay: Option<Duration>,
    /// So many messages or bytes in a time, on each connection and direction.
    pub rate: Option<Rate>,
    /// The most bytes of one send on a stream, each a segment of its own as far as the kernel lets it:
    /// over TCP none is put behind another (`MSG_EOR`), but a receiver that reads late still finds
    /// several.
    pub chop: Option<NonZeroUsize>,
    /// How long messages on a stream are held, to go out as one send; less where 1 MiB is held.
    pub coalesce: Option<Duration>,
}

impl Shape {
    /// Whether anything is asked for.
    pub fn is_set(&self) -> bool {
        *self != Shape::default()
    }

    /// Whether each message has a time of its own, and is best taken by itself.
    pub(crate) fn paces_messages(&self) -> bool {
        self.delay.is_some() || self.rate.is_some_and(|rate| rate.of == Unit::Messages)
    }
}

/// A [`Shape`] at work on one direction.
#[derive(Debug)]
pub(crate) struct Shaper {
    shape: Shape,
    began: Instant,
    messages: Option<Pace>,
    bytes: Option<Pace>,
    last: Option<Instant>,
    held: Vec<u8>,
    until: Option<Instant>,
}

impl Shaper {
    pub(crate) fn new(shape: Shape) -> Shaper {
        let pace = |unit| shape.rate.filter(|rate| rate.of == unit).map(Pace::new);
        Shaper {
            shape,
            began: Instant::now(),
            messages: pace(Unit::Messages),
            bytes: pace(Unit::Bytes),
            last: None,
            held: Vec::new(),
            until: None,
        }
    }

    /// Waits until the next message may go. Cancel safe.
    pub(crate) async fn turn(&self) {
        if let (Some(delay), Some(last)) = (self.shape.delay, self.last) {
            sleep_until(last + delay).await;
        }
        if let Some(pace) = &self.messages {
            due(self.began, pace).await;
        }
    }

    /// Waits until the next message may go, and counts it.
    pub(crate) async fn message(&mut self) {
        self.turn().await;
        if let Some(pace) = &mut self.messages {
            spend(self.began, pace, 1);
        }
    }

    /// A message went out.
    pub(crate) fn sent(&mut self) {
        if self.shape.delay.is_some() {
            self.last = Some(Instant::now());
        }
    }

    /// Waits until a datagram of so many bytes may go.
    pub(crate) async fn datagram(&mut self, len: usize) {
        if let Some(pace) = &mut self.bytes {
            turn(self.began, pace, len as u64).await;
        }
    }

    /// Holds bytes, if they are to wait for others. False: they go now.
    pub(crate) fn hold<'a>(&mut self, pieces: impl Iterator<Item = &'a [u8]>) -> bool {
        let Some(time) = self.shape.coalesce else { return false };
        pieces.for_each(|piece| self.held.extend_from_slice(piece));
        if !self.held.is_empty() {
            self.until.get_or_insert_with(|| Instant::now() + time);
        }
        true
    }

    /// Until when something is held; the past where it should have gone.
    pub(crate) fn until(&self) -> Option<Instant> {
        match self.held.len() >= QUEUE_BYTES {
            true => self.until.map(|until| until.min(Instant::now())),
            false => self.until,
        }
    }

    /// Sends what is held. Not cancel safe: part of it may have gone out.
    pub(crate) async fn flush(&mut self, stream: &Stream) -> std::io::Result<()> {
        self.until = None;
        let mut held = std::mem::take(&mut self.held);
        let written = self.write(stream, &held).await;
        held.clear();
        self.held = held;
        written
    }

    /// Sends bytes in pieces as they are asked for. Not cancel safe: part may have gone out.
    pub(crate) async fn write(&mut self, stream: &Stream, bytes: &[u8]) -> std::io::Result<()> {
        let chop = self.shape.chop.map(NonZeroUsize::get);
        let most = match (chop, &self.shape.rate, &self.bytes) {
            (Some(chop), _, _) => chop,
            // Little enough at once that it is a flow.
            (None, Some(rate), Some(_)) => {
                usize::try_from(rate.within(50_000_000)).unwrap_or(usize::MAX).min(READ_BYTES_MIN)
            }
            _ => return stream.write_all(bytes).await,
        };
        for chunk in bytes.chunks(most) {
            if let Some(pace) = &mut self.bytes {
                turn(self.began, pace, chunk.len() as u64).await;
            }
            match chop {
                Some(_) => stream.write_segment(chunk).await?,
                None => stream.write_all(chunk).await?,
            }
            // Whoever reads it on this machine gets a chance to.
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

/// Waits until so many may go, and counts them.
async fn turn(began: Instant, pace: &mut Pace, amount: u64) {
    due(began, pace).await;
    spend(began, pace, amount);
}

async fn due(began: Instant, pace: &Pace) {
    let due = Duration::from_nanos(pace.due_ns());
    if due > began.elapsed() {
        sleep_until(began + due).await;
    }
}

fn spend(began: Instant, pace: &mut Pace, amount: u64) {
    pace.spend(amount, u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaper(change: impl FnOnce(&mut Shape)) -> Shaper {
        let mut shape = Shape::default();
        change(&mut shape);
        Shaper::new(shape)
    }

    fn rate(text: &str) -> Option<Rate> {
        Some(text.parse().expect("it is a rate"))
    }

    /// When each of so many messages goes, in milliseconds, if sending one takes as long as said.
    async fn times(shaper: &mut Shaper, n: usize, sending_ms: u64) -> Vec<u128> {
        let began = Instant::now();
        let mut times = Vec::new();
        for _ in 0..n {
            shaper.message().await;
            times.push(began.elapsed().as_millis());
            tokio::time::sleep(Duration::from_millis(sending_ms)).await;
            shaper.sent();
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_lies_between_two_messages() {
        let mut shaper = shaper(|shape| shape.delay = Some(Duration::from_secs(2)));
        assert_eq!(times(&mut shaper, 3, 500).await, [0, 2500, 5000]);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(times(&mut shaper, 2, 0).await, [0, 2000], "a pause is delay enough");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_counts_from_the_first_and_makes_up_for_no_pause() {
        let mut a = shaper(|shape| shape.rate = rate("3"));
        let near = times(&mut a, 301, 1).await;
        // 1/3 s is no whole number of milliseconds, and 100 s later nothing has drifted.
        assert!(near[300] - near[0] >= 99_900 && near[300] - near[0] <= 100_001, "{}", near[300]);
        assert!(near.windows(2).all(|two| two[1] - two[0] >= 283), "{near:?}");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let after = times(&mut a, 3, 0).await;
        assert!(after[0] == 0 && after[1] >= 283 && after[2] >= 616, "{after:?}");
        let mut fast = shaper(|shape| shape.rate = rate("10000"));
        let many = times(&mut fast, 20_001, 0).await;
        assert!(many[20_000] >= 1_940 && many[20_000] <= 2_001, "{}", many[20_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_is_due_after_its_time_from_the_first() {
        assert!(
            !shaper(|_| {}).hold([&b"a"[..]].into_iter()),
            "nothing is held unless it is asked for"
        );
        let mut shaper = shaper(|shape| shape.coalesce = Some(Duration::from_secs(3)));
        let began = Instant::now();
        assert_eq!(shaper.until(), None);
        assert!(shaper.hold([&b"a"[..], b"b"].into_iter()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(shaper.hold([&b"c"[..]].into_iter()));
        assert_eq!(shaper.until(), Some(began + Duration::from_secs(3)));
        let big = vec![0; QUEUE_BYTES];
        shaper.hold([&big[..]].into_iter());
        assert!(shaper.until() <= Some(Instant::now()), "too much is due at once");
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_flow_at_their_rate() {
        let mut shaper = shaper(|shape| shape.rate = rate("1000B/s"));
        let began = Instant::now();
        for _ in 0..101 {
            shaper.datagram(100).await;
        }
        let ms = began.elapsed().as_millis();
        assert!((9_900..=10_001).contains(&ms), "{ms}");
    }
}
