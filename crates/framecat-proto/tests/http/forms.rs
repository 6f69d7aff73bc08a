//! Forms with files, valid and hostile, at every place where the bytes may be parted.

use framecat_proto::http::Refusal;
use framecat_proto::http::multipart::{Boundary, Form, Next};
use framecat_proto::limits::{
    HTTP_FORM_FIELDS, HTTP_FORM_FILES, HTTP_FORM_HEAD_BYTES, HTTP_FORM_OTHER_BYTES, HTTP_FORM_PARTS,
};

/// What a form came to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Came {
    /// Names and contents, and whether they were whole.
    files: Vec<(String, Vec<u8>, bool)>,
    end: Result<(), Refusal>,
}

fn came<'a>(boundary: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Came {
    let kind = format!("multipart/form-data; boundary=\"{boundary}\"");
    let mut form = Form::new(&Boundary::of(kind.as_bytes()).unwrap());
    let mut files: Vec<(String, Vec<u8>, bool)> = Vec::new();
    for piece in pieces {
        let mut at = 0;
        loop {
            match form.next(piece, &mut at) {
                Ok(Next::File(name)) => files.push((name.to_string(), Vec::new(), false)),
                Ok(Next::Content(bytes)) => files.last_mut().unwrap().1.extend_from_slice(bytes),
                Ok(Next::FileEnd) => files.last_mut().unwrap().2 = true,
                Ok(Next::More) => break assert!(!form.is_whole()),
                Ok(Next::End) => break assert!(form.is_whole()),
                Err(refusal) => return Came { files, end: Err(refusal) },
            }
        }
        assert_eq!(at, piece.len());
    }
    Came { files, end: form.finish() }
}

/// The same, and that it does not matter how the bytes arrive: in two pieces, in three, byte by byte.
fn read(boundary: &str, bytes: &[u8]) -> Came {
    let whole = came(boundary, [bytes]);
    assert_eq!(came(boundary, bytes.chunks(1)), whole, "byte by byte");
    for cut in 0..=bytes.len() {
        let (front, back) = bytes.split_at(cut);
        assert_eq!(came(boundary, [front, back]), whole, "cut at {cut}");
        let (one, rest) = back.split_at(back.len().min(1 + cut % 7));
        assert_eq!(came(boundary, [front, one, b"", rest]), whole, "cut at {cut} and behind");
    }
    whole
}

/// A part that is a file, up to its content.
fn head(boundary: &str, name: &str) -> String {
    format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n"
    )
}

fn form(files: &[(&str, &str)]) -> Vec<u8> {
    let parts = files.iter().map(|(name, content)| format!("{}{content}\r\n", head("B", name)));
    (parts.collect::<String>() + "--B--\r\n").into_bytes()
}

/// The one file that a form of one part with this line comes to, or why not.
fn named(line: &str) -> Result<Option<String>, String> {
    let bytes = [b"--B\r\n", line.as_bytes(), b"\r\n\r\n\r\n--B--\r\n"].concat();
    named_by(&bytes)
}

fn named_by(bytes: &[u8]) -> Result<Option<String>, String> {
    let came = read("B", bytes);
    match came.end {
        Ok(()) => Ok(came.files.first().map(|(name, ..)| name.clone())),
        Err(refusal) => Err(refusal.to_string()),
    }
}

#[test]
fn files_come_out_as_they_went_in() {
    for content in [
        "",
        "hello\n",
        "\r\n",
        "\r",
        "\n",
        "--B",
        "\r\n--",
        "\r\n--A\r\n--\r\n--C--",
        "\r\r\n-\r\n--\r\r\n--\r",
        "\r\n\r\n",
        "\n--B--\n",
        "\r--B--",
        "x--B--\r\n-- B",
        "\0\u{1}\u{ff}",
    ] {
        // At the beginning of a content a line begins, so there the boundary would be one.
        let content = if content == "--B" { "x--B" } else { content };
        let bytes = form(&[("a.txt", content), ("b", content)]);
        let came = read("B", &bytes);
        let file = |name: &str| (name.to_owned(), content.as_bytes().to_vec(), true);
        assert_eq!(
            came,
            Came { files: vec![file("a.txt"), file("b")], end: Ok(()) },
            "{content:?}"
        );
    }
}

#[test]
fn what_is_no_file_is_passed_over() {
    let text = format!(
        "before\r\n--b\r\n--B \t \r\ncontent-disposition: FORM-DATA; NAME=note\r\n\r\nhello\r\n{}x\r\n\
         --B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n\r\n--B-- \t\r\nbehind\r\n--B\r\n",
        head("B", "a")
    );
    let came = read("B", text.as_bytes());
    assert_eq!(came, Came { files: vec![("a".into(), b"x".to_vec(), true)], end: Ok(()) });
}

#[test]
fn a_boundary_may_follow_itself_and_look_like_the_end() {
    for boundary in ["-", "--", "----", "aa", "a b", "'()+_,-./:=?", &"0123456789".repeat(7)] {
        // As much of the delimiter as can stand in a content.
        let almost = &boundary[..boundary.len() - 1];
        let content = format!("\r\n--{almost}\r\n--{almost}\r\n\r\n--{almost}");
        let text = format!("{}{content}\r\n--{boundary}--\r\n", head(boundary, "a"));
        let came = read(boundary, text.as_bytes());
        let file = ("a".into(), content.into_bytes(), true);
        assert_eq!(came, Came { files: vec![file], end: Ok(()) }, "{boundary}");
    }
}

#[test]
fn a_content_may_begin_with_its_boundary() {
    // The CR LF of the empty line is that of the boundary (RFC 2046 section 5.1.1: the empty line is part of
    // what a body begins with, and there is no body).
    let text = format!("{}--B--\r\n", head("B", "a"));
    let came = read("B", text.as_bytes());
    assert_eq!(came, Came { files: vec![("a".into(), Vec::new(), true)], end: Ok(()) });
}

#[test]
fn a_form_that_was_cut_is_none() {
    let bytes = form(&[("a", "hello"), ("b", "\r\n--")]);
    let end = bytes.len() - 2;
    for cut in 0..end {
        let came = came("B", [&bytes[..cut]]);
        let refusal = came.end.expect_err("it is cut");
        assert_eq!((refusal.status, refusal.at), (400, cut), "cut at {cut}");
    }
    for cut in end..=bytes.len() {
        assert_eq!(came("B", [&bytes[..cut]]).end, Ok(()), "behind the last boundary, at {cut}");
    }
    assert!(came("B", []).end.unwrap_err().rule.contains("never came"));
    assert!(came("B", [&b"a=1&b=2"[..]]).end.unwrap_err().rule.contains("never came"));
}

#[test]
fn names_are_read_as_browsers_and_curl_write_them() {
    for (value, want) in [
        ("\"a.txt\"", "a.txt"),
        ("a.txt", "a.txt"),
        ("\"新 建.txt\"", "新 建.txt"),
        ("\"a;b=c.txt\"", "a;b=c.txt"),
        // Chromium, Firefox, Safari, curl.
        ("\"a%22b.txt\"", "a\"b.txt"),
        ("\"100%25.txt\"", "100%25.txt"),
        ("\"%22\"", "\""),
        ("\"%2\"", "%2"),
        // curl before 7.81.
        ("\"a\\\"b.txt\"", "a\"b.txt"),
        ("\"a\\\\b.txt\"", "b.txt"),
        // Only the base name counts.
        ("\"../../x\"", "x"),
        ("\"/etc/passwd\"", "passwd"),
        ("\"C:\\x\"", "x"),
        ("\"C:\\Users\\ada\\my file.txt\"", "my file.txt"),
        ("\"\\\\server\\share\\x\"", "x"),
        ("\"..\\..\\x\"", "x"),
        ("\"photos/2026/x.jpg\"", "x.jpg"),
        ("\"a/b\\c/d\"", "d"),
        ("\"<img src=x onerror=alert(1)>.txt\"", "<img src=x onerror=alert(1)>.txt"),
        ("\"%2e%2e%2fx\"", "%2e%2e%2fx"),
        ("\".bashrc\"", ".bashrc"),
        ("\"a\"; filename*=UTF-8''b", "a"),
    ] {
        let line = format!("Content-Disposition: form-data; name=\"f\"; filename={value}");
        assert_eq!(named(&line), Ok(Some(want.into())), "{value}");
    }
    for line in [
        "Content-Disposition:form-data;filename=\"a\"",
        "Content-Disposition: form-data ; ; filename=\"a\" ; ",
        "Content-Disposition: form-data;\tname=f;\tFileName=a",
        "Content-Disposition: form-data; filename=\"a\"\r\nContent-Transfer-Encoding: Binary\r\nX: y",
        "X: y\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; filename=\"a\"",
    ] {
        assert_eq!(named(line), Ok(Some("a".into())), "{line}");
    }
}

#[test]
fn hostile_names_are_refused() {
    for name in [
        "..",
        ".",
        "a/",
        "a\\",
        "a/..",
        "a\\.",
        "/",
        "%0D",
        "a%0Ab",
        "%0D%0AX: y",
        "\u{202e}gpj.exe",
        "\t",
        ".framecat-0123456789abcdef.part",
        "a/.FRAMECAT-x",
        &"n".repeat(256),
    ] {
        let line = format!("Content-Disposition: form-data; filename=\"{name}\"");
        let refused = named(&line).unwrap_err();
        // A backslash before the quote is no end.
        let why = if name.ends_with('\\') { "NAME=VALUE" } else { "no name for a file" };
        assert!(refused.contains(why), "{name}: {refused}");
    }
    let latin = b"--B\r\nContent-Disposition: form-data; filename=\"caf\xe9\"\r\n\r\n\r\n--B--";
    assert!(named_by(latin).unwrap_err().contains("UTF-8"));
    let zero = b"--B\r\nContent-Disposition: form-data; filename=\"a\0.txt\"\r\n\r\n\r\n--B--";
    assert!(named_by(zero).unwrap_err().contains("a NUL stands"));
}

#[test]
fn what_would_lose_a_file_or_make_another_of_it_is_refused() {
    for (lines, why) in [
        ("Content-Type: text/plain", "no Content-Disposition"),
        ("Content-Disposition: attachment; filename=\"a\"", "another one than form-data"),
        ("Content-Disposition: form-data; filename=\"a\"; filename=\"b\"", "two names"),
        ("Content-Disposition: form-data; name=\"a\"; NAME=\"b\"", "two names"),
        (
            "Content-Disposition: form-data; filename=\"a\"\r\nContent-Disposition: form-data; name=\"b\"",
            "more than one",
        ),
        ("Content-Disposition: form-data; name=\"f\"; filename*=UTF-8''a.txt", "filename* alone"),
        (
            "Content-Disposition: form-data; name=\"f\"\r\nContent-Type: Multipart/mixed; boundary=C",
            "multipart of its own",
        ),
        (
            "Content-Disposition: form-data; filename=\"a\"\r\nContent-Transfer-Encoding: base64",
            "Content-Transfer-Encoding",
        ),
        (
            "Content-Disposition: form-data; filename=\"a\"\r\nContent-Transfer-Encoding: quoted-printable",
            "Content-Transfer-Encoding",
        ),
        ("Content-Disposition: form-data; filename=\"a", "NAME=VALUE"),
        ("Content-Disposition: form-data; filename=", "NAME=VALUE"),
        ("Content-Disposition: form-data; filename", "NAME=VALUE"),
        ("Content-Disposition: form-data; filename =\"a\"", "NAME=VALUE"),
        ("Content-Disposition: form-data; filename= \"a\"", "NAME=VALUE"),
        ("Content-Disposition: form-data; filename=\"a\"b", "NAME=VALUE"),
        ("Content-Disposition: form-data; filename=a b", "NAME=VALUE"),
        ("Content-Disposition: form-data; filename=a/b", "NAME=VALUE"),
        ("Content-Disposition: form-data; =a", "NAME=VALUE"),
        ("Content-Disposition: form-data, filename=\"a\"", "another one"),
        ("Content-Disposition : form-data; filename=\"a\"", "a space stands between"),
        ("Content-Disposition: form-data;\r\n filename=\"a\"", "obsolete"),
        ("Content-Disposition: form-data; filename=\"a\"\nX: y", "no CR before it"),
        ("Content-Disposition: form-data; filename=\"a\rb\"", "a CR without LF"),
        ("no field", "space stands in the name"),
        ("", "no Content-Disposition"),
        ("Content-Disposition: form-data; filename=\"a\"\r\n--B: x", "in the head of a part"),
        ("Content-Disposition: form-data; filename=\"a\"\r\n--B--", "in the head of a part"),
    ] {
        let refused = named(lines).unwrap_err();
        assert!(refused.contains(why), "{lines}: {refused}");
    }
    for (bytes, why) in [
        ("--BB\r\n", "`B` stands behind a boundary"),
        ("--B-\r\n", "a CR without LF stands behind a boundary"),
        ("--B\n", "an LF without CR stands behind a boundary"),
        ("--B\r\r\n", "stands behind a boundary"),
        ("--B x\r\n", "`x` stands behind a boundary"),
        ("--B--x", "`x` stands behind a boundary"),
        ("--B-- \r-", "`-` stands behind a boundary"),
        ("x--B--\r\n", "never came"),
        ("\n--B--\r\n", "never came"),
        ("--B\r\nContent-Disposition: form-data; filename=\"\"\r\n\r\n\r\r\n--B--", "empty name"),
        (
            "--B\r\nContent-Disposition: form-data; filename=\"\"\r\n\r\nhello\r\n--B--",
            "empty name",
        ),
    ] {
        let refused = named_by(bytes.as_bytes()).unwrap_err();
        assert!(refused.contains(why), "{bytes:?}: {refused}");
    }
}

#[test]
fn refusals_name_the_octet() {
    let text = format!("{}hello\r\n--Bx", head("B", "a"));
    let refusal = read("B", text.as_bytes()).end.unwrap_err();
    assert_eq!(
        (refusal.status, refusal.at, refusal.section),
        (400, text.len() - 1, "RFC 2046 section 5.1.1")
    );
    assert_eq!(read("B", text.as_bytes()).files, [("a".into(), b"hello".to_vec(), true)]);
}

#[test]
fn every_limit_holds_to_the_octet() {
    let end = "\r\n--B--";
    let counted = |n: usize| form(&vec![("a", ""); n]);
    assert_eq!(came("B", [&counted(HTTP_FORM_FILES)[..]]).end, Ok(()));
    let refusal = came("B", [&counted(HTTP_FORM_FILES + 1)[..]]).end.unwrap_err();
    assert!(refusal.status == 413 && refusal.rule.contains("100 files"), "{refusal}");

    let field = "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
    let fields = |n: usize| field.repeat(n) + "--B--";
    assert_eq!(came("B", [fields(HTTP_FORM_PARTS).as_bytes()]).end, Ok(()));
    let refusal = came("B", [fields(HTTP_FORM_PARTS + 1).as_bytes()]).end.unwrap_err();
    assert!(refusal.status == 413 && refusal.rule.contains("1000 parts"), "{refusal}");

    let lines = |n: usize| {
        format!(
            "--B\r\nContent-Disposition: form-data; name=a\r\n{}\r\n{end}",
            "X: y\r\n".repeat(n - 1)
        )
    };
    assert_eq!(came("B", [lines(HTTP_FORM_FIELDS).as_bytes()]).end, Ok(()));
    let refusal = came("B", [lines(HTTP_FORM_FIELDS + 1).as_bytes()]).end.unwrap_err();
    assert!(refusal.status == 413 && refusal.rule.contains("16 fields"), "{refusal}");

    // A head of exactly so many octets, the empty line among them, with one line or several.
    let begin = "--B\r\n";
    for front in ["", "Content-Disposition: form-data; name=a\r\n"] {
        let line = |n: usize| {
            let fixed = front.len() + "X: ".len() + 4;
            format!("{begin}{front}X: {}\r\n\r\n", "y".repeat(n - fixed))
        };
        let most = line(HTTP_FORM_HEAD_BYTES);
        let refusal = came("B", [most.as_bytes()]).end.unwrap_err();
        assert_ne!(refusal.status, 413, "{refusal}");
        let more = line(HTTP_FORM_HEAD_BYTES + 1);
        let whole = came("B", [more.as_bytes()]);
        assert_eq!(whole.end.as_ref().unwrap_err().at, begin.len() + HTTP_FORM_HEAD_BYTES);
        assert_eq!(came("B", more.as_bytes().chunks(1)), whole);
        assert_eq!(came("B", more.as_bytes().chunks(4_001)), whole);
    }

    // What is no file: counted in the preamble, in a field, behind the end, and in space behind a boundary.
    for (before, byte) in [
        ("", "x"),
        ("--B\r\nContent-Disposition: form-data; name=a\r\n\r\n", "x"),
        ("--B--\r\n", "x"),
        ("--B", " "),
    ] {
        let filled = |n: usize| format!("{before}{}", byte.repeat(n - before.len()));
        let whole = came("B", [filled(HTTP_FORM_OTHER_BYTES).as_bytes()]);
        assert!(whole.end.is_ok() || whole.end.unwrap_err().status == 400);
        let more = filled(HTTP_FORM_OTHER_BYTES + 9);
        let whole = came("B", [more.as_bytes()]);
        let refusal = whole.end.as_ref().unwrap_err();
        assert_eq!((refusal.status, refusal.at), (413, HTTP_FORM_OTHER_BYTES));
        for size in [7, 1 << 16, HTTP_FORM_OTHER_BYTES - 1, HTTP_FORM_OTHER_BYTES + 1] {
            assert_eq!(came("B", more.as_bytes().chunks(size)), whole, "in pieces of {size}");
        }
    }
    // The content of a file is not counted here.
    let large = format!("{}{}{end}", head("B", "a"), "x".repeat(2 * HTTP_FORM_OTHER_BYTES));
    let whole = came("B", large.as_bytes().chunks(100_000));
    assert_eq!((whole.end, whole.files[0].1.len()), (Ok(()), 2 * HTTP_FORM_OTHER_BYTES));
}

#[test]
fn a_boundary_is_read_from_content_type() {
    for (value, boundary) in [
        ("multipart/form-data; boundary=B", "B"),
        ("Multipart/Form-Data;BOUNDARY=\"B\"", "B"),
        ("multipart/form-data ; charset=utf-8 ; boundary=\"a b\" ;", "a b"),
        (
            "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
            "----WebKitFormBoundary7MA4YWxkTrZu0gW",
        ),
        ("multipart/form-data; boundary=\"'()+_,-./:=?\"", "'()+_,-./:=?"),
        (
            "multipart/form-data; boundary=0123456789012345678901234567890123456789012345678901234567890123456789",
            "0123456789012345678901234567890123456789012345678901234567890123456789",
        ),
    ] {
        let quoted = format!("multipart/form-data; boundary=\"{boundary}\"");
        assert_eq!(Boundary::of(value.as_bytes()), Boundary::of(quoted.as_bytes()), "{value}");
        assert!(Boundary::of(value.as_bytes()).is_ok(), "{value}");
    }
    for (value, status) in [
        ("", 415),
        ("text/plain", 415),
        ("multipart/mixed; boundary=B", 415),
        ("multipart/form-data-x; boundary=B", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data;", 400),
        ("multipart/form-data; boundary", 400),
        ("multipart/form-data; boundary=", 400),
        ("multipart/form-data; boundary=\"\"", 400),
        ("multipart/form-data; boundary=\"B", 400),
        ("multipart/form-data; boundary=\"a \"", 400),
        ("multipart/form-data; boundary=a=b", 400),
        ("multipart/form-data; boundary=\"a\\\"b\"", 400),
        ("multipart/form-data; boundary=\"a\tb\"", 400),
        ("multipart/form-data; boundary=a; boundary=b", 400),
        ("multipart/form-data, boundary=B", 415),
        ("multipart/form-data boundary=B", 400),
        ("multipart/form-data; boundary=\u{e9}", 400),
        (
            "multipart/form-data; boundary=01234567890123456789012345678901234567890123456789012345678901234567890",
            400,
        ),
    ] {
        let refused = Boundary::of(value.as_bytes()).unwrap_err();
        assert_eq!(refused.0, status, "{value}: {}", refused.1.rule);
    }
}
