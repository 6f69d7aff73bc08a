//! The group **program**: what the notes teach beside sockets: the command line, texts from
//! templates, and the homework, a file over TCP.
//!
//! One fn a law, that of the file in `program/transfer.rs`. `program/judge.rs` concludes,
//! `program/told.rs` tells.

use std::io::{self, BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use framecat_proto::message::Context;
use framecat_proto::template::Template;
use framecat_proto::words::split_text;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::evidence::{Evidence, Scene, quoted};
use crate::lang::Text;
use crate::watch::{self, missing};

mod judge;
#[cfg(test)]
mod tests;
mod told;
mod transfer;

pub(crate) use told::{ARGV, FILE_TRANSFER, FORMAT};

/// The longest that one call waits. Never reached unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(5);

/// A command line with every kind of item. cat prints the list that it was started with; the other
/// items are no files, and it complains where nobody hears it.
const LINE: &str = "cat /proc/self/cmdline 127.0.0.1 8888 'two words' and\" two \"more ''";

/// What the notes' program says when it was given too little.
const USAGE: &str = "usage: argv.py HOST PORT";

/// Law `argv`: the command line is a list of strings; the shell splits it, not the kernel.
fn argv() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    seen.set("line", LINE);
    // No shell: execve hands over the list as it is. This comes first: a shell that finds no cat, or a
    // cat that finds no list, tells nobody here.
    watch::open("/proc/self/cmdline")?;
    let unsplit = ["/proc/self/cmdline", "127.0.0.1 8888"];
    seen.set("by_kernel", list_that_arrives(Command::new("cat").args(unsplit))?);

    seen.set("by_shell", list_that_arrives(Command::new("sh").args(["-c", LINE]))?);
    let by_rule = split_text(LINE).map_err(io::Error::other)?;
    seen.set("by_rule", by_rule);

    // The notes' program: HOST and PORT from the list, and an address bound with them.
    let bound = |line: &str| -> io::Result<String> {
        let words = split_text(line).map_err(io::Error::other)?;
        Ok(match host_and_port(&words) {
            Ok((host, port)) => TcpListener::bind((host, port))?.local_addr()?.to_string(),
            Err(usage) => usage,
        })
    };
    seen.set("good_line", "argv.py 127.0.0.1 0");
    seen.set("good", bound("argv.py 127.0.0.1 0")?);
    seen.set("short_line", "argv.py 127.0.0.1");
    seen.set("short", bound("argv.py 127.0.0.1")?);
    seen.set("word_line", "argv.py 127.0.0.1 http");
    seen.set("word", bound("argv.py 127.0.0.1 http")?);
    Ok(seen)
}

/// Starts a cat that prints its own list, and gives the list as it arrived there.
fn list_that_arrives(command: &mut Command) -> io::Result<Vec<String>> {
    let output = command
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(Stdio::piped())
        .output();
    let output =
        output.map_err(|error| missing(&command.get_program().to_string_lossy(), &error))?;
    // Each string ends with a zero byte, proc_pid_cmdline(5).
    let text = String::from_utf8_lossy(&output.stdout);
    let list = text.strip_suffix('\0').unwrap_or(&text);
    Ok(list.split('\0').map(String::from).collect())
}

/// Item 1 is the host, item 2 the port; item 0 is the program.
fn host_and_port(argv: &[String]) -> Result<(&str, u16), String> {
    let [_, host, port, ..] = argv else {
        return Err(USAGE.into());
    };
    // "8888" is a string of four characters until it is made a number.
    let port = port.parse().map_err(|_| format!("{USAGE}: `{port}` is no port"))?;
    Ok((host, port))
}

/// A template, and a message that it makes a text of.
struct Case {
    figure: &'static str,
    template: &'static str,
    message: &'static str,
}

/// The notes' three, and two that the notes have not.
static CASES: &[Case] = &[
    Case { figure: "in_order", template: "{} is a {}", message: "TOm boy" },
    Case { figure: "by_index", template: "{1} is a {0}", message: "TOm boy" },
    Case { figure: "by_name", template: "{b} is a {a}", message: "a=TOm b=boy" },
    Case { figure: "quoted", template: "{} is a {}", message: "'TOm Sawyer' boy" },
    Case { figure: "too_few", template: "{} is a {}", message: "TOm" },
];

/// Law `format`: a template makes a text from the words of a message.
fn format() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let mut scene = Scene::new("format", &[]);
    scene.left = Text::new("CLIENT", "客户端");
    scene.right = Text::new("SERVER", "服务端");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    client.set_read_timeout(Some(PATIENCE))?;
    server.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(&server);

    for case in CASES {
        let question = format!("{}\n", case.message);
        let sent = send(&client, question.as_bytes(), SendFlags::NOSIGNAL)?;
        scene.left(format!("send({}) = {sent}", quoted(question.as_bytes())), Vec::new());

        let mut line = String::new();
        lines.read_line(&mut line)?;
        let template = Template::parse(case.template).map_err(io::Error::other)?;
        let mut text = Vec::new();
        let message = line.trim_end_matches('\n').as_bytes();
        let answer = match template.render(message, &Context::at(0), 1, 0, &mut text) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(missing) => format!("error: {missing}"),
        };
        let sent = send(&server, answer.as_bytes(), SendFlags::NOSIGNAL)?;
        scene.right(
            format!("{}: send({}) = {sent}", case.template, quoted(answer.as_bytes())),
            Vec::new(),
        );

        // One answer is on its way at a time, and a short one comes in one piece on loopback; even
        // so the end is known by the count.
        let mut arrived = Vec::new();
        let mut buffer = [0; 256];
        while arrived.len() < sent {
            let (taken, _) = recv(&client, &mut buffer[..], RecvFlags::empty())?;
            if taken == 0 {
                break;
            }
            arrived.extend_from_slice(&buffer[..taken]);
        }
        seen.set(case.figure, String::from_utf8_lossy(&arrived).into_owned());
    }
    seen.set("cases", CASES.len());
    seen.scenes.push(scene);
    Ok(seen)
}
