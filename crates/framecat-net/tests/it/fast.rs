//! Raw bytes by the kernel's short ways: the same bytes as by hand, and the way that ran is told.

use std::fs::OpenOptions;

use framecat_net::conn::{Kind, Stream};
use framecat_net::fast::Path;
use framecat_net::relay::{Allowed, CopyError, Progress, Side, copy};
use framecat_net::sockopt::reset_on_close;

use crate::sockets::{Dice, Dir, pipe, read_all, read_exactly, streams, within, wrap};

async fn run(
    from: &Stream,
    to: &Stream,
    allowed: Allowed,
) -> (Result<(), CopyError>, Vec<Path>, u64) {
    let progress = Progress::default();
    let mut ways = Vec::new();
    let mut which = |path| ways.push(path);
    let done = within(copy(from, to, &progress, allowed, &mut which)).await;
    (done, ways, progress.bytes())
}

/// An end to write into or read from, and the end that is given to `copy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Tcp,
    Unix,
    Pipe,
    File,
    Append,
    Null,
}
use End::{Append, File, Null, Pipe, Tcp, Unix};

fn file(dir: &Dir, name: &str, write: bool, append: bool) -> Stream {
    let mut open = OpenOptions::new();
    open.read(!write).append(append).write(write && !append).create(write);
    wrap(open.open(dir.join(name)).unwrap(), Kind::File)
}

async fn two_ends(end: End) -> (Stream, Stream) {
    match end {
        Tcp => streams(Kind::Tcp).await,
        Unix => streams(Kind::Unix).await,
        _ => {
            let (read, write) = pipe();
            (write, read)
        }
    }
}

fn small_send_buffer(stream: &Stream) {
    if matches!(stream.kind(), Kind::Tcp | Kind::Unix) {
        rustix::net::sockopt::set_socket_send_buffer_size(stream.as_fd(), 4 << 10).unwrap();
    }
}

/// Copies `bytes`, written as `pieces` of odd sizes, and gives what arrived.
async fn carried(source: End, sink: End, bytes: &[u8], allowed: Allowed) -> (Vec<u8>, Vec<Path>) {
    let dir = Dir::new();
    std::fs::write(dir.join("from"), bytes).unwrap();
    std::fs::write(dir.join("to"), if sink == Append { "before" } else { "" }).unwrap();
    let (feed, from) = match source {
        File => (None, file(&dir, "from", false, false)),
        _ => {
            let (feed, from) = two_ends(source).await;
            (Some(feed), from)
        }
    };
    let (to, drain) = match sink {
        File => (file(&dir, "to", true, false), None),
        Append => (file(&dir, "to", true, true), None),
        Null => {
            let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
            (wrap(null, Kind::Device), None)
        }
        _ => {
            let (to, drain) = two_ends(sink).await;
            small_send_buffer(&to);
            (to, Some(drain))
        }
    };
    let write = async {
        let Some(feed) = feed else { return };
        // Dribbles first, bursts then.
        let (dribble, burst) = bytes.split_at(bytes.len().min(3_000));
        for piece in dribble.chunks(701) {
            feed.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        for piece in burst.chunks(100_003) {
            feed.write_all(piece).await.unwrap();
        }
        feed.shutdown_write().unwrap();
    };
    let copied = async {
        let (done, ways, moved) = run(&from, &to, allowed).await;
        assert!(done.is_ok(), "{source:?} to {sink:?}: {done:?}");
        assert_eq!(moved, bytes.len() as u64, "{source:?} to {sink:?} counted");
        to.shutdown_write().unwrap();
        drop(to);
        ways
    };
    let read = async {
        match &drain {
            Some(drain) => read_all(drain).await,
            None => Vec::new(),
        }
    };
    let ((), ways, mut got) = within(async { tokio::join!(write, copied, read) }).await;
    if matches!(sink, File | Append) {
        got = std::fs::read(dir.join("to")).unwrap();
    }
    (got, ways)
}

#[tokio::test]
async fn every_pair_of_ends_carries_the_same_bytes_fast_and_by_hand() {
    let splice = &[Path::Splice][..];
    let pairs = [
        (Tcp, Tcp, splice),
        (Tcp, Unix, splice),
        (Unix, Tcp, splice),
        (Unix, Unix, splice),
        (Tcp, Pipe, &[Path::SpliceDirect]),
        (Unix, Pipe, &[Path::SpliceDirect]),
        (Pipe, Tcp, &[Path::SpliceDirect]),
        (Pipe, Unix, &[Path::SpliceDirect]),
        (File, Tcp, &[Path::Sendfile]),
        (File, Unix, &[Path::Sendfile]),
        (Tcp, File, splice),
        // The kernel splices into no file that is opened for appending.
        (Tcp, Append, &[Path::Splice, Path::ReadWrite]),
        (Tcp, Null, splice),
        (Pipe, File, &[Path::ReadWrite]),
        (File, File, &[Path::ReadWrite]),
    ];
    let bytes = Dice::new(6).letters(3_000_017);
    for (source, sink, fast) in pairs {
        let want = match sink {
            Null => Vec::new(),
            Append => [b"before", &bytes[..]].concat(),
            _ => bytes.clone(),
        };
        for (allowed, path) in [(Allowed::Fast, fast), (Allowed::Portable, &[Path::ReadWrite])] {
            let (got, ways) = carried(source, sink, &bytes, allowed).await;
            assert!(got == want, "{source:?} to {sink:?} {allowed:?}: {} bytes", got.len());
            assert_eq!(ways, path, "{source:?} to {sink:?} {allowed:?}");
        }
    }
}

fn open_pipes() -> usize {
    let fds = std::fs::read_dir("/proc/self/fd").unwrap();
    let links = fds.filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("pipe:")).count()
}

#[tokio::test]
async fn a_chatty_path_makes_no_pipe() {
    let (ways, moved) = {
        let (feed, from) = streams(Kind::Tcp).await;
        let (to, drain) = streams(Kind::Tcp).await;
        let talk = async {
            for _ in 0..200 {
                feed.write_all(b"ping").await.unwrap();
                assert_eq!(read_exactly(&drain, 4).await, b"ping");
            }
            feed.shutdown_write().unwrap();
        };
        let (copied, ()) =
            within(async { tokio::join!(run(&from, &to, Allowed::Fast), talk) }).await;
        copied.0.unwrap();
        (copied.1, copied.2)
    };
    // Splicing tells itself when its pipe is made.
    assert!(!ways.contains(&Path::Splice), "{ways:?}");
    assert_eq!(moved, 800);
}

#[tokio::test]
async fn a_pipe_between_lives_no_longer_than_its_copy() {
    let bytes = vec![b'x'; 500_000];
    let (_, ways) = carried(Tcp, Tcp, &bytes, Allowed::Fast).await;
    assert_eq!(ways, [Path::Splice]);
    // Others test beside us in this process; what leaks adds up.
    let before = open_pipes();
    for _ in 0..50 {
        carried(Tcp, Tcp, &bytes, Allowed::Fast).await;
    }
    assert!(open_pipes() < before + 50, "{before} pipes became {}", open_pipes());
}

fn reset(stream: Stream) {
    reset_on_close(stream.as_fd()).unwrap();
}

#[tokio::test]
async fn a_reset_is_told_with_the_side_it_came_from() {
    for allowed in [Allowed::Fast, Allowed::Portable] {
        for busy in [false, true] {
            for sink in [Tcp, Pipe] {
                let (feed, from) = streams(Kind::Tcp).await;
                let (to, drain) = two_ends(sink).await;
                let len = if busy { 400_000 } else { 10 };
                let sides = async {
                    let bytes = vec![b'x'; len];
                    let feeding = feed.write_all(&bytes);
                    let (fed, got) = tokio::join!(feeding, read_exactly(&drain, len));
                    fed.unwrap();
                    assert_eq!(got.len(), len, "what came before it is delivered");
                    reset(feed);
                };
                let (copied, ()) =
                    within(async { tokio::join!(run(&from, &to, allowed), sides) }).await;
                let error = copied.0.unwrap_err();
                assert_eq!(error.side, Side::From, "{allowed:?} {busy} {sink:?}: {error:?}");
            }
            for source in [Tcp, Pipe] {
                let (feed, from) = two_ends(source).await;
                let (to, drain) = streams(Kind::Tcp).await;
                let sides = async {
                    if busy {
                        let bytes = vec![b'x'; 400_000];
                        let (fed, _) =
                            tokio::join!(feed.write_all(&bytes), read_exactly(&drain, 400_000));
                        fed.unwrap();
                    }
                    reset(drain);
                    // The first write may still be taken: the kernel tells it by the next.
                    loop {
                        feed.write_all(b"more").await.unwrap();
                        tokio::task::yield_now().await;
                    }
                };
                let copied = within(async {
                    tokio::select! {
                        copied = run(&from, &to, allowed) => copied,
                        () = sides => panic!("it writes for ever"),
                    }
                })
                .await;
                let error = copied.0.unwrap_err();
                assert_eq!(error.side, Side::To, "{allowed:?} {busy} {source:?}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_copy_that_never_waits_leaves_time_for_everything_else() {
    let zero = wrap(OpenOptions::new().read(true).open("/dev/zero").unwrap(), Kind::Device);
    let null = wrap(OpenOptions::new().write(true).open("/dev/null").unwrap(), Kind::Device);
    let (switch, mut asked) = framecat_net::talk::Shutdown::new();
    switch.request();
    tokio::select! {
        biased;
        copied = run(&zero, &null, Allowed::Fast) => panic!("it ended: {copied:?}"),
        () = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            asked.requested().await;
        } => {}
    }
}
