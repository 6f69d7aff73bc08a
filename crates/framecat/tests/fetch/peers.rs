//! Beside Python's http.server and nginx.

use std::fs;

use super::*;
use crate::run::{Folder, Running, have};

/// Every byte there is, and no LF at the end.
fn big() -> Vec<u8> {
    (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect()
}

fn folder() -> Folder {
    let folder = Folder::new();
    fs::create_dir(folder.file("sub dir")).unwrap();
    fs::write(folder.file("big"), big()).unwrap();
    fs::write(folder.file("small.txt"), "hello\n".repeat(1000)).unwrap();
    for name in ["新 建.txt", "%2e%2e", "a\"b'.png", "<script>", "a&b=c;d", "100%", "-dash"] {
        fs::write(folder.file(&format!("sub dir/{name}")), name).unwrap();
    }
    folder
}

/// Names as a person types them into a URL: only what a URL takes for something else is encoded.
fn typed(name: &str) -> String {
    name.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}

#[test]
fn python_s_server_gives_every_file_byte_for_byte() {
    if !have("python3") {
        return;
    }
    let folder = folder();
    let path = folder.path().to_str().unwrap();
    let args = ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", path];
    let mut server = Run::program("python3", &args).start();
    let line = server.read_line();
    let port = line.split("port ").nth(1).unwrap().split(' ').next().unwrap();
    let url = |path: &str| format!("http://127.0.0.1:{port}/{path}");
    fetch(&url("big"), &[]).expect(0, big());
    for name in ["新 建.txt", "%2e%2e", "a\"b'.png", "<script>", "a&b=c;d", "100%", "-dash"] {
        fetch(&url(&format!("sub dir/{}", typed(name))), &[]).expect(0, name);
    }
    // A folder without its slash is a redirect.
    let listed = fetch(&url("sub dir"), &[]);
    assert!(listed.code == 0 && listed.stderr.contains("redirected by 301"), "{listed}");
    assert!(listed.text().contains("&lt;script&gt;"), "{listed}");
    fetch(&url("nope"), &["--fail"]).expect(1, "");
    let head = fetch(&url("big"), &["--head"]);
    assert!(head.text().contains("Content-Length: 3000000\r\n"), "{head}");
    let into = Folder::new();
    let finished =
        Run::new(&["fetch", &url("big"), "-O"]).in_folder(into.path()).stdin_null().run("");
    finished.expect(0, "");
    assert_eq!(fs::read(into.file("big")).unwrap(), big());
}

/// nginx on a port of its own and on a Unix socket.
fn nginx(folder: &Folder, state: &Folder) -> (Running, u16) {
    run::at_a_free_port(|port| {
        let config = format!(
            "worker_processes 1; daemon off; pid {state}/pid; error_log stderr notice;
             events {{ worker_connections 64; }}
             http {{
                 access_log off; client_body_temp_path {state}/b; proxy_temp_path {state}/p;
                 fastcgi_temp_path {state}/f; uwsgi_temp_path {state}/u; scgi_temp_path {state}/s;
                 gzip on; gzip_types *; gzip_min_length 100; sendfile on;
                 server {{
                     listen 127.0.0.1:{port}; listen unix:{state}/sock; root {root};
                     location /slow {{ limit_rate 100k; alias {root}/big; }}
                     location /up {{ client_max_body_size 1m; return 204; }}
                     location /away {{ return 307 /small.txt; }}
                 }}
             }}",
            state = state.path().display(),
            root = folder.path().display(),
        );
        let file = state.file("conf");
        fs::write(&file, config).unwrap();
        Run::program("nginx", &["-p", state.path().to_str().unwrap(), "-c", &file, "-e", "stderr"])
            .start()
    })
    .until("start worker process")
}

/// Debian keeps it out of the PATH of who is not root.
fn have_nginx() -> bool {
    std::path::Path::new("/usr/sbin/nginx").exists() && have("nginx")
}

#[test]
fn nginx_gives_every_file_in_every_way() {
    if !have_nginx() {
        return;
    }
    let (folder, state, into) = (folder(), Folder::new(), Folder::new());
    // Who serves is another user where we are root.
    open_to_all(&folder);
    let (_server, port) = nginx(&folder, &state);
    let url = |path: &str| format!("http://127.0.0.1:{port}/{path}");
    let here = |args: &[&str]| {
        let all: Vec<&str> = ["fetch"].iter().chain(args).copied().collect();
        Run::new(&all).in_folder(into.path()).stdin_null().run("")
    };
    here(&[&url("big")]).expect(0, big());
    here(&[&url("big"), "-o", "x"]).expect(0, "");
    assert_eq!(fs::read(into.file("x")).unwrap(), big());
    for name in ["新 建.txt", "%2e%2e", "a\"b'.png", "<script>", "100%"] {
        here(&[&url(&format!("sub dir/{}", typed(name)))]).expect(0, name);
    }
    // gzip in chunks, undone; and not asked for.
    let text = "hello\n".repeat(1000);
    let coded = here(&[&url("small.txt"), "--show"]);
    coded.expect(0, &text);
    assert!(coded.stderr.contains("Content-Encoding: gzip"), "{coded}");
    here(&[&url("small.txt"), "--as-sent"]).expect(0, &text);
    here(&[&url("away")]).expect(0, &text);
    here(&[&format!("unix://{}:/small.txt", state.file("sock"))]).expect(0, &text);
    // A signal in the middle, and the rest by Range.
    let running =
        Run::new(&["fetch", &url("slow"), "-o", "slow"]).in_folder(into.path()).stdin_null();
    let running = running.start();
    while fs::metadata(into.file("slow.part")).map_or(0, |about| about.len()) == 0 {
        std::thread::yield_now();
    }
    running.signal(run::Signal::TERM);
    assert_eq!(running.wait().code, 143);
    fs::rename(into.file("slow.part"), into.file("part")).unwrap();
    let part = fs::read(into.file("part")).unwrap();
    assert!(!part.is_empty() && part.len() < big().len() && big().starts_with(&part));
    // All but a little of it, so that the limit of that place does not take long.
    fs::write(into.file("slow.part"), &big()[..2_990_000]).unwrap();
    let second = here(&[&url("slow"), "-o", "slow"]);
    assert!(second.code == 0 && second.stderr.contains("goes on from byte 2990000"), "{second}");
    assert_eq!(fs::read(into.file("slow")).unwrap(), big());
    // Content that is too large is refused before it is read.
    let refused =
        here(&[&url("up"), "--upload", folder.path().join("big").to_str().unwrap(), "--fail"]);
    refused.expect(1, "");
    assert!(refused.stderr.contains("413"), "{refused}");
    here(&[&url("up"), "--upload", folder.path().join("small.txt").to_str().unwrap()])
        .expect(0, "");
}

fn open_to_all(folder: &Folder) {
    use std::os::unix::fs::PermissionsExt;
    for path in [folder.path().to_path_buf(), folder.path().join("sub dir")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}
