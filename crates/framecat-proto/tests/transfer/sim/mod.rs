//! A transfer between a simulated disk and another, over a simulated network, driven by a seed.
//!
//! Each seed makes a tree of files and the rules of a receiver, and then runs the same transfer again and
//! again: first some runs in which something goes wrong, at a place that the seed chooses, and then one
//! in which nothing does. What can go wrong:
//!
//! - the network ends, at any byte; what was on its way is lost;
//! - either side is killed, between any two steps of its disk: half a batch of calls is done then;
//! - the receiver's machine loses its power: of what was not synced any part may be lost, in any order,
//!   and of the names that were given those after any one;
//! - a call fails, once: no room, an error of the disk, a file that cannot be read;
//! - the disk is full;
//! - between runs a bit flips in a part or a journal, a journal is torn or has garbage behind it;
//! - somebody else takes a name while what is to have it is on its way;
//! - a file changes, before or while it is sent, or its content does and its time and size do not.
//!
//! What must hold:
//!
//! - at any moment a final name has a whole file, as it was at the sender at some time, or what the
//!   user had there (across a power cut where the rules say so);
//! - the last run ends, with everything there, equal, and nothing else; in the other runs neither side is
//!   stuck;
//! - no byte is sent that the receiver had: what its journal tells and its disk has;
//! - what was told as there stays there, with `durable` across a power cut too;
//! - neither side holds more than a few records in memory.
//!
//! ```text
//! cargo test -p framecat-proto --test transfer sim              # 2,000 seeds
//! just simulate 1000000                                         # more; .ci/run takes 100,000
//! FRAMECAT_SEED=417 cargo test -p framecat-proto --test transfer sim -- --nocapture
//!                                                               # one of them again, told step by step
//! ```
//!
//! Does it find what it is there for? Each of these was built into the two sides by hand, and is found within
//! 6,000 seeds. Whoever changes the simulation tries some of them again.
//!
//! | what was broken | what is found |
//! | --- | --- |
//! | a part's journal is believed, and its pieces are not read again | a name with what no file ever was |
//! | so, and any hash of the whole is right (progress is what the journal or the length says) | the same |
//! | any hash of the whole is right | the same: a file that changed unseen, half and half |
//! | the pieces that differ are not asked for again | a file that never comes |
//! | a part gets its name before it is sealed, or is sealed without a sync | a name without its bytes after a power cut |
//! | small files are not synced before they get their names | the same |
//! | COMMITTED before the folder is synced | a file that was told as there is gone |
//! | a part is kept when its sync failed | the same: the next sync writes nothing |
//! | the sender looks at a file once, or not at its change time | a file half before and half behind a change |
//! | what has the right size is there already | a file that is not the one that was sent |
//! | all of a file is asked for whatever is there | bytes that the receiver had |
//! | pieces are logged only at the end; a torn journal is not cut off | pieces that are written and not in the journal |
//! | a name that somebody else took meanwhile is taken over | what the user had is gone |
//! | a part that is not needed stays | what is left behind |
//! | the disk, or the network, may be behind without end | memory |
//! | a receiver forgets a file that failed before the sender ended it, or minds a BYE while its disk still works | a transfer that ends for one file's sake |
//!
//! Alone, none of these is found, because the hashes make up for it: records of the journal whose checksum is not
//! looked at; pieces that are logged before they are written. With pieces that are not read again, they are.

mod disk;
mod play;
mod source;

use std::panic::AssertUnwindSafe;

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// What happened in all seeds together: the simulation has to meet what it is for.
#[derive(Debug, Default)]
pub struct Met {
    pub runs: u64,
    pub killed: u64,
    pub cut: u64,
    pub power: u64,
    pub failed: u64,
    pub full: u64,
    pub spoiled: u64,
    pub changed: u64,
    pub intruders: u64,
    pub mended: u64,
    pub resumed_bytes: u64,
    pub sent_bytes: u64,
    pub committed: u64,
    pub had: u64,
}

impl Met {
    fn add(&mut self, other: &Met) {
        self.runs += other.runs;
        self.killed += other.killed;
        self.cut += other.cut;
        self.power += other.power;
        self.failed += other.failed;
        self.full += other.full;
        self.spoiled += other.spoiled;
        self.changed += other.changed;
        self.intruders += other.intruders;
        self.mended += other.mended;
        self.resumed_bytes += other.resumed_bytes;
        self.sent_bytes += other.sent_bytes;
        self.committed += other.committed;
        self.had += other.had;
    }
}

fn seeds() -> (std::ops::Range<u64>, bool) {
    let number = |name| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name} is a number")))
    };
    match number("FRAMECAT_SEED") {
        Some(seed) => (seed..seed + 1, true),
        None => (0..number("FRAMECAT_SEEDS").unwrap_or(2_000), false),
    }
}

fn play_one(seed: u64, told: bool) -> Met {
    let played = std::panic::catch_unwind(AssertUnwindSafe(|| play::play(seed, told)));
    played.unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        panic!(
            "seed {seed}: {text}\nrepeat it: FRAMECAT_SEED={seed} cargo test -p framecat-proto \
             --test transfer sim -- --nocapture"
        )
    })
}

#[test]
fn sim_whatever_goes_wrong_the_same_transfer_again_ends_with_whole_files() {
    let (seeds, told) = seeds();
    let count = seeds.end - seeds.start;
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(count as usize);
    let met = std::thread::scope(|scope| {
        let lane = |lane: u64| {
            let seeds = seeds.clone();
            move || {
                let mut met = Met::default();
                for seed in seeds.skip(lane as usize).step_by(threads) {
                    met.add(&play_one(seed, told));
                }
                met
            }
        };
        let lanes: Vec<_> = (0..threads as u64).map(|n| scope.spawn(lane(n))).collect();
        let mut all = Met::default();
        for lane in lanes {
            match lane.join() {
                Ok(met) => all.add(&met),
                Err(cause) => std::panic::resume_unwind(cause),
            }
        }
        all
    });
    eprintln!("{met:?}");
    if count >= 1_000 {
        // A simulation in which nothing happens proves nothing.
        let enough = count / 50;
        for (what, met) in [
            ("kills", met.killed),
            ("cuts of the network", met.cut),
            ("power cuts", met.power),
            ("failed calls", met.failed),
            ("full disks", met.full),
            ("spoiled parts", met.spoiled),
            ("changed files", met.changed),
            ("names that others took", met.intruders),
            ("files mended by their pieces", met.mended),
            ("pieces gone on with", met.resumed_bytes / 1_024),
        ] {
            assert!(met >= enough, "{what}: {met} in {count} seeds");
        }
    }
}
