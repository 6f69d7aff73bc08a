//! Files that come by a form: each a part without a name, and all of them committed when all of the form
//! has come. Whatever happens before that leaves nothing.

use std::net::IpAddr;

use framecat_proto::http::form::{Became, Form, about, empty, is_too_long, refused, twice};
use framecat_proto::http::multipart::{Form as Parts, Next};
use framecat_proto::http::plan::because;
use framecat_proto::http::write::{Put, too_long};
use framecat_proto::http::{Fields, Reply, status};
use framecat_proto::path::SafePath;
use rustix::io::Errno;

use super::answer::failure;
use super::places::{Came, Place};
use super::put::{along, chance, failed, judge, settle_in_turn, sync};
use super::receive::Sink;
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
    /// So many forms hold their files open at once, and so many of one address.
    source: Option<IpAddr>,
    place: Option<Place>,
    /// What there was room for at first.
    room: u64,
    /// How much came.
    len: u64,
}

#[derive(Debug)]
struct File {
    put: Put,
    part: Part,
    len: u64,
}

impl Forming {
    pub(super) fn new(form: Form, source: Option<IpAddr>) -> Forming {
        let parts = Parts::new(&form.boundary);
        let verifier = Verifier::new(form.expected);
        Forming { form, parts, verifier, files: Vec::new(), source, place: None, room: 0, len: 0 }
    }

    /// A file begins.
    fn file(&mut self, site: &Shared, name: &SafePath) -> Result<(), Reply> {
        let put = self.form.file(name, &site.policy)?;
        let is_there = |file: &File| file.put.path == put.path;
        if !site.policy.numbers && self.files.iter().any(is_there) {
            return Err(twice(name));
        }
        let way = along(site, &put.path)?;
        judge(site, &put, &way).map_err(|reply| about(&put.path, reply))?;
        let part = Part::unnamed(&way.near, chance()).map_err(|error| failed(&error))?;
        self.files.push(File { put, part, len: 0 });
        Ok(())
    }
}

impl Sink for Forming {
    fn begin(&mut self, site: &Shared) -> Result<(), Reply> {
        let Came::In(place) = site.forms.take(self.source) else {
            return Err(failure(Errno::NOMEM));
        };
        self.place = Some(place);
        // Any name will do: the folder is looked at, and its room.
        let path = match &self.form.folder {
            None => SafePath::new([&b"file"[..]]),
            Some(folder) => folder.below("file"),
        };
        let path = path.map_err(|error| status::page(400, Some(&format!("{error}."))))?;
        let way = along(site, &path)?;
        self.form.judge(way.is_there(), super::put::now())?;
        self.room = way.near.room().map_err(|error| failed(&error))?;
        if self.form.size.is_some_and(|size| size > self.room) {
            return Err(status::page(507, None));
        }
        Ok(())
    }

    fn due(&mut self, site: &Shared, len: u64) -> Result<(), Reply> {
        // What chunks tell, before it comes.
        if is_too_long(self.len.saturating_add(len), &site.policy) {
            return Err(too_long(&site.policy));
        }
        if len > self.room { Err(status::page(507, None)) } else { Ok(()) }
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
                    self.len += bytes.len() as u64;
                    if self.len > site.policy.max_upload {
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
        let Forming { form, parts, verifier, files, place, .. } = *self;
        if let Err(refusal) = parts.finish() {
            return refused(&refusal);
        }
        if files.is_empty() {
            return empty();
        }
        if let Err(why) = verifier.whole(trailers) {
            return because(400, why);
        }
        if let Some(reply) = files.iter().find_map(|file| sync(site, &file.part).err()) {
            return reply;
        }
        // What would not be done is known before anything is, and nobody who asks us comes between.
        let turn = site.turn();
        for File { put, .. } in &files {
            let judged = match along(site, &put.path) {
                Ok(way) => judge(site, put, &way).map_err(|reply| about(&put.path, reply)),
                Err(reply) => Err(reply),
            };
            if let Err(reply) = judged {
                return reply;
            }
        }
        let mut became = Vec::with_capacity(files.len());
        let mut refused = false;
        for File { put, mut part, .. } in files {
            became.push(match refused {
                true => Became::Left(put.path),
                false => match settle_in_turn(site, &put, &mut part) {
                    Ok((_, place)) => Became::Saved(place),
                    // Nothing has been done.
                    Err(reply) if became.is_empty() => return reply,
                    Err(reply) => {
                        refused = true;
                        Became::Refused(put.path, reply.status)
                    }
                },
            });
        }
        drop(turn);
        drop(place);
        form.done(&became)
    }
}
