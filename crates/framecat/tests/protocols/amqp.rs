//! AMQP 0-9-1: pamqp writes frames that we echo, and reads them again.

use crate::run::{Run, Signal, have_python};

const PEER: &str = "
import socket, sys
from pamqp import body, commands, frame, header, heartbeat
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
content = header.ContentHeader(0, 3000, commands.Basic.Properties(content_type='text/plain'))
frames = [
    (header.ProtocolHeader(0, 9, 1), 0),
    (commands.Queue.Declare(queue='cats'), 1),
    (commands.Basic.Publish(exchange='', routing_key='cats'), 1),
    (content, 1),
    (body.ContentBody(b'\\xce' * 3000), 1),
    (heartbeat.Heartbeat(), 0),
]
sent = b''.join(frame.marshal(f, channel) for f, channel in frames)
s.sendall(sent); s.shutdown(socket.SHUT_WR)
got = b''
while data := s.recv(4096): got += data
assert got == sent, (len(got), len(sent))
while got:
    used, channel, f = frame.unmarshal(got)
    print(channel, f.name)
    got = got[used:]
";

#[test]
fn the_frames_of_pamqp_are_messages() {
    if !have_python(&["pamqp"]) {
        return;
    }
    let listener = Run::new(&["listen", ":0", "-f", "amqp", "--echo"]).stdin_null().start();
    let peer = Run::program("python3", &["-c", PEER, &listener.port().to_string()]);
    let frames = "0 ProtocolHeader\n1 Queue.Declare\n1 Basic.Publish\n1 ContentHeader\n1 ContentBody\n0 Heartbeat\n";
    peer.run("").expect(0, frames);
    listener.signal(Signal::TERM);
    let finished = listener.wait();
    assert_eq!(finished.code, 0, "{finished}");
    assert_eq!(finished.text().lines().count(), 6, "{finished}");
}
