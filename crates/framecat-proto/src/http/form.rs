//! Files that come by a form: what a POST of multipart/form-data wants, and what is answered once they are there.
//!
//! Where the bytes of such a form are parted is [`multipart`](super::multipart)'s; each file is then
//! [put](super::write::Put) as if it had come alone.

use super::accept::wants_html;
use super::conditional::{Conditions, State, holds};
use super::multipart::Boundary;
use super::path::{Path, encode};
use super::plan::{Policy, because};
use super::repr_digest::Expected;
use super::status::page;
use super::write::{LENGTHLESS, Put, safe, text, too_long};
use super::{Length, Refusal, Reply, Request, Seconds};
use crate::limits::HTTP_FORM_OTHER_BYTES;
use crate::path::SafePath;

/// The files of a form are to be in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The folder; `None` is the root.
    pub folder: Option<SafePath>,
    /// A slash stands behind its name, so it may be made where it is not there.
    pub makes: bool,
    /// What separates the parts.
    pub boundary: Boundary,
    /// How long the form is, where that is told before it comes.
    pub size: Option<u64>,
    /// The form was sent by a person's browser, which is led back to the folder.
    pub browser: bool,
    /// What must hold of the folder.
    pub conditions: Conditions,
    /// What the form must hash to.
    pub expected: Expected,
}

/// What became of a file of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Became {
    /// It is there, under this name.
    Saved(SafePath),
    /// It is not, for this status.
    Refused(SafePath, u16),
    /// It is not, for one before it is not.
    Left(SafePath),
}

impl Form {
    /// What a POST to the folder at `path` wants.
    ///
    /// # Errors
    /// The reply to what is no form, or one that cannot be read.
    pub(super) fn of(request: &Request<'_>, path: &Path, policy: &Policy) -> Result<Form, Reply> {
        let kind = request.fields.only("content-type").unwrap_or_default();
        let boundary = Boundary::of(kind).map_err(|(status, why)| because(status, why))?;
        let size = match request.length {
            Length::None => return Err(because(411, LENGTHLESS)),
            Length::Bytes(size) => Some(size),
            _ => None,
        };
        if size.is_some_and(|size| is_too_long(size, policy)) {
            return Err(too_long(policy));
        }
        let folder = match path.bytes.as_slice() {
            b"" => None,
            bytes => Some(safe(bytes)?),
        };
        let expected = Expected::of(&request.fields).map_err(|why| because(400, why))?;
        let browser = wants_html(&request.fields);
        let conditions = Conditions::of(&request.fields);
        Ok(Form { folder, makes: path.folder, boundary, size, browser, conditions, expected })
    }

    /// Whether it is done, where the folder `is_there` or not.
    ///
    /// # Errors
    /// The reply where it is not.
    pub fn judge(&self, is_there: bool, now: Seconds) -> Result<(), Reply> {
        if !is_there && !self.makes {
            let words = "There is no such folder. With a slash behind its name it is made.";
            return Err(page(409, Some(words)));
        }
        let state = if is_there { State::Unknown } else { State::Missing };
        if holds(&self.conditions.fields(), state, now) { Ok(()) } else { Err(page(412, None)) }
    }

    /// The file `name` of the form, as if it came alone.
    ///
    /// # Errors
    /// The reply where its path is none, or it would be hidden here.
    pub fn file(&self, name: &SafePath, policy: &Policy) -> Result<Put, Reply> {
        let path = match &self.folder {
            None => Ok(name.clone()),
            Some(folder) => folder.below(name.name()),
        };
        let path = path.map_err(|error| page(400, Some(&format!("{error}."))))?;
        if name.is_hidden() && !policy.hidden {
            let words = format!("`{name}` begins with a dot, and such names are not taken here.");
            return Err(page(400, Some(&words)));
        }
        Ok(Put {
            path,
            size: None,
            conditions: Conditions::default(),
            expected: Expected::default(),
        })
    }

    /// The reply once all is done.
    pub fn done(&self, files: &[Became]) -> Reply {
        let refused = files.iter().find_map(|file| match file {
            Became::Refused(_, status) => Some(*status),
            Became::Saved(_) | Became::Left(_) => None,
        });
        if self.browser && refused.is_none() {
            let mut reply = Reply::new(303);
            let mut place = b"/".to_vec();
            if let Some(folder) = &self.folder {
                encode(folder.to_string().as_bytes(), &mut place);
                place.push(b'/');
            }
            // Where the page says so.
            place.extend_from_slice(b"#saved");
            reply.field("Location", String::from_utf8_lossy(&place));
            return reply;
        }
        let lines: String = files
            .iter()
            .map(|file| match file {
                Became::Saved(path) => format!("saved {path}\n"),
                Became::Refused(path, status) => {
                    format!("not saved {path}: {}\n", reason(*status))
                }
                Became::Left(path) => format!("not saved {path}: one before it was not\n"),
            })
            .collect();
        text(refused.unwrap_or(201), &lines)
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        409 => "its name was taken meanwhile",
        507 => "the disk is full",
        _ => "it could not be written",
    }
}

/// The reply to what is no form after all.
pub fn refused(refusal: &Refusal) -> Reply {
    let Refusal { status, at, rule, section } = refusal;
    page(*status, Some(&format!("Octet {at} of the content: {rule} ({section}).")))
}

/// The reply to a form that has no file in it.
pub fn empty() -> Reply {
    page(400, Some("The form has no file: a part is one if it has a file name."))
}

/// The reply to a form with two files of one name.
pub fn twice(name: &SafePath) -> Reply {
    page(409, Some(&format!("The form has two files `{name}`: none of its files was saved.")))
}

/// Whether a form of so many bytes holds more in its files than is taken, whatever else is in it.
pub fn is_too_long(size: u64, policy: &Policy) -> bool {
    size > policy.max_upload.saturating_add(HTTP_FORM_OTHER_BYTES as u64)
}

/// The same reply to a form whose file `path` it is about: what is taken is named, for there may be many.
pub fn about(path: &SafePath, reply: Reply) -> Reply {
    match reply.status {
        409 => page(
            409,
            Some(&format!("`{path}` is there already: none of the form's files was saved.")),
        ),
        _ => reply,
    }
}
