//! Folders in one piece: `?tar` and `?zip`, written as they are sent.
//!
//! Whoever reads the folder gives each thing in it to a [`Writer`], whose bytes follow each other to the
//! last one. Nothing is looked at twice and nothing is patched later, so an archive of any size needs
//! no more memory than the directory that ends a zip.
//!
//! ```
//! use framecat_proto::http::archive::{Entry, Form, Kind, Writer};
//!
//! let mut writer = Writer::new(Form::Tar);
//! let mut out = Vec::new();
//! let kind = Kind::File { size: 5, executable: false };
//! writer.begin(&Entry { path: b"a/hello.txt", kind, mtime: 0 }, &mut out);
//! out.extend_from_slice(b"hello");
//! writer.content(b"hello");
//! writer.end(&mut out);
//! writer.finish(&mut out);
//! assert_eq!(out.len() % 512, 0);
//! ```

mod tar;
mod zip;

use super::Seconds;
use super::path::encode;

/// What the root is called in an archive of it. Its own name is its owner's business.
pub const ROOT: &[u8] = b"files";

/// A form of archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// POSIX.1-2017 pax, which every tar(1) of the last twenty years reads.
    Tar,
    /// PKWARE's APPNOTE 6.3.10: not compressed, sizes behind the content, zip64 where it needs to be.
    Zip,
}

impl Form {
    /// What names of such files end in, and the word that asks for one.
    pub fn name(self) -> &'static str {
        match self {
            Form::Tar => "tar",
            Form::Zip => "zip",
        }
    }

    /// Its media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Form::Tar => "application/x-tar",
            Form::Zip => "application/zip",
        }
    }
}

/// A thing in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Where it will be: components parted by `/`, none at either end. Any bytes that a file system has.
    pub path: &'a [u8],
    /// What it is.
    pub kind: Kind,
    /// When it was last changed.
    pub mtime: Seconds,
}

/// What is in an archive. Owners, groups and rights stay at home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder; it has no content.
    Folder,
    /// A file.
    File {
        /// Bytes of its content: exactly so many follow.
        size: u64,
        /// It is a program.
        executable: bool,
    },
}

impl Entry<'_> {
    fn size(&self) -> u64 {
        match self.kind {
            Kind::Folder => 0,
            Kind::File { size, .. } => size,
        }
    }

    fn mode(&self) -> u32 {
        match self.kind {
            Kind::Folder | Kind::File { executable: true, .. } => 0o755,
            Kind::File { executable: false, .. } => 0o644,
        }
    }

    /// As archives have it: a slash behind a folder.
    fn shown(&self) -> Vec<u8> {
        let end: &[u8] = if self.kind == Kind::Folder { b"/" } else { b"" };
        [self.path, end].concat()
    }
}

/// Writes one archive.
#[derive(Debug)]
pub struct Writer(Inner);

#[derive(Debug)]
enum Inner {
    Tar(tar::Tar),
    Zip(Box<zip::Zip>),
}

impl Writer {
    /// An archive in which nothing is yet.
    pub fn new(form: Form) -> Writer {
        Writer(match form {
            Form::Tar => Inner::Tar(tar::Tar::default()),
            Form::Zip => Inner::Zip(Box::default()),
        })
    }

    /// Appends what stands before the content of `entry`. Its content follows, then [`end`](Self::end).
    pub fn begin(&mut self, entry: &Entry<'_>, out: &mut Vec<u8>) {
        match &mut self.0 {
            Inner::Tar(tar) => tar.begin(entry, out),
            Inner::Zip(zip) => zip.begin(entry, out),
        }
    }

    /// These bytes of the content go out next; the caller appends them.
    pub fn content(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Inner::Tar(_) => {}
            Inner::Zip(zip) => zip.content(bytes),
        }
    }

    /// Appends what stands behind the content, all of which went by.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        match &mut self.0 {
            Inner::Tar(tar) => tar.end(out),
            Inner::Zip(zip) => zip.end(out),
        }
    }

    /// Appends the end of the archive.
    pub fn finish(self, out: &mut Vec<u8>) {
        match self.0 {
            Inner::Tar(_) => tar::finish(out),
            Inner::Zip(zip) => zip.finish(out),
        }
    }

    /// Bytes of memory that it keeps for the end.
    pub fn kept(&self) -> usize {
        match &self.0 {
            Inner::Tar(_) => 0,
            Inner::Zip(zip) => zip.kept(),
        }
    }
}

/// The value of a Content-Disposition that saves the content under this name (RFC 6266, and RFC 8187 for
/// what ASCII does not have). Nothing of the name leaves the quotes.
pub fn attachment(name: &[u8]) -> String {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !b"\"\\%/".contains(byte);
    let simple: String =
        name.iter().map(|byte| if plain(byte) { char::from(*byte) } else { '_' }).collect();
    let mut value = format!("attachment; filename=\"{simple}\"");
    if !name.iter().all(plain) {
        let text = String::from_utf8_lossy(name).replace('/', "_");
        let mut encoded = Vec::new();
        encode(text.as_bytes(), &mut encoded);
        value.push_str("; filename*=UTF-8''");
        // All of it is ASCII by now.
        value.push_str(&String::from_utf8_lossy(&encoded));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_inside_its_quotes() {
        assert_eq!(attachment(b"my photos.tar"), "attachment; filename=\"my photos.tar\"");
        for (name, want) in [
            (&b"a\"b\\c.zip"[..], "\"a_b_c.zip\"; filename*=UTF-8''a%22b%5Cc.zip"),
            ("新.tar".as_bytes(), "\"___.tar\"; filename*=UTF-8''%E6%96%B0.tar"),
            (
                b"x\r\nSet-Cookie: a",
                "\"x__Set-Cookie: a\"; filename*=UTF-8''x%0D%0ASet-Cookie%3A%20a",
            ),
            (b"\xff", "\"_\"; filename*=UTF-8''%EF%BF%BD"),
            (b"100%", "\"100_\"; filename*=UTF-8''100%25"),
            (b"../x", "\".._x\"; filename*=UTF-8''.._x"),
        ] {
            assert_eq!(attachment(name), format!("attachment; filename={want}"));
        }
    }
}
