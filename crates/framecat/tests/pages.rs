//! The examples of the pages, run as they stand: what is printed is what the page shows.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

mod run;

/// A block of the README: what is typed, and what appears.
struct Block {
    typed: Vec<String>,
    shown: Vec<String>,
}

fn blocks(page: &str) -> Vec<Block> {
    let bodies = page.split("```console\n").skip(1);
    bodies.map(|body| block(body.split("```").next().unwrap())).collect()
}

fn block(body: &str) -> Block {
    let (mut typed, mut shown): (Vec<String>, Vec<String>) = Default::default();
    let mut open = false;
    for line in body.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => typed.push(command.into()),
            // A quote that a command opened runs on over the next lines.
            None if open => *typed.last_mut().unwrap() += &format!("\n{line}"),
            None if line.is_empty() => continue,
            None => {
                shown.push(line.into());
                continue;
            }
        }
        if line.matches('"').count() % 2 == 1 {
            open = !open;
        }
    }
    Block { typed, shown }
}

/// Times and the kernel's ports differ from run to run.
fn plain(line: &str, ports: &[(String, String)]) -> String {
    let mut line = line.to_string();
    for (shown, real) in ports {
        line = line.replace(real.as_str(), shown);
    }
    let words = line.split(' ').map(|word| {
        let time = word.len() == 13 && word.ends_with('Z') && word.contains(':');
        let number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.');
        let port = word.strip_prefix("127.0.0.1:").filter(|port| !port.starts_with("900"));
        // Of a transfer: `(39 MB/s)`.
        let rate = word.strip_prefix('(').is_some_and(|rate| rate.parse::<f64>().is_ok());
        match (time || rate, port, number && word.contains('.')) {
            (true, _, _) => "TIME",
            (_, Some(_), _) => "PEER",
            (_, _, true) => "MS",
            _ => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Two ports that nothing holds now.
fn free_ports() -> Vec<(String, String)> {
    let held: Vec<_> =
        (0..2).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let real = held.iter().map(|held| held.local_addr().unwrap().port().to_string());
    ["9000", "9001"].iter().map(|shown| shown.to_string()).zip(real).collect()
}

fn run_block(block: &Block) -> Vec<String> {
    let folder = run::Folder::new();
    let output = folder.file("output");
    let ports = free_ports();
    let mut script = String::new();
    let mut listeners = 0;
    for command in &block.typed {
        let mut command = command.clone();
        for (shown, real) in &ports {
            command = command.replace(shown.as_str(), real);
        }
        script += &format!("{command}\n");
        if command.ends_with('&') {
            listeners += 1;
            script += &format!(
                "until [ \"$(grep -Ec 'listening on|serving .* at ' output)\" -ge {listeners} ]; do sleep 0.01; done\n"
            );
        }
    }
    script += "wait\n";
    let program = Path::new(env!("CARGO_BIN_EXE_framecat"));
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let out = fs::File::create(&output).unwrap();
    let status = Command::new("timeout")
        .args(["20", "bash", "-c", &script])
        .env("PATH", path)
        .current_dir(Path::new(&output).parent().unwrap())
        .stdin(Stdio::null())
        .stderr(out.try_clone().unwrap())
        .stdout(out)
        .status()
        .unwrap();
    let text = fs::read_to_string(&output).unwrap();
    // The pages have a home of their own.
    let here = Path::new(&output).parent().unwrap().to_string_lossy().into_owned();
    let text = text.replace(&here, "/home/ada");
    assert_ne!(status.code(), Some(124), "did not end:\n{script}\nprinted:\n{text}");
    text.lines().filter(|line| !line.is_empty()).map(|line| plain(line, &ports)).collect()
}

/// Runs every block of a page, and gives how many there are.
fn check(page: &str) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
    let blocks = blocks(&fs::read_to_string(path).unwrap());
    for block in &blocks {
        let mut printed = run_block(block);
        let mut shown: Vec<String> = block.shown.iter().map(|line| plain(line, &[])).collect();
        // Two programs write to one terminal: which comes first is not told.
        printed.sort();
        shown.sort();
        assert_eq!(printed, shown, "{page}: {:#?}", block.typed);
    }
    blocks.len()
}

#[test]
fn the_examples_of_the_readme_print_what_it_shows() {
    if run::have("python3") {
        assert_eq!(check("README.md"), 10, "ten examples");
    }
}

#[test]
fn the_chinese_readme_has_the_same_examples() {
    let blocks = |page: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
        let blocks = blocks(&fs::read_to_string(path).unwrap());
        blocks.into_iter().map(|block| (block.typed, block.shown)).collect::<Vec<_>>()
    };
    assert_eq!(blocks("README.zh-CN.md"), blocks("README.md"));
}

const GUIDES: [&str; 2] = ["docs/guide.md", "docs/guide.zh-CN.md"];

#[test]
fn what_the_guide_has_the_reader_run_prints_what_it_shows() {
    assert!(check(GUIDES[0]) > 22);
}

#[test]
fn the_chinese_guide_runs_as_well() {
    assert!(check(GUIDES[1]) > 22);
}

#[test]
fn the_guides_teach_every_law_of_the_lab() {
    for guide in GUIDES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(guide);
        let page = fs::read_to_string(path).unwrap();
        for law in framecat_lab::laws() {
            // Its row in the table of its chapter.
            assert!(page.contains(&format!("\n| `{}` | ", law.id)), "{guide}: {}", law.id);
        }
    }
}

/// A guide sends its readers to laws and groups that there are.
#[test]
fn the_guides_name_no_law_that_the_lab_has_not() {
    for guide in GUIDES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(guide);
        let page = fs::read_to_string(path).unwrap();
        let spans = page.split('`').skip(1).step_by(2);
        for line in spans.filter_map(|span| span.strip_prefix("framecat lab ")) {
            let names = line.split(' ').take_while(|word| !word.starts_with('-'));
            let names: Vec<_> = names.filter(|word| *word != "NAME").map(String::from).collect();
            assert!(framecat_lab::select(&names).is_ok(), "{guide}: {line}");
        }
    }
}
