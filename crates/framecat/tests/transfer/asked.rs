//! Whoever receives is asked.

use super::*;
use crate::run::terminal::Terminal;

/// A receiver at a terminal, and a sender of the folder with everything.
fn asked(folder: &Folder, terminal: &Terminal, source: &Folder) -> Pair {
    let args = ["receive", folder.path().to_str().unwrap(), "--plain", "--listen", ":0"];
    let receiver = Run::new(&args).stdin(terminal.end()).start();
    let sender =
        Run::new(&["send", &source.file("all"), "--plain", "--to", &at(&receiver)]).start();
    Pair { sender, receiver }
}

#[test]
fn the_offer_is_shown_and_a_yes_takes_it() {
    let source = everything();
    for yes in ["y\r", "YES\r", " y \r"] {
        let (into, mut terminal) = (Folder::new(), Terminal::new());
        let pair = asked(&into, &terminal, &source);
        let shown = terminal.shows("[y/N] ");
        assert!(shown.contains("files and folders are offered: 3.1 MiB"), "{shown}");
        for name in ["  all/\r\n", "  all/text.txt  8 bytes\r\n", "  all/empty folder/\r\n"] {
            assert!(shown.contains(name), "{name}: {shown}");
        }
        assert!(shown.contains("hidden: all/deep/.hidden\r\n"), "{shown}");
        assert!(shown.contains("can be run: all/deep/er/est/run.sh\r\n"), "{shown}");
        assert!(shown.contains("there is room for "), "{shown}");
        assert!(
            shown.ends_with(&format!("receive it into {}? [y/N] ", into.path().display())),
            "{shown}"
        );
        assert!(names(&into).is_empty(), "nothing is there before the answer");
        terminal.types(yes);
        pair.wait().expect(0, 0);
        assert!(tree(into.path()) == tree(source.path()));
    }
}

#[test]
fn anything_else_is_a_no_and_both_sides_are_told() {
    let source = everything();
    for no in ["n\r", "\r", "yeah\r", "\x04"] {
        let (into, mut terminal) = (Folder::new(), Terminal::new());
        let pair = asked(&into, &terminal, &source);
        terminal.shows("[y/N] ");
        terminal.types(no);
        let ended = pair.wait();
        ended.expect(1, 1).told(
            "the other side refused: it was declined\n          whoever sits there said no",
            "it is not received, and the other side was told",
        );
        assert!(names(&into).is_empty());
    }
}

#[test]
fn whoever_leaves_while_somebody_is_asked_ends_it() {
    let source = everything();
    for signal in [Signal::INT, Signal::TERM] {
        let code = if signal == Signal::INT { 130 } else { 143 };
        let (into, mut terminal) = (Folder::new(), Terminal::new());
        let pair = asked(&into, &terminal, &source);
        terminal.shows("[y/N] ");
        pair.receiver.signal(signal);
        pair.wait().expect(1, code);
        assert!(names(&into).is_empty());
        let (into, mut terminal) = (Folder::new(), Terminal::new());
        let pair = asked(&into, &terminal, &source);
        terminal.shows("[y/N] ");
        pair.sender.signal(signal);
        pair.wait().expect(code, 1);
        // The question is not left standing.
        terminal.shows("\r\n");
        assert!(names(&into).is_empty());
    }
}

#[test]
fn what_was_typed_before_the_question_is_no_answer() {
    let source = everything();
    let (into, mut terminal) = (Folder::new(), Terminal::new());
    let args = ["receive", into.path().to_str().unwrap(), "--plain", "--listen", ":0"];
    let receiver = Run::new(&args).stdin(terminal.end()).start();
    let place = at(&receiver);
    terminal.types("y\r");
    terminal.shows("y\r\n");
    let sender = Run::new(&["send", &source.file("all"), "--plain", "--to", &place]).start();
    terminal.shows("[y/N] ");
    terminal.types("n\r");
    Pair { sender, receiver }.wait().expect(1, 1);
    assert!(names(&into).is_empty());
}

#[test]
fn the_terminal_is_asked_where_stdin_is_a_pipe() {
    if !have("setsid") {
        return;
    }
    let (source, into, mut terminal) = (everything(), Folder::new(), Terminal::new());
    let line = format!("true | {} receive {} --plain --listen :0", tested(), into.path().display());
    let receiver = Run::program("setsid", &["-c", "sh", "-c", &line]).stdin(terminal.end()).start();
    let sender =
        Run::new(&["send", &source.file("all"), "--plain", "--to", &at(&receiver)]).start();
    terminal.shows("[y/N] ");
    terminal.types("y\r");
    Pair { sender, receiver }.wait().expect(0, 0);
    assert!(tree(into.path()) == tree(source.path()));
}

#[test]
fn without_anybody_to_ask_an_offer_is_refused() {
    if !have("setsid") {
        return;
    }
    let (source, into) = (everything(), Folder::new());
    let args =
        ["-w", tested(), "receive", into.path().to_str().unwrap(), "--plain", "--listen", ":0"];
    let receiver = Run::program("setsid", &args).start();
    let sender =
        Run::new(&["send", &source.file("all"), "--plain", "--to", &at(&receiver)]).run("");
    let ended = Ended { sender, receiver: receiver.wait() };
    ended.expect(1, 1).told(
        "receive --yes takes what is offered unasked",
        "receive --yes takes what is offered unasked",
    );
    assert!(names(&into).is_empty());
}

#[test]
fn progress_is_for_a_terminal() {
    let (source, into, mut terminal) = (Folder::new(), Folder::new(), Terminal::new());
    fs::write(source.file("a"), noise(5, 20_000_000)).unwrap();
    let receiver =
        Run::new(&["receive", into.path().to_str().unwrap(), "--yes", "--plain", "--listen", ":0"])
            .start();
    // So slow that it is told how far it is.
    let relay = Run::new(&["relay", ":0", &at(&receiver), "--rate", "20MiB/s"]).start();
    let line = format!("framecat send {} --plain --to {} 2>&0", source.file("a"), at(&relay));
    let sender = Run::shell(&line).stdin(terminal.end()).start();
    terminal.shows(" of 19.1 MiB, ");
    terminal.shows("a is there: 19.1 MiB in ");
    let receiver = receiver.wait();
    assert_eq!((sender.wait().code, receiver.code), (0, 0));
    assert!(!receiver.stderr.contains('%'), "a log would fill with it: {receiver}");
}
