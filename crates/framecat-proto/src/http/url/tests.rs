use super::*;

fn url(text: &str) -> Url {
    text.parse().unwrap_or_else(|e: ParseUrlError| panic!("{text}: {e}"))
}

#[test]
fn what_is_typed_becomes_a_place_a_host_and_a_target() {
    for (typed, endpoint, host, target) in [
        ("http://example.org", "tcp://example.org:80", "example.org", "/"),
        ("http://example.org/", "tcp://example.org:80", "example.org", "/"),
        ("HTTP://Example.ORG:80/A", "tcp://example.org:80", "example.org", "/A"),
        ("http://example.org:/a", "tcp://example.org:80", "example.org", "/a"),
        ("http://example.org:8080/a", "tcp://example.org:8080", "example.org:8080", "/a"),
        ("example.org/a", "tcp://example.org:80", "example.org", "/a"),
        ("example.org:81?q", "tcp://example.org:81", "example.org:81", "/?q"),
        (":8000/x", "tcp://localhost:8000", "localhost:8000", "/x"),
        ("https://h:443/", "tls://h:443,alpn=http/1.1", "h", "/"),
        ("https://h:80/", "tls://h:80,alpn=http/1.1", "h:80", "/"),
        ("http://[::1]/", "tcp://[::1]:80", "[::1]", "/"),
        ("http://[::1]:8000?a=b", "tcp://[::1]:8000", "[::1]:8000", "/?a=b"),
        ("http://[fe80::1%25eth0]:81/", "tcp://[fe80::1%eth0]:81", "[fe80::1]:81", "/"),
        ("http://[fe80::1%eth0]/", "tcp://[fe80::1%eth0]:80", "[fe80::1]", "/"),
        ("http://127.0.0.1:1/", "tcp://127.0.0.1:1", "127.0.0.1:1", "/"),
        ("http://h/a b\"<>\\^`{|}", "tcp://h:80", "h", "/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D"),
        ("http://h/新 建.txt?ü=ß", "tcp://h:80", "h", "/%E6%96%B0%20%E5%BB%BA.txt?%C3%BC=%C3%9F"),
        ("http://h/a%20b%2Fc%2", "tcp://h:80", "h", "/a%20b%2Fc%252"),
        ("http://h/100%", "tcp://h:80", "h", "/100%25"),
        ("http://h/a/../../b/./c", "tcp://h:80", "h", "/a/../../b/./c"),
        ("http://h/a?x=/y?z#frag/ment?", "tcp://h:80", "h", "/a?x=/y?z"),
        ("http://h//double", "tcp://h:80", "h", "//double"),
        ("http://h/http://other/", "tcp://h:80", "h", "/http://other/"),
        ("unix:///run/x.sock", "unix:///run/x.sock", "localhost", "/"),
        ("unix:///run/x.sock:", "unix:///run/x.sock", "localhost", "/"),
        ("unix:///run/x.sock:/v1/a b?c", "unix:///run/x.sock", "localhost", "/v1/a%20b?c"),
        ("unix:///run/a%3A/b:/c:/d", "unix:///run/a:/b", "localhost", "/c:/d"),
        ("unix://@name:/x", "unix://@name", "localhost", "/x"),
    ] {
        let url = url(typed);
        let options = Options::new();
        assert_eq!(url.endpoint(&options).to_string(), endpoint, "{typed}");
        assert_eq!((url.host().as_str(), url.target()), (host, target), "{typed}");
        let printed = url.to_string();
        assert_eq!(printed.parse(), Ok(url), "{typed} prints as {printed}");
    }
}

#[test]
fn what_is_no_url_is_told_with_a_remedy() {
    for (typed, problem, remedy) in [
        ("", "no host", "http://HOST"),
        ("/etc/passwd", "no host", "unix://SOCKET"),
        ("http://", "no host", "localhost"),
        ("http:///x", "no host", "localhost"),
        ("http://:80/", "no host", "localhost"),
        ("http://user:secret@h/", "user or password", "--user USER"),
        ("http://user@h/", "user or password", "--user USER"),
        ("https://bücher.example/", "not ASCII", "xn--"),
        ("http://h:0/", "port 0", "name the port"),
        ("http://h:65536/", "no port 65536", "0 to 65535"),
        ("http://h:80x/", "no port number", "0 to 65535"),
        ("http://::1/", "no brackets", "[::1]"),
        ("http://[::1/", "closing bracket", "[::1]"),
        ("http://[h]/", "no IPv6 address", "brackets"),
        ("http://1.2.3/", "no IPv4 address", "four numbers"),
        ("http://a%20b/", "no host name", "letters"),
        ("http://h/a\nb", "control character", "%0A"),
        ("http://h/\0", "control character", "%XX"),
        ("ftp://h/", "`ftp` is no scheme", "https://"),
        ("file:///etc/passwd", "`file` is no scheme", "http://"),
        ("tcp://h:80", "`tcp` is no scheme", "http://h:80"),
        ("tls://h:443", "`tls` is no scheme", "https://h:443"),
        ("unix://", "empty", "unix:///run"),
        ("unix:///run/x.sock?q", "no path of a socket", "unix://SOCKET:/PATH"),
    ] {
        let error = typed.parse::<Url>().expect_err(typed);
        assert!(error.problem.contains(problem), "{typed}: {error}");
        assert!(error.remedy.contains(remedy), "{typed}: {}", error.remedy);
        assert!(!format!("{error}{}", error.remedy).contains("secret"), "{typed}: {error}");
    }
    let long = format!("http://h/{}", "a".repeat(HTTP_TARGET_BYTES));
    assert!(long.parse::<Url>().expect_err("it is too long").problem.contains("8001 bytes"));
}

#[test]
fn redirects_lead_where_rfc_3986_says() {
    // The examples of section 5.4, as far as a scheme is not another one.
    let base = url("http://a/b/c/d;p?q");
    for (reference, target) in [
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g/"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q"),
        ("g#s", "http://a/b/c/g"),
        ("g?y#s", "http://a/b/c/g?y"),
        (";x", "http://a/b/c/;x"),
        ("g;x", "http://a/b/c/g;x"),
        ("g;x?y#s", "http://a/b/c/g;x?y"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("./", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../", "http://a/"),
        ("../../g", "http://a/g"),
        ("../../../g", "http://a/g"),
        ("../../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        (".g", "http://a/b/c/.g"),
        ("g..", "http://a/b/c/g.."),
        ("..g", "http://a/b/c/..g"),
        ("./../g", "http://a/b/g"),
        ("./g/.", "http://a/b/c/g/"),
        ("g/./h", "http://a/b/c/g/h"),
        ("g/../h", "http://a/b/c/h"),
        ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/./x", "http://a/b/c/g?y/./x"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("https://b/x y", "https://b/x%20y"),
        ("HTTP://B:81", "http://b:81/"),
        ("a:80", ""),
    ] {
        match base.join(reference.as_bytes(), "a") {
            Ok(url) => assert_eq!(url.to_string(), target, "{reference}"),
            Err(error) => assert_eq!(target, "", "{reference}: {error}"),
        }
    }
    assert_eq!(url("https://a/").join(b"//b/c", "a").unwrap().to_string(), "https://b/c");
    assert_eq!(base.join(b"/\xff\xfe", "a").unwrap().target(), "/%FF%FE");
}

#[test]
fn redirects_never_lead_to_a_socket_a_file_or_a_password() {
    let base = url("http://a/");
    for location in [
        "unix:///run/x.sock:/",
        "file:///etc/passwd",
        "ftp://a/",
        "javascript:alert(1)",
        "data:,x",
        "http:/x",
        "http://u:p@a/",
        "//u@a/",
        "http:///x",
        "/a\u{1}b",
        "/a\tb",
    ] {
        assert!(base.join(location.as_bytes(), "a").is_err(), "{location}");
    }
    let socket = url("unix:///run/x.sock:/v1/x");
    let leads = |location: &str| socket.join(location.as_bytes(), "api").map(|url| url.to_string());
    assert_eq!(leads("/y"), Ok("unix:///run/x.sock:/y".into()));
    assert_eq!(leads("http://API/y"), Ok("unix:///run/x.sock:/y".into()));
    for off in ["http://other/y", "https://api/y", "//other/y"] {
        assert!(leads(off).unwrap_err().problem.contains("off the socket"), "{off}");
    }
}

#[test]
fn the_name_of_a_file_is_the_last_part_of_the_path_or_none() {
    for (typed, name) in [
        ("http://h/a/b.txt?x=/c", Some("b.txt")),
        ("http://h/a%20b", Some("a b")),
        ("http://h/%E6%96%B0", Some("新")),
        ("http://h/.hidden", Some(".hidden")),
        ("http://h/%252e", Some("%2e")),
        ("unix:///s:/x", Some("x")),
        ("http://h/", None),
        ("http://h", None),
        ("http://h/a/", None),
        ("http://h/..", None),
        ("http://h/%2e%2e", None),
        ("http://h/.", None),
        ("http://h/..%2fx", None),
        ("http://h/a%2Fb", None),
        ("http://h/a%00", None),
        ("http://h/a%0Ab", None),
        ("http://h/a%1B", None),
    ] {
        let found = url(typed).file_name();
        assert_eq!(found.as_deref().ok(), name.map(str::as_bytes), "{typed}");
    }
    assert!(url(&format!("http://h/{}", "a".repeat(241))).file_name().is_err());
}

#[test]
fn an_origin_is_a_scheme_a_host_and_a_port() {
    let same = |a: &str, b: &str| url(a).is_same_origin(&url(b));
    assert!(same("http://h/a", "http://H:80/b?c"));
    assert!(same("unix:///s:/a", "unix:///s:/b"));
    for other in ["https://h/a", "http://h:81/a", "http://h2/a", "http://h./a", "unix:///h:/a"] {
        assert!(!same("http://h/a", other), "{other}");
    }
}

#[test]
fn options_go_to_the_endpoints_that_have_them() {
    let mut options = Options::new();
    options.add("ca=ca.pem", "tls").unwrap();
    options.add("rcvbuf=1MiB", "tcp").unwrap();
    options.add("ttl=3", "tcp").unwrap();
    let endpoint = |text: &str| url(text).endpoint(&options).to_string();
    assert_eq!(endpoint("http://h/"), format!("tcp://h:80{}", options.without(&["ca"])));
    assert_eq!(endpoint("unix:///s"), "unix:///s");
    assert!(
        endpoint("https://h/").contains("ca=ca.pem") && endpoint("https://h/").contains("alpn")
    );
}
