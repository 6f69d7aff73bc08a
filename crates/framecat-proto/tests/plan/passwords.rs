//! Who may ask: what a request brings, and the lines in which a server keeps passwords.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use framecat_proto::http::auth::{
    Hash, asked, bad_user, basic, busy, given, hide, only_reads, too_often, users, wrong,
};
use framecat_proto::limits::AUTH_USERS;

/// What is understood of these fields.
fn understood(fields: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let bytes = bytes(&format!("GET / HTTP/1.1\nHost: box\n{fields}"));
    let request = head::request(&bytes).unwrap().expect("a whole head");
    let given = given(&request.fields)?;
    assert_eq!(format!("{given:?}"), "Credentials(…)", "never printed");
    assert_eq!([given.user(), b":", given.password()].concat(), given.as_bytes());
    Some((given.user().to_vec(), given.password().to_vec()))
}

#[test]
fn a_user_and_a_password_are_read_as_rfc_7617_has_them() {
    let pair = |user: &str, password: &str| Some((user.into(), password.into()));
    // The two examples of RFC 7617 section 2 and 2.1.
    let first = "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    assert_eq!(understood(first), pair("Aladdin", "open sesame"));
    let second = "Authorization: Basic dGVzdDoxMjPCow==";
    assert_eq!(understood(second), pair("test", "123£"));
    for (user, password) in [("ada", "secret"), ("", ""), ("ada", ""), ("", "p"), ("ü", "a:b:c")] {
        let value = basic(user, password);
        for written in [value.clone(), value.replace("Basic ", "bASIC  ")] {
            assert_eq!(understood(&format!("authorization: {written}")), pair(user, password));
        }
    }
}

#[test]
fn what_is_no_user_and_password_is_nothing() {
    let controls = STANDARD.encode("ada:sec\nret");
    let no_colon = STANDARD.encode("ada");
    for fields in [
        "",
        "Authorization:",
        "Authorization: Basic",
        "Authorization: Basic ",
        "Authorization: Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "Authorization: BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "Authorization: QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ== x",
        "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=",
        "Authorization: Basic ada:secret",
        "Authorization: Basic realm=\"x\"",
        "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        &format!("Authorization: Basic {controls}"),
        &format!("Authorization: Basic {no_colon}"),
        // Two of them: nobody knows whose word it is.
        "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\nAuthorization: Basic dGVzdDoxMjPCow==",
        "Authorization: Basic dGVzdDoxMjPCow==\nAuthorization: Basic dGVzdDoxMjPCow==",
    ] {
        assert_eq!(understood(fields), None, "{fields}");
    }
}

#[test]
fn reading_is_what_changes_nothing_and_is_no_upload() {
    for (request, want) in [
        ("GET /a", true),
        ("HEAD /a?json", true),
        ("GET http://box/a", true),
        ("OPTIONS /a", true),
        ("OPTIONS *", true),
        ("TRACE /a", false),
        ("POST /a/", false),
        ("PUT /a", false),
        ("DELETE /a", false),
        ("CONNECT box:1", false),
        ("get /a", false),
        ("BREW /a", false),
        ("HEAD /a?upload=1", false),
        ("GET /a?x&upload", false),
        ("HEAD http://box/a?upload=1", false),
    ] {
        let bytes = bytes(&format!("{request} HTTP/1.1\nHost: box"));
        let request = head::request(&bytes).unwrap().expect("a whole head");
        assert_eq!(only_reads(&request), want, "{request:?}");
    }
}

#[test]
fn who_is_refused_is_told_how_to_ask_again() {
    let challenge = "Basic realm=\"framecat\", charset=\"UTF-8\"";
    for reply in [asked(), wrong()] {
        assert_eq!(reply.status, 401);
        assert_eq!(reply.get("WWW-Authenticate"), Some(challenge));
        assert_eq!(reply.get("Cache-Control"), Some("no-store"));
        assert!(reply.why.is_some());
    }
    let often = too_often(7);
    assert_eq!((often.status, often.get("Retry-After")), (429, Some("7")));
    assert_eq!((busy().status, busy().get("Retry-After")), (503, Some("1")));
}

/// `printf secret | argon2 somesalt -id -t 2 -k 19456 -p 1 -e` of Debian's argon2.
const LINE: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$fTTXM7e3iTx/veQKZK106LdvBj581I9AB/3fq3acr8I";

#[test]
fn a_hash_is_written_as_it_is_read() {
    let hash: Hash = LINE.parse().unwrap();
    assert_eq!((hash.memory, hash.passes, hash.lanes), (19_456, 2, 1));
    assert_eq!((&hash.salt[..], hash.output.len()), (&b"somesalt"[..], 32));
    assert_eq!(hash.to_string(), LINE);
    assert_eq!(format!("{hash:?}"), "Hash(m=19456,t=2,p=1)", "nothing of it is printed");
}

#[test]
fn every_line_that_is_wrong_is_told_by_its_number_and_never_quoted() {
    let good = format!("ada:{LINE}");
    let all = format!("# who may\n\n{good}\r\n  \nbob:{LINE} \n");
    let names: Vec<_> = users(all.as_bytes()).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["ada", "bob"]);
    assert_eq!(users(good.as_bytes()).unwrap().len(), 1);
    let changed = |from: &str, to: &str| good.replace(from, to);
    for (line, want) in [
        (String::new(), "no user stands there"),
        ("# a\n\n# b\n".into(), "no user stands there"),
        (format!("{good}\n{LINE}"), "line 2: no colon"),
        (format!("{good}\nada:{LINE}"), "line 2: the user stands there for the second time"),
        (format!("\n\n:{LINE}"), "line 3: a user has a name"),
        (format!(" ada:{LINE}"), "a space is at its beginning"),
        (format!("a\u{1b}a:{LINE}"), "a control character"),
        (format!("{}:{LINE}", "a".repeat(65)), "64 bytes at most"),
        ("ada:secret".into(), "line 1: what stands behind the colon is no hash"),
        ("ada:".into(), "no hash stands behind the colon"),
        ("ada:$apr1$x$y".into(), "a hash of MD5, as htpasswd -m makes it, and argon2id is taken"),
        ("ada:$2y$05$x".into(), "bcrypt"),
        ("ada:$6$x$y".into(), "sha512-crypt"),
        ("ada:$y$j9T$x".into(), "yescrypt"),
        ("ada:{SHA}x".into(), "SHA-1"),
        (changed("argon2id", "argon2i"), "another kind of argon2"),
        (changed("v=19$", ""), "five parts"),
        (changed("v=19", "v=16"), "another version"),
        (changed("m=19456,t=2,p=1", "t=2,m=19456,p=1"), "m= is no number"),
        (changed("m=19456", "m=+19456"), "m= is no number"),
        (changed("m=19456", "m=99999999999"), "m= is no number"),
        (changed("m=19456", "m=1048577"), "would take 1048577 KiB"),
        (changed("m=19456", "m=7"), "m is 8 p at least"),
        (changed("t=2", "t=0"), "t is 1 to 100"),
        (changed("p=1", "p=65"), "p is 1 to 64"),
        (changed("p=1", "p=1,data=x"), "m=…,t=…,p=…"),
        (changed("c29tZXNhbHQ", "c29t"), "the salt"),
        (changed("c29tZXNhbHQ", "c29tZXNhbHQ="), "the salt"),
        (changed("fTTXM7e3iTx/veQKZK106LdvBj581I9AB/3fq3acr8I", "fTTX"), "the hash is not"),
        (format!("{good}$"), "five parts"),
        (format!("{good} x"), "the hash is not"),
    ] {
        let error = users(line.as_bytes()).expect_err(&line).to_string();
        assert!(error.contains(want), "{line}: {error}");
        for secret in ["secret", "fTTX", "c29t"] {
            assert!(!error.contains(secret), "{line}: {error}");
        }
    }
    let error = users(b"ada:\xff").expect_err("no UTF-8").to_string();
    assert_eq!(error, "line 1: it is no UTF-8");
    let many: String = (0..=AUTH_USERS).map(|n| format!("u{n}:{LINE}\n")).collect();
    assert_eq!(users(many.as_bytes()).expect_err("too many").line, AUTH_USERS + 1);
}

#[test]
fn a_name_is_a_line_s_beginning() {
    for good in ["ada", "Ada L.", "ü", "a#b", &"a".repeat(64)] {
        assert_eq!(bad_user(good), None, "{good}");
    }
    for bad in ["", "a:b", "#a", "a\nb", " a", "a ", &"a".repeat(65)] {
        assert!(bad_user(bad).is_some(), "{bad}");
    }
}

#[test]
fn a_head_is_shown_without_what_is_secret_in_it() {
    for (head, shown) in [
        ("GET / HTTP/1.1\r\nHost: box\r\n\r\n", None),
        ("GET /authorization HTTP/1.1\r\nVary: Authorization\r\n\r\n", None),
        ("GET / HTTP/1.1\r\nX-Authorization: a\r\n\r\n", None),
        (
            "GET / HTTP/1.1\r\nAUTHORIZATION: Basic YTpi=\r\nHost: box\r\n\r\n",
            Some("GET / HTTP/1.1\r\nAUTHORIZATION: Basic *****\r\nHost: box\r\n\r\n"),
        ),
        ("a\r\nproxy-Authorization:YTpi\r\n\r\n", Some("a\r\nproxy-Authorization:****\r\n\r\n")),
        ("a\r\nAuthorization: Basic\r\n\r\n", Some("a\r\nAuthorization: *****\r\n\r\n")),
        // What breaks a rule is shown, too.
        ("a\r\nAuthorization : Basic YTpi\r\n", Some("a\r\nAuthorization : Basic ****\r\n")),
        ("a\r\nAuthorization Basic YTpi\r\n", Some("a\r\nAuthorization Basic ****\r\n")),
        ("a\r\n Authorization: Basic YTpi", Some("a\r\n Authorization: Basic ****")),
        ("a\nX: y\rAuthorization: Basic YTpi\n", Some("a\nX: y\rAuthorization: Basic ****\n")),
        (
            "a\r\nAuthorization:\r\n Basic\r\n\tYTpi\r\nb: c\r\n",
            Some("a\r\nAuthorization:\r\n *****\r\n\t****\r\nb: c\r\n"),
        ),
        (
            "a\r\nAuthorization: Digest a=\"b\", c\r\nAuthorization: x\r\n",
            Some("a\r\nAuthorization: Digest ****** *\r\nAuthorization: *\r\n"),
        ),
        ("Authorization: Basic YTpi", Some("Authorization: Basic ****")),
        ("a\r\nAuthorization\r: Basic YTpi\r\n", Some("a\r\nAuthorization\r: Basic ****\r\n")),
        ("a\r\nVary: Authorization\r\nb: c\r\n", None),
        ("Authorization", None),
        ("Authorization:", None),
        ("", None),
    ] {
        let mut bytes = head.as_bytes().to_vec();
        hide(&mut bytes);
        assert_eq!(String::from_utf8(bytes).unwrap(), shown.unwrap_or(head), "{head:?}");
    }
}

/// Pieces of a head, and of what only looks like one.
fn pieces() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::strategy::Strategy as _;
    let piece = proptest::sample::select(vec![
        "Authorization: Basic YWRhOnNlY3JldA==",
        "authorization",
        "Proxy-Authorization",
        ": ",
        " ",
        "\t",
        "\r\n",
        "\r",
        "\n",
        "\r\n ",
        "Basic ",
        "x: y",
        "a",
        "YWRhOnNlY3JldA==",
    ]);
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest::proptest! {
    /// Whatever stands around it, and however often: who reads what is shown learns no password.
    #[test]
    fn what_is_shown_of_a_head_lets_nobody_in(before in pieces(), between in pieces(), behind in pieces()) {
        let all = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nb: {before}\r\nAuthorization: {between}Basic YWRhOnNlY3JldA==\r\nc: {behind}\r\n\r\n"
        );
        let mut shown = all.clone().into_bytes();
        hide(&mut shown);
        assert_eq!(shown.len(), all.len());
        let ends = |bytes: &[u8]| bytes.iter().filter(|byte| b"\r\n".contains(byte)).count();
        assert_eq!(ends(&shown), ends(all.as_bytes()));
        let mut again = shown.clone();
        hide(&mut again);
        assert_eq!(again, shown);
        if let Ok(Some(request)) = head::request(all.as_bytes())
            && given(&request.fields).is_some()
        {
            let after = head::request(&shown).unwrap().expect("it is a head as before");
            assert!(given(&after.fields).is_none(), "{all:?}");
        }
    }
}
