//! Very many files, and a very large one.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, kill_process};

use super::networks::{At, Way, proxy};
use super::run::{Finished, Folder, Run, Running, Signal, have_python};
use super::trees::{found, logged};
use super::{at, send, tell, told};

/// Starts it so that it says in the end how much memory it had at most, in KiB.
const MEASURED: &str = "import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print('most memory:', used, 'KiB', file=sys.stderr)
sys.exit(code)";

fn measured(args: &[&str]) -> Running {
    let all = [&["-c", MEASURED, super::run::tested()], args, &["--json", "--plain"]].concat();
    Run::program("python3", &all).stdin_null().start()
}

/// In KiB.
fn memory(finished: &Finished) -> u64 {
    let (_, rest) = finished.stderr.split_once("most memory: ").expect(&finished.stderr);
    rest.split(' ').next().unwrap().parse().unwrap()
}

/// So many small files in folders of a thousand.
fn files(count: usize, at: &Path) {
    for n in 0..count {
        let folder = at.join(format!("{:03}", n / 1_000));
        if n % 1_000 == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        fs::write(folder.join(format!("{n:06}")), format!("file {n}\n")).unwrap();
    }
}

/// Moves them; the most memory of the receiver and of the sender, in KiB.
fn many(count: usize) -> (u64, u64) {
    let (from, into) = (Folder::in_memory(), Folder::in_memory());
    let src = from.path().join("src");
    files(count, &src);
    let to = into.path().to_str().unwrap();
    let receiver = measured(&["receive", to, "--yes", "--listen", "127.0.0.1:0"]);
    let sender = measured(&["send", src.to_str().unwrap(), "--to", &at(&receiver)]);
    let (sender, receiver) = (sender.wait(), receiver.wait());
    assert_eq!((receiver.code, sender.code), (0, 0), "{}\n{}", receiver.stderr, sender.stderr);
    let there = fs::read_dir(into.path().join("src/000")).unwrap().count();
    assert_eq!(there, count.min(1_000));
    let last = into.path().join(format!("src/{:03}/{:06}", (count - 1) / 1_000, count - 1));
    assert_eq!(fs::read_to_string(last).unwrap(), format!("file {}\n", count - 1));
    // A folder that was made for what lies in it counts as there.
    let told = told(&sender, "committed") + told(&sender, "had");
    assert_eq!(told, (count + count.div_ceil(1_000) + 1) as u64);
    let used = (memory(&receiver), memory(&sender));
    tell(&format!("{count} files: {} KiB to receive, {} KiB to send, at most", used.0, used.1));
    used
}

#[test]
fn five_thousand_files_come_and_more_take_no_more_memory() {
    if !have_python(&["resource"]) {
        return;
    }
    let few = many(5_000);
    let more = many(20_000);
    for (few, more) in [(few.0, more.0), (few.1, more.1)] {
        assert!(more < few + (16 << 10) && more < 64 << 10, "{few} and {more} KiB");
    }
}

/// More than 32 bits can count.
const LARGE: u64 = (4 << 30) + (300 << 20) + 12_345;
/// Where it has something in it, and what.
const SPOTS: &[(u64, &[u8])] = &[
    (0, b"the first"),
    ((1 << 31) - 2, b"across 2 GiB"),
    ((1 << 32) - 3, b"across 4 GiB"),
    ((1 << 32) + (200 << 20), b"behind it"),
    (LARGE - 8, b"the last"),
];

/// For some GiB.
const LONG: Duration = Duration::from_secs(300);

/// So that each GiB is another one, and most of it takes no room.
fn large(at: &Path) {
    let file = fs::File::create(at).unwrap();
    file.set_len(LARGE).unwrap();
    for (place, what) in SPOTS {
        file.write_all_at(what, *place).unwrap();
    }
}

#[test]
#[ignore = "some GiB are read and written: cargo test --release -p framecat --test transfer_hard -- --ignored"]
fn a_file_of_more_than_four_gib_comes_whole_and_goes_on_behind_a_kill() {
    let (from, into) = (Folder::new(), Folder::new());
    let src = from.path().join("large");
    large(&src);
    let began = Instant::now();
    // Where 32 bits do not reach any more.
    let killed_at = (4 << 30) + (100 << 20);
    // What lies in the kernel's buffer when it is killed was never there; left to itself that may be 32 MiB (tcp_rmem).
    let to = into.path().to_str().unwrap();
    let listen = "127.0.0.1:0,rcvbuf=1MiB";
    let args = ["receive", to, "--yes", "--plain", "--json", "--listen", listen];
    let receiver = Run::new(&args).stdin_null().start();
    let process = Pid::from_raw(receiver.id().cast_signed()).unwrap();
    let kill = At::Does(Box::new(move || kill_process(process, Signal::KILL).unwrap()));
    let (address, passing) = proxy(&at(&receiver), Way::There, killed_at, kill);
    let sender = send(false, &src, &address).wait_within(LONG);
    assert_eq!((sender.code, receiver.wait().code), (1, 137), "{sender}");
    passing.join().unwrap();
    let (there, ours) = found(into.path());
    assert!(there.is_empty());
    let have = logged(&ours);
    assert!(killed_at - have < 32 << 20, "{have} of {killed_at} are there");
    let (first, again) = (began.elapsed(), Instant::now());
    let receiver = measured(&["receive", to, "--yes", "--listen", "127.0.0.1:0"]);
    let sender = measured(&["send", src.to_str().unwrap(), "--to", &at(&receiver)]);
    let (sender, receiver) = (sender.wait_within(LONG), receiver.wait_within(LONG));
    assert_eq!((sender.code, receiver.code), (0, 0), "{sender}\n{receiver}");
    assert_eq!(told(&sender, "moved"), LARGE - have);
    tell(&format!(
        "{killed_at} bytes in {first:?}, killed; the other {} in {:?}; {} and {} KiB at most",
        LARGE - have,
        again.elapsed(),
        memory(&receiver),
        memory(&sender)
    ));
    assert!(memory(&receiver) < 64 << 10 && memory(&sender) < 64 << 10);
    let there = fs::File::open(into.path().join("large")).unwrap();
    assert_eq!(there.metadata().unwrap().len(), LARGE);
    for (place, what) in SPOTS {
        let mut found = vec![0; what.len()];
        there.read_exact_at(&mut found, *place).unwrap();
        assert_eq!(found, *what, "at {place}");
    }
}
