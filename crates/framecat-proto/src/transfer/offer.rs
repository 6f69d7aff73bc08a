//! What is offered, as its receiver sees it: which names it can have, and which of them it wants.
//!
//! Entries come folder by folder: all names in one folder, then those in another that was among them.
//! So of a folder whose names have all come only those of its folders are kept that have not come yet,
//! and an offer of millions takes little memory. An entry that is refused is refused alone; what lies in
//! a folder that was refused is refused with it.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization as _;

use super::record::{Entry, EntryKind};
use super::why::{Cause, Why};
use crate::path::SafePath;

/// What a receiver takes besides files and folders of plain names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taste {
    /// Names at the top that begin with a dot.
    pub hidden: bool,
    /// Symbolic links that stay inside.
    pub links: bool,
    /// The file system takes names for one that differ by capital letters or by how an accent is written.
    pub folds: bool,
}

/// The names of an offer. It keeps 16 bytes a name of the folder at hand and a folder that is to come.
#[derive(Debug)]
pub struct Names {
    taste: Taste,
    /// The folder whose names are coming, and those that have come.
    folder: Key,
    taken: HashSet<Key>,
    /// Folders whose names have not come yet.
    open: HashSet<Key>,
}

/// What stands for a name or a path: half a hash. Two texts that had one would be taken for a clash, and
/// the second be refused; nothing worse.
type Key = [u8; 16];

fn key(parts: &[String]) -> Key {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(b"/");
    }
    let mut key = [0; 16];
    hasher.finalize_xof().fill(&mut key);
    key
}

/// The form in which names are compared on a file system that folds: canonical caseless matching, near
/// enough (The Unicode Standard, section 3.13).
fn folded(name: &str) -> String {
    name.nfd().flat_map(char::to_lowercase).nfd().collect()
}

impl Names {
    /// None yet.
    pub fn new(taste: Taste) -> Names {
        let root = key(&[]);
        Names { taste, folder: root, taken: HashSet::new(), open: HashSet::new() }
    }

    /// The path of the next entry, and for a link that it stays inside.
    ///
    /// # Errors
    /// Why this one is not taken: its name, its kind, its folder, or another one that has its name.
    pub fn take(&mut self, entry: &Entry) -> Result<SafePath, Why> {
        let path = SafePath::new(entry.path.iter().map(Vec::as_slice))
            .map_err(|unsafe_path| Why::new(Cause::Name, &unsafe_path.to_string()))?;
        if !self.taste.hidden && top(&path).starts_with('.') {
            return Err(Cause::Hidden.into());
        }
        self.enter(&path)?;
        if entry.kind == EntryKind::Link {
            self.allow_link(&path, &entry.target)?;
        }
        let name = match self.taste.folds {
            true => folded(path.name()),
            false => path.name().to_owned(),
        };
        if !self.taken.insert(key(&[name])) {
            return Err(Cause::Clash.into());
        }
        if entry.kind == EntryKind::Folder {
            self.open.insert(self.child(&path));
        }
        Ok(path)
    }

    fn allow_link(&self, path: &SafePath, target: &[u8]) -> Result<(), Why> {
        if !self.taste.links {
            return Err(Cause::Kind.into());
        }
        let to = leads_to(path, target).map_err(|why| Why::new(Cause::Kind, why))?;
        match to.is_some_and(|to| !self.taste.hidden && top(&to).starts_with('.')) {
            true => Err(Why::new(Cause::Hidden, "the link leads to what is hidden")),
            false => Ok(()),
        }
    }

    /// Goes to the folder of `path`, if it is at hand or among those that were announced.
    fn enter(&mut self, path: &SafePath) -> Result<(), Why> {
        let folder = key(path.folders());
        if folder == self.folder {
            return Ok(());
        }
        if !self.open.remove(&folder) {
            return Err(Why::new(Cause::Name, "the folder that it lies in is not taken"));
        }
        self.folder = folder;
        self.taken.clear();
        Ok(())
    }

    fn child(&self, path: &SafePath) -> Key {
        let mut parts = path.folders().to_vec();
        parts.push(path.name().to_owned());
        key(&parts)
    }

    /// Bytes in memory, about.
    pub fn held(&self) -> usize {
        (self.taken.len() + self.open.len()) * size_of::<Key>()
    }
}

fn top(path: &SafePath) -> &str {
    path.folders().first().map_or(path.name(), String::as_str)
}

/// Where a link at `path` leads, below the folder that receives: `Ok(None)` is that folder itself.
///
/// Steps up stand only in front, where they go up through folders that are such. Behind a name there is none: the
/// name may be a link's, and who goes up from where that leads may come out anywhere.
///
/// # Errors
/// Why it is no link that is taken: it leads out, or by a name that is none.
pub fn leads_to(path: &SafePath, target: &[u8]) -> Result<Option<SafePath>, &'static str> {
    const OUT: &str = "the link leads out of what is sent";
    let mut parts: Vec<&[u8]> = path.folders().iter().map(String::as_bytes).collect();
    let mut down = false;
    if target.is_empty() || target.starts_with(b"/") {
        return Err(OUT);
    }
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if down => return Err("the link goes up behind a name, which may be a link's"),
            b".." => {
                parts.pop().ok_or(OUT)?;
            }
            name => {
                down = true;
                parts.push(name);
            }
        }
    }
    if parts.is_empty() {
        return Ok(None);
    }
    let path = SafePath::new(parts).map_err(|_| "the link leads to what is no name for a file")?;
    Ok(Some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, kind: EntryKind) -> Entry {
        let path = path.split('/').map(|part| part.as_bytes().to_vec()).collect();
        Entry { path, kind, size: 0, mtime: 0, mode: 0o644, target: Vec::new() }
    }

    fn take(names: &mut Names, path: &str) -> Result<String, Cause> {
        let kind = if path.ends_with('/') { EntryKind::Folder } else { EntryKind::File };
        let path = path.trim_end_matches('/');
        names.take(&entry(path, kind)).map(|path| path.to_string()).map_err(|why| why.cause)
    }

    #[test]
    fn a_tree_that_comes_folder_by_folder_is_taken() {
        let mut names = Names::new(Taste::default());
        for path in ["a/", "b", "c/", "a/x", "a/d/", "a/.hidden", "c/x", "c/y", "a/d/z"] {
            assert!(take(&mut names, path).is_ok(), "{path}");
        }
        assert_eq!(names.held(), 16);
    }

    #[test]
    fn what_lies_in_no_folder_that_was_taken_is_refused() {
        let mut names = Names::new(Taste::default());
        let cases = [
            ("f", Ok(())),
            // In a file; in a folder that nobody announced; in one that was refused.
            ("f/x", Err(Cause::Name)),
            ("g/x", Err(Cause::Name)),
            (".ssh/", Err(Cause::Hidden)),
            (".ssh/authorized_keys", Err(Cause::Hidden)),
            ("d/", Ok(())),
            ("e/", Ok(())),
            ("d/x", Ok(())),
            ("e/x", Ok(())),
            // Its names have all come: what comes again could be there twice.
            ("d/x", Err(Cause::Name)),
            ("late", Err(Cause::Name)),
        ];
        for (path, want) in cases {
            assert_eq!(take(&mut names, path).map(|_| ()), want, "{path}");
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused_alone() {
        let mut names = Names::new(Taste::default());
        for path in [
            "../../.ssh/authorized_keys",
            "/etc/passwd",
            "a/../../b",
            "",
            ".",
            "..",
            "a\u{1b}b",
            ".framecat-x.part",
        ] {
            let cause = take(&mut names, path).unwrap_err();
            assert!(matches!(cause, Cause::Name), "{path}: {cause:?}");
        }
        assert!(take(&mut names, "fine").is_ok());
        let nothing = Entry { path: Vec::new(), ..entry("x", EntryKind::File) };
        assert!(names.take(&nothing).is_err());
    }

    #[test]
    fn one_name_is_taken_once_as_the_file_system_sees_it() {
        for (a, b, exact, folds) in [
            ("a", "a", true, true),
            ("Readme", "README", false, true),
            ("straße", "STRASSE", false, false),
            ("caf\u{e9}", "cafe\u{301}", false, true),
            ("CAF\u{c9}", "cafe\u{301}", false, true),
            ("a", "b", false, false),
        ] {
            for (folding, clash) in [(false, exact), (true, folds)] {
                let mut names = Names::new(Taste { folds: folding, ..Taste::default() });
                take(&mut names, a).unwrap();
                let second = take(&mut names, b);
                assert_eq!(second.is_err(), clash, "{a} and {b}, folding {folding}");
                assert!(second.is_ok() || second == Err(Cause::Clash));
            }
        }
    }

    #[test]
    fn links_are_taken_where_they_were_asked_for_and_stay_inside() {
        let link = |path: &str, target: &str| Entry {
            target: target.as_bytes().to_vec(),
            ..entry(path, EntryKind::Link)
        };
        let mut names = Names::new(Taste::default());
        assert_eq!(names.take(&link("l", "x")).unwrap_err().cause, Cause::Kind);
        for (path, target, inside) in [
            ("l", "x", true),
            ("l", "./x//y", true),
            ("d/l", "../x", true),
            ("d/l", "../../x", false),
            ("l", "..", false),
            ("l", "a/../../x", false),
            // `a` may be a link to `.`, and then this is outside.
            ("l", "a/../x", false),
            ("l", "a/a/..", false),
            ("d/l", "../d/x", true),
            ("d/l", "..", true),
            ("l", ".", true),
            ("l", "", false),
            ("l", ".bashrc", false),
            ("d/l", "../.ssh/id", false),
            ("d/l", ".git", true),
            ("l", "x\u{1b}[2J", false),
            ("l", ".framecat-0123456789abcdef.part", false),
            ("l", "/etc/passwd", false),
            ("l", "a\0b", false),
        ] {
            let mut names = Names::new(Taste { links: true, ..Taste::default() });
            take(&mut names, "d/").unwrap();
            assert_eq!(names.take(&link(path, target)).is_ok(), inside, "{path} to {target:?}");
        }
    }
}
