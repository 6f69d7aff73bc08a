//! gzip, br and zstd from the programs that made them, and bombs.

use super::*;
use crate::run::{Folder, have};

/// `content` as a program codes it.
fn coded(program: &str, args: &[&str], content: &[u8]) -> Vec<u8> {
    let finished = Run::program(program, args).run(content);
    assert_eq!(finished.code, 0, "{finished}");
    finished.stdout
}

fn reply(coding: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nETag: \"v\"\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        content.len()
    );
    [head.as_bytes(), content].concat()
}

const CODERS: [(&str, &str, &[&str]); 3] = [
    ("gzip", "gzip", &["-c"]),
    ("br", "brotli", &["-q", "5", "-c"]),
    ("zstd", "zstd", &["-q", "-c"]),
];

#[test]
fn codings_are_undone_and_a_cut_one_is_no_success() {
    let content: Vec<u8> = (0..300_000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
    for (coding, program, args) in CODERS.into_iter().filter(|(_, program, _)| have(program)) {
        let bytes = coded(program, args, &content);
        assert!(bytes.len() < content.len(), "{coding}");
        let cut = &bytes[..bytes.len() - 3];
        let server = Server::answering([reply(coding, &bytes), reply(coding, cut)]);
        server.fetch("/", &[]).expect(0, &content);
        let cut = server.fetch("/", &[]);
        assert_eq!(cut.code, 7, "{coding}: {}", cut.stderr);
        server.heard();
        let server = Server::answering([reply(coding, &bytes)]);
        server.fetch("/", &["--as-sent"]).expect(0, &bytes);
        // Into a file as it is meant, unless its name says that it is wanted so.
        let folder = Folder::new();
        let server = Server::answering([reply(coding, &bytes), reply(coding, &bytes)]);
        let suffix = match coding {
            "gzip" => "tar.gz",
            "br" => "br",
            _ => "zst",
        };
        let (plain, same) = (folder.file("x"), folder.file(&format!("x.{suffix}")));
        server.fetch("/", &["-o", &plain]).expect(0, "");
        let stays = server.fetch("/", &["-o", &same]);
        assert!(stays.stderr.contains("stays in the coding"), "{stays}");
        assert_eq!(std::fs::read(plain).unwrap(), content);
        assert_eq!(std::fs::read(same).unwrap(), bytes);
    }
}

#[test]
fn a_coding_that_is_not_known_is_passed_on_and_told() {
    let server = Server::answering([reply("deflate", b"xyz"), reply("gzip, br", b"xyz")]);
    for _ in 0..2 {
        let finished = server.fetch("/", &[]);
        finished.expect(0, "xyz");
        assert!(finished.stderr.contains("stays in the coding"), "{finished}");
    }
    let server = Server::answering([reply("gzip", b"no gzip at all")]);
    assert_eq!(server.fetch("/", &[]).code, 7);
}

#[test]
fn what_is_decoded_is_not_gone_on_with() {
    // Places in what is decoded are none in what the server has.
    if !have("gzip") {
        return;
    }
    let whole = reply("gzip", &coded("gzip", &["-c"], &[b'x'; 100_000]));
    let cut = whole[..whole.len() - 10].to_vec();
    let folder = Folder::new();
    let file = folder.file("x");
    let server = Server::answering([cut, whole]);
    assert_eq!(server.fetch("/", &["-o", &file]).code, 7);
    server.fetch("/", &["-o", &file]).expect(0, "");
    assert_eq!(std::fs::read(file).unwrap(), [b'x'; 100_000]);
    assert!(!server.heard()[1].contains("Range"));
}

#[test]
fn a_bomb_fills_no_memory() {
    for (coding, program, args) in CODERS.into_iter().filter(|(_, program, _)| have(program)) {
        let line = format!("head -c 100000000 /dev/zero | {program} {}", args.join(" "));
        let bomb = Run::shell(&line).run("").stdout;
        assert!(bomb.len() < 200_000, "{coding}: {}", bomb.len());
        let server = Server::answering([reply(coding, &bomb)]);
        // All that it may have, stacks included, is less than the content. Code does not count, which grows
        // with the program, nor what malloc only reserves (setrlimit(2), RLIMIT_DATA).
        let url = server.url("/");
        let line = format!("ulimit -d 50000; exec framecat fetch {url} -o /dev/null -v");
        let finished = Run::shell(&line).run("");
        assert_eq!(finished.code, 0, "{coding}: {finished}");
        assert!(finished.stderr.contains("100000000 bytes"), "{coding}: {finished}");
    }
}
