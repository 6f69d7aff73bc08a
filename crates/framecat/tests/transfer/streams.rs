//! Streams and texts.

use super::*;

#[test]
fn a_stream_comes_out_as_it_went_in() {
    let (folder, bytes) = (Folder::new(), noise(7, 3_000_003));
    for content in [&b""[..], b"\0", b"one\ntwo\n", &bytes] {
        for listens in BOTH {
            let out = fs::File::create(folder.file("out")).unwrap();
            let with = |run: Run| run.env("FRAMECAT_CODE", CODE);
            let (send, receive) = (["send", "-"], ["receive", "-", "--yes"]);
            let ended = match listens {
                Listens::Receiver => {
                    let receiver = with(Run::new(&[&receive[..], &["--listen", ":0"]].concat()))
                        .stdout(out)
                        .start();
                    let sender = with(Run::new(&[&send[..], &["--to", &at(&receiver)]].concat()))
                        .run(content);
                    Ended { sender, receiver: receiver.wait() }
                }
                Listens::Sender => {
                    let mut sender =
                        with(Run::new(&[&send[..], &["--listen", ":0"]].concat())).start();
                    let place = at(&sender);
                    let mut stdin = sender.take_stdin();
                    let content = content.to_vec();
                    let feeding = std::thread::spawn(move || {
                        std::io::Write::write_all(&mut stdin, &content).unwrap()
                    });
                    let receiver = with(Run::new(&[&receive[..], &["--from", &place]].concat()))
                        .stdout(out)
                        .run("");
                    feeding.join().unwrap();
                    Ended { sender: sender.wait(), receiver }
                }
            };
            ended.expect(0, 0);
            assert!(
                fs::read(folder.file("out")).unwrap() == content,
                "{listens:?}, {} bytes",
                content.len()
            );
            // A filter is quiet.
            let lines = ended
                .receiver
                .stderr
                .lines()
                .filter(|line| !line.contains("listening") && !line.starts_with(' '));
            assert_eq!(lines.count(), 0, "{}", ended.receiver);
        }
    }
}

#[test]
fn a_stream_into_a_folder_is_a_file_and_a_file_can_go_to_stdout() {
    let (source, into) = (Folder::new(), Folder::new());
    let receiver =
        Run::new(&["receive", into.path().to_str().unwrap(), "--yes", "--plain", "--listen", ":0"])
            .start();
    let sender = Run::new(&["send", "-", "--plain", "--to", &at(&receiver)]).run("hello\n");
    assert_eq!((sender.code, receiver.wait().code), (0, 0), "{sender}");
    assert_eq!(fs::read(into.path().join("stdin")).unwrap(), b"hello\n");
    fs::write(source.file("a"), noise(3, 200_000)).unwrap();
    let receiver = Run::new(&["receive", "-", "--yes", "--plain", "--listen", ":0"]).start();
    let sender = Run::new(&["send", &source.file("a"), "--plain", "--to", &at(&receiver)]).run("");
    let received = receiver.wait();
    assert_eq!((sender.code, received.code), (0, 0), "{sender}{received}");
    assert!(received.stdout == noise(3, 200_000));
}

#[test]
fn a_text_is_shown_and_not_kept() {
    for listens in BOTH {
        let into = Folder::new();
        let text = "see you at six, 六点见";
        let ended =
            pair(listens, &["--text", text], &[into.path().to_str().unwrap(), "--yes"]).wait();
        ended.expect(0, 0);
        assert_eq!(ended.receiver.text(), text);
        assert!(names(&into).is_empty());
    }
    let ended = plain(Listens::Receiver, &["--text", "a\x1b[2J\n"], &["--yes", "--json"]).wait();
    ended.expect(0, 0);
    let text = ended.receiver.text();
    let line = text.lines().find(|line| line.contains(r#""event":"text""#)).expect(&text);
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["text"], "a\u{1b}[2J\n");
    let ended = plain(Listens::Receiver, &["--text", ""], &["--yes"]).wait();
    ended.expect(0, 0);
    assert_eq!(ended.receiver.stdout, b"");
}

#[test]
fn a_text_does_not_act_on_a_terminal() {
    let mut terminal = run::terminal::Terminal::new();
    let receiver =
        Run::new(&["receive", "--yes", "--plain", "--listen", ":0"]).stdout(terminal.end()).start();
    let sender =
        Run::new(&["send", "--text", "a\x1b[2Jb\nc", "--plain", "--to", &at(&receiver)]).run("");
    assert_eq!((sender.code, receiver.wait().code), (0, 0), "{sender}");
    assert_eq!(terminal.shows("c\r\n"), "a\\x1b[2Jb\r\nc\r\n");
}

#[test]
fn a_stdout_that_takes_nothing_is_told_on_both_sides() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let receiver =
        Run::new(&["receive", "-", "--yes", "--plain", "--listen", ":0"]).stdout(full).start();
    let sender = Run::new(&["send", "-", "--plain", "--to", &at(&receiver)]).run(noise(4, 500_000));
    let receiver = receiver.wait();
    assert_eq!(receiver.code, 10, "{receiver}");
    assert!(sender.code == 9 || sender.code == 1, "{sender}");
    assert!(sender.stderr.contains("no space left on device"), "{sender}");
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let source = everything();
    let line = "framecat receive - --yes --plain --listen :0 | head -c 5";
    let receiver = Run::shell(line).start();
    let sender =
        Run::new(&["send", &source.file("all/large"), "--plain", "--to", &at(&receiver)]).run("");
    let receiver = receiver.wait();
    assert_eq!((receiver.code, receiver.stdout.len()), (0, 5), "{receiver}");
    assert!(!receiver.stderr.contains("stdout"), "{receiver}");
    // That not all arrived is the sender's to know.
    assert_eq!(sender.code, 1, "{sender}");
    assert!(sender.stderr.contains("it was cancelled"), "{sender}");
}
