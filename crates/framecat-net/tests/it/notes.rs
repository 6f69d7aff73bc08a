//! The notes' programs on this library (`examples/`) against the notes' own in Python.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const ANSWER: &str = "收到你的消息";
const PATIENCE: Duration = Duration::from_secs(60);

/// The program of that name. A run of this test alone does not build it, so it is built here.
fn example(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--examples", "--manifest-path"]);
        build.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
        assert!(build.status().unwrap().success(), "the examples do not build");
    });
    let deps = std::env::current_exe().unwrap();
    deps.parent().unwrap().parent().unwrap().join("examples").join(name)
}

fn python() -> Option<&'static str> {
    let runs = Command::new("python3").arg("--version").output().is_ok_and(|o| o.status.success());
    if !runs {
        let _ = writeln!(std::io::stderr(), "skipped: there is no python3 here");
    }
    runs.then_some("python3")
}

fn script(name: &str) -> Command {
    let notes = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../framecat/tests/notes");
    let mut command = Command::new("python3");
    command.arg("-u").arg(notes.join(name)).env("PYTHONIOENCODING", "utf-8");
    command
}

/// A process that is killed if the test ends before it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(command: &mut Command, port: &str) -> (Running, BufReader<ChildStdout>) {
        Running::start_at(command, "127.0.0.1", port)
    }

    fn start_at(
        command: &mut Command,
        place: &str,
        port: &str,
    ) -> (Running, BufReader<ChildStdout>) {
        let piped = command.args([place, port]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        (Running(child), stdout)
    }

    fn say(&mut self, text: &str) {
        self.0.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn ends_well(&mut self) {
        let began = Instant::now();
        loop {
            match self.0.try_wait().unwrap() {
                Some(status) => return assert!(status.success(), "{status}"),
                None => assert!(began.elapsed() < PATIENCE, "it hangs"),
            }
            std::thread::yield_now();
        }
    }
}

fn line(from: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    line.trim_end().to_string()
}

fn port(told: &str) -> String {
    told.rsplit(':').next().unwrap().to_string()
}

/// One message and one answer, whoever is in Python.
fn talk(server: &mut Command, client: &mut Command, server_port: &str, answered: &str) {
    let (mut server, mut served) = Running::start(server, server_port);
    let told = if server_port == "0" { port(&line(&mut served)) } else { server_port.into() };
    let (mut client, mut answers) = Running::start(client, &told);
    // The notes' UDP client ends with an empty line.
    client.say("hello\n\n");
    let heard = line(&mut served);
    assert!(heard.starts_with("Receive from ") && heard.ends_with(" : hello"), "{heard:?}");
    let answer = line(&mut answers);
    assert!(answer.ends_with(answered), "{answer:?}");
    client.ends_well();
    server.ends_well();
}

#[test]
fn the_notes_tcp_client_is_answered_by_the_library() {
    if python().is_some() {
        talk(&mut Command::new(example("tcp_server")), &mut script("tcp_client.py"), "0", ANSWER);
    }
}

#[test]
fn the_notes_tcp_server_answers_the_library() {
    if python().is_some() {
        talk(&mut script("tcp_server.py"), &mut Command::new(example("tcp_client")), "0", ANSWER);
    }
}

#[test]
fn the_notes_udp_client_is_answered_by_the_library() {
    if python().is_some() {
        talk(&mut Command::new(example("udp_server")), &mut script("udp_client.py"), "0", ANSWER);
    }
}

/// The notes' UDP server tells no port, so a free one is taken and the client asks until it is there.
#[test]
fn the_notes_udp_server_answers_the_library() {
    if python().is_none() {
        return;
    }
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let (mut server, mut served) = Running::start(&mut script("udp_server.py"), &port);
    let began = Instant::now();
    loop {
        // Refused by ICMP while nobody has bound the port.
        let (mut client, mut answers) =
            Running::start(&mut Command::new(example("udp_client")), &port);
        client.say("hello\n");
        let answer = line(&mut answers);
        if answer.ends_with(ANSWER) {
            client.ends_well();
            break;
        }
        assert!(answer.is_empty(), "{answer:?}");
        assert!(began.elapsed() < PATIENCE, "the server never answers");
    }
    assert!(line(&mut served).ends_with(" : hello"));
    server.ends_well();
}

#[test]
fn the_programs_of_the_library_talk_to_each_other() {
    for (server, client) in [("tcp_server", "tcp_client"), ("udp_server", "udp_client")] {
        let (mut server, mut client) =
            (Command::new(example(server)), Command::new(example(client)));
        talk(&mut server, &mut client, "0", ANSWER);
    }
}

#[test]
fn the_notes_broadcast_sender_is_answered_by_the_library() {
    if python().is_none() {
        return;
    }
    let mut receiver = Command::new(example("broadcast_recv"));
    let (_receiver, mut heard) = Running::start_at(&mut receiver, "lo", "0");
    let at = port(&line(&mut heard));
    let mut sender = script("broadcast_send.py");
    let (mut sender, mut answers) = Running::start_at(&mut sender, "127.255.255.255", &at);
    sender.say("hello\n\n");
    let heard = line(&mut heard);
    assert!(heard.starts_with("Receive from 127.0.0.1:") && heard.ends_with(" : hello"), "{heard}");
    assert!(line(&mut answers).ends_with(ANSWER));
    sender.ends_well();
}

#[test]
fn the_notes_broadcast_receivers_answer_the_library() {
    if python().is_none() {
        return;
    }
    // Two on one port: the second on the one that the first was given.
    let (mut first, mut one) = Running::start_at(&mut script("broadcast_recv.py"), "", "0");
    let at = line(&mut one).trim_start_matches("bound : ").to_string();
    let (mut second, mut other) = Running::start_at(&mut script("broadcast_recv.py"), "", &at);
    line(&mut other);
    let mut sender = Command::new(example("broadcast_send"));
    let (mut sender, mut answers) = Running::start_at(&mut sender, "lo", &at);
    sender.say("hello\n");
    for heard in [&mut one, &mut other] {
        assert!(line(heard).ends_with(" : hello"));
        // Both answer from the port that they share.
        let answer = line(&mut answers);
        assert_eq!(answer, format!("127.0.0.1:{at} : {ANSWER}"));
    }
    sender.ends_well();
    first.ends_well();
    second.ends_well();
}

#[test]
fn three_quick_messages_stick_without_a_framing_and_do_not_with_one() {
    let shown = Command::new(example("sticky")).output().unwrap();
    assert!(shown.status.success());
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown, "raw: onetwothree\nlen:u32be: one\nlen:u32be: two\nlen:u32be: three\n");
}

#[test]
fn a_browser_is_shown_what_it_sends_and_keeps_its_connection() {
    let Some(python) = python() else { return };
    let (_server, mut served) = Running::start(&mut Command::new(example("http_test")), "0");
    let told = port(&line(&mut served));
    let client = format!(
        "import http.client; c = http.client.HTTPConnection('127.0.0.1', {told})\n\
         for n in range(3):\n\
        \x20 c.request('POST', '/page', b'body'); print(c.getresponse().read().decode()[:21])"
    );
    let asked = Command::new(python).args(["-c", &client]).output().unwrap();
    let lines = String::from_utf8(asked.stdout).unwrap();
    assert_eq!(lines.matches("POST /page HTTP/1.1").count(), 3, "{lines}");
    assert_eq!(line(&mut served), "POST /page HTTP/1.1");
}

#[test]
fn a_folder_is_served_by_the_library() {
    if python().is_none() {
        return;
    }
    let folder = std::env::temp_dir().join(format!("framecat-notes-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("a.txt"), "hello").unwrap();
    let mut server = Command::new(example("http_server"));
    let (_server, mut told) = Running::start(server.arg(&folder), "0");
    let url = line(&mut told) + "/a.txt";
    let script = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())";
    let read = Command::new("python3").args(["-c", script, &url]).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), "hello", "{read:?}");
}

/// The homework: a text and a picture, from who listens to who dials and the other way round.
#[test]
fn a_text_and_a_picture_go_either_way() {
    let folder = std::env::temp_dir().join(format!("framecat-homework-{}", std::process::id()));
    let (from, into) = (folder.join("from"), folder.join("into"));
    std::fs::create_dir_all(&from).unwrap();
    let text = "hello 你好\r\n".as_bytes().to_vec();
    let picture =
        [&b"\x89PNG\r\n\x1a\n"[..], &(0..=255).cycle().take(1 << 20).collect::<Vec<u8>>()];
    let files = [("letter.txt", text), ("picture.png", picture.concat())];
    for (name, bytes) in &files {
        std::fs::write(from.join(name), bytes).unwrap();
    }
    let program = |name| {
        let mut command = Command::new(example(name));
        command.env("FRAMECAT_CODE", "417-blaze-otter-quilt");
        command
    };
    let sent = files.each_ref().map(|(name, _)| from.join(name));
    for sender_listens in [false, true] {
        std::fs::create_dir(&into).unwrap();
        let (mut send, mut receive) = (program("file_send"), program("file_receive"));
        let words = if sender_listens { ["at", "from"] } else { ["to", "at"] };
        let (send, receive) = (send.arg(words[0]), receive.arg(words[1]));
        // Who listens is started first, and tells where.
        let mut ended = Vec::new();
        let start = |command: &mut Command, place: &str, is_sender: bool| {
            command.arg(place).stdout(Stdio::piped());
            let command = if is_sender { command.args(&sent) } else { command.arg(&into) };
            let mut child = command.spawn().unwrap();
            let stdout = BufReader::new(child.stdout.take().unwrap());
            (Running(child), stdout)
        };
        let (first, second) = if sender_listens { (send, receive) } else { (receive, send) };
        let (mut waits, mut waited) = start(first, "127.0.0.1:0", sender_listens);
        let place = line(&mut waited);
        let (mut dials, dialled) = start(second, &place, !sender_listens);
        for said in [waited, dialled] {
            ended.extend(said.lines().map(Result::unwrap));
        }
        dials.ends_well();
        waits.ends_well();
        assert_eq!(ended.iter().filter(|line| *line == "Done").count(), 2, "{ended:?}");
        for (name, bytes) in &files {
            assert_eq!(&std::fs::read(into.join(name)).unwrap(), bytes, "{name}: {ended:?}");
        }
        std::fs::remove_dir_all(&into).unwrap();
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
