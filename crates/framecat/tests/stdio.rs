//! Stdin and stdout as pipe, file, socket, terminal and device: the bytes are exact, and what is
//! shared with other programs is left as it was.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::thread;

use rustix::fs::{OFlags, fcntl_getfl};

mod run;

use run::sockets::Server;
use run::terminal::Terminal;
use run::{Folder, Run, Running, have};

/// Every byte there is, in an order that no text has.
fn binary(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 167 + n / 251) as u8).collect()
}

/// framecat connected to a peer that sends all back, its end included.
fn echoing(run: impl FnOnce(&str) -> Run) -> Running {
    let server = Server::new();
    let running = run(&server.address()).start();
    let peer = server.accept();
    thread::spawn(move || {
        let mut stream = peer.stream();
        let mut from = stream.try_clone().unwrap();
        std::io::copy(&mut from, &mut stream).unwrap();
        peer.finish();
    });
    running
}

fn nonblocking(fd: impl AsFd) -> bool {
    fcntl_getfl(fd).unwrap().contains(OFlags::NONBLOCK)
}

#[test]
fn a_hundred_megabytes_through_pipes_are_the_same() {
    let much = binary(100 << 20);
    let mut client = echoing(|address| Run::new(&["connect", address]));
    let sent = much.clone();
    let mut stdin = client.take_stdin();
    let writing = thread::spawn(move || stdin.write_all(&sent).unwrap());
    let finished = client.wait();
    writing.join().unwrap();
    assert_eq!((finished.code, finished.stderr.as_str()), (0, ""));
    assert!(finished.stdout == much);
}

#[test]
fn files_are_the_same_and_appending_appends() {
    let folder = Folder::new();
    let data = binary(3 << 20);
    std::fs::write(folder.file("in"), &data).unwrap();
    std::fs::write(folder.file("out"), "before;").unwrap();
    for _ in 0..2 {
        let stdin = File::open(folder.file("in")).unwrap();
        let stdout = OpenOptions::new().append(true).open(folder.file("out")).unwrap();
        let client = echoing(|address| Run::new(&["connect", address]).stdin(stdin).stdout(stdout));
        client.wait().expect(0, "");
    }
    let expected = [b"before;", &data[..], &data[..]].concat();
    assert!(std::fs::read(folder.file("out")).unwrap() == expected);
}

#[test]
fn a_file_is_read_from_where_it_stands_and_left_where_it_ends() {
    use std::io::{Seek, SeekFrom};
    let folder = Folder::new();
    std::fs::write(folder.file("in"), "skipped;read").unwrap();
    let mut stdin = File::open(folder.file("in")).unwrap();
    stdin.seek(SeekFrom::Start(8)).unwrap();
    let ours = stdin.try_clone().unwrap();
    let client = echoing(|address| Run::new(&["connect", address]).stdin(ours));
    client.wait().expect(0, "read");
    assert_eq!(stdin.stream_position().unwrap(), 12);
}

#[test]
fn a_file_that_stdout_truncated_is_written_from_its_position() {
    let folder = Folder::new();
    // The second program goes on where the first one stopped, as in `(a; b) > file`.
    let file = File::create(folder.file("out")).unwrap();
    for text in ["one", "two"] {
        let stdout = file.try_clone().unwrap();
        let mut client = echoing(|address| Run::new(&["connect", address]).stdout(stdout));
        client.stdin_write(text);
        client.finish().expect(0, "");
    }
    assert_eq!(std::fs::read(folder.file("out")).unwrap(), b"onetwo");
}

#[test]
fn one_socket_can_be_stdin_and_stdout() {
    for rule in ["raw", "line"] {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let stdin = OwnedFd::from(theirs.try_clone().unwrap());
        let stdout = OwnedFd::from(theirs.try_clone().unwrap());
        let client = echoing(|address| {
            let run = Run::new(&["connect", address, "-f", rule]);
            run.stdin(Stdio::from(stdin)).stdout(Stdio::from(stdout))
        });
        // Each byte but the line feed, then ended lines.
        let data: Vec<u8> = binary(1 << 20)
            .chunks(60)
            .flat_map(|line| {
                let mut line: Vec<u8> =
                    line.iter().copied().filter(|byte| *byte != b'\n').collect();
                line.push(b'\n');
                line
            })
            .collect();
        let (mut writer, mut reader) = (ours.try_clone().unwrap(), ours);
        let sent = data.clone();
        let writing = thread::spawn(move || {
            writer.write_all(&sent).unwrap();
            writer.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut got = vec![0; data.len()];
        reader.set_read_timeout(Some(run::PATIENCE)).unwrap();
        reader.read_exact(&mut got).unwrap();
        writing.join().unwrap();
        assert!(got == data, "{rule}");
        client.wait().expect(0, "");
        // Others hold the socket still, and it blocks as it did.
        assert!(!nonblocking(&theirs), "{rule}");
    }
}

#[test]
fn a_terminal_is_given_what_came_and_keeps_its_mode() {
    let mut terminal = Terminal::new();
    let shared = terminal.end();
    let (stdin, stdout) = (shared.try_clone().unwrap(), shared.try_clone().unwrap());
    let client = echoing(|address| Run::new(&["connect", address]).stdin(stdin).stdout(stdout));
    terminal.types("typed\n");
    // As typed, and as it came back.
    assert_eq!(terminal.shows("typed\r\n"), "typed\r\n");
    assert_eq!(terminal.shows("typed\r\n"), "typed\r\n");
    assert!(!nonblocking(&shared));
    terminal.types("\x04");
    client.wait().expect(0, "");
    assert!(!nonblocking(&shared));
}

#[test]
fn pipes_keep_their_mode_while_it_runs_and_after() {
    for rule in ["raw", "line"] {
        let (stdin, mut feeds) = std::io::pipe().unwrap();
        let (mut hears, stdout) = std::io::pipe().unwrap();
        let (kept_in, kept_out) = (stdin.try_clone().unwrap(), stdout.try_clone().unwrap());
        let client = echoing(|address| {
            Run::new(&["connect", address, "-f", rule]).stdin(stdin).stdout(stdout)
        });
        feeds.write_all(b"line\n").unwrap();
        let mut line = [0; 5];
        hears.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"line\n");
        assert!(!nonblocking(&kept_in) && !nonblocking(&kept_out), "{rule}");
        drop((feeds, kept_in));
        client.wait().expect(0, "");
        assert!(!nonblocking(&kept_out), "{rule}");
    }
}

#[test]
fn devices_are_an_end_and_a_drain() {
    let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
    let client = echoing(|address| Run::new(&["connect", address]).stdin_null().stdout(null));
    client.wait().expect(0, "");
    // More comes from /dev/zero than was asked for: the first message is enough.
    let zero = File::open("/dev/zero").unwrap();
    let client = echoing(|address| {
        let args = [
            "connect", address, "-f", "fixed:8", "--in", "fixed:8", "--out", "hex", "--count", "1",
        ];
        Run::new(&args).stdin(zero)
    });
    client.wait().expect(0, "0000000000000000\n");
}

#[test]
fn a_pipe_that_cannot_be_opened_anew_is_read_all_the_same() {
    use std::os::unix::fs::PermissionsExt;
    // Opening a pipe through /proc asks for its permissions, which it loses here. Nothing is
    // forbidden to root, so there another user runs the program.
    let root = rustix::process::getuid().is_root();
    if root && !have("setpriv") {
        return;
    }
    let run = |address: &str| match root {
        true => Run::shell(&format!(
            "exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$(command -v framecat)\" connect {address}"
        )),
        false => Run::new(&["connect", address]),
    };
    let (stdin, mut feeds) = std::io::pipe().unwrap();
    let (mut hears, stdout) = std::io::pipe().unwrap();
    for pipe in [stdin.as_fd(), stdout.as_fd()] {
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&pipe));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
    }
    let client = echoing(|address| run(address).stdin(stdin).stdout(stdout));
    let data = binary(1 << 20);
    let sent = data.clone();
    let writing = thread::spawn(move || feeds.write_all(&sent).unwrap());
    let mut got = Vec::new();
    hears.read_to_end(&mut got).unwrap();
    writing.join().unwrap();
    assert!(got == data);
    client.wait().expect(0, "");
}

#[test]
fn a_directory_as_stdin_is_told() {
    let folder = Folder::new();
    let client = echoing(|address| {
        Run::new(&["connect", address]).stdin(File::open(folder.path()).unwrap())
    });
    let finished = client.wait();
    assert_eq!(finished.code, 1, "{finished}");
    assert!(finished.stderr.contains("receive from stdin: is a directory"), "{finished}");
}

#[test]
fn a_stdin_that_is_open_for_writing_alone_is_told() {
    let folder = Folder::new();
    let server = Server::new();
    let stdin = File::create(folder.file("written")).unwrap();
    let client = Run::new(&["connect", &server.address()]).stdin(stdin).start();
    // It ends without the peer, who would have heard nothing for ever.
    let peer = server.accept();
    let finished = client.wait();
    assert_eq!(finished.code, 1, "{finished}");
    assert!(finished.stderr.contains("receive from stdin: bad file descriptor"), "{finished}");
    drop(peer);
}
