//! Files on their way in the clear, taken apart by a relay.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use crate::run::{Finished, Folder, Run};
use crate::shown::shown;

/// A receiver that was there already with some of it: see `crates/framecat-proto/tests/transfer/conversations.rs`.
const TALK: &str =
    include_str!("../../../framecat-proto/tests/framings/conversations/transfer-2.txt");

/// What one side said.
fn side(mark: &str) -> Vec<u8> {
    let lines = TALK.lines().filter_map(|line| line.strip_prefix(mark));
    let byte = |hex: &str, at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    lines.flat_map(|hex| (0..hex.len()).step_by(2).map(|at| byte(hex, at))).collect()
}

/// The conversation through a relay that shows it.
fn relayed(show: &str) -> Finished {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = server.local_addr().unwrap().to_string();
    let relay = Run::new(&["relay", ":0", &to, "-f", "transfer", show, "--once"]).start();
    let mut client = TcpStream::connect(("127.0.0.1", relay.port())).unwrap();
    let (sent, answered) = (side("> "), side("< "));
    client.write_all(&sent).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let (mut peer, _) = server.accept().unwrap();
    let mut came = Vec::new();
    peer.read_to_end(&mut came).unwrap();
    assert_eq!(came, sent, "byte for byte, heads too");
    peer.write_all(&answered).unwrap();
    drop(peer);
    let mut came = Vec::new();
    client.read_to_end(&mut came).unwrap();
    assert_eq!(came, answered);
    relay.finish()
}

#[test]
fn a_relay_tells_each_record_of_a_plain_transfer() {
    let finished = relayed("--show");
    assert_eq!(finished.code, 0, "{finished}");
    let all = shown(&finished.stderr);
    let said = |mark| all.iter().filter(|it| it.mark == mark).map(|it| it.text.as_str()).collect();
    let from_sender: Vec<&str> = said('<');
    assert_eq!(
        from_sender,
        [
            "version 1, the sender",
            "OFFER of files, pieces of 1024B, small to 100B",
            "ENTRIES notes/, notes/hello.txt 13B, notes/photo.png 2500B",
            "OFFER-END: 3 of 2513B",
            "DATA 2 from 1024: 700B",
            "DATA 2 from 1724: 324B",
            "FILE-END 2: 2500B, blake3 adfe2adfa587d1602ec44b67b3a60a9c75e9d2f2e141f1246ee514d4f4bd9d39",
            "BYE: 3 there, 0 missing, 1024B",
        ]
    );
    let from_receiver: Vec<&str> = said('>');
    assert_eq!(
        from_receiver,
        [
            "version 1, the receiver",
            "ACCEPT",
            "NEED 2[1..2]",
            "HAVE 1",
            "COMMITTED 0",
            "COMMITTED 2",
            "BYE: 3 there, 0 missing, 1024B",
        ]
    );
}

#[test]
fn a_relay_between_send_and_receive_tells_what_they_say() {
    let folder = Folder::new();
    let (from, to) = (folder.file("letter.txt"), folder.file("to"));
    std::fs::write(&from, "hello\n").unwrap();
    std::fs::create_dir(&to).unwrap();
    let receive = Run::new(&["receive", &to, "--plain", "--yes", "--listen", ":0"]).start();
    let behind = format!(":{}", receive.port());
    let relay = Run::new(&["relay", ":0", &behind, "-f", "transfer", "--show", "--once"]).start();
    let here = format!(":{}", relay.port());
    let send = Run::new(&["send", "--plain", &from, "--to", &here]).run("");
    assert_eq!((send.code, receive.finish().code), (0, 0), "{send}");
    let finished = relay.finish();
    assert_eq!(finished.code, 0, "{finished}");
    let mut said: Vec<_> =
        shown(&finished.stderr).into_iter().map(|it| format!("{} {}", it.mark, it.text)).collect();
    let want = [
        "< version 1, the sender",
        "> version 1, the receiver",
        "< OFFER of files, pieces of 1048576B, small to 65536B",
        "< ENTRIES letter.txt 6B",
        "< OFFER-END: 1 of 6B",
        "> ACCEPT",
        "> NEED 0",
        "< SMALL 0: 6B",
        "> COMMITTED 0",
        "< BYE: 1 there, 0 missing, 6B",
        "> BYE: 1 there, 0 missing, 6B",
    ];
    // The two directions are told beside each other.
    let mut want = want.map(String::from);
    said.sort();
    want.sort();
    assert_eq!(said, want, "{finished}");
    assert_eq!(std::fs::read(format!("{to}/letter.txt")).unwrap(), b"hello\n");
}

#[test]
fn other_forms_show_its_bytes() {
    let finished = relayed("--show=hex");
    let first = shown(&finished.stderr).swap_remove(0);
    assert_eq!((first.mark, first.text.as_str()), ('<', "6663015300000000"), "{finished}");
}

#[test]
fn what_is_no_record_is_shown_as_it_is_and_a_long_one_in_part() {
    // A record of names, 5,800 bytes in words, and one of a type that nobody knows.
    let mut names = vec![0x98, 200];
    for n in 0..200 {
        names.extend_from_slice(b"\xa4\x00\x81\x58\x18");
        names.extend_from_slice(format!("{n:024}").as_bytes());
        names.extend_from_slice(b"\x01\x01\x03\x00\x04\x00");
    }
    let mut records = b"\x02\0\0\0\0\0".to_vec();
    records.extend_from_slice(&(names.len() as u16).to_be_bytes());
    records.extend_from_slice(&names);
    records.extend_from_slice(b"\x7f\0\0\0\0\0\0\x04a\x1b\\b");
    let folder = Folder::new();
    std::fs::write(folder.file("records"), &records).unwrap();
    for (show, longest) in [("--show", 256 + "…".len()), ("--show=all", 8 + 200 * 27 - 2)] {
        let file = format!("file:{}", folder.file("records"));
        let finished =
            Run::new(&["connect", &file, "-f", "transfer", "--out", "hex", show]).run("");
        assert_eq!(finished.code, 0, "{finished}");
        let all = shown(&finished.stderr);
        assert_eq!(all.len(), 2, "{finished}");
        assert!(all[0].text.starts_with("ENTRIES 000000000000000000000000/, "), "{finished}");
        assert_eq!(all[0].text.len(), longest, "{finished}");
        assert_eq!(all[1].text, r"\x7f\0\0\0\0\0\0\x04a\x1b\\b", "{finished}");
    }
}
