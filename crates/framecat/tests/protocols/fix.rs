//! FIX: simplefix writes and reads what we echo and what we refuse.

use crate::run::{Run, Signal, have_python};

const PEER: &str = "
import socket, sys, simplefix
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
def message(kind, n, *more):
    m = simplefix.FixMessage()
    m.append_pair(8, 'FIX.4.4'); m.append_pair(35, kind); m.append_pair(49, 'TOM')
    m.append_pair(56, 'BANK'); m.append_pair(34, n)
    for tag, value in more: m.append_pair(tag, value)
    return m.encode()
sent = message('A', 1, (98, 0), (108, 30)) + message('D', 2, (55, 'CAT'), (58, 'x' * 3000)) + message('0', 3)
s.sendall(sent)
parser, got, bytes_got = simplefix.FixParser(), [], b''
while len(got) < 3:
    data = s.recv(4096)
    assert data, 'the end'
    bytes_got += data
    parser.append_buffer(data)
    while (m := parser.get_message()) is not None: got.append(m.get(35).decode())
assert bytes_got == sent
print(*got)
broken = bytearray(message('0', 4)); broken[-3] ^= 1
s.sendall(bytes(broken))
print(len(s.recv(4096)))
";

#[test]
fn simplefix_is_echoed_and_a_wrong_checksum_is_refused() {
    if !have_python(&["simplefix"]) {
        return;
    }
    let listener = Run::new(&["listen", ":0", "-f", "fix", "--echo"]).stdin_null().start();
    let peer = Run::program("python3", &["-c", PEER, &listener.port().to_string()]);
    peer.run("").expect(0, "A D 0\n0\n");
    listener.told("fix: message 4 at byte");
    listener.told("its checksum says");
    listener.signal(Signal::TERM);
    let finished = listener.wait();
    assert_eq!(finished.code, 9, "{finished}");
    assert_eq!(finished.text().lines().count(), 3, "{finished}");
}
