//! The end before the end: signals, and what can be gone on with.

use super::*;

#[test]
fn a_signal_on_either_side_is_told_on_the_other() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        for stops in ["sender", "receiver"] {
            // A stream has no end before its stdin has.
            let mut pair = pair(Listens::Receiver, &["-"], &["-", "--yes"]);
            pair.sender.stdin_write("begun\n");
            assert_eq!(pair.receiver.read_line(), "begun");
            let expected = match stops {
                "sender" => {
                    pair.sender.signal(signal);
                    (code, 1)
                }
                _ => {
                    pair.receiver.signal(signal);
                    (1, code)
                }
            };
            let ended = pair.wait();
            ended.expect(expected.0, expected.1);
            let told = if stops == "sender" { &ended.receiver } else { &ended.sender };
            assert!(told.stderr.contains("it was cancelled"), "{told}");
        }
        // And before anybody came.
        for args in [&["send", "-", "--listen", ":0"][..], &["receive", "--listen", ":0"]] {
            let listener = Run::new(args).start();
            listener.told("the code is");
            listener.signal(signal);
            listener.wait().expect(code, "");
        }
    }
}

#[test]
fn what_was_cut_short_goes_on_where_it_was() {
    let (source, into) = (Folder::new(), Folder::new());
    let bytes = noise(6, 40_000_000);
    fs::write(source.file("large"), &bytes).unwrap();
    let folder = into.path().to_str().unwrap();
    for stops in ["sender", "receiver"] {
        let receive = ["receive", folder, "--yes", "--plain", "--listen", ":0"];
        let receiver = Run::new(&receive).start();
        // So slow that it can be stopped on the way.
        let relay = Run::new(&["relay", ":0", &at(&receiver), "--rate", "20MiB/s"]).start();
        let send = ["send", &source.file("large"), "--plain", "--json", "--to", &at(&relay)];
        let mut sender = Run::new(&send).start();
        loop {
            let line: serde_json::Value = serde_json::from_str(&sender.read_line()).unwrap();
            if line["event"] == "moving" && line["bytes"].as_u64().unwrap() > 2_000_000 {
                break;
            }
        }
        if stops == "sender" {
            sender.signal(Signal::INT)
        } else {
            receiver.signal(Signal::INT)
        }
        let ended = Pair { sender, receiver }.wait();
        match stops {
            "sender" => ended.expect(130, 1),
            _ => ended.expect(1, 130),
        };
        assert!(!into.path().join("large").exists(), "never a part under its name");
    }
    let ended =
        plain(Listens::Receiver, &[&source.file("large"), "--json"], &[folder, "--yes"]).wait();
    ended.expect(0, 0);
    let sum = ended.sender.text();
    let sum = sum.lines().find(|line| line.contains("transferred")).unwrap();
    let sum: serde_json::Value = serde_json::from_str(sum).unwrap();
    let (moved, all) = (sum["moved"].as_u64().unwrap(), sum["bytes"].as_u64().unwrap());
    assert!(all == 40_000_000 && moved < all - 1_000_000, "{moved} of {all} were sent again");
    assert!(fs::read(into.path().join("large")).unwrap() == bytes);
    assert_eq!(names(&into), ["large"], "parts and journals are gone");
}

#[test]
fn the_other_side_that_vanishes_is_told() {
    for (way, goes) in
        [("plain", "sender"), ("code", "sender"), ("plain", "receiver"), ("code", "receiver")]
    {
        let mut pair = match way {
            "plain" => plain(Listens::Receiver, &["-"], &["-", "--yes"]),
            _ => pair(Listens::Receiver, &["-"], &["-", "--yes"]),
        };
        pair.sender.stdin_write("begun\n");
        assert_eq!(pair.receiver.read_line(), "begun");
        let stays = match goes {
            "sender" => {
                pair.sender.signal(Signal::KILL);
                pair.receiver.wait()
            }
            _ => {
                pair.receiver.signal(Signal::KILL);
                pair.sender.wait()
            }
        };
        assert_eq!(stays.code, 1, "{way}, without the {goes}: {stays}");
        assert!(stays.stderr.contains("run the same commands again"), "{way}: {stays}");
    }
}

#[test]
fn nobody_who_comes_in_time_is_five_and_nobody_there_is_four() {
    for args in [&["send", "Cargo.toml"][..], &["receive", "--yes"]] {
        let waits = [args, &["--plain", "--listen", ":0", "--wait", "50ms"]].concat();
        let finished = Run::new(&waits).run("");
        assert_eq!(finished.code, 5, "{finished}");
        assert!(finished.stderr.contains("--wait TIME waits longer"), "{finished}");
        let place = format!("127.0.0.1:{}", run::peer::nobody());
        let option = if args[0] == "send" { "--to" } else { "--from" };
        let finished = Run::new(&[args, &["--plain", option, &place]].concat()).run("");
        assert_eq!(finished.code, 4, "{finished}");
        assert!(finished.stderr.contains("connection refused"), "{finished}");
        let other = if args[0] == "send" { "framecat receive" } else { "framecat send" };
        assert!(finished.stderr.contains(other), "{finished}");
    }
}

#[test]
fn a_stdout_or_stderr_that_nobody_reads_holds_up_no_signal() {
    let (source, into) = (Folder::new(), Folder::new());
    fs::create_dir(source.file("many")).unwrap();
    for n in 0..3_000 {
        fs::write(source.path().join(format!("many/{n} {}", "x".repeat(200))), "").unwrap();
    }
    let folder = into.path().to_str().unwrap();
    for told in ["-v", "--json"] {
        let receiver = Run::new(&["receive", folder, "--yes", "--plain", "--listen", ":0"]).start();
        // Each ends with a pipe that is full: of lines for stderr, or for stdout.
        let to = if told == "-v" { "2>&1" } else { "" };
        let (reads, writes) = std::io::pipe().unwrap();
        let line = format!(
            "exec framecat send {} {told} --plain --to {} {to}",
            source.file("many"),
            at(&receiver)
        );
        let sender = Run::shell(&line).stdout(writes).start();
        run::sockets::wait_readable(&reads, b"");
        sender.signal(Signal::INT);
        let (sender, receiver) = (sender.wait(), receiver.wait());
        // Where all had been said before, it was done.
        assert!([0, 130].contains(&sender.code), "{told}: {sender}");
        assert!([0, 1].contains(&receiver.code), "{told}: {receiver}");
        drop(reads);
    }
}
