//! Files that come by a form: each a part without a name, and all of them committed when all of the form
//! has come. Whatever happens before that leaves nothing.

use framecat_proto::http::form::{Became, Form, empty, refused, twice};
use framecat_proto::http::multipart::{Form as Parts, Next};
use framecat_proto::http::plan::because;
use framecat_proto::http::write::{Put, too_long};
use framecat_proto::http::{Fields, Reply, status};
use framecat_proto::path::SafePath;
use rustix::io::Errno;

use super::answer::failure;
use super::put::{along, chance, failed, judge, settle};
use super::receive::Sink;
use super::seats::Seat;
use super::server::Shared;
use super::verify::Verifier;
use crate::disk::Part;

/// The content of a form on its way to the disk.
#[derive(Debug)]
pub(super) struct Forming {
    form: Form,
    parts: Parts,
    verifier: Verifier,
    files: Vec<File>,
    /// So many forms hold their files open at once.
    seat: Option<Seat>,
}

#[derive(Debug)]
struct File {
    put: Put,
    part: Part,
    len: u64,
}

impl Forming {
    pub(super) fn new(form: Form) -> Forming {
        let parts = Parts::new(&form.boundary);
        let verifier = Verifier::new(form.expected);
        Forming { form, parts, verifier, files: Vec::new(), seat: None }
    }

    /// A file begins.
    fn file(&mut self, site: &Shared, name: &SafePath) -> Result<(), Reply> {
        let put = self.form.file(name, &site.policy)?;
        if self.files.iter().any(|file| file.put.path == put.path) {
            return Err(twice(name));
        }
        let way = along(site, &put.path)?;
        judge(site, &put, &way)?;
        let part = Part::unnamed(&way.near, chance()).map_err(|error| failed(&error))?;
        self.files.push(File { put, part, len: 0 });
        Ok(())
    }
}

impl Sink for Forming {
    fn begin(&mut self, site: &Shared) -> Result<(), Reply> {
        self.seat = Some(site.forms.take().ok_or_else(|| failure(Errno::NOMEM))?);
        // Any name will do: the folder is looked at, and its room.
        let path = match &self.form.folder {
            None => SafePath::new([&b"file"[..]]),
            Some(folder) => folder.below("file"),
        };
        let path = path.map_err(|error| status::page(400, Some(&format!("{error}."))))?;
        let way = along(site, &path)?;
        self.form.judge(way.is_there(), super::put::now())?;
        let room = way.near.room().map_err(|error| failed(&error))?;
        if self.form.size.is_some_and(|size| size > room) {
            return Err(status::page(507, None));
        }
        Ok(())
    }

    fn take(&mut self, site: &Shared, content: &[u8]) -> Result<(), Reply> {
        self.verifier.take(content);
        let mut at = 0;
        loop {
            match self.parts.next(content, &mut at).map_err(|refusal| refused(&refusal))? {
                Next::File(name) => self.file(site, &name)?,
                Next::Content(bytes) => {
                    let Some(file) = self.files.last_mut() else {
                        return Err(status::page(500, None));
                    };
                    if file.len + bytes.len() as u64 > site.policy.max_upload {
                        return Err(too_long(&site.policy));
                    }
                    file.part.write_at(bytes, file.len).map_err(|error| failed(&error))?;
                    file.len += bytes.len() as u64;
                }
                Next::FileEnd => {}
                Next::More | Next::End => return Ok(()),
            }
        }
    }

    fn finish(self: Box<Self>, site: &Shared, trailers: &Fields<'_>) -> Reply {
        let Forming { form, parts, verifier, files, seat } = *self;
        if let Err(refusal) = parts.finish() {
            return refused(&refusal);
        }
        if files.is_empty() {
            return empty();
        }
        if let Err(why) = verifier.whole(trailers) {
            return because(400, why);
        }
        // What would not be done is known before anything is.
        for file in &files {
            let judged = along(site, &file.put.path).and_then(|way| judge(site, &file.put, &way));
            if let Err(reply) = judged {
                return reply;
            }
        }
        let became: Vec<Became> = files
            .into_iter()
            .map(|File { put, part, .. }| match settle(site, &put, part) {
                Ok((_, place)) => Became::Saved(place),
                Err(reply) => Became::Refused(put.path, reply.status),
            })
            .collect();
        drop(seat);
        form.done(&became)
    }
}
