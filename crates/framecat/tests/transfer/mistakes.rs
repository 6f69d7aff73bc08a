//! What people type wrong, and what they are told to type.

use super::*;

#[test]
fn a_command_that_makes_no_sense_is_two_with_what_to_type() {
    let folder = Folder::new();
    fs::write(folder.file("a"), "a").unwrap();
    fs::create_dir_all(folder.file("in/a")).unwrap();
    fs::write(folder.file("code"), "417-blaze-oter-quilt").unwrap();
    fs::write(folder.file("open"), CODE).unwrap();
    fs::set_permissions(folder.file("open"), fs::Permissions::from_mode(0o666)).unwrap();
    let mut told = String::new();
    for line in [
        "send",
        "send a",
        "send --to host:9000",
        "send nothing --to host:9000",
        "send host:9000 a",
        "send a host:9000",
        "send a user@host:in/ --listen :0",
        "send a tcp://host:9000",
        "send a in/a --listen :0",
        "send a - --listen :0",
        "send /dev/null --listen :0",
        "send a --to host:9000 --listen :0",
        "send a --from host:9000",
        "send a --to :0",
        "send a --to tls://host:9000",
        "send a --to udp://host:9000",
        "send a --to :9000,frame=line",
        "send a --to host:9000 --lan",
        "send a --to host:9000 --tries 2 --code-file open",
        "send a --listen :0 --tries 6",
        "send a --listen 127.0.0.1:0 --lan",
        "send a --text b --to host:9000",
        "send --text b --links --listen :0",
        "send -r in --to host:9000",
        "send a -y --to host:9000",
        "send a --to host:9000 --plain --code 417-blaze-otter-quilt",
        "send a --to host:9000 --code 417-blase-otter-quilt",
        "send a --to host:9000 --code-file code",
        "send a --to host:9000 --code-file open",
        "send a --to host:9000 --code-file nothing",
        "send a --to host:9000 --code 417-blaze-otter-quilt --code-file open",
        "receive",
        "receive in",
        "receive nothing --listen :0",
        "receive in:$HOME --listen :0",
        "receive a --listen :0",
        "receive host:9000",
        "receive 417-blaze-otter --from host:9000",
        "receive 417-blaze-otter-quilt",
        "receive 417-blaze-otter-qiult --from host:9000",
        "receive in in/a --listen :0",
        "receive in in/a in --listen :0",
        "receive 417 blaze otter quilt --from host:9000",
        "receive 417-blaze-otter-quilt 418-blaze-otter-quilt --from host:9000",
        "receive 417-blaze-otter-quilt --code-file open --from host:9000",
        "receive - --json --listen :0",
        "receive - --durable --listen :0",
        "receive --on-conflict ask --listen :0",
        "receive --to host:9000",
        "receive -o in --listen :0",
        "receive --force --listen :0",
        "receive --lan --plain",
    ] {
        let args: Vec<&str> = line.split(' ').collect();
        let finished = Run::new(&args).in_folder(folder.path()).run("");
        finished.expect(2, "");
        assert!(finished.stderr.starts_with("framecat: "), "{finished}");
        assert!(finished.stderr.contains("\n          "), "no remedy: {finished}");
        told += &finished.told(&[]);
    }
    insta::assert_snapshot!(told);
}

#[test]
fn explain_says_what_would_be_done_and_does_nothing() {
    let folder = Folder::new();
    fs::write(folder.file("a"), "a").unwrap();
    fs::create_dir(folder.file("in")).unwrap();
    let mut told = String::new();
    for line in [
        "send a in --to host:9000",
        "send - --listen :0 --lan --tries 1",
        "send --text hello --listen :0 --plain --wait 5s",
        "receive in --from host:9000",
        "receive - --listen :0",
        "receive --yes --plain --listen :9000 --lan --hidden --links --check --durable --on-conflict newer",
    ] {
        let args: Vec<&str> =
            [line, "--explain"].iter().flat_map(|words| words.split(' ')).collect();
        let finished = Run::new(&args).in_folder(folder.path()).run("");
        assert!(finished.code == 0 && finished.stderr.is_empty(), "{finished}");
        told += &format!("$ framecat {line} --explain\n{}\n", finished.text());
    }
    // What is typed says more than what stands around.
    let plain = Run::new(&["send", "a", "--plain", "--listen", ":0", "--explain"]);
    let plain = plain.in_folder(folder.path()).env("FRAMECAT_CODE", CODE).run("");
    assert!(plain.code == 0 && plain.text().contains("nothing is encrypted"), "{plain}");
    let place = folder.path().canonicalize().unwrap();
    insta::assert_snapshot!(told.replace(place.to_str().unwrap(), "FOLDER"));
}
