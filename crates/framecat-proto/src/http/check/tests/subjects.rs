//! What the cases can be about, and which of them are about that.

use super::*;

#[test]
fn a_case_is_left_out_where_the_server_does_not_tell_what_it_needs() {
    let bare = answer(200, "ETag: W/\"a\"\r\n", &content());
    let bare = Subject::learn("[::1]:80", "/1", true, &bare).unwrap();
    for text in ["{strong}", "{modified}", "{path-pct}", "{unsecured}", "{opaque-shorter}"] {
        assert!(Sending::new(text, &bare).is_err(), "{text}");
    }
    let sending = Sending::new("{name} {opaque} {scheme}", &bare).unwrap();
    assert_eq!(sending.bytes(), b"[::1] \"a\" https");
}

/// A page that is made for each request has no date to fail by, and its length need not be known to who asks
/// for the head alone; of a file both are demanded.
#[test]
fn of_a_page_that_is_made_nothing_is_demanded_that_only_files_have() {
    let case = |id: &str| cases().find(|case| case.id == id).unwrap();
    let page = Subject::learn("host:80", "/", false, &answer(200, "", &content())).unwrap();
    let page = Arc::new(page);
    for id in ["earlier", "of-head", "rfc850", "asctime", "earlier-then-range"] {
        let case = case(&format!("if-unmodified-since-{id}"));
        assert_eq!(Trial::new(case, &page).err(), Some("a Last-Modified date"), "{}", case.id);
        assert!(Trial::new(case, &subject()).is_ok(), "{}", case.id);
    }
    assert!(Trial::new(case("if-unmodified-since-words"), &page).is_ok());
    assert!(Trial::new(case("if-match-other-over-date"), &subject()).is_ok());
    let head = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";
    for id in ["head-1.0", "head-as-get"] {
        let trial = Trial::new(case(id), &page).unwrap();
        let verdict = trial.verdict(head, Ended::Closed, true);
        let without =
            matches!(&verdict, Verdict::Failed(broken) if broken.what.contains("without"));
        assert!(!without, "{id}: {verdict:?}");
    }
    let verdict = trial("head-as-get").verdict(head, Ended::Closed, true);
    assert!(matches!(verdict, Verdict::Failed(broken) if broken.what.contains("without")));
}

#[test]
fn what_the_cases_cannot_be_about_is_said() {
    let learn = |bytes: &[u8]| Subject::learn("host", "/", false, bytes).unwrap_err().to_string();
    assert_eq!(learn(&answer(404, "", b"no")), "it answers a plain GET with 404");
    assert_eq!(
        learn(&answer(200, "", b"short")),
        "the file has 5 bytes, and the cases need 100 to 1048576"
    );
    assert!(learn(b"SSH-2.0-x\r\n").contains("no answer of HTTP/1: no status line: `SSH-2.0-x`"));
    assert!(learn(b"").contains("it is cut"));
    assert!(learn(&the_file()[..50]).contains("it is cut"));
    let large = b"HTTP/1.1 200 OK\r\nContent-Length: 149946368\r\n\r\nabc";
    assert_eq!(learn(large), "the file has 149946368 bytes, and the cases need 100 to 1048576");
    assert!(Subject::is_answered(large), "the rest of it tells nothing more");
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n".to_vec();
    let endless = [head, vec![b'a'; crate::limits::CHECK_ANSWERS_BYTES]].concat();
    assert!(learn(&endless).contains("more bytes than the 1048576 that"));
    let interim = [b"HTTP/1.1 103 Early\r\n\r\n", &*the_file()].concat();
    assert!(Subject::learn("host", "/", false, &interim).is_ok());
}
