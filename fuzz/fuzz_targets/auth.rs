//! Whatever stands in a head or in a file of users: what is shown of a head holds nothing of the password that was
//! understood, is as long, and shows no more the second time; a hash is written as it was read, and no error
//! quotes a line.
#![no_main]

use framecat_proto::http::auth::{given, hide, only_reads, users};
use framecat_proto::http::plan::{Hosts, Policy, Rights};
use framecat_proto::http::{head, site};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut shown = bytes.to_vec();
    hide(&mut shown);
    assert_eq!(shown.len(), bytes.len());
    let ends = |bytes: &[u8]| bytes.iter().filter(|byte| b"\r\n".contains(byte)).count();
    assert_eq!(ends(&shown), ends(bytes), "no line is joined with another");
    let mut again = shown.clone();
    hide(&mut again);
    assert_eq!(again, shown);
    if let Ok(Some(request)) = head::request(bytes) {
        only_reads(&request);
        if let Some(credentials) = given(&request.fields) {
            assert!(credentials.as_bytes().starts_with(credentials.user()));
            assert!(credentials.as_bytes().ends_with(credentials.password()));
            let after = head::request(&shown).ok().flatten().expect("it is a head as before");
            assert!(given(&after.fields).is_none(), "what is shown lets nobody in");
        }
        let policy = Policy {
            hosts: Hosts::Any,
            secure: bytes.len() % 2 == 0,
            trace: false,
            hidden: false,
            precompressed: false,
            compress: false,
            sandbox: true,
            rights: Rights::UPLOAD,
            max_upload: 1,
            numbers: false,
        };
        if let Err(reply) = site::check(&request, &policy) {
            assert_eq!(reply.status, 403);
        }
    }
    match users(bytes) {
        Ok(users) => {
            for (name, hash) in users {
                assert!(!name.contains([':', '\n']));
                let again = hash.to_string().parse().expect("it is written as it is read");
                assert_eq!(hash, again);
            }
        }
        Err(wrong) => {
            assert!(wrong.line <= bytes.iter().filter(|byte| **byte == b'\n').count() + 1)
        }
    }
});
