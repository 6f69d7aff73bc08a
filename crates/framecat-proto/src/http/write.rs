//! What is answered to a request that changes what is served.
//!
//! [`deed`] says what a request wants done, or answers at once; the caller looks what has the name;
//! [`judge`](Put::judge) says by that whether and how it is done; [`saved`](Put::saved) answers once it is.
//! All are pure functions.

use super::conditional::{Conditions, State, holds};
use super::form::Form;
use super::path::{decode, encode};
use super::plan::{self, Policy, because};
use super::repr_digest::Expected;
use super::resume::{self, Asked, Upload};
use super::site;
use super::status::page;
use super::{Content, FileFacts, Length, Method, Reply, Request, Seconds, Target, Why};
use crate::path::SafePath;

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

    /// Whether anything can be changed.
    pub fn writes(&self) -> bool {
        self.upload || self.replace || self.make || self.rename || self.delete
    }
}

/// What a request wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// PUT: a file is to be what the content is.
    Put(Put),
    /// POST of a form: its files are to be in a folder.
    Form(Form),
    /// `?upload`: a file comes in pieces.
    Upload(Upload),
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
}

const RIGHTLESS: Why = Why {
    rule: "this server does not let that be done: Allow names the methods it answers",
    section: "RFC 9110 section 15.5.6",
};
const PIECE: Why = Why {
    rule: "a PUT with Content-Range, which would write a part of a file",
    section: "RFC 9110 section 14.5",
};
const CODED: Why = Why {
    rule: "the content is in a coding (Content-Encoding), which its name would not tell",
    section: "RFC 9110 section 8.4",
};
pub(super) const LENGTHLESS: Why = Why {
    rule: "content without Content-Length and Transfer-Encoding",
    section: "RFC 9110 section 8.6",
};
const LOOSE: Why = Why {
    rule: "the target holds octets that stand only percent-encoded in one",
    section: "RFC 9112 section 3.2",
};

/// What `request` wants done; `None` where it changes nothing.
///
/// # Errors
/// The reply to what is not done here, whatever is found.
pub fn deed(request: &Request<'_>, policy: &Policy) -> Result<Option<Deed>, Reply> {
    let asked = match request.target {
        Target::Origin { query, .. } | Target::Absolute { query, .. } => resume::asked(query),
        Target::Asterisk | Target::Authority(_) => Asked::No,
    };
    let may = match (request.method, asked) {
        (Method::Put | Method::Post, _) => policy.rights.upload,
        // Whatever stands behind `?upload`, it never is about the file itself.
        (Method::Delete, Asked::No) => false,
        (Method::Delete, _) => policy.rights.upload,
        (Method::Head, Asked::Of(_) | Asked::Other) if policy.rights.upload => true,
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
    let path = decode(path).map_err(|why| because(400, why))?;
    if plan::is_loose(request.target) {
        return Err(because(400, LOOSE));
    }
    if path.hidden && !policy.hidden {
        return Err(page(404, None));
    }
    if request.fields.all("content-encoding").any(|value| !value.eq_ignore_ascii_case(b"identity"))
    {
        return Err(because(415, CODED));
    }
    if request.method == Method::Post && asked == Asked::No {
        return Form::of(request, &path).map(|form| Some(Deed::Form(form)));
    }
    if path.folder {
        return Err(page(
            409,
            Some("A file is put under a name of its own, and not in place of a folder."),
        ));
    }
    let path = safe(&path.bytes)?;
    if asked != Asked::No {
        let upload = Upload::of(request, path, asked, policy)?;
        return Ok(Some(Deed::Upload(upload)));
    }
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
    let conditions = Conditions::of(&request.fields);
    Ok(Some(Deed::Put(Put { path, size, conditions, expected })))
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
            There::File(_) if policy.rights.replace => Way::Replace,
            There::Folder => return Err(page(409, Some("A folder has this name."))),
            There::File(_) => return Err(page(409, None)),
            There::Other => {
                return Err(page(409, Some("Something that is no file has this name.")));
            }
        };
        // Where it would not be done anyhow, its conditions are not asked for (RFC 9110 section 13.2.1).
        self.conditions.judge(there, now)?;
        Ok(way)
    }

    /// The reply once the file is there.
    pub fn saved(&self, way: Way) -> Reply {
        let mut place = b"/".to_vec();
        encode(self.path.to_string().as_bytes(), &mut place);
        let mut reply = match way {
            Way::New => text(201, &format!("saved {}\n", self.path)),
            Way::Replace => Reply::new(204),
        };
        reply.field("Location", String::from_utf8_lossy(&place));
        reply
    }
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
    let words = format!("A file of more than {} bytes is not taken.", policy.max_upload);
    page(413, Some(&words))
}

/// The reply with a line for a person at a terminal.
pub(super) fn text(status: u16, line: &str) -> Reply {
    let mut reply = Reply::new(status);
    reply.fields.extend_from_slice(
        b"Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n\
          Cache-Control: no-store\r\n",
    );
    reply.body = Content::Bytes(line.as_bytes().to_vec());
    reply
}

/// Why a method is not answered.
pub(super) fn why_not(policy: &Policy) -> Option<Why> {
    policy.rights.writes().then_some(RIGHTLESS)
}
