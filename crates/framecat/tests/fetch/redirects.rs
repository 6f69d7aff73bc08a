//! Redirects: where they lead, what goes along, and where nobody is led.

use super::*;

fn to(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 4\r\n\r\nmove")
}

#[test]
fn a_redirect_is_followed_and_told() {
    let server = Server::answering([to(302, "../b?c"), to(301, "/d"), ok("here")]);
    let url = server.url("");
    let finished = server.fetch("/x/a", &[]);
    finished.expect(0, "here");
    for line in [format!("redirected by 302 to {url}/b?c"), format!("redirected by 301 to {url}/d")]
    {
        assert!(finished.stderr.contains(&line), "{finished}");
    }
    let heard = server.heard();
    let targets: Vec<&str> = heard.iter().map(|head| head.split(' ').nth(1).unwrap()).collect();
    assert_eq!(targets, ["/x/a", "/b?c", "/d"]);
}

#[test]
fn the_method_and_the_content_go_along_where_they_should() {
    for (status, method, then) in [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (302, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ] {
        let server = Server::answering([to(status, "/b"), ok("")]);
        let finished = server.fetch("/", &["--method", method, "--data", "a=b"]);
        assert_eq!(finished.code, 0, "{finished}");
        let heard = server.heard();
        assert!(heard[1].starts_with(&format!("{then} /b ")), "{status} {method}: {}", heard[1]);
        let content = heard[1].contains("Content-") || heard[1].ends_with("a=b");
        assert_eq!(content, then != "GET", "{status} {method}: {}", heard[1]);
        assert_eq!(
            heard[1].ends_with("\r\n\r\na=b"),
            then != "GET",
            "{status} {method}: {}",
            heard[1]
        );
    }
}

#[test]
fn secrets_stay_at_the_origin_that_was_typed() {
    let other = Server::answering([ok("elsewhere")]);
    let elsewhere = other.url("/there");
    let home = Server::answering([to(302, "/same"), to(307, &elsewhere)]);
    let args = [
        "--header",
        "Authorization: Basic c2VjcmV0",
        "--header",
        "Cookie: s=secret",
        "--header",
        "X-Api-Key: secret",
        "--header",
        "Accept-Language: de",
        "--host",
        "virtual",
    ];
    let finished = home.fetch("/", &args);
    finished.expect(0, "elsewhere");
    let left_out = "does not get: Authorization, Cookie, X-Api-Key";
    assert!(finished.stderr.contains(left_out), "{finished}");
    let heard = home.heard();
    assert!(
        heard.iter().all(|head| head.contains("Authorization: Basic c2VjcmV0\r\n")),
        "{heard:?}"
    );
    let heard = other.heard().remove(0);
    assert!(!heard.contains("ecret") && !heard.contains("c2VjcmV0"), "{heard}");
    assert!(!heard.contains("virtual") && heard.contains("Accept-Language: de\r\n"), "{heard}");
}

#[test]
fn secrets_do_not_come_back_by_a_detour() {
    // Whoever led us away chose where on the way back we look.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let other = Server::answering([to(302, &format!("{home}/chosen"))]);
    let away = other.url("/");
    let thread = std::thread::spawn(move || {
        let mut heard = Vec::new();
        for answer in [to(302, &away), ok("")] {
            run::sockets::wait_readable(&listener, b"");
            let (mut stream, _) = listener.accept().unwrap();
            heard.push(request(&mut stream));
            stream.write_all(answer.as_bytes()).unwrap();
            close(stream);
        }
        heard
    });
    let finished = fetch(&home, &["--header", "Cookie: secret"]);
    assert_eq!(finished.code, 0, "{finished}");
    let heard = thread.join().unwrap();
    assert!(heard[0].contains("secret") && !heard[1].contains("secret"), "{heard:?}");
}

#[test]
fn content_that_goes_elsewhere_has_its_type() {
    let other = Server::answering([ok("")]);
    let home = Server::answering([to(307, &other.url("/"))]);
    assert_eq!(home.fetch("/", &["--data", "a=b"]).code, 0);
    let heard = other.heard().remove(0);
    assert!(heard.contains("Content-Type: application/x-www-form-urlencoded\r\n"), "{heard}");
    assert!(heard.ends_with("a=b"), "{heard}");
}

#[test]
fn nobody_is_led_in_circles_or_out_of_the_web() {
    let server = Server::answering((0..4).map(|_| to(302, "/again")));
    let finished = server.fetch("/", &["--max-redirects", "3"]);
    finished.expect(1, "");
    assert!(finished.stderr.contains("more than 3 redirects"), "{finished}");
    server.heard();
    let server = Server::answering((0..11).map(|_| to(307, "")));
    let finished = server.fetch("/", &[]);
    finished.expect(1, "");
    assert!(finished.stderr.contains("more than 10 redirects"), "{finished}");
    server.heard();
    for location in [
        "file:///etc/passwd",
        "unix:///run/x.sock:/",
        "ftp://h/",
        "http://u:secret@h/",
        "//",
        "http:x",
    ] {
        let server = Server::answering([to(302, location)]);
        let finished = server.fetch("/", &[]);
        assert_eq!(finished.code, 9, "{location}: {finished}");
        assert_eq!(finished.text(), "", "{location}");
        server.heard();
    }
}

#[test]
fn what_is_no_redirect_or_not_to_be_followed_is_an_answer() {
    let server = Server::answering([
        to(302, "/b"),
        to(300, "/b"),
        "HTTP/1.1 302 F\r\nContent-Length: 1\r\n\r\nx".into(),
    ]);
    server.fetch("/", &["--max-redirects", "0"]).expect(0, "move");
    server.fetch("/", &[]).expect(0, "move");
    server.fetch("/", &[]).expect(0, "x");
    server.heard();
}
