//! A peer that is not ours: Python's `struct` and `int.to_bytes` write what we read, and read what
//! we write, over the pipes of a real process.

use std::io::Write;
use std::process::{Command, Stdio};

use framecat_proto::Framing;
use framecat_proto::limits::MESSAGE_BYTES;

use crate::laws::{decode, encode};

/// Runs a Python program with `input` on its stdin and gives its stdout; `None` without Python.
fn python(program: &str, rule: &str, input: &[u8]) -> Option<Vec<u8>> {
    let child = Command::new("python3")
        .args(["-c", program, rule])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let _ = writeln!(std::io::stderr(), "skipped: python3 is not installed");
            return None;
        }
        Err(error) => panic!("python3: {error}"),
    };
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "python3 failed for {rule}");
    Some(output.stdout)
}

/// The payloads that both sides know: of 1,000 bytes and less, so that every width but u8 holds
/// them, and of 200 at most for u8.
const PAYLOADS: &str = "
import struct, sys
rule = sys.argv[1]
payloads = [b'', b'hello', bytes(range(200)), b'\\n\\0\\xff', b'x' * (200 if 'u8' in rule else 1000)]
def head(n, t=0):
    if rule == 'struct': return struct.pack('!QI', t, n)
    if rule == 'len:u24be': return n.to_bytes(3, 'big')
    if rule == 'len:u24le': return n.to_bytes(3, 'little')
    if rule == 'len:u16be@2,counts=total,magic=03': return struct.pack('>BxH', 3, n + 4)
    if rule == 'len:u32le,counts=self': return struct.pack('<I', n + 4)
    order = '<' if rule.endswith('le') else '>'
    letter = {'u8': 'B', 'u16': 'H', 'u32': 'I', 'u64': 'Q'}[rule[4:].rstrip('bel')]
    return struct.pack(order + letter, n)
";

const PACK: &str = "
for i, payload in enumerate(payloads):
    sys.stdout.buffer.write(head(len(payload), 1700000000000000000 + i) + payload)
";

const UNPACK: &str = "
data = sys.stdin.buffer.read()
for i, payload in enumerate(payloads):
    want = head(len(payload), 1700000000000000000 + i) + payload
    assert data.startswith(want), (i, data[:40], want[:40])
    data = data[len(want):]
assert data == b'', data[:40]
print('same')
";

#[test]
fn python_reads_what_we_write_and_writes_what_we_read() {
    for rule in [
        "struct",
        "len:u8",
        "len:u16be",
        "len:u16le",
        "len:u24be",
        "len:u24le",
        "len:u32be",
        "len:u32le",
        "len:u64be",
        "len:u64le",
        "len:u16be@2,counts=total,magic=03",
        "len:u32le,counts=self",
    ] {
        let framing: Framing = rule.parse().unwrap();
        let Some(packed) = python(&[PAYLOADS, PACK].concat(), rule, b"") else { return };
        let got = decode(&framing, MESSAGE_BYTES, packed.chunks(7));
        assert_eq!((got.messages.len(), got.faults, got.cut), (5, vec![], None), "{rule}");
        assert_eq!(got.messages[1].0, b"hello", "{rule}");
        assert_eq!(got.messages[2].0, (0..200).collect::<Vec<u8>>(), "{rule}");
        if rule == "struct" {
            assert_eq!(got.messages[4].1, Some(1_700_000_000_000_000_004));
        }
        let (bytes, _) = encode(&framing, MESSAGE_BYTES, &got.messages);
        assert_eq!(bytes, packed, "{rule}: the same bytes");
        let said = python(&[PAYLOADS, UNPACK].concat(), rule, &bytes).unwrap();
        assert_eq!(said, b"same\n", "{rule}");
    }
}

const JSON_WRITE: &str = "
import json, sys
values = [{'a': [1, -2.5e300, None]}, [], 'h\\u00e9\\n\\U0001f600', True, 12, '', {}]
ascii = sys.argv[1] != 'ndjson'
texts = [json.dumps(value, ensure_ascii=ascii, indent=(2 if ascii else None)) for value in values]
if sys.argv[1] == 'ndjson': data = ''.join(text + '\\r\\n' for text in texts)
elif sys.argv[1] == 'json-seq': data = ''.join('\\x1e' + text + '\\n' for text in texts)
else: data = ''.join(texts[:4]) + ' ' + ''.join(texts[4:])
sys.stdout.buffer.write(data.encode())
";

const JSON_READ: &str = "
import json, sys
values = [{'a': [1, -2.5e300, None]}, [], 'h\\u00e9\\n\\U0001f600', True, 12, '', {}]
data = sys.stdin.buffer.read().decode()
if sys.argv[1] == 'ndjson': got = [json.loads(line) for line in data.split('\\n')[:-1]]
elif sys.argv[1] == 'json-seq': got = [json.loads(text) for text in data.split('\\x1e')[1:]]
else:
    got, at = [], 0
    while at < len(data):
        value, at = json.JSONDecoder().raw_decode(data, at)
        got.append(value)
        at += len(data[at:]) - len(data[at:].lstrip())
assert got == values, got
print('same')
";

#[test]
fn python_and_we_agree_where_a_json_value_ends() {
    for rule in ["json", "ndjson", "json-seq"] {
        let framing: Framing = rule.parse().unwrap();
        let Some(theirs) = python(JSON_WRITE, rule, b"") else { return };
        let got = decode(&framing, MESSAGE_BYTES, theirs.chunks(3));
        assert_eq!((got.messages.len(), got.faults, got.cut), (7, vec![], None), "{rule}");
        let (bytes, accepted) = encode(&framing, MESSAGE_BYTES, &got.messages);
        assert_eq!(accepted, [true; 7], "{rule}");
        assert_eq!(python(JSON_READ, rule, &bytes).unwrap(), b"same\n", "{rule}");
    }
}

const DOT: &str = "
import smtplib, sys
bodies = [b'hello', b'.', b'a\\r\\n.b\\r\\n..c', b'\\r\\n.', b'x' * 5000 + b'\\r\\n.y']
quoted = b''.join(smtplib._quote_periods(body) + b'\\r\\n.\\r\\n' for body in bodies)
if sys.argv[1] == 'write': sys.stdout.buffer.write(quoted)
else:
    assert sys.stdin.buffer.read() == quoted
    print('same')
";

#[test]
fn dots_are_doubled_as_smtplib_doubles_them() {
    let dot: Framing = "dot".parse().unwrap();
    let Some(theirs) = python(DOT, "write", b"") else { return };
    let got = decode(&dot, MESSAGE_BYTES, theirs.chunks(3));
    assert_eq!((got.messages.len(), got.faults, got.cut), (5, vec![], None));
    assert_eq!(got.messages[2].0, b"a\r\n.b\r\n..c");
    let (bytes, _) = encode(&dot, MESSAGE_BYTES, &got.messages);
    assert_eq!(python(DOT, "read", &bytes).unwrap(), b"same\n");
}
