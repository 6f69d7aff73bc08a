//! What deciding costs: from the bytes of a request to the fields of its reply, no I/O.
//!
//! `cargo run --release -p framecat-proto --example plan_speed`

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use framecat_proto::http::plan::{Hosts, Policy, Rights, needs, plan};
use framecat_proto::http::{Facts, FileFacts, head};

/// The best of so many runs counts, each shorter than a turn of the scheduler: the machine may be busy
/// with other things.
const RUNS: usize = 2_000;
const ROUNDS: u32 = 200;

/// Nanoseconds of one `round`, of the best run.
fn best(mut round: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| round());
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(ROUNDS));
    }
    best
}

const SHORT: &[u8] = b"GET /a.txt HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n";
const BROWSER: &[u8] = b"GET /photos/2026/a.txt HTTP/1.1\r\n\
    Host: 127.0.0.1:8000\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Connection: keep-alive\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Site: none\r\n\r\n";
const AGAIN: &[u8] = b"GET /a.txt HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\
    If-None-Match: \"1-2-3\", \"18a9-400-7\"\r\n\
    If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";
const RANGES: &[u8] =
    b"GET /a.txt HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nRange: bytes=0-9,20-29,-5\r\n\r\n";

fn main() -> std::io::Result<()> {
    let policy = Policy {
        hosts: Hosts::Only(vec!["box.local".into(), "box".into()]),
        secure: false,
        trace: false,
        hidden: false,
        compress: false,
        precompressed: true,
        sandbox: false,
        rights: Rights::READ,
        numbers: false,
        max_upload: 1 << 20,
    };
    let file = FileFacts {
        size: 1024,
        mtime: 1_790_000_000,
        mtime_nanos: 123_456_789,
        inode: 7,
        device: 1,
        settled: true,
    };
    let facts = Facts::File { name: b"a.txt".to_vec(), file, coded: Vec::new() };
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "ns a request          head   head and plan")?;
    for (name, bytes) in
        [("short", SHORT), ("browser", BROWSER), ("if-none-match", AGAIN), ("three ranges", RANGES)]
    {
        let read = || head::request(black_box(bytes)).expect("a request").expect("a whole one");
        let parse = best(|| drop(black_box(read())));
        let all = best(|| {
            let request = read();
            let needs = needs(&request, &policy).expect("a plain request");
            drop(black_box(plan(&request, &needs, &facts, &policy, 1_800_000_000, "boundary")));
        });
        writeln!(stdout, "{name:<20} {parse:>6.0} {all:>15.0}")?;
    }
    Ok(())
}
