//! HL7 over MLLP: Python's hl7, server and client.

use crate::run::{Run, Signal, have_python};
use crate::shown::shown;

const SERVER: &str = "
import asyncio
from hl7.mllp import start_hl7_server
async def talk(reader, writer):
    try:
        while True:
            message = await reader.readmessage()
            writer.writemessage(message.create_ack())
            await writer.drain()
    except asyncio.IncompleteReadError:
        writer.close()
async def main():
    server = await start_hl7_server(talk, host='127.0.0.1', port=0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
";

const CLIENT: &str = r"
import asyncio, sys, hl7
from hl7.mllp import open_hl7_connection
async def main():
    reader, writer = await open_hl7_connection('127.0.0.1', int(sys.argv[1]))
    for n in range(2):
        text = f'MSH|^~\\&|CAT|HOUSE|DOG|YARD|20261125130000||ADT^A01|{n}|P|2.3\rPID|1||7||Tom^Boy\r'
        writer.writemessage(hl7.parse(text))
        await writer.drain()
        print((await reader.readmessage()).segment('MSA')[1])
    writer.close()
asyncio.run(main())
";

const ADMIT: &str = "MSH|^~\\\\&|CAT|HOUSE|DOG|YARD|20261125130000||ADT^A01|1|P|2.3\\rPID|1||7\\r";

#[test]
fn messages_are_acknowledged_through_a_relay_and_by_hand() {
    if !have_python(&["hl7"]) {
        return;
    }
    let mut server = Run::program("python3", &["-c", SERVER]).start();
    let to = format!(":{}", server.read_line());
    let relay = Run::new(&["relay", ":0", &to, "-f", "mllp", "--show", "--once"]).start();
    let client = Run::program("python3", &["-c", CLIENT, &relay.port().to_string()]);
    client.run("").expect(0, "AA\nAA\n");
    let finished = relay.finish();
    assert_eq!(finished.code, 0, "{finished}");
    let told = shown(&finished.stderr);
    assert_eq!(told.iter().map(|m| m.mark).collect::<String>(), "<><>", "{finished}");
    assert!(told.iter().all(|m| m.text.starts_with("MSH|")), "{finished}");

    let asked = Run::new(&["ask", &to, "-f", "mllp", ADMIT]).run("");
    assert_eq!(asked.code, 0, "{asked}");
    assert!(asked.text().contains(r"\rMSA|AA|1"), "{asked}");
    server.signal(Signal::KILL);
}

#[test]
fn a_client_is_acknowledged_by_a_template() {
    if !have_python(&["hl7"]) {
        return;
    }
    let reply = "MSH|^~\\&|DOG|YARD|CAT|HOUSE|||ACK|1|P|2.3\rMSA|AA|1\r";
    let listener =
        Run::new(&["listen", ":0", "-f", "mllp", "--reply", reply, "--count", "2"]).start();
    let client = Run::program("python3", &["-c", CLIENT, &listener.port().to_string()]);
    client.run("").expect(0, "AA\nAA\n");
    let finished = listener.finish();
    assert_eq!(finished.code, 0, "{finished}");
    assert_eq!(finished.text().lines().count(), 2, "{finished}");
}
