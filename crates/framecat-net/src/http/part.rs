//! A file that is fetched: `NAME.part` beside it while it is not whole, and the file itself once it is.
//!
//! `NAME.part.from` says whose part that is: the URL, and the validator by which a server knows whether
//! what it has is still the same. A part without it is not ours, and is left alone. So is either of them
//! where it is a link, a FIFO or another user's: in a folder that others write to, they put it there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use crate::conn::{Kind, Stream};
use crate::disk::not_ours;
use crate::error::{Cause, Error, Op};

/// The first line of `NAME.part.from`.
const MARK: &str = "framecat fetch 1";
/// More than a URL and a validator have.
const FROM_BYTES: u64 = 64 << 10;

/// Where a file goes.
pub(crate) enum Target {
    /// To a part first.
    Part(Box<Part>),
    /// As it comes: a device, a FIFO, which cannot be renamed over.
    Direct(Stream),
}

/// A file that is not whole yet.
pub(crate) struct Part {
    /// As it was typed.
    name: String,
    /// Where the whole file goes.
    whole: PathBuf,
    part: PathBuf,
    from: PathBuf,
    file: File,
    url: String,
    /// How much of it was there at the beginning, and by which validator it can be gone on with.
    pub(crate) had: Option<(u64, Vec<u8>)>,
    /// Why a part that is there cannot be gone on with.
    pub(crate) why_anew: Option<String>,
    /// `from` is ours, or not there.
    from_ours: bool,
    /// It was renamed.
    done: bool,
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::io(Op::Write, path.display().to_string(), error)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(ending);
    name.into()
}

impl Target {
    /// Makes ready for a file at `path` that comes from `url`. The file itself is not touched.
    ///
    /// # Errors
    /// `Write`, with the path and the kernel's reason; somebody else's part is there, or what is no plain
    /// file with one name; or another fetch writes it.
    pub(crate) fn open(path: &Path, url: &str) -> Result<Target, Error> {
        let about = match fs::metadata(path) {
            Ok(about) => Some(about),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(path, error)),
        };
        let kind = about.as_ref().map(fs::Metadata::file_type);
        if kind.is_some_and(|kind| !kind.is_file()) {
            return direct(path).map(Target::Direct);
        }
        // The file that a link leads to is replaced, and not the link.
        let whole = match &about {
            Some(_) => fs::canonicalize(path).map_err(|error| failed(path, error))?,
            None => path.to_path_buf(),
        };
        let (part, from) = (beside(&whole, ".part"), beside(&whole, ".part.from"));
        let file = locked(&part)?;
        let had = file.metadata().map_err(|error| failed(&part, error))?.len();
        let mut this = Part {
            name: path.display().to_string(),
            whole,
            part,
            from,
            file,
            url: url.into(),
            had: None,
            why_anew: None,
            from_ours: false,
            done: false,
        };
        let said = this.said(had)?;
        this.from_ours = true;
        if had > 0 {
            match this.validator(&said) {
                Some(validator) => this.had = Some((had, validator)),
                None if this.why_anew.is_some() => {}
                None => {
                    let why = "the server gave no strong validator for what is there";
                    this.why_anew = Some(why.into());
                }
            }
        }
        Ok(Target::Part(Box::new(this)))
    }
}

/// What is no regular file.
fn direct(path: &Path) -> Result<Stream, Error> {
    // A directory fails here, with its own word for it.
    // A FIFO that nobody reads fails, too (ENXIO): waiting for a reader would hold up everything.
    let mut options = OpenOptions::new();
    let options = options.write(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(path).map_err(|error| failed(path, error))?;
    let kind = match file.metadata().map(|about| about.mode() & libc::S_IFMT) {
        Ok(libc::S_IFIFO) => Kind::Pipe,
        _ => Kind::Device,
    };
    let fd = OwnedFd::from(file);
    let name = path.display().to_string();
    Stream::new(fd, kind, name.clone(), name).map_err(|error| failed(path, error))
}

/// Opens what is there, following no link and waiting for nobody, or makes it where `create` says so. What
/// is there has to be ours.
fn opened(path: &Path, create: bool) -> Result<File, Error> {
    let refused = |why: &str| failed(path, io::Error::new(io::ErrorKind::AlreadyExists, why));
    let mut options = OpenOptions::new();
    // Unlike O_CREAT alone this never takes a file of somebody else's for a new one.
    options.read(true).write(true).create_new(create);
    let options = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(path).map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => refused("it is a symbolic link"),
        Some(libc::ENXIO | libc::EISDIR) => refused("it is no regular file"),
        _ => failed(path, error),
    })?;
    // What we made is ours, whatever owner the file system gives it (NFS, with root squashed).
    if !create {
        let stat = rustix::fs::fstat(&file).map_err(|error| failed(path, error.into()))?;
        if let Some(why) = not_ours(&stat) {
            return Err(refused(why));
        }
    }
    Ok(file)
}

/// Whether it failed because the file is there, or is not, by the kernel's word.
fn is(error: &Error, code: i32) -> bool {
    matches!(&error.cause, Cause::Io(error) if error.raw_os_error() == Some(code))
}

/// Opens the part and locks it, so that two fetches never write into one file.
fn locked(part: &Path) -> Result<File, Error> {
    let wrong = |error: io::Error| failed(part, error);
    loop {
        let file = match opened(part, false) {
            Err(error) if is(&error, libc::ENOENT) => match opened(part, true) {
                // Another one made it in between.
                Err(error) if is(&error, libc::EEXIST) => continue,
                made => made?,
            },
            there => there?,
        };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let problem = "another fetch is writing it".into();
                let remedy = "wait for its end, or name another file".into();
                let cause = Cause::Unfit { problem, remedy };
                return Err(Error { op: Op::Write, endpoint: part.display().to_string(), cause });
            }
            Err(error) => return Err(wrong(error.into())),
        }
        // Whoever had the lock may have renamed the file in between.
        let (ours, there) = (file.metadata().map_err(wrong)?, fs::symlink_metadata(part));
        if there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
            return Ok(file);
        }
    }
}

impl Part {
    /// The file's name, as typed.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the whole file is there, of an earlier fetch perhaps.
    pub(crate) fn is_there(&self) -> bool {
        self.whole.exists()
    }

    /// What is said of the part that is there, of which there are `had` bytes.
    fn said(&self, had: u64) -> Result<Vec<u8>, Error> {
        let foreign = |path: &Path| failed(path, io::Error::from_raw_os_error(libc::EEXIST));
        let file = match opened(&self.from, false) {
            Err(error) if is(&error, libc::ENOENT) && had == 0 => return Ok(Vec::new()),
            Err(error) if is(&error, libc::ENOENT) => return Err(foreign(&self.part)),
            there => there?,
        };
        let mut said = Vec::new();
        let read = file.take(FROM_BYTES).read_to_end(&mut said);
        read.map_err(|error| failed(&self.from, error))?;
        match said.split(|byte| *byte == b'\n').next() {
            Some(mark) if mark == MARK.as_bytes() => Ok(said),
            // A fetch was killed before it could say anything, or write any of the part.
            _ if said.is_empty() && had == 0 => Ok(said),
            _ => Err(foreign(if had > 0 { &self.part } else { &self.from })),
        }
    }

    /// The validator of the part that is there; `None`: it has none, or is of another URL.
    fn validator(&mut self, said: &[u8]) -> Option<Vec<u8>> {
        let mut lines = said.split(|byte| *byte == b'\n').skip(1);
        if lines.next() != Some(self.url.as_bytes()) {
            self.why_anew = Some("that part is of another URL".into());
            return None;
        }
        lines.next().filter(|validator| !validator.is_empty()).map(<[u8]>::to_vec)
    }

    /// Goes on behind what is there.
    pub(crate) fn go_on(&mut self) -> Result<Stream, Error> {
        self.file.seek(SeekFrom::End(0)).map_err(|error| failed(&self.part, error))?;
        self.stream()
    }

    /// Begins anew: what is there is thrown away. `validator`: by which the next one can go on.
    pub(crate) fn begin(&mut self, validator: Option<&[u8]>) -> Result<Stream, Error> {
        // In this order: what is there never passes for what the new validator means.
        self.file.set_len(0).map_err(|error| failed(&self.part, error))?;
        self.file.rewind().map_err(|error| failed(&self.part, error))?;
        let mut said = format!("{MARK}\n{}\n", self.url).into_bytes();
        said.extend_from_slice(validator.unwrap_or_default());
        said.push(b'\n');
        // A new file, never one that somebody put there since we looked.
        match fs::remove_file(&self.from) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&self.from, error));
            }
            _ => {}
        }
        let written = opened(&self.from, true)?.write_all(&said);
        written.map_err(|error| failed(&self.from, error))?;
        self.stream()
    }

    fn stream(&self) -> Result<Stream, Error> {
        let name = self.part.display().to_string();
        let wrong = |error: io::Error| failed(&self.part, error);
        let fd = OwnedFd::from(self.file.try_clone().map_err(wrong)?);
        Stream::new(fd, Kind::File, name.clone(), name).map_err(wrong)
    }

    /// How many bytes are there now.
    pub(crate) fn len(&self) -> u64 {
        self.file.metadata().map_or(0, |about| about.len())
    }

    /// All of it is there: it takes the place of the file.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        // Who may read the old file may read the new one, and nobody else. A set-uid bit was given to the
        // old content, and the rights of somebody else's file were given by them.
        if let Ok(about) = fs::metadata(&self.whole)
            && about.uid() == rustix::process::geteuid().as_raw()
        {
            let mode = fs::Permissions::from_mode(about.mode() & 0o777);
            let _ = self.file.set_permissions(mode);
        }
        fs::rename(&self.part, &self.whole).map_err(|error| failed(&self.whole, error))?;
        self.done = true;
        let _ = fs::remove_file(&self.from);
        Ok(())
    }
}

impl Drop for Part {
    /// What is empty is not left lying about.
    fn drop(&mut self) {
        if !self.done && self.len() == 0 {
            let _ = fs::remove_file(&self.part);
            if self.from_ours {
                let _ = fs::remove_file(&self.from);
            }
        }
    }
}
