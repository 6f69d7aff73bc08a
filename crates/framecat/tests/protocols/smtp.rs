//! The block of `dot` beside a real mail server: aiosmtpd.

use crate::run::{Run, have_python};

/// A server that prints its port, and then each mail that it took.
const SERVER: &str = "
import asyncio
from aiosmtpd.smtp import SMTP
class Box:
    async def handle_DATA(self, server, session, envelope):
        print(envelope.content, flush=True)
        return '250 taken'
async def main():
    make = lambda: SMTP(Box(), hostname='test')
    server = await asyncio.get_running_loop().create_server(make, '127.0.0.1', 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
";

#[test]
fn a_mail_server_ends_the_mail_where_we_ended_it() {
    if !have_python(&["aiosmtpd"]) {
        return;
    }
    let mut server = Run::program("python3", &["-c", SERVER]).stdin_null().start();
    let endpoint = format!(":{}", server.read_line());
    // The commands before a mail are lines, and none begins with a dot: they may lead its block.
    let mail = r"HELO me\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nSubject: dots\r\n\r\n.one\r\n..two\r\n.\r\n\r\nend";
    let args = [
        "connect",
        &endpoint,
        "-f",
        "crlf",
        "--send-frame",
        "dot",
        "--in",
        "quoted",
        "--out",
        "line",
    ];
    let sent = Run::new(&args).run(format!("{mail}\n"));
    assert_eq!(sent.code, 0, "{sent}");
    assert!(sent.text().contains("354 End data with <CR><LF>.<CR><LF>\n250 taken\n"), "{sent}");
    let want = r"b'Subject: dots\r\n\r\n.one\r\n..two\r\n.\r\n\r\nend\r\n'";
    assert_eq!(server.read_line(), want);
    // What could smuggle a second mail in never leaves.
    for smuggled in [r"a\n.\nb", r"a\r.\rb", r"a\r\n.\nb"] {
        let refused = Run::new(&args).run(format!("{smuggled}\n"));
        assert_eq!(refused.code, 9, "{refused}");
        assert!(refused.stderr.contains("stands alone at its byte"), "{refused}");
    }
}
