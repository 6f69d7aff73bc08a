//! Codes: made, given, typed, wrong.

use rustix::termios::tcgetattr;

use super::*;
use crate::run::terminal::Terminal;

/// The code that was told.
fn told(listener: &Running) -> String {
    const TOLD: &str = "framecat: the code is ";
    let heard = listener
        .told_when(|text| text.split_once(TOLD).is_some_and(|(_, rest)| rest.contains('\n')));
    heard.split_once(TOLD).unwrap().1.lines().next().unwrap().into()
}

#[test]
fn who_listens_makes_a_code_and_tells_what_the_other_side_types() {
    let (source, into) = (everything(), Folder::new());
    let file = source.file("all/text.txt");
    let folder = into.path().to_str().unwrap();
    let mut codes = std::collections::HashSet::new();
    for listens in BOTH {
        let (listener, verb, there) = match listens {
            Listens::Sender => {
                (Run::new(&["send", &file, "--listen", ":0"]), "receive", "framecat receive --from")
            }
            Listens::Receiver => (
                Run::new(&["receive", folder, "--yes", "--listen", ":0"]),
                "send",
                "framecat send PATH --to",
            ),
        };
        let listener = listener.start();
        let (code, place) = (told(&listener), at(&listener));
        assert!(codes.insert(code.clone()), "{code}");
        assert_eq!(code.split('-').count(), 4, "{code}");
        let told = listener.told_when(|text| text.ends_with(&format!("{place}\n")));
        assert!(told.contains(&format!("the other side: {there} {place}\n")), "{told}");
        let codes = Folder::new();
        fs::write(codes.file("code"), format!("{code}\n")).unwrap();
        let with = match verb {
            "send" => vec!["send", &file, "--to", &place],
            _ => vec!["receive", folder, "--yes", "--from", &place],
        };
        let dialler =
            Run::new(&[&with[..], &["--code-file", &codes.file("code")]].concat()).run("");
        let listener = listener.wait();
        assert_eq!((dialler.code, listener.code), (0, 0), "{dialler}{listener}");
        assert!(!dialler.stderr.contains(&code), "{dialler}");
    }
}

#[test]
fn a_code_in_the_command_line_works_and_is_warned_of() {
    let source = everything();
    let file = source.file("all/text.txt");
    for given in
        [&["--code", CODE][..], &[CODE], &["417-BLAZE-otter-quilt"], &["417 blaze otter quilt"]]
    {
        let into = Folder::new();
        let sender =
            Run::new(&["send", &file, "--listen", ":0"]).env("FRAMECAT_CODE", CODE).start();
        let place = at(&sender);
        let args = [&["receive", into.path().to_str().unwrap(), "--yes", "--from", &place], given]
            .concat();
        let receiver = Run::new(&args).run("");
        let sender = sender.wait();
        assert_eq!((sender.code, receiver.code), (0, 0), "{sender}{receiver}");
        assert!(
            receiver.stderr.contains("can read the code in the command line (ps)"),
            "{receiver}"
        );
        assert!(!sender.stderr.contains("blaze"), "a code that is known is not told: {sender}");
    }
}

#[test]
fn a_wrong_code_is_told_on_both_sides_and_is_void_after_three() {
    let source = everything();
    let file = source.file("all/text.txt");
    for listens in BOTH {
        let into = Folder::new();
        let folder = into.path().to_str().unwrap();
        let (listener, dialler) = match listens {
            Listens::Sender => {
                (vec!["send", &file, "--listen", ":0"], vec!["receive", folder, "--yes", "--from"])
            }
            Listens::Receiver => {
                (vec!["receive", folder, "--yes", "--listen", ":0"], vec!["send", &file, "--to"])
            }
        };
        let listener = Run::new(&listener).env("FRAMECAT_CODE", CODE).start();
        let place = at(&listener);
        for guess in 1..=3 {
            let dialler = Run::new(&[&dialler[..], &[&place]].concat());
            let dialler = dialler.env("FRAMECAT_CODE", "417-blaze-otter-quit").run("");
            assert_eq!(dialler.code, 6, "{dialler}");
            let told = if guess < 3 { "has another code" } else { "wrong too often" };
            assert!(dialler.stderr.contains(told), "{dialler}");
        }
        let listener = listener.wait();
        assert_eq!(listener.code, 6, "{listener}");
        assert!(listener.stderr.contains("wrong 3 times"), "{listener}");
        assert!(names(&into).is_empty());
    }
}

#[test]
fn plain_and_secured_do_not_meet() {
    let source = everything();
    let file = source.file("all/text.txt");
    for (plain, code) in [("send", "receive"), ("receive", "send")] {
        for plain_listens in [true, false] {
            let into = Folder::new();
            let args = |verb: &str| match verb {
                "send" => vec!["send".to_string(), file.clone()],
                _ => vec!["receive".into(), into.path().to_str().unwrap().into(), "--yes".into()],
            };
            let place = |verb: &str| if verb == "send" { "--to" } else { "--from" };
            let (listens, dials) = if plain_listens { (plain, code) } else { (code, plain) };
            let start = |verb: &str, rest: &[&str]| {
                let args = args(verb);
                let args: Vec<&str> =
                    args.iter().map(String::as_str).chain(rest.iter().copied()).collect();
                match verb == plain {
                    true => Run::new(&[&args[..], &["--plain"]].concat()).start(),
                    false => Run::new(&args).env("FRAMECAT_CODE", CODE).start(),
                }
            };
            let listener = start(listens, &["--listen", ":0"]);
            let dialler = start(dials, &[place(dials), &at(&listener)]).wait();
            assert_ne!(dialler.code, 0, "{dialler}");
            assert!(dialler.stderr.contains("--plain"), "{dialler}");
            // Whoever it was, the one that was meant may still come.
            listener.signal(Signal::INT);
            let listener = listener.wait();
            assert_eq!(listener.code, 130, "{listener}");
            assert!(listener.stderr.contains("--plain"), "{listener}");
            assert!(names(&into).is_empty());
        }
    }
}

#[test]
fn two_of_one_role_are_told_on_both_sides() {
    let source = everything();
    let file = source.file("all/text.txt");
    for (verb, place, told) in
        [("send", "--to", "both sides send"), ("receive", "--from", "both sides receive")]
    {
        let into = Folder::new();
        let subject = if verb == "send" { file.as_str() } else { into.path().to_str().unwrap() };
        let start = |option: &str, at: &str| {
            Run::new(&[verb, subject, option, at]).env("FRAMECAT_CODE", CODE).start()
        };
        let listener = start("--listen", ":0");
        let dialler = start(place, &at(&listener)).wait();
        assert_eq!(dialler.code, 2, "{dialler}");
        assert!(dialler.stderr.contains(told), "{dialler}");
        listener.signal(Signal::INT);
        let listener = listener.wait();
        assert!(listener.stderr.contains(told), "{listener}");
        assert!(names(&into).is_empty());
    }
}

/// Who dials with the terminal as its stdin.
fn dials(place: &str, folder: &Folder, terminal: &Terminal) -> Running {
    let args = ["receive", folder.path().to_str().unwrap(), "--yes", "--from", place];
    Run::new(&args).stdin(terminal.end()).start()
}

#[test]
fn a_code_is_typed_with_completion_and_wrong_words_are_told() {
    let (source, into) = (everything(), Folder::new());
    let file = source.file("all/text.txt");
    let sender = Run::new(&["send", &file, "--listen", ":0"]).env("FRAMECAT_CODE", CODE).start();
    let mut terminal = Terminal::new();
    let before = format!("{:?}", tcgetattr(terminal.end()).unwrap());
    let receiver = dials(&at(&sender), &into, &terminal);
    terminal.shows("the code (Tab completes words): ");
    terminal.types("417 BLASE ot");
    terminal.shows("417-blase-ot");
    terminal.types("\t");
    terminal.shows("ter-");
    terminal.types("qui\t");
    let shown = terminal.shows("417-blase-otter-qui");
    assert!(shown.contains("quick") || shown.contains("quill quilt quit"), "{shown}");
    terminal.types("lt\r");
    let shown = terminal.shows("(Tab completes words): ");
    assert!(
        shown.contains("`blase`, word 1 of the code") && shown.contains("`blaze` are"),
        "{shown}"
    );
    // It is typed anew.
    terminal.types("417 blaz\totter quilt\r");
    let (sender, receiver) = (sender.wait(), receiver.wait());
    assert_eq!((sender.code, receiver.code), (0, 0), "{sender}{receiver}");
    assert_eq!(names(&into), ["text.txt"]);
    assert_eq!(format!("{:?}", tcgetattr(terminal.end()).unwrap()), before);
}

#[test]
fn the_terminal_is_as_it_was_however_the_asking_ends() {
    let into = Folder::new();
    let server = run::sockets::Server::new();
    let place = server.address();
    for (signal, code) in [(Some(Signal::INT), 130), (Some(Signal::TERM), 143), (None, 2)] {
        let mut terminal = Terminal::new();
        let before = format!("{:?}", tcgetattr(terminal.end()).unwrap());
        let receiver = dials(&place, &into, &terminal);
        terminal.shows("words): ");
        terminal.types("417-");
        terminal.shows("417-");
        assert_ne!(format!("{:?}", tcgetattr(terminal.end()).unwrap()), before);
        match signal {
            Some(signal) => receiver.signal(signal),
            None => terminal.types("\x15\x04"),
        }
        let receiver = receiver.wait();
        assert_eq!(receiver.code, code, "{receiver}");
        assert_eq!(format!("{:?}", tcgetattr(terminal.end()).unwrap()), before, "{signal:?}");
    }
    if have("setsid") {
        let mut terminal = Terminal::new();
        let args =
            ["-c", tested(), "receive", into.path().to_str().unwrap(), "--yes", "--from", &place];
        let receiver = Run::program("setsid", &args).stdin(terminal.end()).start();
        terminal.shows("words): ");
        terminal.types("417-\x1a\x1c\x03");
        assert_eq!(receiver.wait().code, 130);
    }
}

#[test]
fn without_a_terminal_a_code_is_not_waited_for() {
    if !have("setsid") {
        return;
    }
    for args in
        [&["send", "Cargo.toml", "--to", "127.0.0.1:9"][..], &["receive", "--from", "127.0.0.1:9"]]
    {
        let finished = Run::program("setsid", &[&["-w", tested()], args].concat()).run("");
        assert_eq!(finished.code, 2, "{finished}");
        assert!(
            finished.stderr.contains("there is no terminal to ask for the code at"),
            "{finished}"
        );
        assert!(
            finished.stderr.contains("--code-file FILE, or the variable FRAMECAT_CODE"),
            "{finished}"
        );
    }
}
