//! Names of files that come from a peer: [`SafePath`] is the only way for one to reach a disk.
//!
//! What is refused is what would lead elsewhere (`..`, `/`), what no file can be called (NUL, more
//! than 255 bytes), what looks like another name to a person (control and bidi characters), and what
//! is ours (`.framecat-…`, the files that hold what has not wholly come yet). Nothing is mapped to
//! another name: who sent it would not find it again.

use std::fmt;

use crate::limits::{COMPONENT_BYTES, PATH_BYTES, PATH_DEPTH};

/// What the names of our own files begin with: parts and journals of files that are still coming.
pub const OURS: &str = ".framecat-";

/// A path below some folder, from a peer, component by component, each of them checked. It never is
/// empty, and no component of it leads out of its folder.
///
/// It says nothing of symbolic links: who opens it must not follow any (openat2(2), `RESOLVE_BENEATH`
/// and `RESOLVE_NO_SYMLINKS`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SafePath {
    components: Vec<String>,
}

/// Why a path is none for a file. It holds the component as it came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no name for a file here: {problem}", shown(.name))]
pub struct UnsafePath {
    /// The component that is refused, or the whole path where it is too long or empty.
    pub name: Vec<u8>,
    /// Why.
    pub problem: &'static str,
}

fn shown(name: &[u8]) -> String {
    let head = &name[..name.len().min(64)];
    let more = if head.len() < name.len() { "…" } else { "" };
    let text = String::from_utf8_lossy(head);
    let safe: String = text.chars().map(|c| if deceives(c) { '\u{FFFD}' } else { c }).collect();
    format!("{safe}{more}")
}

/// Whether a character changes how a text looks instead of being part of it: controls, line
/// separators, and those that turn the direction of what is around them.
pub(crate) fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Why `name` is no component, if it is none.
fn fault(name: &[u8]) -> Result<&str, &'static str> {
    match name {
        b"" => return Err("it is empty"),
        b"." | b".." => return Err("it names a folder that is there already"),
        _ if name.len() > COMPONENT_BYTES => return Err("it is longer than 255 bytes"),
        _ if name.contains(&b'/') => return Err("it holds a `/`"),
        _ if name.contains(&0) => return Err("it holds a zero byte"),
        _ => {}
    }
    let text = std::str::from_utf8(name).map_err(|_| "it is not UTF-8")?;
    if text.contains(deceives) {
        return Err("it holds characters that change how it looks");
    }
    let ours = text.get(..OURS.len()).is_some_and(|head| head.eq_ignore_ascii_case(OURS));
    if ours {
        return Err("names that begin with .framecat- are for files that have not wholly come yet");
    }
    #[cfg(windows)]
    windows(text)?;
    Ok(text)
}

/// What Windows takes for something else (Naming Files, Paths, and Namespaces).
#[cfg(any(windows, test))]
fn windows(text: &str) -> Result<(), &'static str> {
    if text.contains(['\\', ':', '<', '>', '"', '|', '?', '*']) {
        return Err("it holds a character that Windows has for something else");
    }
    if text.ends_with(['.', ' ']) {
        return Err("it ends with a dot or a space, which Windows takes away");
    }
    let stem = text.split('.').next().unwrap_or(text).trim_end().to_ascii_uppercase();
    let numbered = |head| {
        let rest = stem.strip_prefix(head).unwrap_or_default();
        rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit() && rest != "0"
    };
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
    {
        return Err("Windows has a device of this name");
    }
    Ok(())
}

impl SafePath {
    /// The path of these components, outermost first.
    ///
    /// # Errors
    /// The first component that is refused, or the limit that is passed: [`PATH_DEPTH`] components,
    /// [`COMPONENT_BYTES`] bytes each, [`PATH_BYTES`] in all, slashes between them counted.
    pub fn new<'n>(components: impl IntoIterator<Item = &'n [u8]>) -> Result<SafePath, UnsafePath> {
        let mut path = SafePath { components: Vec::new() };
        let mut bytes = 0;
        for name in components {
            let refused = |problem| UnsafePath { name: name.to_vec(), problem };
            let text = fault(name).map_err(refused)?;
            bytes += name.len() + 1;
            if path.components.len() == PATH_DEPTH {
                return Err(refused("it lies too deep: 64 folders inside each other are the most"));
            }
            if bytes > PATH_BYTES {
                return Err(refused("its path is longer than 4096 bytes"));
            }
            path.components.push(text.to_owned());
        }
        match path.components.is_empty() {
            true => Err(UnsafePath { name: Vec::new(), problem: "it is empty" }),
            false => Ok(path),
        }
    }

    /// The last component: the file's own name.
    pub fn name(&self) -> &str {
        self.components.last().map_or("", String::as_str)
    }

    /// The folders above it, outermost first.
    pub fn folders(&self) -> &[String] {
        &self.components[..self.components.len() - 1]
    }

    /// Bytes of it, slashes counted.
    pub fn len(&self) -> usize {
        self.components.iter().map(|name| name.len() + 1).sum::<usize>() - 1
    }

    /// Whether it is empty: never.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// Whether a component begins with a dot, so that a listing of names does not show it.
    pub fn is_hidden(&self) -> bool {
        self.components.iter().any(|name| name.starts_with('.'))
    }

    /// What has the name `name` in the folder that this is.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn below(&self, name: &str) -> Result<SafePath, UnsafePath> {
        let components = self.components.iter().map(String::as_bytes);
        SafePath::new(components.chain([name.as_bytes()]))
    }

    /// The same place under another name, such as `photo (1).jpg`.
    ///
    /// # Errors
    /// As [`new`](Self::new): the name may be too long now.
    pub fn renamed(&self, name: &str) -> Result<SafePath, UnsafePath> {
        let folders = self.folders().iter().map(String::as_bytes);
        SafePath::new(folders.chain([name.as_bytes()]))
    }
}

impl fmt::Display for SafePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.components.join("/"))
    }
}

/// The name with ` (n)` before its ending: what a file is called whose name is taken. It keeps the
/// limit of [`COMPONENT_BYTES`] by shortening what is before the number.
pub fn numbered(name: &str, n: u32) -> String {
    // A name that begins with its only dot has no ending; tar.gz is one.
    let stem_end = match name.rfind('.').filter(|at| *at > 0) {
        Some(at) if name[..at].ends_with(".tar") && at > 4 => at - 4,
        Some(at) => at,
        None => name.len(),
    };
    // A long ending is none: it would leave no room for the rest.
    let stem_end = if name.len() - stem_end > 32 { name.len() } else { stem_end };
    let (mut stem, ending) = name.split_at(stem_end);
    let number = format!(" ({n})");
    let room = COMPONENT_BYTES.saturating_sub(number.len() + ending.len());
    if stem.len() > room {
        let cut = (0..=room).rev().find(|at| stem.is_char_boundary(*at)).unwrap_or(0);
        stem = &stem[..cut];
    }
    format!("{stem}{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &[u8]) -> Result<SafePath, UnsafePath> {
        SafePath::new([name])
    }

    #[test]
    fn names_that_people_use_are_taken_as_they_are() {
        let long = "ü".repeat(127);
        for name in [
            "a",
            "a b",
            "新 建.txt",
            "...",
            ".bashrc",
            "a\\b",
            "c:x",
            "CON",
            "-rf",
            "~",
            &long,
            "\u{1F4C4}",
        ] {
            let path = one(name.as_bytes()).unwrap();
            assert_eq!(path.to_string(), name);
            assert_eq!(path.name(), name);
        }
        let path = SafePath::new(["a".as_bytes(), b"b", b"c.txt"]).unwrap();
        assert_eq!((path.to_string().as_str(), path.name()), ("a/b/c.txt", "c.txt"));
        assert_eq!(path.folders(), ["a", "b"]);
        assert_eq!(path.renamed("d").unwrap().to_string(), "a/b/d");
        assert_eq!(path.below("d").unwrap().to_string(), "a/b/c.txt/d");
        assert!(path.below("..").is_err() && path.below("d/e").is_err());
    }

    #[test]
    fn names_that_lead_elsewhere_or_deceive_are_refused() {
        let long = [b'a'; 256];
        let cases: &[(&[u8], &str)] = &[
            (b"", "empty"),
            (b".", "already"),
            (b"..", "already"),
            (b"a/b", "`/`"),
            (b"/etc/passwd", "`/`"),
            (b"a\0b", "zero byte"),
            (&long, "255"),
            (b"\xff", "UTF-8"),
            (b"\xc0\xae\xc0\xae", "UTF-8"),
            (b"a\nb", "looks"),
            (b"\x1b[2J", "looks"),
            (b"\x7f", "looks"),
            ("\u{85}".as_bytes(), "looks"),
            ("gpj\u{202E}exe".as_bytes(), "looks"),
            ("\u{2066}a".as_bytes(), "looks"),
            ("\u{200F}a".as_bytes(), "looks"),
            ("\u{2028}".as_bytes(), "looks"),
            (b".framecat-0123456789abcdef.part", ".framecat-"),
            (b".FrameCat-x", ".framecat-"),
        ];
        for (name, why) in cases {
            let refused = one(name).unwrap_err();
            assert!(refused.problem.contains(why), "{name:?}: {}", refused.problem);
            assert_eq!(refused.name, *name);
            assert!(!refused.to_string().contains(deceives), "{refused}");
        }
        assert!(SafePath::new([]).is_err());
        assert!(SafePath::new(["a".as_bytes(), b"..", b"b"]).is_err());
    }

    #[test]
    fn depth_and_length_have_limits() {
        let deep = vec![b"a".as_slice(); PATH_DEPTH];
        assert!(SafePath::new(deep.iter().copied()).is_ok());
        assert!(SafePath::new(deep.iter().copied().chain([b"a".as_slice()])).is_err());
        let wide = [b'w'; COMPONENT_BYTES];
        let sixteen = vec![wide.as_slice(); 16];
        assert!(SafePath::new(sixteen.iter().copied()).is_ok());
        assert!(SafePath::new(sixteen.iter().copied().chain([b"a".as_slice()])).is_err());
    }

    #[test]
    fn what_windows_takes_for_something_else() {
        for name in [
            "a\\b",
            "c:x",
            "a.txt::$DATA",
            "CON",
            "con.txt",
            "nul",
            "COM1",
            "lpt9.x",
            "a.",
            "a ",
            "a?",
        ] {
            assert!(windows(name).is_err(), "{name}");
        }
        for name in ["a", "COM", "COM0", "COM10", "console", "a.b", ".a"] {
            assert!(windows(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_taken_name_gets_a_number_before_its_ending() {
        assert_eq!(numbered("photo.jpg", 1), "photo (1).jpg");
        assert_eq!(numbered("a.tar.gz", 2), "a (2).tar.gz");
        assert_eq!(numbered(".tar.gz", 2), ".tar (2).gz");
        assert_eq!(numbered("README", 3), "README (3)");
        assert_eq!(numbered(".bashrc", 1), ".bashrc (1)");
        assert_eq!(numbered("新.txt", 1), "新 (1).txt");
        let long = format!("{}.txt", "ü".repeat(125));
        let renamed = numbered(&long, 10);
        assert!(renamed.len() <= COMPONENT_BYTES && renamed.ends_with("ü (10).txt"), "{renamed}");
        assert!(one(renamed.as_bytes()).is_ok());
        let ending = format!("a.{}", "x".repeat(253));
        assert!(numbered(&ending, 1).len() <= COMPONENT_BYTES);
    }
}
