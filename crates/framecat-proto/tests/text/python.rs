//! The forms read by programs that are not ours: python3's json, base64 and bytes.

use std::process::{Command, Stdio};
use std::thread;

use framecat_proto::text::Form;

use crate::{FILE, read, written};

fn messages() -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = (0..=255u8).map(|byte| vec![byte, b'n', byte]).collect();
    messages.extend(
        (0..0x3000).step_by(7).filter_map(char::from_u32).map(|c| format!("\\{c}\"").into_bytes()),
    );
    messages.extend([vec![], (0..=255).collect(), "😀\u{202e}\n".into(), b"caf\xc3".to_vec()]);
    messages
}

/// What a python3 program prints, given `input`; `None`, said on stderr, if there is no python3.
#[allow(clippy::print_stderr)]
fn python(program: &str, input: Vec<u8>) -> Option<Vec<u8>> {
    let spawned = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: python3 is not installed");
            return None;
        }
        Err(error) => panic!("python3: {error}"),
    };
    let mut stdin = child.stdin.take().expect("piped");
    let writing = thread::spawn(move || std::io::Write::write_all(&mut stdin, &input));
    let output = child.wait_with_output().expect("python3 ends");
    writing.join().expect("no panic").expect("python3 reads its input");
    assert!(output.status.success(), "python3 failed");
    Some(output.stdout)
}

/// Python reads each form and prints a line of hex a message; and writes each form, which we read.
const READERS: [(Form, &str); 3] = [
    (
        Form::Jsonl,
        "import sys, json, base64
for line in sys.stdin.buffer:
    m = json.loads(line)
    b = base64.b64decode(m['base64'], validate=True) if 'base64' in m else m['text'].encode()
    assert m['event'] == 'message' and m['length'] == len(b)
    print(b.hex())",
    ),
    (
        Form::Hex,
        "import sys\nfor line in sys.stdin.buffer: print(bytes.fromhex(line.decode()).hex())",
    ),
    (
        Form::Quoted,
        r"import sys, re
NAMED = {b'\\': b'\\', b'n': b'\n', b'r': b'\r', b't': b'\t', b'0': b'\0'}
def byte(m): return bytes([int(m[1][1:], 16)]) if m[1][:1] == b'x' else NAMED[m[1]]
for line in sys.stdin.buffer:
    line.decode()
    print(re.sub(rb'\\(x[0-9a-f]{2}|.)', byte, line[:-1]).hex())",
    ),
];

const WRITERS: [(Form, &str); 3] = [
    (
        Form::Jsonl,
        "import sys, json, base64
for line in sys.stdin:
    b = bytes.fromhex(line)
    try: m = {'text': b.decode()}
    except UnicodeDecodeError: m = {'base64': base64.b64encode(b).decode()}
    print(json.dumps(m))",
    ),
    (Form::Hex, "import sys\nfor line in sys.stdin: print(bytes.fromhex(line).hex(' ').upper())"),
    (
        Form::Quoted,
        r"import sys
for line in sys.stdin: print(''.join('\\x%02X' % b for b in bytes.fromhex(line)))",
    ),
];

#[test]
fn python_reads_what_we_write() {
    let messages = messages();
    for (form, program) in READERS {
        let Some(hex) = python(program, written(&form, FILE, &messages)) else { return };
        assert_eq!(read(&Form::Hex, &hex).unwrap(), messages, "{form}");
    }
}

#[test]
fn we_read_what_python_writes() {
    let messages = messages();
    for (form, program) in WRITERS {
        let Some(text) = python(program, written(&Form::Hex, FILE, &messages)) else { return };
        assert_eq!(read(&form, &text).unwrap(), messages, "{form}");
    }
}
