//! What runs programs for the other tests is itself tested, on programs that every machine has.

mod run;

use run::{Finished, Folder, Run, Signal};

#[test]
fn a_program_is_fed_and_heard_line_by_line() {
    let mut cat = Run::program("cat", &[]).start();
    cat.stdin_write("one\ntwo;three");
    assert_eq!(cat.read_line(), "one");
    assert_eq!(cat.read_until(b";"), b"two;");
    cat.stdin_write("\n");
    assert_eq!(cat.read_line(), "three");
    cat.finish().expect(0, "one\ntwo;three\n");
}

#[test]
fn what_is_bound_is_read_from_stderr() {
    let line = "echo 'framecat: listening on tcp://127.0.0.1:41327' >&2; cat";
    let listener = Run::shell(line).start();
    assert_eq!(listener.endpoint(), "tcp://127.0.0.1:41327");
    assert_eq!(listener.port(), 41327);
    listener.finish().expect(0, "");
}

#[test]
fn exit_codes_and_signals_are_told_as_a_shell_tells_them() {
    assert_eq!(Run::shell("exit 7").run("").code, 7);
    let cat = Run::program("cat", &[]).start();
    cat.signal(Signal::TERM);
    assert_eq!(cat.wait().code, 143);
}

#[test]
fn much_input_and_much_output_do_not_wait_for_each_other() {
    let much = vec![b'x'; 4 << 20];
    let finished: Finished = Run::program("cat", &[]).run(much.clone());
    assert!(finished.stdout == much);
}

#[test]
#[should_panic(expected = "did not print")]
fn a_program_that_ends_without_the_awaited_line_fails_the_test() {
    Run::program("true", &[]).start().read_line();
}

#[test]
fn a_folder_is_removed_with_its_files() {
    let folder = Folder::new();
    std::fs::write(folder.file("a"), "text").unwrap();
    let path = folder.path().to_owned();
    drop(folder);
    assert!(!path.exists());
}
