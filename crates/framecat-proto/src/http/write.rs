//! What is answered to a request that changes what is served.
//!
//! [`deed`] says what a request wants done, or answers at once; the caller looks what has the name;
//! `judge` says by that whether and how it is done, and the rest answers once it is. All are pure functions.
//!
//! | request | deed |
//! | --- | --- |
//! | `PUT /a/b.txt` | [`Put`] |
//! | `POST /a/` of a form | [`Form`] |
//! | `POST`, `HEAD`, `PUT`, `DELETE /a/b.txt?upload` | [`Upload`] |
//! | `POST /a/b/?mkdir` | [`Make`] |
//! | `POST /a/b?rename=NAME` | [`Rename`] |
//! | `DELETE /a/b` | [`Delete`] |

use super::conditional::{Conditions, State, holds};
use super::form::Form;
use super::path::{Path, asks, decode, encode, parameter};
use super::plan::{self, Policy, because};
use super::repr_digest::Expected;
use super::resume::{self, Asked, Upload};
use super::site;
use super::status::{TEXT, page};
use super::{Content, FileFacts, Length, Method, Reply, Request, Seconds, Target, Why};
use crate::path::SafePath;
use crate::quantity::print_size;

/// What strangers may do to what is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Read files, folders and what is made of them.
    pub read: bool,
    /// Bring files whose names are free.
    pub upload: bool,
    /// Put a file in the place of one that is there.
    pub replace: bool,
    /// Make folders.
    pub make: bool,
    /// Give things other names.
    pub rename: bool,
    /// Delete.
    pub delete: bool,
}

impl Rights {
    /// Reading alone.
    pub const READ: Rights = Rights {
        read: true,
        upload: false,
        replace: false,
        make: false,
        rename: false,
        delete: false,
    };
    /// Reading, and new files and folders: nothing that is there changes.
    pub const UPLOAD: Rights = Rights { upload: true, make: true, ..Rights::READ };

    /// A letter box: new files, of which nobody learns anything.
    pub const DROP: Rights = Rights { read: false, upload: true, ..Rights::READ };
    /// All.
    pub const FULL: Rights = Rights { replace: true, rename: true, delete: true, ..Rights::UPLOAD };

    /// Whether there is anything that POST does.
    pub(super) fn posts(&self) -> bool {
        self.upload || self.make || self.rename
    }

    /// Whether anything can be changed.
    pub fn writes(&self) -> bool {
        self.upload || self.replace || self.make || self.rename || self.delete
    }
}

/// What a request wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// A file is to be what the content is.
    Put(Put),
    /// The files of a form are to be in a folder.
    Form(Form),
    /// A file comes in pieces.
    Upload(Upload),
    /// A folder is to be made.
    Make(Make),
    /// Something is to have another name.
    Rename(Rename),
    /// Something is to be gone.
    Delete(Delete),
}

/// A file that is to be what the content of a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Its place below the root.
    pub path: SafePath,
    /// How long it will be, where that is told before it comes.
    pub size: Option<u64>,
    /// What must hold for it.
    pub conditions: Conditions,
    /// What it must hash to.
    pub expected: Expected,
}

/// A folder that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Make {
    /// Its place below the root.
    pub path: SafePath,
    /// What must hold for it.
    pub conditions: Conditions,
}

/// Something that is to have another name. Nothing is replaced by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// What, a link itself.
    pub from: Path,
    /// Its new place below the root.
    pub to: SafePath,
    /// What must hold for it.
    pub conditions: Conditions,
}

/// Something that is to be gone: a link itself, a folder with all that is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    /// What. Never the root.
    pub path: Path,
    /// What must hold for it.
    pub conditions: Conditions,
}

/// What has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum There {
    /// Nothing.
    Nothing,
    /// A regular file.
    File(FileFacts),
    /// A folder.
    Folder,
    /// A link, itself and not what it leads to; a device, a pipe, a socket.
    Other,
}

/// How a file comes to its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The name is free.
    New,
    /// A file has it, and is replaced.
    Replace,
    /// Something has it, and the file gets a number: [`numbered`](crate::path::numbered).
    Numbered,
}

const RIGHTLESS: Why = Why {
    rule: "this server does not let that be done, unless its owner starts it with --full: Allow names the \
           methods it answers",
    section: "RFC 9110 section 15.5.6",
};
const UNANSWERED: Why = Why {
    rule: "this server does not answer that method: Allow names those it does",
    section: "RFC 9110 section 15.5.6",
};
const PIECE: Why = Why {
    rule: "a PUT with Content-Range would write a part of a file; ?upload brings one in pieces",
    section: "RFC 9110 section 14.5",
};
const CODED: Why = Why {
    rule: "the content is in a coding (Content-Encoding), which its name would not tell",
    section: "RFC 9110 section 8.4",
};
const QUERY: Why = Why {
    rule: "what stands behind the question mark is nothing that this server does, or more than one thing",
    section: "RFC 3986 section 3.4",
};
pub(super) const LENGTHLESS: Why = Why {
    rule: "neither Content-Length nor Transfer-Encoding says how long the content is: an empty file is \
           Content-Length: 0",
    section: "RFC 9110 section 8.6",
};
const MAKES: Why = Why {
    rule: "?mkdir takes no value: the folder that is made is the path itself, as in POST /photos/sub/?mkdir",
    section: "RFC 9110 section 9.3.3",
};
const NAME: Why = Why {
    rule: "the new name holds a slash and does not begin with one: a name stays in its folder, and a path from \
           the root begins with a slash",
    section: "RFC 3986 section 3.3",
};
/// What is said of a deed that would be done to all of it.
const ROOT: &str = "The folder itself is not for others to change.";
const LOOSE: Why = Why {
    rule: "the target holds octets that stand only percent-encoded in one",
    section: "RFC 9112 section 3.2",
};

/// What `request` wants done; `None` where it changes nothing.
///
/// # Errors
/// The reply to what is not done here, whatever is found.
pub fn deed(request: &Request<'_>, policy: &Policy) -> Result<Option<Deed>, Reply> {
    let query = match request.target {
        Target::Origin { query, .. } | Target::Absolute { query, .. } => query,
        Target::Asterisk | Target::Authority(_) => None,
    };
    // Whatever stands behind `?upload`, it never is about the file itself.
    let asked = resume::asked(query);
    let itself = asked == Asked::No;
    let makes = itself && asks(query, "mkdir");
    let sub = parameter(query, "mkdir").is_some_and(|value| !value.is_empty());
    let name = parameter(query, "rename").filter(|_| itself);
    let rights = policy.rights;
    let may = match (request.method, asked) {
        (Method::Put, _) => rights.upload,
        (Method::Post, _) if makes => rights.make,
        (Method::Post, _) if name.is_some() => rights.rename,
        (Method::Post, _) => rights.upload,
        (Method::Delete, Asked::No) => rights.delete,
        (Method::Delete, _) => rights.upload,
        (Method::Head, Asked::Of(_) | Asked::Other) if rights.upload => true,
        _ => return Ok(None),
    };
    plan::meant(request, policy)?;
    let (Target::Origin { path, .. } | Target::Absolute { path, .. }) = request.target else {
        return Err(because(400, plan::FORM));
    };
    if !may {
        return Err(plan::not_allowed(policy));
    }
    site::check(request, policy)?;
    if makes && sub {
        return Err(because(400, MAKES));
    }
    if itself && !is_understood(request.method, query) {
        return Err(because(400, QUERY));
    }
    let path = decode(path).map_err(|why| because(400, why))?;
    if plan::is_loose(request.target) {
        return Err(because(400, LOOSE));
    }
    if path.hidden && !policy.hidden {
        return Err(page(404, None));
    }
    if !rights.read && path.bytes.contains(&b'/') {
        // All files go into the folder itself, and whether there are others is not told.
        return Err(page(404, None));
    }
    if request.fields.all("content-encoding").any(|value| !value.eq_ignore_ascii_case(b"identity"))
    {
        return Err(because(415, CODED));
    }
    match request.method {
        Method::Post if makes || name.is_some() => change(request, path, name, policy).map(Some),
        Method::Delete if itself => change(request, path, None, policy).map(Some),
        Method::Post if itself && !rights.read && !path.bytes.is_empty() => Err(page(404, None)),
        Method::Post if itself => {
            Form::of(request, &path, policy).map(|form| Some(Deed::Form(form)))
        }
        _ if path.folder => Err(page(
            409,
            Some("A file is put under a name of its own, and not in place of a folder."),
        )),
        _ if itself => put(request, &path, policy).map(|put| Some(Deed::Put(put))),
        _ => {
            let upload = Upload::of(request, safe(&path.bytes)?, asked, policy)?;
            Ok(Some(Deed::Upload(upload)))
        }
    }
}

/// Whether what stands behind the question mark of a request that is about the thing itself is one thing that is
/// done here, or nothing. What means something to another server (`DELETE /photos/?file=a`, `PUT
/// /a?partNumber=2`) must not be done to the whole of it. A form brings what it says itself.
fn is_understood(method: Method<'_>, query: Option<&str>) -> bool {
    let parameters = query.into_iter().flat_map(|query| query.split('&'));
    let named = parameters.filter(|parameter| !parameter.is_empty());
    match method {
        Method::Put | Method::Delete => named.count() == 0,
        Method::Post if asks(query, "mkdir") || asks(query, "rename") => named.count() == 1,
        _ => true,
    }
}

/// What is done to `path` itself: it is deleted, renamed to `name`, or else made.
fn change(
    request: &Request<'_>,
    path: Path,
    name: Option<&str>,
    policy: &Policy,
) -> Result<Deed, Reply> {
    if path.bytes.is_empty() {
        return Err(page(403, Some(ROOT)));
    }
    let conditions = Conditions::of(&request.fields);
    match (request.method, name) {
        // What is ours cannot be seen.
        (Method::Delete, _) | (_, Some(_)) if path.ours => Err(page(404, None)),
        (Method::Delete, _) => Ok(Deed::Delete(Delete { path, conditions })),
        (_, Some(name)) => {
            let to = new_place(&path, name, policy)?;
            Ok(Deed::Rename(Rename { from: path, to, conditions }))
        }
        (_, None) => Ok(Deed::Make(Make { path: safe(&path.bytes)?, conditions })),
    }
}

/// A file that is put at `path`.
fn put(request: &Request<'_>, path: &Path, policy: &Policy) -> Result<Put, Reply> {
    let path = safe(&path.bytes)?;
    if request.fields.get("content-range").is_some() {
        return Err(because(400, PIECE));
    }
    let size = match request.length {
        // Another length may have been meant than none: a file of nothing is not made of a guess.
        Length::None => return Err(because(411, LENGTHLESS)),
        Length::Bytes(size) => Some(size),
        _ => None,
    };
    if size.is_some_and(|size| size > policy.max_upload) {
        return Err(too_long(policy));
    }
    let expected = Expected::of(&request.fields).map_err(|why| because(400, why))?;
    Ok(Put { path, size, conditions: Conditions::of(&request.fields), expected })
}

/// Where something goes that is renamed to `name`, still encoded: a name beside its old one, or with a
/// slash before it a path from the root.
fn new_place(from: &Path, name: &str, policy: &Policy) -> Result<SafePath, Reply> {
    // As forms and their libraries write a query: `+` is a space, and `%2B` a plus (URL Standard section 5.1).
    let name = &*name.replace('+', "%20");
    let place = match name.starts_with('/') {
        true => decode(name),
        false => decode(&format!("/{name}")),
    };
    let place = place.map_err(|why| because(400, why))?;
    if !name.starts_with('/') && name.contains('/') {
        return Err(because(400, NAME));
    }
    if place.hidden && !policy.hidden {
        return Err(page(404, None));
    }
    let bytes = match (name.starts_with('/'), from.above()) {
        (true, _) | (false, b"") => place.bytes,
        (false, above) => [above, b"/", &place.bytes].concat(),
    };
    let to = safe(&bytes)?;
    let inside = to.to_string().into_bytes();
    match inside.strip_prefix(&from.bytes[..]) {
        Some([b'/', ..]) => Err(page(409, Some("A folder cannot be moved into itself."))),
        _ => Ok(to),
    }
}

/// The path of something that is written. What Windows takes for a separator is refused, so that a folder
/// can be carried there.
pub fn safe(path: &[u8]) -> Result<SafePath, Reply> {
    let refused = |words: &str| page(400, Some(words));
    let checked = SafePath::new(path.split(|byte| *byte == b'/'));
    let checked = checked.map_err(|error| refused(&format!("{error}.")))?;
    match path.contains(&b'\\') {
        true => Err(refused("A name with a backslash is no name for a file here.")),
        false => Ok(checked),
    }
}

impl Put {
    /// Whether and how it is done, where `there` has its name. It holds until something changes.
    ///
    /// # Errors
    /// The reply where it is not.
    pub fn judge(&self, there: &There, policy: &Policy, now: Seconds) -> Result<Way, Reply> {
        let way = match there {
            There::Nothing => Way::New,
            _ if policy.numbers => Way::Numbered,
            There::File(_) if policy.rights.replace => Way::Replace,
            There::Folder => {
                let words = "A folder has this name: with a slash and another name behind it the file goes in there.";
                return Err(page(409, Some(words)));
            }
            There::File(_) => return Err(page(409, None)),
            There::Other => {
                let words = "Something that is no file has this name (a link, a pipe, a device): none is written through.";
                return Err(page(409, Some(words)));
            }
        };
        // Where it would not be done anyhow, its conditions are not asked for (RFC 9110 section 13.2.1). And
        // where nothing may be read, none of them tells what is there.
        let seen = if policy.rights.read { there } else { &There::Nothing };
        self.conditions.judge(seen, now)?;
        Ok(way)
    }

    /// The reply once the file is there, at `place`.
    pub fn saved(&self, way: Way, place: &SafePath) -> Reply {
        let place = place.to_string();
        let mut reply = match way {
            Way::New | Way::Numbered => text(201, &format!("saved {place}\n")),
            Way::Replace => Reply::new(204),
        };
        locate(&place, &mut reply);
        reply
    }
}

impl Make {
    /// Whether it is done.
    ///
    /// # Errors
    /// The reply where it is not.
    pub fn judge(&self, there: &There, now: Seconds) -> Result<(), Reply> {
        if *there != There::Nothing {
            return Err(page(409, Some(&format!("`{}` is there already.", self.path))));
        }
        self.conditions.judge(there, now)
    }

    /// The reply once the folder is there.
    pub fn made(&self) -> Reply {
        let mut reply = text(201, &format!("made {}\n", self.path));
        locate(&format!("{}/", self.path), &mut reply);
        reply
    }
}

impl Rename {
    /// Whether it is done, where `there` has the old name and `taken` the new one.
    ///
    /// # Errors
    /// The reply where it is not.
    pub fn judge(&self, there: &There, taken: &There, now: Seconds) -> Result<(), Reply> {
        present(&self.from, there)?;
        if *taken != There::Nothing {
            return Err(page(409, Some(&format!("`{}` is there already.", self.to))));
        }
        self.conditions.judge(there, now)
    }

    /// The reply once it has the new name.
    pub fn renamed(&self, there: &There) -> Reply {
        let mut reply = text(201, &format!("renamed to {}\n", self.to));
        let slash = if *there == There::Folder { "/" } else { "" };
        locate(&format!("{}{slash}", self.to), &mut reply);
        reply
    }
}

impl Delete {
    /// Whether it is done.
    ///
    /// # Errors
    /// The reply where it is not.
    pub fn judge(&self, there: &There, now: Seconds) -> Result<(), Reply> {
        present(&self.path, there)?;
        self.conditions.judge(there, now)
    }

    /// The reply once it is gone.
    pub fn deleted(&self) -> Reply {
        Reply::new(204)
    }
}

/// Something is there, and it is a folder where one was named.
fn present(path: &Path, there: &There) -> Result<(), Reply> {
    match there {
        There::Nothing => Err(page(404, None)),
        There::File(_) | There::Other if path.folder => Err(page(404, None)),
        _ => Ok(()),
    }
}

/// Location: a path from the root.
fn locate(place: &str, reply: &mut Reply) {
    let mut to = b"/".to_vec();
    encode(place.as_bytes(), &mut to);
    reply.field("Location", String::from_utf8_lossy(&to));
}

impl Conditions {
    fn judge(&self, there: &There, now: Seconds) -> Result<(), Reply> {
        let state = match there {
            There::Nothing => State::Missing,
            There::File(facts) => State::Known(facts),
            There::Folder | There::Other => State::Unknown,
        };
        if holds(&self.fields(), state, now) { Ok(()) } else { Err(page(412, None)) }
    }
}

/// More came, or was told to come, than is taken.
pub fn too_long(policy: &Policy) -> Reply {
    let most = print_size(policy.max_upload);
    let words = format!("What brings more than {most} is not taken.");
    page(413, Some(&words))
}

/// The reply with a line for a person at a terminal.
pub(super) fn text(status: u16, line: &str) -> Reply {
    let mut reply = Reply::new(status);
    reply.fields.extend_from_slice(TEXT);
    reply.body = Content::Bytes(line.as_bytes().to_vec());
    reply
}

/// Why a method is not answered.
pub(super) fn why_not(policy: &Policy) -> Option<Why> {
    let why = if policy.rights.delete { UNANSWERED } else { RIGHTLESS };
    policy.rights.writes().then_some(why)
}
