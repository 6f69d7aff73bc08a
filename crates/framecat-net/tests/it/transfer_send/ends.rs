//! How a transfer ends for its sender, and what it says of that.

use std::io::Read;

use framecat_net::error;
use framecat_proto::transfer::error::TransferError;
use framecat_proto::transfer::receiver::Rules;
use framecat_proto::transfer::why::{Cause, Why};

use super::*;

fn small(dir: &Dir) -> Source {
    fs::create_dir(dir.join("d")).unwrap();
    for n in 0..20 {
        fs::write(dir.join(&format!("d/{n:02}")), "content").unwrap();
    }
    paths(dir, &["d"])
}

fn over(end: Result<End, Error>) -> TransferError {
    match end.unwrap_err().cause {
        error::Cause::Transfer(over) => over,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refusal_is_told_with_its_reason() {
    let dir = Dir::new();
    let manner = Manner::default();
    let manner = Manner { refuse: true, rules: Rules { ask: true, ..manner.rules }, ..manner };
    let (end, ..) = sent(small(&dir), false, manner).await;
    assert_eq!(over(end), TransferError::Refused(Cause::Declined.into()));
}

#[tokio::test]
async fn what_is_not_wanted_or_cannot_be_kept_makes_it_partly_done() {
    let dir = Dir::new();
    let fails = |effect: &Effect| match effect {
        Effect::Place { path, .. } if path.to_string() == "d/03" => {
            Some(Fact::Failed(Why::new(Cause::Full, "ENOSPC")))
        }
        Effect::Look { path, .. } if path.to_string() == "d/05" => {
            Some(Fact::Looked(Found::Folder, None))
        }
        _ => None,
    };
    let conflict = framecat_proto::transfer::receiver::Conflict::Refuse;
    let rules = Rules { conflict, ..Manner::default().rules };
    let manner = Manner { rules, ..Manner::default() };
    let (end, taken, told) = sent_while(small(&dir), false, manner, fails).await;
    assert_eq!(end.unwrap(), End::Partly);
    assert_eq!(taken.names.len(), 19);
    assert!(told.has("file d/03 7 failed: there is no room for it (ENOSPC)"));
    assert!(told.has("file d/05 7 skipped: the name is taken"), "{:?}", told.lines());
    let ended = told.ended.lock().unwrap().unwrap();
    assert_eq!((ended.committed, ended.skipped, ended.failed), (19, 1, 1));
    assert_eq!(ended.bytes, 18 * 7);
}

#[tokio::test]
async fn another_side_that_is_gone_without_a_word_is_told_as_gone() {
    let dir = Dir::new();
    let Source::Paths(all) = small(&dir) else { unreachable!() };
    for reset in [false, true] {
        let (here, there) = pair();
        let source = Source::Paths(all.clone());
        let told = Arc::new(Told::default());
        let sending = tokio::spawn(send::over(here, source, false, told, Shutdown::never()));
        let gone = tokio::task::spawn_blocking(move || {
            // Closed with unread input, it resets; ended, it does not.
            match reset {
                true => drop((&there).read_exact(&mut [0]).map(|()| there)),
                false => {
                    there.shutdown(std::net::Shutdown::Write).unwrap();
                    (&there).read_to_end(&mut Vec::new()).unwrap();
                }
            }
        });
        within(gone).await.unwrap();
        let end = within(sending).await.unwrap();
        assert_eq!(over(end), TransferError::Cut { at: 0 }, "{reset}");
    }
}

#[tokio::test]
async fn a_cancel_reaches_the_other_side_at_any_time() {
    let dir = Dir::new();
    fs::write(dir.join("large"), vec![1; 20 << 20]).unwrap();
    let whens: [fn(&Effect) -> bool; 4] = [
        |effect| matches!(effect, Effect::Ask(_)),
        |effect| matches!(effect, Effect::Begin { .. }),
        |effect| matches!(effect, Effect::Write { .. }),
        |effect| matches!(effect, Effect::Seal { .. }),
    ];
    for (nth, when) in whens.into_iter().enumerate() {
        let (here, there) = pair();
        let (switch, shutdown) = Shutdown::new();
        let mut manner = Manner::default();
        manner.rules.ask = true;
        let (came, mut arrived) = tokio::sync::mpsc::unbounded_channel();
        let (go, went) = std::sync::mpsc::channel::<()>();
        let taking = tokio::task::spawn_blocking(move || {
            let mut first = true;
            take(there, manner, |effect| {
                if when(effect) && std::mem::take(&mut first) {
                    came.send(()).unwrap();
                    let _ = went.recv();
                }
                None
            })
        });
        let told = Arc::new(Told::default());
        let sending =
            tokio::spawn(send::over(here, paths(&dir, &["large"]), false, told, shutdown));
        within(arrived.recv()).await.unwrap();
        switch.request();
        go.send(()).unwrap();
        let end = within(sending).await.unwrap();
        assert_eq!(end.unwrap(), End::Interrupted, "{nth}");
        let taken = within(taking).await.unwrap();
        assert!(!taken.done, "{nth}");
        let why = Why::from(Cause::Cancelled);
        assert_eq!(taken.over, Some(TransferError::Cancelled(why)), "{nth}");
    }
}

#[tokio::test]
async fn one_who_stops_waiting_for_the_verb_stops_it() {
    let dir = Dir::new();
    fs::write(dir.join("large"), vec![1; 20 << 20]).unwrap();
    let (here, there) = pair();
    let told = Arc::new(Told::default());
    let mut sending =
        Box::pin(send::over(here, paths(&dir, &["large"]), false, told.clone(), Shutdown::never()));
    let begun = tokio::task::spawn_blocking(move || {
        (&there).read_exact(&mut [0]).unwrap();
        there
    });
    tokio::select! {
        end = &mut sending => panic!("{end:?}"),
        there = begun => {
            let mut there = there.unwrap();
            drop(sending);
            let mut rest = Vec::new();
            let _ = there.read_to_end(&mut rest);
        }
    }
    // The worker has let go of what tells it: so it ended.
    let mut told = told;
    within(async {
        while let Err(still) = Arc::try_unwrap(told) {
            told = still;
            tokio::task::yield_now().await;
        }
    })
    .await;
}
