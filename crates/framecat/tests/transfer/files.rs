//! Files and folders: what arrives, and what is there already.

use super::*;

#[test]
fn all_arrives_whoever_listens_and_whatever_guards_it() {
    let source = everything();
    for (listens, way) in BOTH.iter().flat_map(|listens| [(*listens, "plain"), (*listens, "code")])
    {
        let into = Folder::new();
        let all = source.file("all");
        let (send, receive) = ([&*all], [into.path().to_str().unwrap(), "--yes"]);
        let pair = match way {
            "plain" => plain(listens, &send, &receive),
            _ => pair(listens, &send, &receive),
        };
        let ended = pair.wait();
        ended.expect(0, 0);
        assert!(tree(into.path()) == tree(source.path()), "{listens:?}, {way}: {ended:?}");
        ended.told(
            "files and folders are there: 3.1 MiB in ",
            &format!("files and folders are in {}: ", into.path().display()),
        );
        assert!(ended.sender.stdout.is_empty() && ended.receiver.stdout.is_empty(), "{ended:?}");
    }
}

#[test]
fn a_file_and_a_folder_go_into_the_folder_we_are_in() {
    let (source, into) = (everything(), Folder::new());
    let receiver =
        Run::new(&["receive", "--yes", "--plain", "--listen", ":0"]).in_folder(into.path()).start();
    let (file, folder) = (source.file("all/text.txt"), source.file("all/deep/"));
    let sender = Run::new(&["send", &file, &folder, "--plain", "--to", &at(&receiver)]).run("");
    assert_eq!((sender.code, receiver.wait().code), (0, 0), "{sender}");
    let mut expected = tree(&source.path().join("all"));
    expected.retain(|name, _| name == "text.txt" || name.starts_with("deep"));
    assert!(tree(into.path()) == expected);
}

#[test]
fn one_file_is_named_at_the_end_and_over_a_unix_socket_too() {
    let (source, into, sockets) = (everything(), Folder::new(), Folder::new());
    let place = format!("unix://{}", sockets.file("s"));
    let args = ["receive", into.path().to_str().unwrap(), "--yes", "--listen", &place];
    let receiver = Run::new(&args).env("FRAMECAT_CODE", CODE).start();
    receiver.told("listening on");
    let sender =
        Run::new(&["send", &source.file("all/large"), "--to", &place]).env("FRAMECAT_CODE", CODE);
    let ended = Ended { sender: sender.run(""), receiver: receiver.wait() };
    ended.expect(0, 0).told(
        "framecat: large is there: 2.9 MiB in ",
        &format!("framecat: large is in {}: 2.9 MiB in ", into.path().display()),
    );
}

#[test]
fn five_thousand_small_files_arrive() {
    let (source, into) = (Folder::in_memory(), Folder::in_memory());
    for folder in 0..50 {
        let folder = source.path().join(format!("many/{folder}"));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..100u64 {
            fs::write(folder.join(format!("{file}.txt")), noise(file, file as usize * 7)).unwrap();
        }
    }
    let pair =
        pair(Listens::Receiver, &[&source.file("many")], &[into.path().to_str().unwrap(), "--yes"]);
    let ended = pair.wait();
    ended.expect(0, 0).told("5,051 files and folders are there", "5,051 files and folders are in ");
    assert!(tree(into.path()) == tree(source.path()));
    // Nobody reads five thousand lines that were not asked for.
    assert!(
        ended.sender.stderr.lines().count() < 6 && ended.receiver.stderr.lines().count() < 6,
        "{ended:?}"
    );
}

#[test]
fn what_is_there_is_not_sent_again() {
    let (source, into) = (everything(), Folder::new());
    let all = source.file("all");
    let args = [into.path().to_str().unwrap(), "--yes"];
    plain(Listens::Receiver, &[&all], &args).wait().expect(0, 0);
    let ended = plain(Listens::Receiver, &[&all], &args).wait();
    ended.expect(0, 0).told("0 bytes of that came over the network", "were there already");
    // With --check by its hash: what differs by content alone is found.
    let damaged = into.path().join("all/large");
    let time = fs::metadata(&damaged).unwrap().modified().unwrap();
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[1_500_000] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    fs::File::open(&damaged).unwrap().set_modified(time).unwrap();
    plain(Listens::Receiver, &[&all], &args).wait().expect(0, 0);
    assert!(tree(into.path()) != tree(source.path()), "size and time are all that is looked at");
    plain(Listens::Receiver, &[&all], &[&args[..], &["--check", "--durable"]].concat())
        .wait()
        .expect(0, 0);
    assert!(tree(into.path()) == tree(source.path()));
}

#[test]
fn a_name_that_is_taken_is_dealt_with_as_it_was_said() {
    let source = Folder::new();
    let file = source.path().join("a.txt");
    fs::write(&file, "new and longer").unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let cases = [
        (None, 0, 0, "old", Some("new and longer")),
        (Some("rename"), 0, 0, "old", Some("new and longer")),
        (Some("refuse"), 9, 9, "old", None),
        (Some("overwrite"), 0, 0, "new and longer", None),
        (Some("skip"), 9, 0, "old", None),
        (Some("newer"), 0, 0, "new and longer", None),
    ];
    for (how, sender, receiver, here, beside) in cases {
        let into = Folder::new();
        fs::write(into.path().join("a.txt"), "old").unwrap();
        fs::File::open(into.path().join("a.txt")).unwrap().set_modified(old).unwrap();
        let said: Vec<&str> = how.iter().flat_map(|how| ["--on-conflict", how]).collect();
        let receive = [&[into.path().to_str().unwrap(), "--yes"], &said[..]].concat();
        let ended = plain(Listens::Receiver, &[file.to_str().unwrap()], &receive).wait();
        ended.expect(sender, receiver);
        assert_eq!(fs::read_to_string(into.path().join("a.txt")).unwrap(), here, "{how:?}");
        let second = fs::read_to_string(into.path().join("a (1).txt")).ok();
        assert_eq!(second.as_deref(), beside, "{how:?}");
        if how == Some("refuse") {
            ended.told(
                "a.txt is not wanted there: the name is taken",
                "a.txt is not received: the name is taken",
            );
            ended.told(
                "only part was done: 1 file or folder is missing",
                "only part was done: 1 file",
            );
        }
    }
    // One that is newer there stays.
    let into = Folder::new();
    fs::write(into.path().join("a.txt"), "newest").unwrap();
    fs::File::open(&file).unwrap().set_modified(old).unwrap();
    let receive = [into.path().to_str().unwrap(), "--yes", "--on-conflict", "newer"];
    plain(Listens::Receiver, &[file.to_str().unwrap()], &receive).wait().expect(9, 0);
    assert_eq!(fs::read_to_string(into.path().join("a.txt")).unwrap(), "newest");
}

#[test]
fn hidden_names_and_links_are_taken_where_that_was_said() {
    let (source, into) = (Folder::new(), Folder::new());
    let path = |name: &str| source.path().join(name);
    fs::write(path(".hidden"), "h").unwrap();
    fs::create_dir(path("folder")).unwrap();
    fs::write(path("folder/.inside"), "i").unwrap();
    std::os::unix::fs::symlink(".inside", path("folder/link")).unwrap();
    let send = [source.file(".hidden"), source.file("folder")];
    let send: Vec<&str> = send.iter().map(String::as_str).collect();
    let receive = [into.path().to_str().unwrap(), "--yes"];
    let ended = plain(Listens::Receiver, &send, &receive).wait();
    ended
        .expect(9, 9)
        .told("folder/link is left out", ".hidden is not received: its name is hidden");
    assert_eq!(names(&into), ["folder", "folder/.inside"]);
    // The sender would, and the receiver would not.
    let ended = plain(Listens::Receiver, &[send[1], "--links"], &receive).wait();
    ended.expect(9, 9).told("--links on both sides", "folder/link");
    let with = [&receive[..], &["--hidden", "--links"]].concat();
    plain(Listens::Receiver, &[&send[..], &["--links"]].concat(), &with).wait().expect(0, 0);
    assert!(tree(into.path()) == tree(source.path()));
    // One that is named is what it leads to.
    let into = Folder::new();
    std::os::unix::fs::symlink("folder", path("to")).unwrap();
    plain(Listens::Sender, &[&source.file("to")], &[into.path().to_str().unwrap(), "--yes"])
        .wait()
        .expect(0, 0);
    assert_eq!(names(&into), ["to", "to/.inside"]);
}

#[test]
fn a_file_that_cannot_be_read_is_told_on_both_sides_and_the_rest_goes_on() {
    let (source, into) = (Folder::new(), Folder::new());
    fs::create_dir(source.path().join("f")).unwrap();
    fs::write(source.path().join("f/a"), "a").unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        source.path().join("f/fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let ended =
        plain(Listens::Receiver, &[&source.file("f")], &[into.path().to_str().unwrap(), "--yes"])
            .wait();
    ended.expect(9, 9);
    ended.told("1 file or folder is missing", "1 file or folder is missing");
    assert!(
        ended.sender.stderr.contains("f/fifo is left out: it is no file or folder"),
        "{ended:?}"
    );
    assert_eq!(names(&into), ["f", "f/a"]);
}

#[test]
fn every_file_is_named_with_v_and_every_event_is_a_line_of_json() {
    let source = everything();
    let all = tree(source.path());
    let (into, json) = (Folder::new(), Folder::new());
    let (sent, came) = (
        fs::File::create(json.file("sent")).unwrap(),
        fs::File::create(json.file("came")).unwrap(),
    );
    let receiver =
        Run::new(&["receive", into.path().to_str().unwrap(), "--yes", "--json", "--listen", ":0"]);
    let receiver = receiver.stdout(came).env("FRAMECAT_CODE", CODE).start();
    let sender = Run::new(&["send", &source.file("all"), "--json", "--to", &at(&receiver)]);
    let sender = sender.stdout(sent).env("FRAMECAT_CODE", CODE).run("");
    assert_eq!((sender.code, receiver.wait().code), (0, 0), "{sender}");
    assert_eq!(sender.stderr, "");
    for file in ["sent", "came"] {
        let text = fs::read_to_string(json.file(file)).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of =
            |event: &str| lines.iter().filter(|line| line["event"] == event).collect::<Vec<_>>();
        let mut files: Vec<_> =
            of("file").iter().map(|line| line["name"].as_str().unwrap().to_string()).collect();
        files.sort();
        assert_eq!(files, all.keys().cloned().collect::<Vec<_>>(), "{file}: {text}");
        assert!(of("file").iter().all(|line| line["outcome"] == "committed"), "{file}: {text}");
        let [met] = &of("met")[..] else { panic!("{text}") };
        assert_eq!(met["secured"], true);
        let [sum] = &of("transferred")[..] else { panic!("{text}") };
        assert_eq!(
            (&sum["committed"], &sum["failed"]),
            (&all.len().into(), &0.into()),
            "{file}: {text}"
        );
        let last = lines.last().unwrap();
        assert!(last["event"] == "end" && last["exit"] == 0, "{file}: {text}");
        if file == "came" {
            assert_eq!(lines[0]["event"], "listening");
        }
    }
    let into = Folder::new();
    let ended = plain(
        Listens::Sender,
        &[&source.file("all"), "-v"],
        &[into.path().to_str().unwrap(), "--yes", "-v"],
    )
    .wait();
    ended.expect(0, 0);
    for name in all.keys().filter(|name| !name.contains(['\\', '\u{200d}'])) {
        assert!(
            ended.sender.stderr.contains(&format!("framecat: {name} is there (")),
            "{name}: {ended:?}"
        );
        assert!(
            ended.receiver.stderr.contains(&format!("framecat: {name} came (")),
            "{name}: {ended:?}"
        );
    }
}

#[test]
fn a_reader_of_json_that_leaves_or_pauses_loses_no_file() {
    let source = everything();
    for reader in ["head -n 1", "true", "sh -c 'read line; exec cat > /dev/null'"] {
        let into = Folder::new();
        let receiver = Run::new(&[
            "receive",
            into.path().to_str().unwrap(),
            "--yes",
            "--plain",
            "--listen",
            ":0",
        ])
        .start();
        let line = format!(
            "framecat send {} --plain --json --to {} | {reader}",
            source.file("all"),
            at(&receiver)
        );
        assert_eq!(Run::shell(&line).run("").code, 0);
        assert_eq!(receiver.wait().code, 0);
        assert!(tree(into.path()) == tree(source.path()));
    }
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let into = Folder::new();
    let receiver =
        Run::new(&["receive", into.path().to_str().unwrap(), "--yes", "--plain", "--listen", ":0"])
            .start();
    let sender =
        Run::new(&["send", &source.file("all"), "--plain", "--json", "--to", &at(&receiver)])
            .stdout(full());
    let sender = sender.run("");
    assert_eq!((sender.code, receiver.wait().code), (10, 0), "{sender}");
    assert!(tree(into.path()) == tree(source.path()), "the lines are lost, and the files are not");
}
