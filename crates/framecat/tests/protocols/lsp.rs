//! The framing `lsp` beside a real language server, pylsp, and beside the library that it is made of.

use std::os::fd::OwnedFd;

use crate::run::peer::tcp;
use crate::run::{Run, Running, Signal, have, have_python};

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#;
const OPEN: &str = r#"{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///t.py","languageId":"python","version":1,"text":"def hällo():\n    pass\n"}}}"#;
const SYMBOLS: &str = r#"{"jsonrpc":"2.0","id":2,"method":"textDocument/documentSymbol","params":{"textDocument":{"uri":"file:///t.py"}}}"#;
const SHUTDOWN: &str = r#"{"jsonrpc":"2.0","id":3,"method":"shutdown"}"#;
const EXIT: &str = r#"{"jsonrpc":"2.0","method":"exit"}"#;

/// The answer to request `id`. Between answers the server says what it thinks of the file.
fn answer(client: &mut Running, id: u64) -> serde_json::Value {
    loop {
        let message: serde_json::Value =
            serde_json::from_str(&client.read_line()).expect("a message is JSON");
        assert_eq!(message["jsonrpc"], "2.0");
        if message["id"] == id {
            return message["result"].clone();
        }
    }
}

/// Opens a file at the server, asks what is in it, and has the server leave.
fn converse(client: &mut Running) {
    client.stdin_write(format!("{INITIALIZE}\n"));
    assert_eq!(answer(client, 1)["serverInfo"]["name"], "pylsp");
    client.stdin_write(format!("{INITIALIZED}\n{OPEN}\n{SYMBOLS}\n"));
    assert_eq!(answer(client, 2)[0]["name"], "hällo");
    client.stdin_write(format!("{SHUTDOWN}\n"));
    assert!(answer(client, 3).is_null());
    client.stdin_write(format!("{EXIT}\n"));
}

#[test]
fn a_language_server_is_spoken_to_a_message_a_line() {
    if !have("pylsp") {
        return;
    }
    // Its stdin and stdout are the connection, so there is no port that it would have to tell.
    let (listener, port) = tcp();
    let args = ["connect", &format!(":{port}"), "-f", "lsp", "--in", "line", "--out", "line"];
    let mut client = Run::new(&args).start();
    let socket = OwnedFd::from(listener.accept().expect("it dials").0);
    let again = socket.try_clone().expect("there are descriptors");
    let server = Run::program("pylsp", &[]).stdin(socket).stdout(again).start();
    converse(&mut client);
    assert_eq!(server.wait().code, 0);
    assert_eq!(client.finish().code, 0);
}

#[test]
fn a_language_server_is_started_and_spoken_to() {
    if !have("pylsp") {
        return;
    }
    let form = ["-f", "lsp", "--in", "line", "--out", "line"];
    let mut client = Run::new(&[&["connect", "exec:pylsp"], &form[..]].concat()).start();
    converse(&mut client);
    assert_eq!(client.finish().code, 0);
    // An editor that wants a port, and sees what is said.
    let relay = Run::new(&["relay", ":0", "exec:pylsp", "-f", "lsp", "--show", "--once"]).start();
    let mut client = Run::new(&[&["connect", &relay.endpoint()], &form[..]].concat()).start();
    converse(&mut client);
    assert_eq!(client.finish().code, 0);
    let relayed = relay.wait();
    assert_eq!(relayed.code, 0, "{relayed}");
    assert!(relayed.stderr.contains("\"method\":\"shutdown\""), "{relayed}");
}

/// Writes and reads as pylsp does, with a Content-Type in each header.
const CLIENT: &str = "
import socket, sys, threading
from pylsp_jsonrpc.streams import JsonRpcStreamReader, JsonRpcStreamWriter
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
writer = JsonRpcStreamWriter(s.makefile('wb'))
sent = [{'jsonrpc': '2.0', 'id': i, 'params': 'h\\u00e9' * i} for i in range(50)]
got = []
def take(message):
    got.append(message)
    if len(got) == len(sent): s.shutdown(socket.SHUT_RDWR)
reader = JsonRpcStreamReader(s.makefile('rb'))
for message in sent: writer.write(message)
reader.listen(take)
assert got == sent, got
print('same')
";

#[test]
fn a_client_library_is_answered_and_its_headers_understood() {
    if !have_python(&["pylsp_jsonrpc"]) {
        return;
    }
    let mut listener =
        Run::new(&["listen", ":0", "-f", "lsp", "--echo", "--out", "line"]).stdin_null().start();
    let client = Run::program("python3", &["-c", CLIENT, &listener.port().to_string()]).run("");
    client.expect(0, "same\n");
    for i in 0..50 {
        let message: serde_json::Value = serde_json::from_str(&listener.read_line()).unwrap();
        assert_eq!(message["id"], i);
    }
    listener.signal(Signal::TERM);
    listener.wait();
}
