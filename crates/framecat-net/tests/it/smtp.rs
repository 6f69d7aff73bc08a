//! A mail server of a few lines on a link whose rule changes: commands are lines, a mail is a block.
//! Its client is not ours: Python's smtplib.

use std::io::Write;
use std::process::{Command, Stdio};

use framecat_net::Link;
use framecat_net::listen;
use framecat_net::open::{Accepted, ListenOptions};
use framecat_proto::framing::Decoder;

use crate::sockets::{framing, within};

const CLIENT: &str = "
import smtplib, sys
with smtplib.SMTP('127.0.0.1', int(sys.argv[1]), local_hostname='test') as server:
    for body in ['Subject: one\\n\\n.dot\\n..two\\nend', 'Subject: two\\n\\n.\\n']:
        server.sendmail('a@example.com', ['b@example.com'], body)
print('sent')
";

#[tokio::test]
async fn a_mail_from_smtplib_is_one_message_between_its_commands() {
    let options = ListenOptions { lan: false, message_bytes: 1 << 20 };
    let mut listener = listen(&"tcp://:0".parse().unwrap(), &options).await.unwrap();
    let port = listener.endpoint().rsplit_once(':').unwrap().1.to_string();
    let started = Command::new("python3")
        .args(["-c", CLIENT, &port])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(client) = started else {
        let _ = writeln!(std::io::stderr(), "skipped: there is no python3 here");
        return;
    };
    let conn = loop {
        if let Accepted::Conn(conn) = within(listener.accept()).await.unwrap() {
            break conn;
        }
    };
    let Link { mut sender, mut receiver, .. } = Link::new(conn, &framing("crlf").into());
    receiver.one_by_one();
    let rule = |word: &str| Decoder::of(&framing(word), 1 << 20, None);
    sender.send(b"220 test").await.unwrap();
    let mut mails = Vec::new();
    while let Some(command) = within(receiver.recv()).await.unwrap() {
        let command = String::from_utf8(command).unwrap().to_ascii_uppercase();
        let answer = match command.split([' ', ':']).next().unwrap() {
            "DATA" => {
                sender.send(b"354 go on").await.unwrap();
                receiver.reframe(rule("dot"));
                mails.push(within(receiver.recv()).await.unwrap().unwrap());
                receiver.reframe(rule("crlf"));
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 yes",
        };
        sender.send(answer.as_bytes()).await.unwrap();
    }
    let output = client.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"sent\n", "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        mails,
        [b"Subject: one\r\n\r\n.dot\r\n..two\r\nend".as_slice(), b"Subject: two\r\n\r\n."]
    );
}
