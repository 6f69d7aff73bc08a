//! Whatever a request says and whatever is found, the reply is one: its head parses, nothing of it is behind the
//! end of the file, and no byte of the file is sent twice.
#![no_main]

use framecat_proto::http::form::Became;
use framecat_proto::http::plan::{Hosts, Policy, Rights, needs, plan, refused};
use framecat_proto::http::resume::{self, UploadId};
use framecat_proto::http::write::{Deed, There, deed};
use framecat_proto::http::{Coding, Content, Facts, FileFacts, Length, Method, Reply, head};
use framecat_proto::path::SafePath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], u8, u64, i64, i64, &[u8])| {
    let (bytes, what, size, mtime, now, name) = input;
    let policy = Policy {
        hosts: Hosts::Only(vec!["a".into()]),
        secure: what & 1 != 0,
        trace: what & 2 != 0,
        hidden: what & 4 != 0,
        precompressed: what & 8 != 0,
        compress: what & 16 != 0,
        sandbox: what & 16 != 0,
        rights: [Rights::READ, Rights::FULL][usize::from(what & 128 != 0)],
        numbers: false,
        max_upload: 1 << 20,
    };
    let request = match head::request(bytes) {
        Ok(Some(request)) => request,
        Ok(None) => return,
        Err(refusal) => return check(&refused(&refusal, &policy, what & 32 != 0), Method::Get, 0),
    };
    let settled = what & 64 != 0;
    let file = FileFacts { size, mtime, mtime_nanos: 1, inode: 7, device: 1, settled };
    let all = [There::Nothing, There::File(file), There::Folder, There::Other];
    match deed(&request, &policy) {
        Ok(Some(Deed::Form(form))) => {
            for reply in
                [form.judge(true, now), form.judge(false, now)].into_iter().filter_map(Result::err)
            {
                check(&reply, request.method, 0);
            }
            let file = SafePath::new([name]).and_then(|name| {
                let put =
                    form.file(&name, &policy).map_err(|reply| check(&reply, request.method, 0));
                Ok(put.map(|put| put.path).unwrap_or(name))
            });
            if let Ok(path) = file {
                let became = [Became::Saved(path.clone()), Became::Refused(path, 409)];
                check(&form.done(&became[..1]), request.method, 0);
                check(&form.done(&became), request.method, 0);
            }
            return;
        }
        Ok(Some(Deed::Upload(upload))) => {
            check(&resume::begun(&upload.put.path, UploadId(size)), request.method, 0);
            assert!(upload.put.size.is_none_or(|size| size <= policy.max_upload));
            return;
        }
        Ok(Some(deed)) => {
            for there in &all {
                let reply = match &deed {
                    Deed::Put(put) => {
                        put.judge(there, &policy, now).map(|way| put.saved(way, &put.path))
                    }
                    Deed::Make(make) => make.judge(there, now).map(|()| make.made()),
                    Deed::Rename(rename) => {
                        assert!(!rename.from.bytes.is_empty() && !rename.from.ours);
                        let judged = rename.judge(there, &There::Nothing, now);
                        judged.map(|()| rename.renamed(there))
                    }
                    Deed::Delete(delete) => {
                        assert!(!delete.path.bytes.is_empty() && !delete.path.ours);
                        delete.judge(there, now).map(|()| delete.deleted())
                    }
                    Deed::Form(_) | Deed::Upload(_) => return,
                };
                check(&reply.unwrap_or_else(|reply| reply), request.method, 0);
            }
            return;
        }
        Ok(None) => {}
        Err(reply) => check(&reply, request.method, 0),
    }
    let needs = match needs(&request, &policy) {
        Ok(needs) => needs,
        Err(reply) => return check(&reply, request.method, 0),
    };
    let mut names = needs.path.bytes.split(|byte| *byte == b'/');
    assert!(needs.path.bytes.is_empty() || names.all(|n| !matches!(n, b"" | b"." | b"..")));
    assert!(!needs.path.bytes.contains(&0));
    let file =
        FileFacts { size, mtime, mtime_nanos: 1, inode: 7, device: 1, settled: what & 64 != 0 };
    let facts = match what >> 6 {
        0 => Facts::Missing,
        1 => Facts::Folder,
        _ => {
            let coded = needs.accepted.codings().map(|coding: Coding| (coding, file)).collect();
            Facts::File { name: name.into(), file, coded }
        }
    };
    let reply = plan(&request, &needs, &facts, &policy, now, "boundary");
    check(&reply, request.method, size);
});

fn check(reply: &Reply, method: Method<'_>, size: u64) {
    let mut bytes = Vec::new();
    head::put_status_line(reply.status, &mut bytes);
    bytes.extend_from_slice(&reply.fields);
    if let Some(length) = reply.body.length() {
        head::put_field("Content-Length", length.to_string().as_bytes(), &mut bytes);
    }
    bytes.extend_from_slice(b"\r\n");
    let read = head::response(&bytes, method).expect("a head").expect("a whole one");
    assert_eq!((read.status, read.len), (reply.status, bytes.len()));
    assert!(method == Method::Head || read.length != Length::Chunked);
    if let Content::File { parts, .. } = &reply.body {
        let sum: u128 = parts.iter().map(|part| u128::from(part.len)).sum();
        assert!(sum <= size.into());
        assert!(
            parts.iter().all(|part| part.from.checked_add(part.len).is_some_and(|end| end <= size))
        );
    }
}
