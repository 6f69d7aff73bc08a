//! How many wrong guesses a code bears, and when the next one may begin. No clock here: times come as
//! arguments, and [`Guesses`] below waits for them.
//!
//! A guess is counted when it begins and not when it turns out wrong, so that many at once are no more than
//! one after the other: `wrong + under way` never exceeds what is allowed.

use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The account of one code.
#[derive(Debug)]
struct Account {
    /// Wrong guesses that burn the code.
    most: u32,
    wrong: u32,
    under_way: u32,
    /// The wait before the second guess; before the third it is twice that, and so on.
    pause: Duration,
    last_begun: Option<Instant>,
    taken: bool,
}

/// What becomes of who wants to guess.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// It may; the guess is under way.
    Now,
    /// Not before then.
    At(Instant),
    /// Not while so many are under way that all might be wrong.
    Later,
    /// Never again.
    Over(Over),
}

/// Why there are no more guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// Too many were wrong.
    Burned,
    /// One was right.
    Taken,
}

impl Account {
    fn ask(&mut self, now: Instant) -> Turn {
        if self.taken {
            return Turn::Over(Over::Taken);
        }
        if self.wrong >= self.most {
            return Turn::Over(Over::Burned);
        }
        let begun = self.wrong + self.under_way;
        if begun >= self.most {
            return Turn::Later;
        }
        if let Some(last) = self.last_begun {
            let at = last + self.pause * begun;
            if now < at {
                return Turn::At(at);
            }
        }
        self.last_begun = Some(now);
        self.under_way += 1;
        Turn::Now
    }
}

/// How far a handshake has come: for who has to choose which of many to give up.
#[derive(Debug, Default)]
pub(super) struct Stage(AtomicU8);

impl Stage {
    /// It said that it is a transfer.
    pub(super) fn spoke(&self) {
        self.0.store(1, Relaxed);
    }

    /// Whether it has not even done that.
    pub(super) fn is_silent(&self) -> bool {
        self.0.load(Relaxed) == 0
    }

    /// Whether a guess of it began: to give it up would make that a wrong one.
    pub(super) fn has_guessed(&self) -> bool {
        self.0.load(Relaxed) >= 2
    }

    /// Whether that was wrong.
    pub(super) fn was_wrong(&self) -> bool {
        self.0.load(Relaxed) == 3
    }
}

/// The account of a code, shared by all handshakes in which it is guessed.
#[derive(Debug)]
pub(super) struct Guesses {
    account: Mutex<Account>,
    changed: Notify,
    counts: bool,
}

impl Guesses {
    /// `most` wrong ones burn the code.
    pub(super) fn new(most: u32, pause: Duration) -> Guesses {
        let account = Account {
            most: most.max(1),
            wrong: 0,
            under_way: 0,
            pause,
            last_begun: None,
            taken: false,
        };
        Guesses { account: Mutex::new(account), changed: Notify::new(), counts: true }
    }

    /// Of who dials: it makes one try, and it is the other side that counts.
    pub(super) fn one() -> Guesses {
        Guesses { counts: false, ..Guesses::new(1, Duration::ZERO) }
    }

    /// Whether it is this side that counts.
    pub(super) fn count(&self) -> bool {
        self.counts
    }

    fn lock(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a guess may begin. Cancel safe.
    pub(super) async fn begin<'a>(&'a self, stage: &'a Stage) -> Result<Guess<'a>, Over> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let turn = self.lock().ask(Instant::now());
            match turn {
                Turn::Now => {
                    stage.0.store(2, Relaxed);
                    return Ok(Guess { guesses: self, stage, right: false });
                }
                Turn::Over(over) => return Err(over),
                Turn::Later => changed.await,
                Turn::At(at) => tokio::select! {
                    () = tokio::time::sleep_until(at) => {}
                    () = changed => {}
                },
            }
        }
    }

    /// Wrong guesses until now.
    pub(super) fn wrong(&self) -> u32 {
        self.lock().wrong
    }

    /// How many more wrong ones it bears.
    pub(super) fn left(&self) -> u32 {
        let account = self.lock();
        account.most - account.wrong
    }
}

/// A guess under way. Whatever becomes of it, unless it was [`right`](Self::right) it was wrong: also where
/// the other side leaves, or is given up, after it has seen what it takes to check its guess by itself.
#[derive(Debug)]
pub(super) struct Guess<'a> {
    guesses: &'a Guesses,
    stage: &'a Stage,
    right: bool,
}

impl<'a> Guess<'a> {
    /// It was right, and nobody else is taken meanwhile. An error: somebody else is.
    pub(super) fn right(mut self) -> Result<Right<'a>, Over> {
        self.right = true;
        let mut account = self.guesses.lock();
        if std::mem::replace(&mut account.taken, true) {
            return Err(Over::Taken);
        }
        Ok(Right { guesses: self.guesses, kept: false })
    }
}

impl Drop for Guess<'_> {
    fn drop(&mut self) {
        let mut account = self.guesses.lock();
        account.under_way -= 1;
        if !self.right {
            account.wrong += 1;
            self.stage.0.store(3, Relaxed);
        }
        drop(account);
        self.guesses.changed.notify_waiters();
    }
}

/// Who knows the code. Dropped before it is [`kept`](Self::keep), because its connection broke, it makes room
/// for another.
#[derive(Debug)]
pub(super) struct Right<'a> {
    guesses: &'a Guesses,
    kept: bool,
}

impl Right<'_> {
    /// It is taken.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Right<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.guesses.lock().taken = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn over<T>(turn: Result<T, Over>) -> Option<Over> {
        turn.err()
    }

    /// 10,000 who guess at once, in every mixture of wrong ones, silent ones and ones that are given up.
    #[tokio::test(start_paused = true)]
    async fn of_ten_thousand_guesses_as_many_begin_as_may() {
        let stage = Stage::default();
        for most in 1..=5 {
            let guesses = std::sync::Arc::new(Guesses::new(most, SECOND));
            let mut all = tokio::task::JoinSet::new();
            for n in 0..2_000u64 {
                let guesses = guesses.clone();
                all.spawn(async move {
                    let stage = Stage::default();
                    let guess = async {
                        let guess = guesses.begin(&stage).await?;
                        tokio::time::sleep(Duration::from_millis(n % 7 * 900)).await;
                        drop(guess);
                        Ok::<_, Over>(())
                    };
                    tokio::time::timeout(SECOND * 10, guess).await
                });
            }
            let mut begun = 0;
            while let Some(done) = all.join_next().await {
                match done.unwrap() {
                    Ok(Ok(())) => begun += 1,
                    Ok(Err(over)) => assert_eq!(over, Over::Burned),
                    // Given up: it waited for its turn, or was in the middle of it.
                    Err(_) => {}
                }
            }
            assert!(begun <= most, "{begun} of {most}");
            assert!(guesses.wrong() <= most, "{} of {most}", guesses.wrong());
            while guesses.left() > 0 {
                drop(guesses.begin(&stage).await.unwrap());
            }
            assert_eq!(over(guesses.begin(&stage).await), Some(Over::Burned));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_guess_waits_longer_than_the_one_before() {
        let stage = Stage::default();
        let guesses = Guesses::new(5, SECOND);
        let (begun, mut at) = (Instant::now(), Vec::new());
        while let Ok(guess) = guesses.begin(&stage).await {
            at.push(begun.elapsed().as_secs());
            drop(guess);
        }
        assert_eq!(at, [0, 1, 3, 6, 10]);
        assert_eq!((guesses.wrong(), guesses.left()), (5, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn guesses_under_way_count_as_if_they_were_wrong() {
        let stage = Stage::default();
        let guesses = Guesses::new(2, SECOND);
        let (one, two) =
            (guesses.begin(&stage).await.unwrap(), guesses.begin(&stage).await.unwrap());
        let third = tokio::time::timeout(SECOND * 60, guesses.begin(&stage));
        assert!(third.await.is_err(), "both may be wrong");
        drop(one);
        let third = tokio::time::timeout(SECOND * 60, guesses.begin(&stage));
        assert!(third.await.is_err(), "the other may be wrong");
        two.right().unwrap().keep();
        assert_eq!(over(guesses.begin(&stage).await), Some(Over::Taken));
        assert_eq!(guesses.wrong(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_is_taken_and_who_comes_second_is_no_wrong_guess() {
        let stage = Stage::default();
        let guesses = Guesses::new(3, SECOND);
        let (one, two) =
            (guesses.begin(&stage).await.unwrap(), guesses.begin(&stage).await.unwrap());
        let one = one.right().unwrap();
        assert_eq!(over(two.right()), Some(Over::Taken));
        assert_eq!(guesses.wrong(), 0);
        drop(one);
        guesses.begin(&stage).await.unwrap().right().unwrap().keep();
        assert_eq!(over(guesses.begin(&stage).await), Some(Over::Taken), "kept until now");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_told_at_once_that_it_is_over() {
        let stage = Stage::default();
        let guesses = Guesses::new(1, SECOND);
        let guess = guesses.begin(&stage).await.unwrap();
        let waits = async { over(guesses.begin(&stage).await) };
        let (told, ()) = tokio::join!(waits, async { drop(guess) });
        assert_eq!(told, Some(Over::Burned));
    }
}
