//! Framings that count in digits or stuff their bytes, beside libraries that are not ours, in both
//! roles: what they write we read, and they read what we write.

mod run;

use std::fmt::Write as _;

use run::peer::{Peer, Random, tcp};
use run::{Finished, Run, have, have_python};

/// A Python peer. `pack` and `unpack` come before it; a message is a line in hex on its stdin.
///
/// `client PORT`: sends all messages in pieces, ends its direction, and what comes back must be the
/// same messages. `server`: tells its port, takes one connection, reads it to its end, prints its
/// messages, and sends them back in reverse.
const PEER: &str = r"
import socket, sys
def read_all(sock):
    data = b''
    while piece := sock.recv(1 << 16):
        data += piece
    return data
if sys.argv[1] == 'client':
    messages = [bytes.fromhex(line) for line in sys.stdin]
    sock = socket.create_connection(('127.0.0.1', int(sys.argv[2])))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = b''.join(pack(message) for message in messages)
    for at in range(0, len(data), 997):
        sock.sendall(data[at:at + 997])
    sock.shutdown(socket.SHUT_WR)
    got = unpack(read_all(sock))
    print('same' if got == messages else (got, messages))
else:
    listener = socket.create_server(('127.0.0.1', 0))
    print(listener.getsockname()[1], flush=True)
    sock = listener.accept()[0]
    got = unpack(read_all(sock))
    for message in got:
        print(message.hex())
    sock.sendall(b''.join(pack(message) for message in reversed(got)))
";

/// Messages with every byte, runs of the bytes that framings escape, and lengths around the block
/// of COBS.
fn messages(empty: bool) -> Vec<Vec<u8>> {
    let mut random = Random(4711);
    let mut messages: Vec<Vec<u8>> = vec![
        b"hello".into(),
        (0..=255).collect(),
        (0..=255).rev().collect(),
        b"\0".into(),
        b"\xc0".into(),
        b"\xdb\xdb\xdc\xdd\xc0\xc0\xdb".into(),
        b"~}~}^]}~\x10\x02\x03\x10\x10\x03".into(),
        b"12:hello,\n".into(),
        vec![0; 300],
        vec![b'x'; 253],
        vec![b'x'; 254],
        vec![b'x'; 255],
        [vec![b'x'; 254], vec![0]].concat(),
        [vec![b'x'; 508], vec![0, 0]].concat(),
        random.bytes(20_000),
    ];
    messages.extend((1..200).map(|_| {
        let n = 1 + random.below(60);
        random.bytes(n)
    }));
    if empty {
        messages.insert(3, vec![]);
        messages.push(vec![]);
    }
    messages
}

fn lines<'a>(messages: impl IntoIterator<Item = &'a Vec<u8>>) -> String {
    let mut text = String::new();
    for message in messages {
        message.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text.push('\n');
    }
    text
}

/// Holds a conversation with a library in each role.
fn beside(rule: &str, codec: &str, messages: &[Vec<u8>]) {
    let program = format!("{codec}{PEER}");
    let all = lines(messages);

    let listener = Run::new(&["listen", ":0", "-f", rule, "--echo", "--out", "hex", "--once"]);
    let listener = listener.stdin_null().start();
    let port = listener.port().to_string();
    let client = Run::program("python3", &["-c", &program, "client", &port]).run(all.clone());
    client.expect(0, "same\n");
    listener.wait().expect(0, &all);

    let mut server = Run::program("python3", &["-c", &program, "server"]).start();
    let port = format!(":{}", server.read_line());
    let client = Run::new(&["connect", &port, "-f", rule, "--in", "hex", "--out", "hex"]);
    client.run(all.clone()).expect(0, lines(messages.iter().rev()));
    let served = server.finish();
    assert_eq!(served.code, 0, "{served}");
    let (_, heard) =
        served.text().split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert_eq!(heard, all, "{rule}");
}

#[test]
fn netstrings_are_those_of_pynetstring() {
    if have_python(&["pynetstring"]) {
        let codec = "
import pynetstring
pack = pynetstring.encode
def unpack(data):
    decoder = pynetstring.Decoder()
    got = decoder.feed(data)
    assert not decoder.pending()
    return got
";
        beside("netstring", codec, &messages(true));
    }
}

#[test]
fn a_netstring_that_lies_ends_with_seven_and_says_where() {
    for (bytes, told) in [
        (
            "5:hello,05:hello,",
            "message 2 at byte 8 (30 35 3a 68 65 6c 6c 6f 2c): its length begins with a zero",
        ),
        ("99999999999:", "the message has 99999999999 bytes, more than 16777216 bytes"),
        ("3:hello,", "its 3 bytes are not followed by a comma"),
        ("5:hel", "the stream ended inside a message: 5 bytes came, 8 were due"),
    ] {
        broken("netstring", bytes, told);
    }
}

#[test]
fn slip_is_that_of_sliplib() {
    if have_python(&["sliplib"]) {
        for leading in ["False", "True"] {
            let codec = format!(
                "
import sliplib
sliplib.config.USE_LEADING_END_BYTE = {leading}
def pack(message):
    return sliplib.Driver().send(message)
def unpack(data):
    driver, got = sliplib.Driver(), []
    driver.receive(data)
    while message := driver.get(block=False):
        got.append(message)
    return got
"
            );
            beside("slip", &codec, &messages(false));
        }
    }
}

#[test]
fn a_lone_escape_ends_with_seven_or_is_passed_over() {
    let bytes = b"\xc0one\xc0\xc0t\xdbwo\xc0\xc0three\xc0";
    let told = "message 2 at byte 6 (74 db 77 6f c0 c0 74 68 72 65 65 c0): \
                its db is followed by 77, which is neither dc nor dd";
    broken("slip", bytes, told);
    passed_over("slip,resync", bytes, told, "one\nthree\n");
}

#[test]
fn cobs_is_that_of_python() {
    if have_python(&["cobs"]) {
        let codec = r"
from cobs import cobs
def pack(message):
    return cobs.encode(message) + b'\0'
def unpack(data):
    *messages, rest = data.split(b'\0')
    assert rest == b''
    return [cobs.decode(message) for message in messages]
";
        beside("cobs", codec, &messages(true));
    }
}

#[test]
fn a_zero_inside_a_block_ends_with_seven_or_is_passed_over() {
    let bytes = b"\x04one\x00\x09two\x00\x06three\x00";
    let told = "message 2 at byte 5 (09 74 77 6f 00 06 74 68 72 65 65 00): \
                its code 09 says 8 bytes, and the zero comes after 3";
    broken("cobs", bytes, told);
    passed_over("cobs,resync", bytes, told, "one\nthree\n");
}

#[test]
fn hdlc_is_that_of_yahdlc() {
    if have_python(&["yahdlc"]) {
        // It puts address and control in front: ff, and 10 for data with number 0. They are the
        // message's first bytes here. It holds 512 bytes.
        let codec = r"
import yahdlc
def pack(message):
    assert message[:2] == b'\xff\x10'
    return yahdlc.frame_data(message[2:], yahdlc.FRAME_DATA, 0)
def unpack(data):
    got = []
    for frame in data.split(b'~'):
        if frame:
            payload, kind, number = yahdlc.get_data(b'~' + frame + b'~')
            assert (kind, number) == (yahdlc.FRAME_DATA, 0)
            got.append(b'\xff\x10' + payload)
    return got
";
        let mut messages = messages(false);
        messages.retain(|message| message.len() <= 510);
        messages.iter_mut().for_each(|message| *message = [b"\xff\x10", &**message].concat());
        beside("hdlc", codec, &messages);
    }
}

#[test]
fn a_wrong_check_sequence_ends_with_seven_or_is_passed_over() {
    let bytes = b"~one\xa8B~~twxH\x03~~three\x8e\x91~";
    let told = "its check sequence is 48 03, its bytes make 76 67";
    broken("hdlc", bytes, told);
    passed_over("hdlc,resync", bytes, told, "one\nthree\n");
}

#[test]
fn stx_and_its_doubled_form_are_those_of_a_peer_in_python() {
    if have("python3") {
        let plain = r"
def pack(message):
    return b'\x02' + message + b'\x03'
def unpack(data):
    *frames, rest = data.split(b'\x03')
    assert rest == b'' and all(frame[:1] == b'\x02' for frame in frames)
    return [frame[1:] for frame in frames]
";
        let mut without = messages(true);
        without.iter_mut().for_each(|message| message.retain(|byte| !matches!(byte, 2 | 3)));
        beside("stx", plain, &without);
        let doubled = r"
import re
def pack(message):
    return b'\x10\x02' + message.replace(b'\x10', b'\x10\x10') + b'\x10\x03'
def unpack(data):
    frame = re.compile(rb'\x10\x02((?:[^\x10]|\x10\x10)*)\x10\x03', re.DOTALL)
    assert frame.sub(b'', data) == b''
    return [payload.replace(b'\x10\x10', b'\x10') for payload in frame.findall(data)]
";
        beside("stx,dle", doubled, &messages(true));
    }
}

#[test]
fn what_is_not_between_stx_and_etx_ends_with_seven_or_is_passed_over() {
    let bytes = b"\x02one\x03\r\n\x02three\x03";
    let told = "message 2 at byte 5 (0d 0a 02 74 68 72 65 65 03): \
                the byte 0d stands where the 02 of a message is due";
    broken("stx", bytes, told);
    passed_over("stx,resync", bytes, told, "one\nthree\n");
    broken("stx,dle", b"\x10\x02a\x10b", "its 10 is followed by 62, which is neither 10 nor 03");
}

/// A peer sends these bytes and ends: the rest is printed, what is broken is told, and makes the exit
/// code 9.
fn passed_over(rule: &str, bytes: impl AsRef<[u8]>, told: &str, printed: &str) {
    let finished = from_peer(rule, bytes);
    assert!(finished.stderr.contains(told), "{told}\n{finished}");
    finished.expect(9, printed);
}

/// A peer sends these bytes and ends: what is told of them, with exit code 7.
fn broken(rule: &str, bytes: impl AsRef<[u8]>, told: &str) {
    let finished = from_peer(rule, bytes);
    assert_eq!(finished.code, 7, "{finished}");
    assert!(finished.stderr.contains(told), "{told}\n{finished}");
}

fn from_peer(rule: &str, bytes: impl AsRef<[u8]>) -> Finished {
    let (listener, port) = tcp();
    let client = Run::new(&["connect", &format!(":{port}"), "-f", rule]).stdin_null().start();
    let mut peer = Peer::accept(&listener);
    peer.send(bytes);
    peer.end();
    client.wait()
}
