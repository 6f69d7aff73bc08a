//! Disks that are full, or that nobody may write to: small ones of our own, in a namespace of mounts.

use std::fs;
use std::path::{Path, PathBuf};

use super::networks::{At, Way, proxy};
use super::run::{Folder, Run, Running, have, skipped};
use super::trees::{Tree, bytes, changed, found, lay, size};
use super::{at, both, receive, send, told};

/// A place where things can be mounted that nobody else sees.
struct Mounts {
    shell: Running,
    folder: Folder,
}

impl Mounts {
    /// With this mounted. `None`, which is told: here that is not allowed.
    fn new(mount: &str) -> Option<Mounts> {
        if !have("unshare") {
            return None;
        }
        // Without root it needs a namespace of users, too.
        for how in [&["-m", "sh"][..], &["-rm", "sh"]] {
            let folder = Folder::new();
            let shell = Run::program("unshare", how).in_folder(folder.path()).start();
            let mut mounts = Mounts { shell, folder };
            if mounts.does(mount) {
                return Some(mounts);
            }
        }
        skipped("nothing may be mounted here");
        None
    }

    /// Runs a line of sh in the folder that is mounted on; whether that was done.
    fn does(&mut self, line: &str) -> bool {
        self.shell.stdin_write(format!("({line}) >&2 && echo yes || echo no\n"));
        // Where it may have no namespace there is no shell.
        self.shell.next_line().as_deref() == Some("yes")
    }

    /// The path of what is mounted, as seen from outside.
    fn path(&self) -> PathBuf {
        let root = format!("/proc/{}/root", self.shell.id());
        Path::new(&root).join(self.folder.path().strip_prefix("/").unwrap())
    }
}

fn tmpfs(size: &str) -> Option<Mounts> {
    Mounts::new(&format!("mount -t tmpfs -o size={size} tmpfs \"$PWD\""))
}

#[test]
fn a_full_disk_is_known_before_anything_is_written() {
    let Some(mut disk) = tmpfs("2m") else { return };
    let from = Folder::in_memory();
    fs::write(from.file("big"), bytes(1, 3 << 20)).unwrap();
    for secured in [false, true] {
        let (receiver, sender) = both(secured, Path::new(&from.file("big")), &disk.path());
        assert_eq!((receiver.code, sender.code), (10, 1), "{receiver}\n{sender}");
        for side in [&receiver, &sender] {
            assert!(side.stderr.contains("there is room for"), "{side}");
            assert!(side.text().contains(r#""event":"end""#), "{side}");
        }
        let (there, ours) = found(&disk.path());
        assert!(there.is_empty() && ours.is_empty(), "{there:?} {ours:?}");
    }
    assert!(disk.does("mount -o remount,size=8m tmpfs \"$PWD\""));
    let (receiver, sender) = both(false, Path::new(&from.file("big")), &disk.path());
    assert_eq!((receiver.code, sender.code), (0, 0), "{receiver}\n{sender}");
    assert_eq!(fs::read(disk.path().join("big")).unwrap(), bytes(1, 3 << 20));
}

#[test]
fn a_disk_that_others_fill_meanwhile_costs_what_did_not_fit_and_the_rest_is_had_later() {
    let Some(disk) = tmpfs("8m") else { return };
    let from = Folder::in_memory();
    let what: Tree = (0..100).map(|n| (format!("src/{n:02}"), Some(bytes(n, 50_000)))).collect();
    lay(&what, from.path(), changed());
    let src = from.path().join("src");
    let other = disk.path().join("of another");
    for byte in [5_000, 1_000_000, 3_000_000] {
        let receiver = receive(false, &disk.path(), &[]);
        let taken = other.clone();
        let fill = At::Does(Box::new(move || {
            // As much as there is.
            let mut file = fs::File::create(taken).unwrap();
            while std::io::Write::write_all(&mut file, &[1; 4_096]).is_ok() {}
        }));
        let (address, passing) = proxy(&at(&receiver), Way::There, byte, fill);
        let sender = send(false, &src, &address).wait();
        let receiver = receiver.wait();
        passing.join().unwrap();
        let codes = (receiver.code, sender.code);
        assert!(
            [(9, 9), (10, 9), (10, 1)].contains(&codes),
            "{byte}: {codes:?} {receiver}\n{sender}"
        );
        for side in [&receiver, &sender] {
            assert!(side.text().contains("there is no room for it"), "{side}");
        }
        fs::remove_file(&other).unwrap();
        let (there, ours) = found(&disk.path());
        assert!(ours.is_empty(), "{ours:?}");
        for (name, content) in there.iter().filter(|it| it.1.is_some()) {
            assert!(what.get(name) == Some(content), "{name}");
        }
        let (receiver, sender) = both(false, &src, &disk.path());
        assert_eq!((receiver.code, sender.code), (0, 0), "{receiver}\n{sender}");
        assert_eq!(told(&sender, "moved"), size(&what) - size(&there));
        let (there, _) = found(&disk.path());
        assert_eq!(size(&there), size(&what));
        fs::remove_dir_all(disk.path().join("src")).unwrap();
    }
}

#[test]
fn a_folder_that_nobody_may_write_to_is_told_on_both_sides() {
    let Some(mut disk) = tmpfs("8m") else { return };
    assert!(disk.does("mount -o remount,ro tmpfs \"$PWD\""));
    let from = Folder::in_memory();
    fs::create_dir(from.file("src")).unwrap();
    fs::write(from.file("src/big"), bytes(1, 200_000)).unwrap();
    fs::write(from.file("src/small"), "small").unwrap();
    for sent in ["src", "src/big", "src/small"] {
        let (receiver, sender) = both(false, Path::new(&from.file(sent)), &disk.path());
        // Not one of them could be had: so it is the disk's fault.
        assert_eq!((receiver.code, sender.code), (10, 9), "{receiver}\n{sender}");
        for side in [&receiver, &sender] {
            assert!(side.text().contains("read-only file system"), "{side}");
        }
    }
}
