//! The folders that a transfer goes into, kept open while they are in use.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::time::SystemTime;

use crate::disk::Folder;

/// Folders that are open at once. They come one after the other, so those of a few depths are enough.
const OPEN: usize = 64;

/// Folders in which it was looked for what nobody comes back for: a number each.
const SWEPT: usize = 1 << 16;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Folders {
    root: Folder,
    /// Those that were used last, the last one first.
    open: Vec<(Vec<String>, Folder)>,
    seen: HashSet<u64>,
    /// Old parts that were removed and not told yet.
    swept: usize,
}

impl Folders {
    pub(super) fn new(root: Folder) -> Folders {
        Folders { root, open: Vec::new(), seen: HashSet::new(), swept: 0 }
    }

    pub(super) fn root(&self) -> &Folder {
        &self.root
    }

    /// The folder of this path below the root, where `make` says so made if it is missing. No link on the way is
    /// followed. What nobody came back for is removed from it when it is first met.
    ///
    /// # Errors
    /// [`Folder::inner`], mkdirat(2).
    pub(super) fn get(&mut self, path: &[String], make: bool) -> io::Result<Folder> {
        let Some((name, above)) = path.split_last() else {
            let root = self.root.clone();
            self.sweep(path, &root);
            return Ok(root);
        };
        if let Some(at) = self.open.iter().position(|(known, _)| known == path) {
            self.open[..=at].rotate_right(1);
            return Ok(self.open[0].1.clone());
        }
        let parent = self.get(above, make)?;
        let folder = match parent.inner(name) {
            Err(error) if make && error.kind() == io::ErrorKind::NotFound => {
                match parent.make(name, false) {
                    // Somebody else made it in between.
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(error);
                    }
                    _ => parent.inner(name)?,
                }
            }
            opened => {
                let folder = opened?;
                self.sweep(path, &folder);
                folder
            }
        };
        self.open.truncate(OPEN - 1);
        self.open.insert(0, (path.to_vec(), folder.clone()));
        Ok(folder)
    }

    /// The folder of this path, if it is there; nothing is changed in it.
    ///
    /// # Errors
    /// [`Folder::inner`].
    pub(super) fn if_there(&self, path: &[String]) -> io::Result<Folder> {
        if let Some((_, folder)) = self.open.iter().find(|(known, _)| known == path) {
            return Ok(folder.clone());
        }
        path.iter().try_fold(self.root.clone(), |folder, name| folder.inner(name))
    }

    /// Closes all: they are opened anew where they are by now.
    pub(super) fn forget(&mut self) {
        self.open.clear();
    }

    /// How many old parts were removed since this was asked last.
    pub(super) fn swept(&mut self) -> usize {
        std::mem::take(&mut self.swept)
    }

    fn sweep(&mut self, path: &[String], folder: &Folder) {
        // The root is asked for with each file in it.
        if path.is_empty() && !self.seen.is_empty() {
            return;
        }
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        if self.seen.len() < SWEPT && self.seen.insert(hasher.finish()) {
            // A folder that cannot be read is none the worse for it.
            self.swept += folder.sweep(SystemTime::now()).map_or(0, |removed| removed.len());
        }
    }
}
