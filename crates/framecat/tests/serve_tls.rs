//! `framecat serve` by TLS, and the programs that speak it.

#[path = "tls/certs.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod certs;
mod run;
mod served;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use certs::{Certs, for_clients};
use run::{Folder, PATIENCE, Run, Running, have, have_python};
use served::{get, rest, status};

struct Site {
    folder: Folder,
    server: Running,
}

impl Site {
    fn new(args: &[&str], files: &[(&str, &[u8])]) -> Site {
        let folder = Folder::new();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let all = [&["serve", "."], args].concat();
        let server = Run::new(&all).in_folder(folder.path()).start();
        Site { folder, server }
    }

    fn self_signed(files: &[(&str, &[u8])]) -> Site {
        Site::new(&["--self-signed", "--listen", "127.0.0.1:0"], files)
    }

    /// `https://127.0.0.1:41327`
    fn url(&self) -> String {
        let told = self.server.told_when(|told| told.contains("read every file"));
        let (_, url) = told.split_once(" at ").expect("it was waited for");
        url.lines().next().unwrap().trim_end_matches('/').into()
    }

    fn address(&self) -> String {
        self.url().strip_prefix("https://").expect("it says how it is reached").into()
    }

    /// The pin, as curl has it.
    fn pin(&self) -> String {
        let told = self.server.told_when(|told| told.contains("read every file"));
        let (_, pin) = told.split_once("its key is known by sha256:").expect("it is told");
        format!("sha256//{}", pin.lines().next().unwrap())
    }

    fn dial(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn curl(&self, args: &[&str], path: &str) -> run::Finished {
        let url = self.url() + path;
        Run::program("curl", &[&["-sS"], args, &[&url]].concat()).run("")
    }

    fn ends(self) {
        self.server.signal(run::Signal::TERM);
        let finished = self.server.wait();
        assert_eq!(finished.code, 0, "{finished}");
    }
}

fn numbers(n: u32) -> Vec<u8> {
    (0..n).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn curl_reads_files_folders_and_parts_by_the_pin_that_is_told() {
    if !have("curl") {
        return;
    }
    let large = numbers(3_000_000);
    let site = Site::self_signed(&[("a.txt", b"hello\n"), ("large", &large)]);
    let pin = site.pin();
    for version in ["--tlsv1.2", "--tlsv1.3"] {
        let known = ["-k", "--pinnedpubkey", &pin, version, "--tls-max", &version[6..]];
        site.curl(&known, "/a.txt").expect(0, "hello\n");
        assert!(site.curl(&known, "/large").stdout == large);
        let part = site.curl(&[&known[..], &["-r", "5000000-"]].concat(), "/large");
        assert!(part.stdout == large[5_000_000..], "{}", part.code);
        let page = site.curl(&known, "/").text();
        assert!(page.contains("href=\"a.txt\""), "{page}");
        let tar = site.curl(&known, "/?tar").stdout;
        assert!(tar.len() > large.len() && tar.len().is_multiple_of(512), "{}", tar.len());
        // Three on one connection, over the old version of the protocol too.
        let url = site.url() + "/a.txt";
        let thrice = [&known[..], &[&*url, &*url]].concat();
        site.curl(&thrice, "/a.txt").expect(0, "hello\nhello\nhello\n");
        assert!(site.curl(&[&known[..], &["-0"]].concat(), "/large").stdout == large);
    }
    // Somebody else's key is not ours, and nobody trusts it without the pin.
    let other = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert_eq!(site.curl(&["-k", "--pinnedpubkey", other], "/a.txt").code, 90);
    assert_eq!(site.curl(&[], "/a.txt").code, 60);
    // Browsers ask for h2 first, and are told what there is.
    let alpn = ["-k", "-o", "/dev/null", "-w", "%{http_version}"];
    site.curl(&alpn, "/a.txt").expect(0, "1.1");
    site.ends();
}

#[test]
fn openssl_sees_a_connection_that_ends_as_it_should() {
    if !have("openssl") {
        return;
    }
    let site = Site::self_signed(&[("a.txt", b"hello\n")]);
    let address = site.address();
    for version in ["-tls1_2", "-tls1_3"] {
        let args = ["s_client", "-connect", &address, version, "-quiet", "-ign_eof", "-state"];
        let mut client = Run::program("openssl", &args).start();
        client.stdin_write(get("/a.txt"));
        let finished = client.finish();
        assert!(finished.text().ends_with("\r\n\r\nhello\n"), "{finished}");
        // Alert 0, close_notify.
        assert!(finished.stderr.contains("read:warning:close notify"), "{finished}");
    }
    site.ends();
}

#[test]
fn python_keeps_a_connection_and_sees_no_cut() {
    if !have_python(&["ssl", "http.client"]) {
        return;
    }
    let large = numbers(1_000_000);
    let site = Site::self_signed(&[("a", b"hello"), ("large", &large)]);
    let script = "import http.client, socket, ssl, sys\n\
        c = ssl.create_default_context()\n\
        c.check_hostname = False\n\
        c.verify_mode = ssl.CERT_NONE\n\
        h = http.client.HTTPSConnection(sys.argv[1], context=c)\n\
        for path in ['/a', '/large', '/none', '/a']:\n\
        \x20   h.request('GET', path)\n\
        \x20   r = h.getresponse()\n\
        \x20   n = len(r.read())\n\
        \x20   print(r.status, n if r.status == 200 else '-', h.sock.version())\n\
        host, port = sys.argv[1].rsplit(':', 1)\n\
        for path in ['/?tar', '/?zip']:\n\
        \x20   s = c.wrap_socket(socket.create_connection((host, int(port))), suppress_ragged_eofs=False)\n\
        \x20   s.sendall(b'GET ' + path.encode() + b' HTTP/1.0\\r\\n\\r\\n')\n\
        \x20   n = 0\n\
        \x20   while got := s.recv(65536): n += len(got)\n\
        \x20   print(path, n > 4000000)\n";
    let finished = Run::program("python3", &["-c", script, &site.address()]).run("");
    let version = "TLSv1.3";
    let want = format!(
        "200 5 {version}\n200 4000000 {version}\n404 - {version}\n200 5 {version}\n\
         /?tar True\n/?zip True\n"
    );
    finished.expect(0, want);
    site.ends();
}

#[test]
fn an_archive_that_is_cut_does_not_end_as_it_should() {
    if !have_python(&["ssl"]) {
        return;
    }
    let site = Site::self_signed(&[]);
    let large = site.folder.path().join("large");
    std::fs::File::create(&large).unwrap().set_len(64 << 20).unwrap();
    let script = "import os, socket, ssl, sys\n\
        c = ssl._create_unverified_context()\n\
        host, port = sys.argv[1].rsplit(':', 1)\n\
        s = c.wrap_socket(socket.create_connection((host, int(port))), suppress_ragged_eofs=False)\n\
        s.sendall(b'GET /?tar HTTP/1.0\\r\\n\\r\\n')\n\
        n = 0\n\
        while n < 100000: n += len(s.recv(1000))\n\
        os.truncate(sys.argv[2], 1 << 20)\n\
        try:\n\
        \x20   while s.recv(65536): pass\n\
        \x20   print('whole')\n\
        except OSError: print('cut')\n";
    let path = large.to_str().unwrap();
    Run::program("python3", &["-c", script, &site.address(), path]).run("").expect(0, "cut\n");
    site.ends();
}

#[test]
fn who_speaks_no_tls_or_nothing_stands_before_nobody() {
    if !have("curl") {
        return;
    }
    let site = Site::self_signed(&[("a", b"hello")]);
    // A thousand who say nothing, half a hello, or something else.
    let mut others: Vec<TcpStream> = (0..300)
        .map(|n| {
            let mut stream = site.dial();
            let said: &[u8] = match n % 3 {
                0 => b"",
                1 => b"\x16\x03\x01\x02\x00\x01",
                _ => b"\x00\xff garbage",
            };
            stream.write_all(said).unwrap();
            stream
        })
        .collect();
    for _ in 0..3 {
        site.curl(&["-k"], "/a").expect(0, "hello");
    }
    // Garbage is answered by an alert, if by anything, and the end; half a hello by nothing.
    let mut said = Vec::new();
    let _ = others[2].read_to_end(&mut said);
    assert!(said.len() < 100, "{said:?}");
    drop(others);
    // Plain HTTP is told where it is.
    let mut plain = site.dial();
    plain.write_all(get("/a").as_bytes()).unwrap();
    let said = rest(&mut plain);
    assert!(status(&said) == "400" && said.ends_with("begins with https://.\n"), "{said}");
    // A client that ends in the middle of its handshake, and one that ends before it.
    for said in [&b"\x16\x03\x01"[..], b""] {
        let mut gone = site.dial();
        gone.write_all(said).unwrap();
        gone.shutdown(Shutdown::Write).unwrap();
        // An alert at most.
        assert!(rest(&mut gone).len() < 10);
    }
    site.curl(&["-k"], "/a").expect(0, "hello");
    site.ends();
}

#[test]
fn a_reader_that_rests_gets_all_of_it() {
    if !have_python(&["ssl"]) {
        return;
    }
    let large = numbers(4_000_000);
    let site = Site::self_signed(&[("large", &large)]);
    // All is asked for before anything is read, so the server has to wait for the client.
    let script = "import hashlib, socket, ssl, sys\n\
        c = ssl._create_unverified_context()\n\
        host, port = sys.argv[1].rsplit(':', 1)\n\
        t = socket.create_connection((host, int(port)))\n\
        s = c.wrap_socket(t, suppress_ragged_eofs=False)\n\
        r = b'GET /large HTTP/1.1\\r\\nHost: localhost\\r\\n'\n\
        s.sendall((r + b'\\r\\n') * 2 + r + b'Connection: close\\r\\n\\r\\n')\n\
        all = []\n\
        while part := s.recv(65536): all.append(part)\n\
        got = b''.join(all)\n\
        parts = got.split(b'HTTP/1.1 200 OK\\r\\n')[1:]\n\
        print([hashlib.sha256(p.split(b'\\r\\n\\r\\n', 1)[1]).hexdigest() for p in parts])\n";
    let finished = Run::program("python3", &["-c", script, &site.address()]).run("");
    let sum = Run::program("sha256sum", &["large"]).in_folder(site.folder.path()).run("").text();
    let sum = &sum[..64];
    finished.expect(0, format!("['{sum}', '{sum}', '{sum}']\n"));
    site.ends();
}

#[test]
fn only_those_whom_an_authority_signed_are_let_in() {
    if !have("curl") {
        return;
    }
    let (certs, others) = (Certs::new(), Certs::of("Somebody Else"));
    let (own, client) = (certs.good(), certs.signed("client", for_clients));
    let stranger = others.signed("stranger", for_clients);
    let listen = format!("tls://127.0.0.1:0,cert={},key={},ca={}", own.cert, own.key, certs.ca);
    let site = Site::new(&["--listen", &listen], &[("a", b"hello")]);
    let url = site.url().replace("127.0.0.1", "localhost") + "/a";
    let get = |more: &[&str]| {
        Run::program("curl", &[&["-sS", "-4", "--cacert", &certs.ca], more, &[&url]].concat())
            .run("")
    };
    get(&["--cert", &client.cert, "--key", &client.key]).expect(0, "hello");
    for more in [&[][..], &["--cert", &stranger.cert, "--key", &stranger.key]] {
        let finished = get(more);
        assert!(finished.code != 0 && finished.stdout.is_empty(), "{more:?}: {finished}");
    }
    site.ends();
}

#[test]
fn what_makes_no_sense_is_told() {
    let folder = Folder::new();
    let socket = format!("unix://{}", folder.file("s"));
    for (args, told) in [
        (&["--self-signed", "--listen", &socket][..], "--self-signed is for TLS over TCP"),
        (&["--listen", "tls://127.0.0.1:0"], ",self-signed"),
        (&["--listen", "tls://127.0.0.1:0,cert=/nowhere"], "/nowhere"),
    ] {
        let all = [&["serve", "."], args].concat();
        let finished = Run::new(&all).in_folder(folder.path()).run("");
        assert!(finished.code != 0 && finished.stderr.contains(told), "{args:?}: {finished}");
    }
}
