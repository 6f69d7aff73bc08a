//! Modbus/TCP: pymodbus, server and client.

use crate::run::{Run, Signal, have_python};
use crate::shown::shown;

const SERVER: &str = "
import asyncio
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import SimData, SimDevice, DataType
async def main():
    data = SimData(0, count=100, values=7, datatype=DataType.REGISTERS)
    server = ModbusTcpServer(SimDevice(1, simdata=[data]), address=('127.0.0.1', 0))
    await server.serve_forever(background=True)
    print(server.transport.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
";

const CLIENT: &str = "
import sys
from pymodbus.client import ModbusTcpClient
client = ModbusTcpClient('127.0.0.1', port=int(sys.argv[1]), retries=0, timeout=15)
client.connect()
print(client.read_holding_registers(10, count=3, device_id=1).registers)
client.close()
";

/// Transaction 1, unit 1: read three holding registers from 10 on, and three sevens for them.
const READ: &str = "000100000006010300 0a0003";
const SEVENS: &str = "00010000000901030600 0700070007";

#[test]
fn registers_are_read_through_a_relay_and_by_hand() {
    if !have_python(&["pymodbus"]) {
        return;
    }
    let mut server = Run::program("python3", &["-c", SERVER]).start();
    let to = format!(":{}", server.read_line());
    let relay = Run::new(&["relay", ":0", &to, "-f", "modbus", "--show=hex", "--once"]).start();
    let client = Run::program("python3", &["-c", CLIENT, &relay.port().to_string()]);
    client.run("").expect(0, "[7, 7, 7]\n");
    let finished = relay.finish();
    assert_eq!(finished.code, 0, "{finished}");
    let lengths: Vec<_> = shown(&finished.stderr).iter().map(|m| (m.mark, m.length)).collect();
    assert_eq!(lengths, [('<', 12), ('>', 15)], "{finished}");

    let (read, sevens) = (READ.replace(' ', ""), SEVENS.replace(' ', ""));
    let ask = ["ask", &to, "-f", "modbus", "--in", "hex", "--out", "hex", &read];
    Run::new(&ask).run("").expect(0, format!("{sevens}\n"));
    server.signal(Signal::KILL);
}

#[test]
fn a_client_is_answered_by_a_listener() {
    if !have_python(&["pymodbus"]) {
        return;
    }
    let mut listener =
        Run::new(&["listen", ":0", "-f", "modbus", "--in", "hex", "--out", "hex", "--once"])
            .start();
    let client = Run::program("python3", &["-c", CLIENT, &listener.port().to_string()]).start();
    let query = listener.read_line();
    assert_eq!(query[4..], READ.replace(' ', "")[4..], "any transaction, this query");
    listener.stdin_write(format!("{}{}\n", &query[..4], &SEVENS.replace(' ', "")[4..]));
    client.finish().expect(0, "[7, 7, 7]\n");
    assert_eq!(listener.finish().code, 0);
}
