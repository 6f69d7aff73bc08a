//! `framecat serve` as a command: where it listens, what it says, and what makes no sense.

mod run;
mod served;

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;

use run::network::Network;
use run::{Folder, Run, Signal, have};
use served::{Served, body, get, status};

#[test]
fn the_first_lines_say_what_is_read_and_where() {
    let site = Served::new(&[], &[("a", b"a")]);
    let url = site.url();
    let folder = fs::canonicalize(site.folder.path()).unwrap();
    let finished = site.ends();
    let want = format!(
        "framecat: serving {} at {url}/\n          programs on this machine can read every file in it \
         but hidden ones, and change nothing; --lan for the network\n",
        folder.display()
    );
    assert_eq!(finished.stderr, want);
    assert!(finished.stdout.is_empty());
}

#[test]
fn the_first_lines_say_what_strangers_can_bring() {
    let site = Served::new(&["--upload", "--hidden"], &[]);
    site.url();
    let told = site.ends().stderr;
    let want = "programs on this machine can read every file in it; --lan for the network\n          \
                they can also bring new ones; what is there stays as it is\n";
    assert!(told.contains(want), "{told}");
    let site = Served::new(&["--drop"], &[]);
    site.url();
    let told = site.ends().stderr;
    let want = "programs on this machine can bring files, and see nothing of what is there; --lan";
    assert!(told.contains(want), "{told}");
    let site = Served::new(&["--full"], &[]);
    site.url();
    let told = site.ends().stderr;
    let want = "they can also bring, replace, rename and delete files and folders\n";
    assert!(told.contains(want), "{told}");
}

#[test]
fn a_port_that_nobody_chose_may_be_another_one() {
    // Whoever has port 8000, if not this test: it is taken.
    let _taken = TcpListener::bind("127.0.0.1:8000");
    let folder = Folder::new();
    let server = Run::new(&["serve"]).in_folder(folder.path()).start();
    let told = server.told("--lan for the network");
    let (_, url) = told.split_once(" at http://127.0.0.1:").unwrap();
    let port: u16 = url.split('/').next().unwrap().parse().unwrap();
    assert!(port > 8000, "{told}");
    assert!(told.contains("port 8000 is another program's; --listen :PORT chooses one"), "{told}");
    server.signal(Signal::INT);
    assert_eq!(server.wait().code, 0);
    // One that was chosen is had or not.
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = held.local_addr().unwrap().to_string();
    let refused = Run::new(&["serve", "--listen", &at]).in_folder(folder.path()).run("");
    assert_eq!(refused.code, 1, "{refused}");
    assert!(refused.stderr.contains("address already in use"), "{refused}");
}

#[test]
fn a_unix_socket_is_served_too_and_its_path_taken_away() {
    let folder = Folder::new();
    fs::write(folder.file("a"), "hello").unwrap();
    let socket = folder.file("s.sock");
    let endpoint = format!("unix://{socket}");
    let server = Run::new(&["serve", "--listen", &endpoint]).in_folder(folder.path()).start();
    let told = server.told("change nothing");
    assert!(told.contains(&format!(" at {endpoint}\n")), "{told}");
    assert!(told.contains("whoever may open the path can read"), "{told}");
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.write_all(get("/a").as_bytes()).unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut stream, &mut said).unwrap();
    assert_eq!((status(&said), body(&said)), ("200", "hello"));
    if have("curl") {
        let url = "http://localhost/a";
        Run::program("curl", &["-sS", "--unix-socket", &socket, url]).run("").expect(0, "hello");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code, 0);
    assert!(!fs::exists(&socket).unwrap());
}

#[test]
fn the_network_is_served_where_it_was_asked_for_and_each_source_has_its_part() {
    if !have("curl") {
        return;
    }
    let Some(network) = Network::new(2) else { return };
    let folder = Folder::new();
    fs::write(folder.file("a"), "hello").unwrap();
    let path = folder.path().to_str().unwrap();
    let server = network.run(1, &["serve", path, "--lan", "--max-per-source", "1"]).start();
    let told = server.told("whoever reaches this address can read");
    let urls: Vec<_> = told.split_whitespace().filter(|word| word.starts_with("http://")).collect();
    let url = urls.iter().find(|url| !url.contains('[') && !url.contains("127.")).expect(&told);
    let fetch = |args: &[&str]| {
        let url = format!("{url}a");
        network.program(2, "curl", &[&["-sS"], args, &[&url]].concat()).run("")
    };
    fetch(&[]).expect(0, "hello");
    // By a name that a page of somebody else's would have.
    let other = fetch(&["-H", "Host: evil.example", "-o", "/dev/null", "-w", "%{http_code}"]);
    other.expect(0, "421");
    // One that is held open is all that its address may have.
    let holding = "import socket, sys, urllib.parse\n\
        at = urllib.parse.urlsplit(sys.argv[1])\n\
        held = socket.create_connection((at.hostname, at.port))\n\
        held.sendall(b'GET /a HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n')\n\
        print(held.recv(15).decode(), flush=True)\n\
        again = socket.create_connection((at.hostname, at.port))\n\
        print(again.recv(15).decode(), flush=True)\n";
    if have("python3") {
        let held = network.program(2, "python3", &["-c", holding, url]).run("");
        held.expect(0, "HTTP/1.1 200 OK\nHTTP/1.1 503 Se\n");
        server.told("is told to come again (503)");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code, 0);
}

#[test]
fn what_makes_no_sense_is_told_before_anything_is_bound() {
    let folder = Folder::new();
    fs::write(folder.file("a"), "a").unwrap();
    for (args, problem, remedy) in [
        (&["none"][..], "there is no folder none", "the one we are in"),
        (&["a"], "a is a file, and a folder is served", "the folder it lies in"),
        (&["--listen", "udp://:9"], "HTTP is not served on `udp://:9`", "unix://PATH"),
        (&["--listen", "unixseq:///tmp/x"], "HTTP is not served on", "unix://PATH"),
        (&["--listen", "exec:cat"], "HTTP is not served on `exec:cat`", "unix://PATH"),
        (&["--listen", ":9,frame=line"], "HTTP says itself", "leave ,frame="),
        (&["--listen", "127.0.0.1:9", "--lan"], "--lan", "leave"),
        (&["--max-clients", "0"], "`0` is no number of clients", "--max-clients 100"),
        (&["--max-per-source", "x"], "`x` is no number of clients", "from 1"),
        (&["-f", "line"], "unexpected argument '-f'", ""),
        // As python3 -m http.server, miniserve and dufs have it.
        (&["8080"], "there is no folder 8080", "--listen :8080"),
        (&[":9000"], "there is no folder :9000", "--listen :9000"),
        (&["0.0.0.0:9000"], "there is no folder 0.0.0.0:9000", "--listen 0.0.0.0:9000"),
        (&[".", "8080"], "`8080` stands where no word is taken", "--listen :8080"),
        (&["-p", "8080"], "-p is not taken here", "--listen :8080"),
        (&["-p8080"], "-p is not taken here", "--listen :8080"),
        (&["--port=8080"], "--port is not taken here", "--listen :8080"),
        (&["-b", "::"], "-b is not taken here", "--lan"),
        (&["--bind", "0.0.0.0"], "--bind is not taken here", "--listen 192.0.2.7:8000"),
        (&["-d", "."], "-d is not taken here", "framecat serve DIR"),
        (&["--directory", "."], "--directory is not taken here", "framecat serve DIR"),
        (&[".", "-q"], "-q is not taken here", "--lan draws the code"),
        (&["--echo", "."], "--echo answers each request with itself", "leave the folder"),
        (&[".", "--echo"], "--echo answers each request with itself", "leave the folder"),
        (&["--echo", "--hidden"], "serves no folder", "--hidden"),
        (&["-A"], "-A is not taken here", "write --full"),
        (&["--allow-delete"], "--allow-delete is not taken here", "write --full"),
        (&["-U"], "-U is not taken here", "leave it out"),
        (&["--upload", "--full"], "--full is more than --upload", "leave one of them out"),
        (&["--drop", "--full"], "--drop lets others read nothing", "leave one of them out"),
        (&["--drop", "--upload"], "--drop lets others read nothing", "leave one of them out"),
        (&["--drop", "--rename"], "--drop numbers a taken name by itself", "leave --rename out"),
        (&["--echo", "--drop"], "serves no folder", "--drop"),
        (&["--full", "--rename"], "--full replaces a file", "--upload in place of --full"),
        (&["--rename"], "--rename is about files that others bring", "write --upload as well"),
        (
            &["--max-upload", "1G"],
            "--max-upload is about files",
            "write --upload, --drop or --full",
        ),
        (&["--durable"], "--durable is about files", "write --upload, --drop or --full"),
        (
            &["--drop", "--auth", "ada", "--open-read"],
            "--drop lets nobody read",
            "leave --open-read",
        ),
        (&["--upload", "--max-upload", "x"], "`x` is no size", "64k"),
        (&["--upload", "--max-upload", "0"], "no more than 0 bytes", "leave --upload"),
        (&["-u"], "-u is not taken here", "write --upload"),
        (&["--echo", "--upload"], "serves no folder", "--upload"),
        (&["--tls-cert", "x"], "--tls-cert is not taken here", "cert=FILE,key=FILE"),
    ] {
        let refused = Run::new(&[&["serve"], args].concat()).in_folder(folder.path()).run("");
        refused.expect(2, "");
        let said = &refused.stderr;
        assert!(said.contains(problem) && said.contains(remedy), "{args:?}: {refused}");
    }
    let explained = Run::new(&["serve", "--explain", "--hidden", "--max-clients", "7"]).run("");
    assert_eq!(explained.code, 0, "{explained}");
    for fact in [
        "tcp://127.0.0.1:8000, or the next free port",
        "served",
        "7, from one address 64",
        "localhost",
        "read",
    ] {
        assert!(explained.text().contains(fact), "{fact}: {explained}");
    }
    let explained = Run::new(&["serve", "--explain", "--upload"]).run("").text();
    assert!(explained.contains("read, bring new files and make folders"), "{explained}");
    assert!(explained.contains("10GiB"), "{explained}");
    let explained =
        Run::new(&["serve", "--explain", "--full", "--max-upload", "1k"]).run("").text();
    assert!(explained.contains("read, bring, replace, rename and delete"), "{explained}");
    assert!(explained.contains("is replaced, once") && explained.contains("1KiB"));
}

#[test]
fn who_reaches_it_is_known_before_it_is_bound() {
    for (args, reach) in [
        (&[][..], "this machine"),
        (&["--lan"], "every interface"),
        (&["--listen", "0.0.0.0:9001"], "every interface"),
        (&["--listen", "[::]:9001"], "every interface"),
        (&["--listen", "localhost:9001"], "this machine"),
        (&["--listen", "[::1]:9001"], "this machine"),
        (&["--listen", "tls://192.0.2.7:9001,self-signed"], "whoever reaches 192.0.2.7"),
        (&["--listen", "unix:///run/share.sock"], "whoever may open the path"),
    ] {
        let explained = Run::new(&[&["serve", "--explain"], args].concat()).run("");
        assert_eq!(explained.code, 0, "{explained}");
        let text = explained.text();
        let line = text.lines().find(|line| line.starts_with("reach")).unwrap();
        assert!(line.ends_with(&format!(" {reach}")), "{args:?}: {line}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_is_told_at_the_start() {
    let folder = Folder::new();
    let line = format!(
        "mkdir ro && mount -t tmpfs -o ro tmpfs ro && exec {} serve ro --listen 127.0.0.1:0 $0",
        run::tested()
    );
    for (option, told_so) in
        [("--upload", true), ("--full", true), ("--drop", true), ("--hidden", false)]
    {
        let _ = fs::remove_dir(folder.file("ro"));
        let server = Run::program("unshare", &["-Urm", "sh", "-c", &line, option]);
        let server = server.in_folder(folder.path()).start();
        let told = server
            .told_when(|told| told.contains("for the network\n") || told.contains("unshare:"));
        if told.contains("unshare:") {
            run::skipped("no mount namespaces here");
            return;
        }
        server.signal(Signal::TERM);
        let finished = server.wait();
        let want =
            "/ro cannot be written to: read-only file system; what others bring there is refused\n";
        assert_eq!(finished.stderr.contains(want), told_so, "{option}: {finished}");
    }
}
