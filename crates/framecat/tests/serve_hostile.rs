//! `framecat serve` and clients that mean harm, are broken, or come in crowds.

mod run;
mod served;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use run::{Folder, Run, Signal, have, have_python};
use served::{Served, body, get, head_of, rest, status};

#[test]
fn a_thousand_requests_at_once_are_answered_in_their_order() {
    let files: Vec<_> = (0..10).map(|n| (format!("{n}"), format!("<{n}>"))).collect();
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    let site = Served::new(&[], &files);
    let mut all = String::new();
    for n in 0..1000 {
        let last = if n == 999 { "Connection: close\r\n" } else { "" };
        all += &format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n{last}\r\n", n * 7 % 10);
    }
    let mut stream = site.dial();
    // Who sends all before it reads must not be waited for; the kernel holds that much.
    stream.write_all(all.as_bytes()).unwrap();
    let said = rest(&mut stream);
    let got: String = said.split('<').skip(1).map(|part| &part[..1]).collect();
    let want: String = (0..1000).map(|n| (n * 7 % 10).to_string()).collect();
    assert_eq!(got, want);
    site.ends();
}

#[test]
fn requests_are_the_same_however_their_bytes_arrive() {
    let site = Served::new(&[], &[("a", b"a")]);
    let request = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut byte_by_byte = site.dial();
    byte_by_byte.set_nodelay(true).unwrap();
    for _ in 0..2 {
        for byte in request.bytes() {
            byte_by_byte.write_all(&[byte]).unwrap();
        }
        assert!(head_of(&mut byte_by_byte).ends_with("Content-Length: 1\r\n\r\n"));
        let mut content = [0];
        byte_by_byte.read_exact(&mut content).unwrap();
        assert_eq!(content, *b"a");
    }
    // One request and the beginning of the next one; then the rest.
    for cut in 1..request.len() {
        let mut stream = site.dial();
        stream.write_all([request, &request[..cut]].concat().as_bytes()).unwrap();
        head_of(&mut stream);
        stream.read_exact(&mut [0]).unwrap();
        stream.write_all(&request.as_bytes()[cut..]).unwrap();
        assert_eq!(status(&head_of(&mut stream)), "200", "cut at {cut}");
    }
    site.ends();
}

#[test]
fn who_has_ended_its_direction_still_gets_its_answer() {
    let large = vec![b'x'; 3 << 20];
    let site = Served::new(&[], &[("a", b"hello"), ("large", &large)]);
    for (path, want) in [("/a", 5), ("/large", large.len()), ("/", 0)] {
        let mut stream = site.dial();
        // No Connection: close: the end of our direction says it.
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let said = rest(&mut stream);
        assert_eq!(status(&said), "200");
        assert!(want == 0 || body(&said).len() == want, "{path}");
    }
    // Half a request is told to be one.
    let mut stream = site.dial();
    stream.write_all(b"GET /a HTTP/1.1\r\nHost: loc").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(status(&rest(&mut stream)), "400");
    let mut silent = site.dial();
    silent.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut silent), "");
    site.ends();
}

#[test]
fn a_body_that_nobody_asked_for_is_never_taken_for_a_request() {
    let site = Served::new(&[], &[("a", b"hello")]);
    let inner = "GET /inner HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let next = get("/a");
    let length = inner.len();
    for (head, body_bytes, want) in [
        (format!("Content-Length: {length}\r\n"), inner.to_string(), &["200", "200"][..]),
        (
            "Transfer-Encoding: chunked\r\n".into(),
            format!("{length:x}\r\n{inner}\r\n0\r\n\r\n"),
            &["200", "200"],
        ),
        // Broken chunks: the end of the message is not known any more.
        ("Transfer-Encoding: chunked\r\n".into(), format!("zz\r\n{inner}"), &["400"]),
        // Longer than is passed over: answered, and closed.
        ("Content-Length: 1000000\r\n".into(), inner.to_string(), &["200"]),
        // Who waits for leave is answered at once.
        (format!("Content-Length: {length}\r\nExpect: 100-continue\r\n"), inner.into(), &["200"]),
    ] {
        let mut stream = site.dial();
        let request = format!("GET /a HTTP/1.1\r\nHost: localhost\r\n{head}\r\n{body_bytes}{next}");
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let said = rest(&mut stream);
        let got: Vec<_> = said.split("HTTP/1.1 ").skip(1).map(|part| &part[..3]).collect();
        assert_eq!(got, want, "{request}\n{said}");
    }
    site.ends();
}

#[test]
fn who_posts_a_megabyte_reads_why_it_is_refused() {
    let site = Served::new(&[], &[("a", b"hello")]);
    let mut stream = site.dial();
    let head = "POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    // All of it is sent before a word is read, as many clients do.
    stream.write_all(&vec![b'x'; 1_000_000]).unwrap();
    let said = rest(&mut stream);
    assert_eq!(status(&said), "405", "{said}");
    assert!(
        said.contains("\r\nConnection: close\r\n") && said.contains("\r\nAllow: GET"),
        "{said}"
    );
    site.ends();
}

#[test]
fn a_file_that_is_cut_while_it_is_sent_ends_its_connection_and_nothing_else() {
    let large = vec![b'x'; 64 << 20];
    let site = Served::new(&[], &[("a", b"hello"), ("large", &large)]);
    let path = site.folder.path().join("large");
    let mut reader = site.dial();
    reader.write_all(get("/large").as_bytes()).unwrap();
    let head = head_of(&mut reader);
    assert!(head.contains(&format!("Content-Length: {}\r\n", large.len())), "{head}");
    // More of it than the kernel's buffers hold is not sent yet, for nobody reads.
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 20).unwrap();
    let mut got = Vec::new();
    // Its end, or a reset: either way less than was promised. (What lies in the socket is the file's own
    // pages, in which the kernel may have made zeros of what was cut off.)
    let _ = reader.read_to_end(&mut got);
    assert!(got.len() < large.len(), "{}", got.len());
    assert_eq!(body(&site.said(get("/a"))), "hello");
    assert_eq!(body(&site.said(get("/large"))).len(), 1 << 20);
    site.ends();
}

#[test]
fn a_file_that_is_not_in_memory_is_read_by_somebody_else() {
    let large: Vec<u8> = (0..6_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let site = Served::new(&[], &[("small", b"hello"), ("large", &large)]);
    for round in 0..3 {
        for name in ["small", "large"] {
            // Out of the page cache, where the file system lets itself be told so.
            let file = fs::File::open(site.folder.path().join(name)).unwrap();
            file.sync_all().unwrap();
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        }
        let said = site.said(get("/small"));
        assert_eq!((status(&said), body(&said)), ("200", "hello"), "round {round}");
        let mut stream = site.dial();
        stream.write_all(get("/large").as_bytes()).unwrap();
        head_of(&mut stream);
        let mut got = Vec::new();
        stream.read_to_end(&mut got).unwrap();
        assert!(got == large, "round {round}: {} bytes", got.len());
    }
    site.ends();
}

#[test]
fn a_small_file_costs_seven_system_calls_and_less_if_many_ask_for_it() {
    if !have("strace") {
        return;
    }
    let folder = Folder::new();
    fs::write(folder.file("a"), "hello").unwrap();
    let counted = folder.file("counted");
    let args = [
        "-f",
        "-c",
        "-o",
        &counted,
        run::tested(),
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--log=none",
    ];
    let server = Run::program("strace", &args).in_folder(folder.path()).start();
    let told = server.told_when(|told| told.contains("/\n"));
    let (_, address) = told.split_once(" at http://").unwrap();
    let mut stream = TcpStream::connect(address.split('/').next().unwrap()).unwrap();
    let request = b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const REQUESTS: u64 = 2_000;
    for _ in 0..REQUESTS {
        stream.write_all(request).unwrap();
        head_of(&mut stream);
        stream.read_exact(&mut [0; 5]).unwrap();
    }
    // Requests that come together share what is looked up.
    stream.write_all(&request.repeat(100)).unwrap();
    for _ in 0..100 {
        head_of(&mut stream);
        stream.read_exact(&mut [0; 5]).unwrap();
    }
    drop(stream);
    // strace hands the signal on to what it started.
    let children = format!("/proc/{0}/task/{0}/children", server.id());
    let child = fs::read_to_string(children).unwrap().trim().parse().unwrap();
    let child = rustix::process::Pid::from_raw(child).unwrap();
    rustix::process::kill_process(child, Signal::TERM).unwrap();
    assert_eq!(server.wait().code, 0);
    let table = fs::read_to_string(&counted).unwrap();
    let calls = |name: &str| -> u64 {
        let row = table.lines().find(|line| line.ends_with(&format!(" {name}")));
        row.map_or(0, |row| row.split_whitespace().nth(3).unwrap().parse().unwrap())
    };
    for (name, some) in [("recvfrom", 20), ("sendto", 20), ("openat2", 20), ("preadv2", 20)] {
        let n = calls(name);
        assert!((REQUESTS..REQUESTS + some).contains(&n), "{n} of {name}\n{table}");
    }
    // Starting and ending has its own calls, some hundreds of them.
    let all: u64 = calls("total");
    assert!(all < REQUESTS * 15 / 2 + 1_500, "{all} calls\n{table}");
}

#[test]
fn a_changed_file_is_seen_by_the_very_next_request() {
    let site = Served::new(&[], &[("a", b"0"), ("large", &[b'0'; 100_000])]);
    let mut stream = site.dial();
    for n in 0..200 {
        let digit = b'0' + n % 10;
        for (name, len) in [("a", 1), ("large", 100_000)] {
            // In place and of the same size: only its content tells.
            let path = site.folder.path().join(name);
            let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.write_all(&vec![digit; len]).unwrap();
            let request = format!("GET /{name} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            head_of(&mut stream);
            let mut content = vec![0; len];
            stream.read_exact(&mut content).unwrap();
            assert!(content.iter().all(|byte| *byte == digit), "{name} in round {n}");
        }
    }
    site.ends();
}

#[test]
fn a_thousand_slow_clients_do_not_stand_before_a_good_one() {
    let large = vec![b'x'; 8 << 20];
    let site = Served::new(&["--max-clients", "2000"], &[("a", b"hello"), ("large", &large)]);
    let slow: Vec<TcpStream> = (0..1000)
        .map(|n| {
            let mut stream = site.dial();
            let begun = match n % 3 {
                // A head that does not end, a reader that does not read, a body that does not come.
                0 => "GET /a HTTP/1.1\r\nHost: local".to_string(),
                1 => "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n".to_string(),
                _ => "GET /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n".to_string(),
            };
            stream.write_all(begun.as_bytes()).unwrap();
            stream
        })
        .collect();
    for _ in 0..100 {
        assert_eq!(body(&site.said(get("/a"))), "hello");
    }
    // None of them was answered out of turn or let go meanwhile: those that were sent something all got
    // the head they asked for.
    for mut stream in slow.into_iter().skip(1).step_by(3).take(10) {
        assert_eq!(status(&head_of(&mut stream)), "200");
    }
    site.ends();
}

#[test]
fn there_are_as_many_clients_as_may_be_and_then_503() {
    let site = Served::new(&["--max-clients", "3"], &[("a", b"hello")]);
    let mut here: Vec<TcpStream> = (0..3).map(|_| site.dial()).collect();
    for stream in &mut here {
        stream.write_all(b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert_eq!(status(&head_of(stream)), "200");
    }
    let said = site.said(get("/a"));
    assert_eq!(status(&said), "503", "{said}");
    assert!(said.contains("\r\nRetry-After: 1\r\n") && said.contains("\r\nConnection: close\r\n"));
    site.server.told("is told to come again (503)");
    // A place that is given back is had: the first of them ends, and is seen to end by its own reader.
    here[0].shutdown(Shutdown::Write).unwrap();
    rest(&mut here[0]);
    assert_eq!(status(&site.said(get("/a"))), "200");
    site.ends();
}

#[test]
fn clients_that_are_gone_leave_nothing_behind() {
    let large = vec![b'x'; 4 << 20];
    let site = Served::new(&[], &[("a", b"hello"), ("large", &large)]);
    let descriptors = || fs::read_dir(format!("/proc/{}/fd", site.server.id())).unwrap().count();
    assert_eq!(body(&site.said(get("/a"))), "hello");
    let before = descriptors();
    for n in 0..300 {
        let mut stream = site.dial();
        let sent: &[u8] = match n % 5 {
            0 => b"",
            1 => b"GET /a HTT",
            2 => b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n",
            3 => b"\x16\x03\x01\x02\x00\x01",
            _ => b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        };
        stream.write_all(sent).unwrap();
        // Closed with a reset: SO_LINGER of 0.
        rustix::net::sockopt::set_socket_linger(&stream, Some(std::time::Duration::ZERO)).unwrap();
    }
    // Whoever comes behind them is answered when they were noticed, one after the other.
    let mut left = usize::MAX;
    for _ in 0..1000 {
        assert_eq!(body(&site.said(get("/a"))), "hello");
        left = descriptors();
        if left <= before {
            break;
        }
    }
    assert!(left <= before, "{before} descriptors, and then {left}");
    site.ends();
}

#[test]
fn the_end_lets_what_is_in_hand_finish() {
    let large = vec![b'x'; 32 << 20];
    let site = Served::new(&[], &[("large", &large)]);
    let mut busy = site.dial();
    busy.write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    head_of(&mut busy);
    let mut idle = site.dial();
    idle.write_all(b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(status(&head_of(&mut idle)), "404");
    let url = site.url();
    site.server.signal(Signal::TERM);
    // Who waits for nothing is let go at once, and nobody new comes in.
    let mut said = Vec::new();
    idle.read_to_end(&mut said).unwrap();
    // Each loop leaves the socket by itself; who comes before the last one did is let go unheard.
    let address = url.strip_prefix("http://").unwrap();
    let deadline = std::time::Instant::now() + run::PATIENCE;
    while let Ok(mut late) = TcpStream::connect(address) {
        assert!(std::time::Instant::now() < deadline, "it is still let in");
        let _ = late.read_to_end(&mut Vec::new());
    }
    let mut content = Vec::new();
    busy.read_to_end(&mut content).unwrap();
    assert_eq!(content.len(), large.len());
    let finished = site.server.wait();
    assert_eq!(finished.code, 0, "{finished}");
}

#[test]
fn the_end_says_who_is_waited_for_and_a_second_signal_waits_for_nobody() {
    let site = Served::new(&[], &[("large", &vec![b'x'; 32 << 20])]);
    let mut busy = site.dial();
    busy.write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    head_of(&mut busy);
    site.server.signal(Signal::INT);
    let told = site.server.told("a second signal (Ctrl-C) ends at once\n");
    let want = "ending: 1 connection has something in hand and is waited for, 10 s at most\n";
    assert!(told.contains(want), "{told}");
    site.server.signal(Signal::INT);
    // Nothing was read meanwhile, so it was not done by itself; cut off after the 10 s would be 9.
    let finished = site.server.wait();
    assert_eq!(finished.code, 130, "{finished}");
    drop(busy);
}

#[test]
fn who_says_nothing_or_half_of_it_is_let_go_after_a_while() {
    let site = Served::new(&[], &[("a", b"hello")]);
    let mut silent = site.dial();
    let mut half = site.dial();
    half.write_all(b"GET /a HTTP/1.1\r\nHost: localhost\r\nX: ").unwrap();
    let mut behind = site.dial();
    behind.write_all(b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\nGET /").unwrap();
    assert_eq!(status(&head_of(&mut behind)), "200");
    // Each byte is a sign of life, and none of them buys time.
    let (told, done) = std::sync::mpsc::channel();
    let mut slow = site.dial();
    let mut drip = slow.try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        while done.recv_timeout(std::time::Duration::from_millis(200)).is_err() {
            if drip.write_all(b"G").is_err() {
                break;
            }
        }
    });
    assert_eq!(status(&rest(&mut slow)), "408");
    let said = rest(&mut half);
    assert_eq!(status(&said), "408", "{said}");
    assert!(said.contains("\r\nConnection: close\r\n"), "{said}");
    let said = rest(&mut behind);
    assert_eq!(status(said.strip_prefix("hello").unwrap()), "408", "{said}");
    assert_eq!(rest(&mut silent), "", "nothing was asked");
    let _ = told.send(());
    dripping.join().unwrap();
    site.ends();
}

#[test]
fn wget_mirrors_a_folder_by_its_pages() {
    if !have("wget") {
        return;
    }
    let site =
        Served::new(&[], &[("a b.txt", b"one"), ("sub/deep/c.txt", b"two"), ("d", b"three")]);
    let copy = Folder::new();
    let url = site.url() + "/";
    let args = ["-q", "-r", "-nH", "-np", "-R", "index.html*", &url];
    let finished = Run::program("wget", &args).in_folder(copy.path()).run("");
    assert_eq!(finished.code, 0, "{finished}");
    for (name, content) in [("a b.txt", "one"), ("sub/deep/c.txt", "two"), ("d", "three")] {
        assert_eq!(fs::read_to_string(copy.path().join(name)).expect(name), content);
    }
    site.ends();
}

#[test]
fn pythons_http_client_keeps_its_connection() {
    if !have_python(&["http.client"]) {
        return;
    }
    let site = Served::new(&[], &[("a", b"hello"), ("b/c.txt", b"c")]);
    let script = "import http.client, sys\n\
        c = http.client.HTTPConnection(sys.argv[1])\n\
        for path in ['/a', '/', '/none', '/b/c.txt', '/a']:\n\
        \x20   c.request('GET', path)\n\
        \x20   r = c.getresponse()\n\
        \x20   n = len(r.read())\n\
        \x20   print(r.status, n if r.status == 200 and path != '/' else '-', c.sock.getsockname()[1])\n\
        c.request('HEAD', '/a')\n\
        r = c.getresponse()\n\
        print(r.status, r.getheader('Content-Length'), len(r.read()))\n\
        c.request('POST', '/a', body=b'x' * 100)\n\
        r = c.getresponse()\n\
        r.read()\n\
        print(r.status)\n";
    let url = site.url();
    let address = url.strip_prefix("http://").unwrap();
    let finished = Run::program("python3", &["-c", script, address]).run("");
    let text = finished.text();
    let ports: Vec<_> = text.lines().take(5).map(|line| line.rsplit(' ').next()).collect();
    assert!(ports.windows(2).all(|two| two[0] == two[1]), "one connection: {finished}");
    let plain: Vec<_> =
        text.lines().map(|line| line.rsplit_once(' ').map_or(line, |l| l.0)).collect();
    assert_eq!(plain[..5], ["200 5", "200 -", "404 -", "200 1", "200 5"], "{finished}");
    assert!(text.ends_with("200 5 0\n405\n"), "{finished}");
    site.ends();
}

/// What a client that sent HEAD, or that waits for leave to send, can go on with.
#[test]
fn a_refusal_is_what_the_request_allows_it_to_be() {
    let site = Served::new(&[], &[("a", b"hello")]);
    // Who asked by HEAD reads no content, even where the request was none.
    for head in [
        "HEAD /a HTTP/1.1\r\n\r\n",
        "\r\nHEAD /a HTTP/1.1\r\nHost: a b\r\n\r\n",
        "HEAD /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        "HEAD /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    ] {
        let said = site.said(head);
        assert_eq!(status(&said), "400", "{head}");
        assert!(said.ends_with("\r\n\r\n"), "{said}");
    }
    // Who waits for a 100 is told at once, though it expects more than that.
    let expects = "POST /a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue, more\r\n\
         Content-Length: 3\r\n\r\n";
    assert_eq!(status(&site.said(expects)), "417");
    // A chunk that says that it is endless is not waited for.
    let endless = "POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
         ffffffffffffffff\r\nabc";
    assert_eq!(status(&site.said(endless)), "413");
}
