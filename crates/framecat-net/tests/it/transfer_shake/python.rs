//! The handshake with a program that is not ours: OpenSSL's TLS and another author's SPAKE2.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use framecat_net::conn::Stream;
use framecat_net::error::Unmet;
use framecat_net::transfer::Role;

use super::{
    CODE, ROLES, Told, beside, bounds, dial, guard, is_guess, listening, other, told, unmet,
};
use crate::sockets::{endpoint, within};

fn there_is_python() -> bool {
    let import = Command::new("python3").args(["-c", "import OpenSSL, spake2"]).output();
    let there = import.is_ok_and(|output| output.status.success());
    if !there {
        let why = "skipped: python3 has no OpenSSL, spake2 (.ci/peers.txt)";
        let _ = writeln!(std::io::stderr(), "{why}");
    }
    there
}

fn python(role: Role, way: &str, at: &str, code: &str) -> Child {
    let role = if role == Role::Send { "send" } else { "receive" };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/transfer_shake/peer.py");
    let mut command = Command::new("python3");
    command.args([script, role, way, at, code]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What it prints to its end, and what it says went wrong.
async fn ends(child: Child) -> (String, String) {
    let output = beside(|| child.wait_with_output().unwrap()).await;
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

async fn talks(met: &Stream) {
    within(met.write_all(b"to and fro")).await.unwrap();
    let mut heard = Vec::with_capacity(64);
    while heard.len() < 10 {
        assert_ne!(within(met.read(&mut heard)).await.unwrap(), 0);
    }
    assert_eq!(heard, b"in private");
}

#[tokio::test]
async fn another_implementation_dials_ours() {
    if !there_is_python() {
        return;
    }
    for role in ROLES {
        let listens = listening(role, guard(CODE, 3), bounds()).await;
        let at = listens.at.to_string().replace("tcp://", "");
        let (_, wrong) = ends(python(other(role), "dial", &at, "417-blaze-otter-quill")).await;
        assert!(wrong.contains("has another code"), "{wrong}");
        let told: Told = told(&listens, 1).await;
        assert!(is_guess(&told), "{told:?}");
        let right = python(other(role), "dial", &at, CODE);
        let met = listens.met().await;
        talks(&met).await;
        assert_eq!(ends(right).await, ("met to and fro\n".into(), String::new()));
    }
}

#[tokio::test]
async fn ours_dials_another_implementation() {
    if !there_is_python() {
        return;
    }
    for role in ROLES {
        for code in ["417-blaze-otter-quill", CODE] {
            let mut listens = python(other(role), "listen", "127.0.0.1:0", code);
            let mut lines = BufReader::new(listens.stdout.take().unwrap());
            let mut at = String::new();
            lines.read_line(&mut at).unwrap();
            let dials =
                dial(&endpoint(&format!("tcp://{}", at.trim())), role, guard(CODE, 3)).await;
            match code == CODE {
                false => {
                    assert_eq!(unmet(dials), Unmet::WrongCode);
                    let wrong = ends(listens).await.1;
                    assert!(wrong.contains("has another code"), "{wrong}");
                }
                true => {
                    talks(&dials.unwrap().unwrap()).await;
                    let mut said = String::new();
                    lines.read_line(&mut said).unwrap();
                    assert_eq!(said, "met to and fro\n");
                    assert_eq!(ends(listens).await.1, "");
                }
            }
        }
    }
}
