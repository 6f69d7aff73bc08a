//! Either side of a real transfer is killed at every call by which bytes, names and journals come to be:
//! strace's `inject` does it. Whatever happens, what has a final name is whole, and the same commands again do
//! the rest: all is there, nothing of ours is left, and no byte crosses the network that was there already.

mod run;

#[path = "transfer_kills/scene.rs"]
mod scene;
#[path = "transfer_kills/streams.rs"]
mod streams;
#[path = "transfer_kills/syncs.rs"]
mod syncs;
#[path = "transfer_kills/trees.rs"]
mod trees;

use std::path::Path;
use std::time::Duration;

use scene::{Scene, Side};
use trees::{bytes, changed, found, lay, logged, what};

/// Nothing is there.
fn nothing(_: &Scene, _: &Path, _: &Path) {}

/// Other files have the names.
fn others(_: &Scene, _: &Path, into: &Path) {
    let mut old = what();
    for (name, content) in &mut old {
        if let Some(content) = content {
            // One of them of the same size.
            let len = if name == "src/deep/piece" { content.len() } else { 70_000 };
            *content = bytes(99, len);
        }
    }
    lay(&old, into, changed() - Duration::from_secs(60));
}

/// It was begun before: who received was killed when it had written some of it.
fn begun(scene: &Scene, from: &Path, into: &Path) {
    // How much comes at once is up to the network, so it is not known which write ends a piece.
    for n in 9..40 {
        let inject = format!("inject=pwrite64:signal=SIGKILL:when={n}");
        let strace = ["-o", "/dev/null", "-e", "trace=pwrite64", "-e", &inject];
        let (listener, _) = scene.pass(Side::Receives, Some(&strace), (from, into));
        if logged(&found(into).1) > 1 << 20 {
            return;
        }
        assert_eq!(listener.code, 137, "{listener}");
    }
    panic!("never were some pieces there");
}

const FRESH: Scene = Scene {
    name: "fresh",
    receive: &[],
    secured: false,
    before: nothing,
    numbered: false,
    most: usize::MAX,
};
const SECURED: Scene = Scene { name: "secured", secured: true, most: 16, ..FRESH };
const DURABLE: Scene = Scene { name: "durable", receive: &["--durable"], most: 12, ..FRESH };
const REPLACING: Scene = Scene {
    name: "replacing",
    receive: &["--on-conflict", "overwrite"],
    before: others,
    most: 8,
    ..FRESH
};
const NUMBERED: Scene =
    Scene { name: "numbered", before: others, numbered: true, most: 8, ..FRESH };
const GOING_ON: Scene = Scene { name: "going on", before: begun, most: 12, ..FRESH };

#[test]
fn who_receives_is_killed() {
    FRESH.killed(Side::Receives, 100);
}

#[test]
fn who_sends_is_killed() {
    Scene { most: 40, ..FRESH }.killed(Side::Sends, 60);
}

#[test]
fn who_receives_with_a_code_is_killed() {
    SECURED.killed(Side::Receives, 80);
}

#[test]
fn who_sends_with_a_code_is_killed() {
    SECURED.killed(Side::Sends, 60);
}

#[test]
fn who_receives_for_good_is_killed() {
    DURABLE.killed(Side::Receives, 60);
}

#[test]
fn who_replaces_is_killed() {
    REPLACING.killed(Side::Receives, 50);
}

#[test]
fn who_gives_other_names_is_killed() {
    NUMBERED.killed(Side::Receives, 50);
}

#[test]
fn who_goes_on_is_killed() {
    GOING_ON.killed(Side::Receives, 60);
}

#[test]
fn who_sends_the_rest_is_killed() {
    Scene { most: 6, ..GOING_ON }.killed(Side::Sends, 20);
}

#[test]
fn a_disk_that_fails_who_receives() {
    Scene { most: 6, ..FRESH }.failed(Side::Receives, 30);
}

#[test]
fn a_disk_that_fails_who_receives_for_good() {
    Scene { most: 4, ..DURABLE }.failed(Side::Receives, 20);
}

#[test]
fn a_disk_that_fails_who_replaces() {
    Scene { most: 3, ..REPLACING }.failed(Side::Receives, 10);
}

#[test]
fn a_disk_that_fails_who_goes_on() {
    Scene { most: 3, ..GOING_ON }.failed(Side::Receives, 10);
}

#[test]
fn a_disk_that_fails_who_sends() {
    Scene { most: 8, ..FRESH }.failed(Side::Sends, 10);
}
