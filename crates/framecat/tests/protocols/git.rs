//! git: clone and push through a relay. git's daemon takes an inherited socket (--inetd), so that no port
//! has to be guessed.

use std::os::fd::OwnedFd;
use std::thread;

use crate::run::{Folder, Run, have, peer};
use crate::shown::shown;

fn git(folder: &Folder, args: &[&str]) -> String {
    let fixed =
        ["-c", "user.name=cat", "-c", "user.email=cat@example.com", "-c", "safe.directory=*"];
    let run = Run::program("git", &[&fixed[..], args].concat()).in_folder(folder.path());
    let finished =
        run.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0").run("");
    assert_eq!(finished.code, 0, "{finished}");
    finished.text()
}

/// Runs git with `URL` in `args` for a repository behind a relay: what the relay showed.
fn through_a_relay(folder: &Folder, args: &[&str]) -> String {
    let (listener, port) = peer::tcp();
    let base = format!("--base-path={}", folder.path().display());
    let daemon = thread::spawn(move || {
        let socket = OwnedFd::from(listener.accept().expect("the relay dials").0);
        let args = ["-c", "safe.directory=*", "daemon", "--inetd", "--export-all"];
        Run::program("git", &[&args[..], &["--enable=receive-pack", &base]].concat())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdin(socket.try_clone().expect("a descriptor is free"))
            .stdout(socket)
            .start()
            .wait()
    });
    let to = format!(":{port}");
    let relay = Run::new(&["relay", ":0", &to, "-f", "git", "--show", "--once"]).start();
    let url = format!("git://127.0.0.1:{}/all.git", relay.port());
    let args: Vec<&str> = args.iter().map(|arg| if *arg == "URL" { &url } else { *arg }).collect();
    git(folder, &args);
    let served = daemon.join().expect("it does not panic");
    assert_eq!(served.code, 0, "{served}");
    let finished = relay.finish();
    assert_eq!(finished.code, 0, "{finished}");
    finished.stderr
}

#[test]
fn git_clones_and_pushes_through_a_relay() {
    if !have("git") {
        return;
    }
    let folder = Folder::new();
    git(&folder, &["init", "-q", "--bare", "-b", "main", "all.git"]);
    git(&folder, &["init", "-q", "-b", "main", "work"]);
    std::fs::write(folder.file("work/file"), "meow\n").unwrap();
    git(&folder, &["-C", "work", "add", "file"]);
    git(&folder, &["-C", "work", "commit", "-qm", "first"]);

    let pushed = shown(&through_a_relay(&folder, &["-C", "work", "push", "-q", "URL", "main"]));
    let client: Vec<&str> =
        pushed.iter().filter(|m| m.mark == '<').map(|m| m.text.as_str()).collect();
    assert!(client[0].contains("git-receive-pack /all.git"), "{client:?}");
    assert!(client.contains(&"0000"), "{client:?}");
    assert!(client.iter().any(|text| text.starts_with("PACK")), "{client:?}");

    for version in ["protocol.version=2", "protocol.version=0"] {
        let copy = format!("copy{}", &version[version.len() - 1..]);
        let cloned =
            shown(&through_a_relay(&folder, &["-c", version, "clone", "-q", "URL", &copy]));
        assert_eq!(
            std::fs::read_to_string(folder.file(&format!("{copy}/file"))).unwrap(),
            "meow\n"
        );
        let delimiter = cloned.iter().any(|message| message.text == "0001");
        assert_eq!(delimiter, version.ends_with('2'), "{cloned:?}");
        // The pack comes in lines of side-band-64k, whose first byte is the band.
        assert!(cloned.iter().any(|m| m.mark == '>' && m.text.contains("\\x01PACK")), "{cloned:?}");
    }
}
