//! JSON between framecat and jq, which finds and writes values by rules of its own.

use crate::run::{Run, Signal, have};

/// What `jq` makes of `input`.
fn jq(args: &[&str], input: &[u8]) -> Vec<u8> {
    let finished = Run::program("jq", args).run(input);
    assert_eq!(finished.code, 0, "{finished}");
    finished.stdout
}

#[test]
fn jq_reads_what_we_write_and_we_read_what_jq_writes() {
    if !have("jq") {
        return;
    }
    let values = b"{\"a\":[1,{\"b\":null}]}\n\"h\xc3\xa9 \\u0000\"\n-1.5\ntrue\n[]\n";
    // Pretty values hold line breaks, so they go out as `json` and not as `line`.
    for (framing, write, read) in [
        ("json", &["."][..], &["-c", "."][..]),
        ("ndjson", &["-c", "."], &["-c", "."]),
        ("json-seq", &["--seq", "."], &["--seq", "-c", "."]),
    ] {
        // With --seq jq reads no value without its RS.
        let lines = values.split_inclusive(|byte| *byte == b'\n');
        let before: &[u8] = if framing == "json-seq" { b"\x1e" } else { b"" };
        let theirs = jq(write, &lines.flat_map(|line| [before, line].concat()).collect::<Vec<_>>());
        let listener = Run::new(&["listen", ":0", "-f", framing, "--echo"]).stdin_null().start();
        let asked = Run::new(&[
            "ask",
            &listener.endpoint(),
            "-f",
            framing,
            "--in",
            framing,
            "--out",
            framing,
        ]);
        let replies = asked.run(theirs);
        assert_eq!(replies.code, 0, "{replies}");
        let texts: Vec<u8> =
            jq(read, &replies.stdout).into_iter().filter(|byte| *byte != 0x1e).collect();
        assert_eq!(String::from_utf8_lossy(&texts), String::from_utf8_lossy(values), "{framing}");
        listener.signal(Signal::TERM);
        assert_eq!(listener.wait().code, 0, "{framing}");
    }
}

#[test]
fn json_is_asked_as_people_type_it_and_told_where_it_is_none() {
    let listener = Run::new(&["listen", ":0", "-f", "json", "--echo"]).stdin_null().start();
    let endpoint = listener.endpoint();
    let asked =
        Run::new(&["ask", &endpoint, "-f", "json", "{\"a\": 1}", "[2,\n3]", "\"x\"", "7"]).run("");
    asked.expect(0, "{\"a\": 1}\n[2,\n3]\n\"x\"\n7\n");
    let refused = Run::new(&["ask", &endpoint, "-f", "json", "{a:1}"]).run("");
    assert_eq!(refused.code, 9, "{refused}");
    assert!(
        refused.stderr.contains("its byte 2 is `a`, where a key in quotes or `}` must be"),
        "{refused}"
    );
    let broken = Run::new(&["connect", &endpoint, "-f", "raw"]).run("{\"a\":1}\nhello\n");
    broken.expect(0, "{\"a\":1}\n");
    listener.told("its byte 1 is `h`, where a value must be");
    listener.signal(Signal::TERM);
    assert_eq!(listener.wait().code, 9);
}
