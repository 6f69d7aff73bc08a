//! One seed: a world, the runs in it, and what is checked.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use framecat_proto::path::{SafePath, numbered};
use framecat_proto::transfer::Sizes;
use framecat_proto::transfer::offer::Taste;
use framecat_proto::transfer::pieces::Pieces;
use framecat_proto::transfer::receiver::{self, Conflict, Receiver, Rules, To};
use framecat_proto::transfer::record::{Carries, Decoder, Item, Record};
use framecat_proto::transfer::resume::Journal;
use framecat_proto::transfer::sender::{self, Sender};
use framecat_proto::transfer::why::{Cause, Why};

use super::disk::{Disk, Node, Trouble};
use super::source::Source;
use super::{Dice, Met};

/// What either side needs to hold besides content that waits: the names and facts of a window of entries,
/// the hashes of their pieces, one record of control each way, and what one call hands over.
const HELD: usize = 16 << 10;
/// A sender knows no names and keeps no hashes.
const SENDER_HELD: usize = 6 << 10;

/// What goes wrong in a run.
#[derive(Debug, Default)]
struct Plan {
    /// Bytes, both ways, until the network ends.
    cut: Option<usize>,
    /// Turns until the sender is killed; until one of the sides ends the transfer.
    sender_killed: Option<usize>,
    cancel: Option<(usize, bool)>,
    /// Whether the receiver's machine loses its power when it is killed.
    power: bool,
    /// Turns until a file changes; whether small ones may change while they are read.
    change: Option<usize>,
    changing: bool,
    /// Reads until one fails.
    unreadable: Option<usize>,
    refuse: bool,
    /// Turns until somebody else makes a file of a name that is offered.
    intruder: Option<usize>,
}

struct World {
    dice: Dice,
    told: bool,
    disk: Disk,
    source: Source,
    rules: Rules,
    sizes: Sizes,
    /// What the user had there before.
    had: BTreeMap<String, Option<Vec<u8>>>,
    /// Versions that were told as there, by their place among the file's.
    promised: BTreeMap<String, usize>,
    /// A journal may tell less than it did.
    spoiled: bool,
    met: Met,
}

pub fn play(seed: u64, told: bool) -> Met {
    let mut dice = Dice::new(seed);
    let source = Source::new(&mut dice);
    let conflict = dice.pick(&[
        Conflict::Rename,
        Conflict::Rename,
        Conflict::Overwrite,
        Conflict::Newer,
        Conflict::Refuse,
        Conflict::Skip,
    ]);
    let rules = Rules {
        taste: Taste { links: true, ..Taste::default() },
        to: To::Folder,
        conflict,
        check: dice.one_in(4),
        ask: dice.one_in(2),
        durable: dice.one_in(2),
        window: 8,
        asked: 1 + dice.below(3) as u32,
        unwritten_bytes: 1 + dice.below(6_000),
    };
    let sizes = Sizes {
        piece_log2: 10,
        small_bytes: dice.pick(&[0, 300, 1_024]),
        data_bytes: dice.pick(&[100, 700, 1_024, 3_000]),
        window: 2 + dice.below(6) as u32,
        asked: rules.asked,
        unsent_bytes: 1 + dice.below(6_000),
    };
    let mut world = World {
        dice,
        told,
        disk: Disk::new(),
        source,
        rules,
        sizes,
        had: BTreeMap::new(),
        promised: BTreeMap::new(),
        spoiled: false,
        met: Met::default(),
    };
    world.tell(|| format!("{rules:?} {sizes:?}"));
    world.furnish();
    for _ in 0..1 + world.dice.below(4) {
        let plan = world.plan();
        world.tell(|| {
            format!("run with {plan:?}, {:?} {:?}", world.disk.steps_left, world.disk.fails)
        });
        world.run(plan);
        world.check_names("after a run");
        world.mischief();
    }
    world.tell(|| "the last run".into());
    let outcomes = world.run(Plan::default()).expect("nothing went wrong, and it did not end");
    world.check_names("at the end");
    world.check_end(&outcomes);
    if rules.durable {
        world.disk.lose_power(&mut world.dice);
        world.check_names("after a power cut behind the end");
    }
    world.met
}

fn join(path: &SafePath) -> String {
    path.to_string()
}

fn ours(folder: &str, id: u64, what: &str) -> String {
    let slash = if folder.is_empty() { "" } else { "/" };
    format!("{folder}{slash}.framecat-{id:016x}.{what}")
}

fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(parent, _)| parent)
}

impl World {
    fn tell(&self, what: impl Fn() -> String) {
        if self.told {
            eprintln!("{}", what());
        }
    }

    /// What the user has there already, here and there.
    fn furnish(&mut self) {
        for (name, file) in self.source.files.clone() {
            if !self.dice.one_in(6) {
                continue;
            }
            let mut folder = String::new();
            for part in parent(&name).split('/').filter(|part| !part.is_empty()) {
                folder = if folder.is_empty() { part.into() } else { format!("{folder}/{part}") };
                self.disk.make(&folder, Node::Folder).expect("nothing fails yet");
            }
            if self.dice.one_in(4) {
                self.disk.make(&name, Node::Folder).expect("nothing fails yet");
                self.had.insert(name, None);
                continue;
            }
            let mut bytes = file.now().bytes.clone();
            match self.dice.below(3) {
                0 => bytes.push(1),
                1 => bytes.iter_mut().for_each(|byte| *byte ^= 1),
                _ => {}
            }
            let made = self.disk.create(&name).expect("nothing fails yet");
            self.disk.write(made, 0, &bytes).expect("nothing fails yet");
            let mtime = self.dice.pick(&[1, 9_999]);
            self.disk.set_time(made, mtime).expect("nothing fails yet");
            self.had.insert(name, Some(bytes));
        }
        self.disk.settle();
    }

    fn plan(&mut self) -> Plan {
        let mut plan = Plan::default();
        let dice = &mut self.dice;
        let steps = dice.pick(&[12, 40, 60, 100]);
        match dice.below(12) {
            0 | 10 => plan.cut = Some(dice.below(16_000)),
            1 => plan.sender_killed = Some(dice.below(steps * 4)),
            2..=4 | 11 => {
                self.disk.steps_left = Some(dice.below(steps));
                // Without `durable` nothing is promised across a power cut.
                plan.power = self.rules.durable && dice.one_in(2);
            }
            5 => {
                let how = dice.pick(&[Trouble::Broken, Trouble::Full]);
                self.disk.fails = Some((dice.below(steps), how));
            }
            6 => {
                self.disk.room = dice.below(12_000);
                self.met.full += 1;
            }
            7 => plan.cancel = Some((dice.below(steps * 4), dice.one_in(2))),
            8 => plan.unreadable = Some(dice.below(8)),
            _ => plan.refuse = dice.one_in(4),
        }
        plan.changing = true;
        // What others do and do not sync is theirs to lose.
        if dice.one_in(4) && !plan.power {
            plan.intruder = Some(dice.below(steps * 2));
        }
        if dice.one_in(3) {
            plan.change = Some(dice.below(steps * 2));
        }
        plan
    }

    /// Between two runs.
    fn mischief(&mut self) {
        (self.disk.steps_left, self.disk.fails, self.disk.room) = (None, None, usize::MAX);
        self.disk.settle();
        if self.dice.one_in(4) {
            let changed = self.source.change(&mut self.dice);
            self.met.changed += 1;
            self.tell(|| format!("{changed} changes between runs"));
        }
        // What has partly come changes, and nothing tells it: only the hash of all of it will.
        let coming = self.source.files.keys().find(|path| {
            let now = self.source.files[*path].now();
            let id = self.journal(path, now.bytes.len() as u64, now.mtime).id();
            self.disk.names.contains_key(&ours(parent(path), id, "part"))
        });
        if let (Some(path), true) = (coming.cloned(), self.dice.one_in(2)) {
            self.tell(|| format!("{path} changes between runs, unseen"));
            self.source.change_unseen(&path, &mut self.dice);
            self.met.changed += 1;
        }
        if !self.dice.one_in(2) {
            return;
        }
        let names: Vec<String> =
            self.disk.names.keys().filter(|name| name.contains(".framecat-")).cloned().collect();
        if names.is_empty() {
            return;
        }
        self.met.spoiled += 1;
        self.spoiled = true;
        let name = names[self.dice.below(names.len())].clone();
        let Some(file) = self.disk.file(&name) else { return };
        let bytes = &mut self.disk.files[file].bytes;
        let what = self.dice.below(5);
        match what {
            0 if !bytes.is_empty() => {
                let at = self.dice.below(bytes.len());
                bytes[at] ^= 1 << self.dice.below(8);
            }
            1 => bytes.truncate(self.dice.below(bytes.len() + 1)),
            2 => bytes.extend((0..self.dice.below(60)).map(|_| self.dice.roll() as u8)),
            3 => {
                let from = self.dice.below(bytes.len() + 1);
                bytes[from..].fill(0);
            }
            _ => self.disk.remove(&name).expect("nothing fails between runs"),
        }
        self.tell(|| format!("{name} is spoiled: {what}"));
        self.disk.settle();
    }

    /// Names that a file may have got.
    fn candidates<'w>(&'w self, path: &'w str) -> impl Iterator<Item = (String, &'w [u8])> {
        let (folder, own) = path.rsplit_once('/').map_or((None, path), |(f, n)| (Some(f), n));
        (0..12).filter_map(move |n| {
            let own = if n == 0 { own.to_owned() } else { numbered(own, n) };
            let name = folder.map_or(own.clone(), |folder| format!("{folder}/{own}"));
            self.disk.bytes(&name).map(|bytes| (name, bytes))
        })
    }

    /// What must hold at any moment.
    fn check_names(&self, when: &str) {
        let replaces = matches!(self.rules.conflict, Conflict::Overwrite | Conflict::Newer);
        for (name, node) in &self.disk.names {
            let Node::File(file) = node else { continue };
            if name.contains(".framecat-") {
                continue;
            }
            let bytes = &self.disk.files[*file].bytes;
            let users = self.had.get(name).is_some_and(|had| had.as_ref() == Some(bytes));
            let whole = self.source.files.iter().any(|(path, file)| {
                let named = self.candidates(path).any(|(candidate, _)| candidate == *name);
                named && file.versions.iter().any(|version| version.bytes == *bytes)
            });
            assert!(
                users || whole,
                "{when}: {name} has {} bytes that no file ever was",
                bytes.len()
            );
        }
        for (name, bytes) in &self.had {
            let there = match bytes {
                Some(bytes) => self.disk.bytes(name) == Some(bytes),
                None => self.disk.names.get(name) == Some(&Node::Folder),
            };
            let replaced = replaces && bytes.is_some() && self.disk.bytes(name).is_some();
            assert!(there || replaced, "{when}: what the user had as {name} is gone");
        }
        for (path, version) in &self.promised {
            let versions = &self.source.files[path].versions[*version..];
            let there =
                self.candidates(path).any(|(_, bytes)| versions.iter().any(|it| it.bytes == bytes));
            assert!(there, "{when}: {path} was told as there, and is not");
        }
    }

    /// What must hold when all is done.
    fn check_end(&self, outcomes: &BTreeMap<String, sender::Outcome>) {
        for (path, file) in &self.source.files {
            let now = file.now();
            // What changed and kept its size and time cannot be told from what it was.
            let mut same = file.versions.iter().filter(|version| {
                let seems = version.mtime == now.mtime && version.bytes.len() == now.bytes.len();
                if self.rules.check { **version == *now } else { seems }
            });
            let outcome =
                outcomes.get(path).unwrap_or_else(|| panic!("nothing is known of {path}"));
            match outcome {
                sender::Outcome::Committed | sender::Outcome::Had => {
                    let there =
                        same.any(|it| self.candidates(path).any(|(_, have)| have == it.bytes));
                    assert!(there, "{path} is not what was sent, but {outcome:?}");
                }
                sender::Outcome::Skipped(why) => {
                    let may = matches!(
                        (self.rules.conflict, why.cause),
                        (Conflict::Refuse, Cause::Taken)
                            | (Conflict::Skip | Conflict::Newer, Cause::Kept)
                            | (Conflict::Overwrite | Conflict::Newer, Cause::Taken)
                    );
                    assert!(may && self.disk.names.contains_key(path), "{path} is skipped: {why}");
                }
                // What seems to be there, is not, and stays as it is.
                sender::Outcome::Failed(why)
                    if self.rules.check
                        && why.cause == Cause::Kept
                        && matches!(self.rules.conflict, Conflict::Refuse | Conflict::Skip) =>
                {
                    let seems =
                        self.candidates(path).any(|(_, have)| have.len() == now.bytes.len());
                    assert!(seems, "{path} is not there");
                }
                sender::Outcome::Failed(why) => {
                    panic!("{path} failed, and nothing went wrong: {why}")
                }
            }
        }
        for folder in &self.source.folders {
            assert_eq!(self.disk.names.get(folder), Some(&Node::Folder), "{folder}");
        }
        // Parts of what a file was before it changed are removed by their age. Those of what it is are not
        // there, nor anything that nobody knows.
        for name in self.disk.names.keys().filter(|name| name.contains(".framecat-")) {
            let old = self.source.files.iter().any(|(path, file)| {
                file.versions.iter().any(|version| {
                    let now = file.now();
                    let id = self.journal(path, version.bytes.len() as u64, version.mtime).id();
                    let current =
                        version.mtime == now.mtime && version.bytes.len() == now.bytes.len();
                    let theirs = ["part", "journal"].map(|what| ours(parent(path), id, what));
                    !current && theirs.contains(name)
                })
            });
            assert!(old, "{name} is left behind");
        }
    }

    fn journal(&self, path: &str, size: u64, mtime: i64) -> Journal {
        let path = SafePath::new(path.split('/').map(str::as_bytes)).expect("it is safe");
        Journal::new(&path, Pieces::of(size, self.sizes.piece_log2), mtime)
    }

    /// Bytes of a file that the receiver has, by its own name or by what its journal tells truly.
    fn known(&self, path: &str) -> u64 {
        let now = self.source.files[path].now();
        let size = now.bytes.len() as u64;
        for (name, _) in self.candidates(path) {
            let file = self.disk.file(&name).expect("it is a file");
            let it = &self.disk.files[file];
            if it.mtime == now.mtime && it.bytes.len() as u64 == size {
                // What is checked is known by its bytes. Small files come with their hash.
                let small = size <= u64::from(self.sizes.small_bytes);
                let known = !self.rules.check || it.bytes == now.bytes && !small;
                return if known { size } else { 0 };
            }
            if self.rules.conflict != Conflict::Rename {
                break;
            }
        }
        let journal = self.journal(path, size, now.mtime);
        let [part, log] = ["part", "journal"].map(|what| ours(parent(path), journal.id(), what));
        let (Some(part), Some(log)) = (self.disk.bytes(&part), self.disk.bytes(&log)) else {
            return 0;
        };
        let pieces = Pieces::of(size, self.sizes.piece_log2);
        let told = journal.read(log).map_or(Vec::new(), |logged| logged.pieces);
        let true_ones = told.into_iter().filter(|(piece, hash)| {
            let at = pieces.bytes(*piece);
            let wanted = &now.bytes[at.start as usize..at.end as usize];
            let have = part.get(at.start as usize..at.end as usize);
            have == Some(wanted) && pieces.hash(*piece, wanted) == *hash
        });
        true_ones.map(|(piece, _)| pieces.bytes(piece)).map(|at| at.end - at.start).sum()
    }

    fn run(&mut self, plan: Plan) -> Option<BTreeMap<String, sender::Outcome>> {
        self.met.runs += 1;
        let known: BTreeMap<String, u64> =
            self.source.files.keys().map(|path| (path.clone(), self.known(path))).collect();
        for (path, known) in &known {
            if *known < self.source.files[path].now().bytes.len() as u64 {
                self.met.resumed_bytes += known;
            }
        }
        let mut run = Run::new(self, plan);
        // Whatever fails with one file, the others go on.
        let ends = run.plan.cut.is_some() || run.plan.refuse || run.plan.cancel.is_some();
        run.go();
        let Run { sent, changed, outcomes, sender, receiver, .. } = run;
        for (path, known) in known {
            let bytes = sent.get(&path).copied().unwrap_or(0);
            self.met.sent_bytes += bytes;
            let size = self.source.files[&path].now().bytes.len() as u64;
            if !changed.contains(&path) {
                assert!(
                    bytes <= size - known,
                    "{path}: {bytes} bytes were sent, and of {size} there were {known}"
                );
            }
        }
        let killed = sender.is_none() || receiver.is_none();
        let done = sender.is_some_and(|it| it.is_done()) && receiver.is_some_and(|it| it.is_done());
        assert!(done || killed || ends, "a side gave up, and nothing made it: {outcomes:?}");
        done.then_some(outcomes)
    }
}

/// One direction of the network.
#[derive(Debug, Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    /// Nothing comes behind what is in it.
    ended: bool,
    /// The end was told.
    heard: bool,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    part: usize,
    journal: usize,
}

struct Run<'w> {
    world: &'w mut World,
    plan: Plan,
    sender: Option<Sender>,
    receiver: Option<Receiver>,
    there: Pipe,
    back: Pipe,
    there_seen: Decoder,
    back_seen: Decoder,
    walk: VecDeque<(String, framecat_proto::transfer::record::Entry, sender::Stat)>,
    paths: Vec<String>,
    open: BTreeMap<u32, ()>,
    /// The version of each file that was read last.
    read: BTreeMap<String, usize>,
    effects: VecDeque<receiver::Effect>,
    parts: BTreeMap<u32, Part>,
    sent: BTreeMap<String, u64>,
    changed: Vec<String>,
    outcomes: BTreeMap<String, sender::Outcome>,
    moved: usize,
}

impl<'w> Run<'w> {
    fn new(world: &'w mut World, plan: Plan) -> Run<'w> {
        let walk = world.source.walk().into();
        Run {
            sender: Some(Sender::new(Carries::Files, world.sizes)),
            receiver: Some(Receiver::new(world.rules)),
            world,
            plan,
            there: Pipe::default(),
            back: Pipe::default(),
            there_seen: Decoder::new(),
            back_seen: Decoder::new(),
            walk,
            paths: Vec::new(),
            open: BTreeMap::new(),
            read: BTreeMap::new(),
            effects: VecDeque::new(),
            parts: BTreeMap::new(),
            sent: BTreeMap::new(),
            changed: Vec::new(),
            outcomes: BTreeMap::new(),
            moved: 0,
        }
    }

    fn go(&mut self) {
        for turn in 0.. {
            assert!(turn < 200_000, "it never ends");
            self.faults(turn);
            let first = self.world.dice.below(7);
            let moved = (0..7).any(|n| match (first + n) % 7 {
                0 => self.sender_speaks(),
                1 => self.receiver_hears(),
                2 => self.receiver_speaks(),
                3 => self.sender_hears(),
                4 => self.sender_works(),
                5 => self.receiver_works(),
                _ => self.sender_offers(),
            });
            if let Some(sender) = &self.sender {
                let most = SENDER_HELD + self.world.sizes.unsent_bytes;
                assert!(sender.held() <= most, "the sender holds {}", sender.held());
            }
            if let Some(receiver) = &mut self.receiver {
                let most = HELD + self.world.rules.unwritten_bytes;
                assert!(receiver.held() <= most, "the receiver holds {}", receiver.held());
                if self.world.dice.one_in(16) {
                    receiver.handle_time(Duration::from_secs(4));
                }
            }
            if !moved {
                break;
            }
        }
        let stuck = |done: Option<bool>| done == Some(false);
        let ends = self.sender.as_mut().map(|it| it.is_done() || it.handle_input(&[]).is_err());
        assert!(!stuck(ends), "the sender is stuck: {:?}", self.sender);
        let ends = self.receiver.as_mut().map(|it| it.is_done() || it.handle_input(&[]).is_err());
        assert!(!stuck(ends), "the receiver is stuck: {:?}", self.receiver);
    }

    fn faults(&mut self, turn: usize) {
        if self.plan.change.is_some_and(|at| at == turn) {
            let path = self.world.source.change(&mut self.world.dice);
            self.world.met.changed += 1;
            self.world.tell(|| format!("turn {turn}: {path} changes"));
            self.changed.push(path);
        }
        if self.plan.intruder.is_some_and(|at| at == turn) {
            self.intrude();
        }
        if self.plan.sender_killed.is_some_and(|at| at == turn) {
            self.world.tell(|| format!("turn {turn}: the sender is killed"));
            self.world.met.killed += 1;
            self.sender = None;
            self.there.ended = true;
        }
        if let Some((at, sender)) = self.plan.cancel.filter(|plan| plan.0 == turn) {
            self.world.tell(|| format!("turn {at}: cancelled by the sender: {sender}"));
            let why = Why::from(Cause::Cancelled);
            match (sender, &mut self.sender, &mut self.receiver) {
                (true, Some(side), _) => side.cancel(why),
                (false, _, Some(side)) => side.cancel(why),
                _ => {}
            }
        }
        if self.plan.cut.is_some_and(|at| self.moved >= at) {
            self.plan.cut = None;
            self.world.met.cut += 1;
            self.world.tell(|| format!("turn {turn}: the network ends"));
            for pipe in [&mut self.there, &mut self.back] {
                let kept = self.world.dice.below(pipe.bytes.len() + 1);
                pipe.bytes.truncate(kept);
                pipe.ended = true;
            }
        }
    }

    /// Somebody else makes a file of a name that is free so far.
    fn intrude(&mut self) {
        let world = &mut *self.world;
        let names: Vec<String> = world.source.files.keys().cloned().collect();
        let name =
            world.dice.pick(&names.iter().map(String::as_str).collect::<Vec<_>>()).to_owned();
        let folder = parent(&name);
        let fits = folder.is_empty() || world.disk.names.get(folder) == Some(&Node::Folder);
        if world.disk.names.contains_key(&name) || !fits {
            return;
        }
        world.tell(|| format!("somebody makes {name}"));
        world.met.intruders += 1;
        let bytes = b"somebody else's".to_vec();
        world.disk.foreign(&name, &bytes);
        world.had.insert(name, Some(bytes));
    }

    fn kill_receiver(&mut self) {
        let power = self.plan.power;
        self.world.tell(|| format!("the receiver is killed, power lost: {power}"));
        match power {
            true => self.world.met.power += 1,
            false => self.world.met.killed += 1,
        }
        if !power && !self.world.spoiled {
            self.check_journals();
        }
        self.receiver = None;
        self.effects.clear();
        self.parts.clear();
        self.back.ended = true;
        self.world.disk.steps_left = None;
        if power {
            self.world.disk.lose_power(&mut self.world.dice);
        }
        self.world.check_names("when the receiver was killed");
    }

    /// What is written and not in the journal is little: what the disk may be behind, and one piece.
    fn check_journals(&self) {
        let world = &self.world;
        let behind = world.rules.unwritten_bytes.div_ceil(1_024) + 5_000_usize.div_ceil(1_024) + 2;
        for (path, file) in &world.source.files {
            let (size, mtime) = (file.now().bytes.len() as u64, file.now().mtime);
            let journal = world.journal(path, size, mtime);
            let [part, log] =
                ["part", "journal"].map(|what| ours(parent(path), journal.id(), what));
            let bytes = [part, log].map(|name| world.disk.bytes(&name));
            let [Some(part), Some(log)] = bytes else { continue };
            let pieces = Pieces::of(size, world.sizes.piece_log2);
            let whole = (0..pieces.count()).filter(|piece| {
                let at = pieces.bytes(*piece);
                let at = at.start as usize..at.end as usize;
                part.get(at.clone()) == Some(&file.now().bytes[at])
            });
            let told = journal.read(log).map_or(0, |logged| logged.pieces.len());
            let whole = whole.count();
            assert!(whole <= told + behind, "{path}: of {whole} pieces {told} are in the journal");
        }
    }

    fn sender_speaks(&mut self) -> bool {
        let Some(sender) = &mut self.sender else { return false };
        if self.there.bytes.len() > 3_000 {
            return false;
        }
        let bytes = sender.poll_output();
        let over = sender.is_done() || sender.handle_input(&[]).is_err();
        let said = self.said(&bytes, true);
        if over && !said && !self.there.ended {
            self.there.ended = true;
            return true;
        }
        said
    }

    /// Puts bytes on their way, and looks at them.
    fn said(&mut self, bytes: &[u8], from_sender: bool) -> bool {
        if bytes.is_empty() {
            return false;
        }
        self.moved += bytes.len();
        let mut rest = bytes;
        let seen = if from_sender { &mut self.there_seen } else { &mut self.back_seen };
        while let Some(item) = seen.next(&mut rest).expect("what is said is in order") {
            match &item {
                Item::Record(Record::Data { entry, len, .. }) => {
                    *self.sent.entry(self.paths[*entry as usize].clone()).or_default() +=
                        u64::from(*len);
                }
                Item::Record(Record::Small(files)) => {
                    for file in files {
                        let path = self.paths[file.entry as usize].clone();
                        *self.sent.entry(path).or_default() += file.bytes.len() as u64;
                    }
                }
                Item::Record(Record::AskPieces { .. }) => self.world.met.mended += 1,
                _ => {}
            }
            if let (Item::Record(record), true) = (&item, self.world.told) {
                let side = if from_sender { ">" } else { "<" };
                let text = format!("{record:?}");
                eprintln!("  {side} {}", text.chars().take(150).collect::<String>());
            }
        }
        let pipe = if from_sender { &mut self.there } else { &mut self.back };
        if !pipe.ended {
            pipe.bytes.extend(bytes);
        }
        true
    }

    fn receiver_speaks(&mut self) -> bool {
        let Some(receiver) = &mut self.receiver else { return false };
        if self.back.bytes.len() > 3_000 {
            return false;
        }
        let bytes = receiver.poll_output();
        let over = receiver.is_done() || receiver.handle_input(&[]).is_err();
        let said = self.said(&bytes, false);
        if over && !said && !self.back.ended {
            self.back.ended = true;
            return true;
        }
        said
    }

    fn receiver_hears(&mut self) -> bool {
        let Some(receiver) = &mut self.receiver else {
            self.there.bytes.clear();
            return false;
        };
        if self.there.bytes.is_empty() {
            let ends = self.there.ended && !self.there.heard;
            if ends {
                self.there.heard = true;
                let _ = receiver.handle_end();
            }
            return ends;
        }
        let most = self.world.dice.pick(&[1, 7, 60, 700, 5_000]);
        let chunk: Vec<u8> = self.there.bytes.iter().copied().take(most).collect();
        match receiver.handle_input(&chunk) {
            Ok(taken) => {
                self.there.bytes.drain(..taken);
                taken > 0
            }
            // Nobody reads it any more.
            Err(error) => {
                self.world.tell(|| format!("the receiver is over: {error}"));
                self.there.bytes.clear();
                true
            }
        }
    }

    fn sender_hears(&mut self) -> bool {
        let Some(sender) = &mut self.sender else {
            self.back.bytes.clear();
            return false;
        };
        if self.back.bytes.is_empty() {
            let ends = self.back.ended && !self.back.heard;
            if ends {
                self.back.heard = true;
                let _ = sender.handle_end();
            }
            return ends;
        }
        let most = self.world.dice.pick(&[1, 7, 60, 700, 5_000]).min(self.back.bytes.len());
        let chunk: Vec<u8> = self.back.bytes.drain(..most).collect();
        if let Err(error) = sender.handle_input(&chunk) {
            self.world.tell(|| format!("the sender is over: {error}"));
            self.back.bytes.clear();
        }
        true
    }

    fn sender_offers(&mut self) -> bool {
        let Some(sender) = &mut self.sender else { return false };
        if !sender.can_offer() {
            return false;
        }
        match self.walk.pop_front() {
            Some((path, entry, stat)) => {
                let number = sender.offer(entry, stat).expect("it can be offered");
                assert_eq!(number as usize, self.paths.len());
                self.paths.push(path);
                if self.walk.is_empty() {
                    sender.walk_done();
                }
                true
            }
            None => false,
        }
    }

    fn sender_works(&mut self) -> bool {
        let Some(sender) = &mut self.sender else { return false };
        let Some(effect) = sender.poll_effect() else { return false };
        if let sender::Effect::Resolved { entry, outcome } = effect {
            let path = self.paths[entry as usize].clone();
            self.world.tell(|| format!("  {path}: {outcome:?}"));
            match (&outcome, self.read.get(&path)) {
                (sender::Outcome::Committed, Some(version)) => {
                    self.world.met.committed += 1;
                    self.world.promised.insert(path.clone(), *version);
                }
                (sender::Outcome::Had, _) => self.world.met.had += 1,
                _ => {}
            }
            self.outcomes.insert(path, outcome);
            return true;
        }
        if let Some(left) = &mut self.plan.unreadable {
            if *left == 0 {
                self.plan.unreadable = None;
                self.world.met.failed += 1;
                sender.handle_fact(sender::Fact::Failed(Why::new(Cause::Disk, "EIO")));
                return true;
            }
            *left -= 1;
        }
        let file = |entry: u32| &self.world.source.files[&self.paths[entry as usize]];
        let fact = match effect {
            sender::Effect::Open { entry } => {
                self.open.insert(entry, ());
                sender::Fact::Opened(file(entry).stat())
            }
            sender::Effect::Read { entry, offset, len } => {
                let bytes = &file(entry).now().bytes;
                let from = (offset as usize).min(bytes.len());
                let to = (from + len as usize).min(bytes.len());
                sender::Fact::Bytes(bytes[from..to].to_vec())
            }
            sender::Effect::Close { entry } => {
                self.open.remove(&entry).expect("it was open");
                let it = file(entry);
                let (stat, version) = (it.stat(), it.versions.len() - 1);
                self.read.insert(self.paths[entry as usize].clone(), version);
                sender::Fact::Closed(stat)
            }
            sender::Effect::ReadWhole { entry, .. } => {
                let before = file(entry).stat();
                // It may change while it is read.
                if self.plan.changing && self.world.dice.one_in(60) {
                    let path = self.world.source.change(&mut self.world.dice);
                    self.changed.push(path);
                }
                let it = &self.world.source.files[&self.paths[entry as usize]];
                let (bytes, version) = (it.now().bytes.clone(), it.versions.len() - 1);
                self.read.insert(self.paths[entry as usize].clone(), version);
                sender::Fact::Whole(before, bytes, it.stat())
            }
            sender::Effect::Resolved { .. } => return true,
        };
        sender.handle_fact(fact);
        true
    }

    fn receiver_works(&mut self) -> bool {
        let Some(receiver) = &mut self.receiver else { return false };
        while let Some(effect) = receiver.poll_effect() {
            self.effects.push_back(effect);
            if self.world.dice.one_in(2) {
                break;
            }
        }
        if self.effects.is_empty() {
            return false;
        }
        // Those of one entry in their order, and all others in any.
        let at = self.world.dice.below(self.effects.len());
        let entry = self.effects[at].entry();
        let first = self.effects.iter().position(|effect| effect.entry() == entry).unwrap_or(at);
        let Some(effect) = self.effects.remove(first) else { return false };
        self.world.tell(|| {
            format!("    {}", format!("{effect:?}").chars().take(160).collect::<String>())
        });
        let done = self.work(&effect);
        let Some(receiver) = &mut self.receiver else { return true };
        let fact = match done {
            Ok(Some(fact)) => Ok(fact),
            Ok(None) => return true,
            Err(Trouble::Killed) => {
                self.kill_receiver();
                return true;
            }
            Err(trouble) => {
                self.world.met.failed += 1;
                self.world.tell(|| format!("      fails: {trouble:?}"));
                Err(match trouble {
                    Trouble::Full => Why::new(Cause::Full, "ENOSPC"),
                    _ => Why::new(Cause::Disk, "EIO"),
                })
            }
        };
        match (&effect, entry) {
            (receiver::Effect::SyncFolders { .. }, _) => receiver.handle_folders(fact.map(|_| ())),
            (_, Some(entry)) => {
                receiver.handle_fact(entry, fact.unwrap_or_else(receiver::Fact::Failed));
            }
            _ => {}
        }
        true
    }

    /// Makes the folders that a name lies in.
    fn parents(&mut self, name: &str) -> Result<(), Trouble> {
        for (at, _) in name.match_indices('/') {
            match self.world.disk.names.get(&name[..at]) {
                Some(Node::Folder) => {}
                Some(_) => return Err(Trouble::Broken),
                None => self.world.disk.make(&name[..at], Node::Folder)?,
            }
        }
        Ok(())
    }

    fn work(&mut self, effect: &receiver::Effect) -> Result<Option<receiver::Fact>, Trouble> {
        use receiver::{Begun, Effect, Fact, Found};
        let done = Ok(Some(Fact::Done));
        match effect {
            Effect::Ask(_) => {
                let refuse = self.plan.refuse;
                if let Some(receiver) = &mut self.receiver {
                    match refuse {
                        true => receiver.refuse(Cause::Declined.into()),
                        false => receiver.accept(),
                    }
                }
                Ok(None)
            }
            Effect::Look { path, part, .. } => {
                let name = join(path);
                let found = match self.world.disk.names.get(&name) {
                    None => Found::Nothing,
                    Some(Node::Folder) => Found::Folder,
                    Some(Node::Link(target)) => Found::Link { target: target.clone() },
                    Some(Node::File(file)) => {
                        let file = &self.world.disk.files[*file];
                        Found::File { size: file.bytes.len() as u64, mtime: file.mtime }
                    }
                };
                let journal = part.and_then(|(id, most)| {
                    let names = ["part", "journal"].map(|what| ours(parent(&name), id, what));
                    match names.map(|name| self.world.disk.bytes(&name)) {
                        [None, None] => None,
                        [Some(_), Some(log)] => Some(log[..log.len().min(most as usize)].to_vec()),
                        _ => Some(Vec::new()),
                    }
                });
                Ok(Some(Fact::Looked(found, journal)))
            }
            Effect::MakeFolder { path, .. } => {
                self.parents(&format!("{}/", join(path)))?;
                done
            }
            Effect::MakeLink { path, target, .. } => {
                self.parents(&join(path))?;
                self.world.disk.make(&join(path), Node::Link(target.clone()))?;
                done
            }
            Effect::Begin { entry, path, id, size, journal } => {
                let name = join(path);
                self.parents(&name)?;
                let [part, log] = ["part", "journal"].map(|what| ours(parent(&name), *id, what));
                let disk = &mut self.world.disk;
                let begun = match journal {
                    Begun::New(header) => {
                        for name in [&part, &log] {
                            if disk.names.contains_key(name) {
                                disk.remove(name)?;
                            }
                        }
                        disk.reserve(*size as usize)?;
                        let part = disk.create(&part)?;
                        let journal = disk.create(&log)?;
                        disk.write(journal, 0, header)?;
                        Part { part, journal }
                    }
                    Begun::Kept(len) => {
                        let open = |name| disk.file(name).ok_or(Trouble::Broken);
                        let begun = Part { part: open(&part)?, journal: open(&log)? };
                        disk.set_len(begun.journal, *len as usize)?;
                        begun
                    }
                };
                self.parts.insert(*entry, begun);
                done
            }
            Effect::Rehash { entry, pieces, which } => {
                let part = &self.world.disk.files[self.parts[entry].part].bytes;
                let hash = |piece: &u32| {
                    let at = pieces.bytes(*piece);
                    let bytes = part.get(at.start as usize..at.end as usize)?;
                    Some((*piece, pieces.hash(*piece, bytes)))
                };
                Ok(Some(Fact::Rehashed(which.iter().filter_map(hash).collect())))
            }
            Effect::Write { entry, offset, bytes } => {
                self.world.disk.write(self.parts[entry].part, *offset as usize, bytes)?;
                done
            }
            Effect::Log { entry, bytes } => {
                let journal = self.parts[entry].journal;
                let end = self.world.disk.files[journal].bytes.len();
                self.world.disk.write(journal, end, bytes)?;
                done
            }
            Effect::Sync { entry } => {
                self.world.disk.sync(self.parts[entry].part)?;
                self.world.disk.sync(self.parts[entry].journal)?;
                done
            }
            Effect::Seal { entry, size, mtime, durable, .. } => {
                let part = self.parts[entry].part;
                self.world.disk.set_len(part, *size as usize)?;
                self.world.disk.set_time(part, *mtime)?;
                if *durable {
                    self.world.disk.sync(part)?;
                }
                done
            }
            Effect::HashNamed { path, .. } => {
                let bytes = self.world.disk.bytes(&join(path));
                Ok(Some(Fact::Hashed(bytes.map(|bytes| *blake3::hash(bytes).as_bytes()))))
            }
            Effect::Commit { entry, path, id, replace } => {
                let name = join(path);
                if !self.is_free(&name, *replace) {
                    return Ok(Some(Fact::Taken));
                }
                let [part, log] = ["part", "journal"].map(|what| ours(parent(&name), *id, what));
                self.world.disk.rename(&part, &name)?;
                self.parts.remove(entry);
                self.world.disk.remove(&log)?;
                done
            }
            Effect::Place { path, bytes, replace, mtime, durable, .. } => {
                let name = join(path);
                self.parents(&name)?;
                let disk = &mut self.world.disk;
                let file = disk.create_unnamed()?;
                disk.write(file, 0, bytes)?;
                disk.set_time(file, *mtime)?;
                if *durable {
                    disk.sync(file)?;
                }
                if !self.is_free(&name, *replace) {
                    return Ok(Some(Fact::Taken));
                }
                self.world.disk.link(file, &name)?;
                done
            }
            Effect::SyncFolders { .. } => {
                self.world.disk.sync_names()?;
                done
            }
            Effect::Discard { entry, path, id } => {
                self.parts.remove(entry);
                let name = join(path);
                for what in ["part", "journal"] {
                    let name = ours(parent(&name), *id, what);
                    if self.world.disk.names.contains_key(&name) {
                        self.world.disk.remove(&name)?;
                    }
                }
                done
            }
            Effect::Close { entry } => {
                self.parts.remove(entry);
                Ok(None)
            }
            Effect::Resolved { .. } => Ok(None),
            Effect::Finish { .. } => panic!("nothing flows here"),
        }
    }

    fn is_free(&self, name: &str, replace: bool) -> bool {
        match self.world.disk.names.get(name) {
            None => true,
            Some(Node::File(_)) => replace,
            Some(_) => false,
        }
    }
}
