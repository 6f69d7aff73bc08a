//! The house kept in order by a test: what ARCHITECTURE.md says of the tree, read off the tree.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below `dir` with that ending, as (path from the root, text).
fn files(dir: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut dirs = vec![root().join(dir)];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                dirs.push(path);
            } else if name.ends_with(ending) {
                let shown = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((shown, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no {ending} below {dir}");
    found
}

/// The code of a file: no comments, no test module.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn unsafe_stands_only_where_it_may() {
    let may = [
        "crates/framecat-net/src/sockopt",
        "crates/framecat-net/src/fast/",
        "crates/framecat/src/stdfds.rs",
    ];
    for (path, text) in files("crates", ".rs") {
        let code = code(&text);
        let has = code.contains("unsafe {")
            || code.contains("unsafe fn")
            || code.contains("unsafe impl")
            || code.contains("unsafe(");
        let in_tests = path.contains("/tests/");
        assert!(!has || in_tests || may.iter().any(|at| path.starts_with(at)), "{path} has unsafe");
    }
}

#[test]
fn nothing_prints_but_the_program() {
    for (path, text) in files("crates", ".rs") {
        if path.contains("/tests/") {
            continue;
        }
        let code = code(&text);
        for macro_ in
            ["println!", "eprintln!", "print!(", "eprint!(", "dbg!", "todo!", "unimplemented!"]
        {
            assert!(!code.contains(macro_), "{path} has {macro_}");
        }
        let code = code.replace("rustix::stdio::", "");
        let speaks = code.contains("io::stdout()") || code.contains("io::stderr()");
        let may = path.starts_with("crates/framecat/src") || path.contains("/examples/");
        assert!(!speaks || may, "{path} speaks to stdout or stderr");
    }
}

#[test]
fn proto_touches_no_world() {
    for (path, text) in files("crates/framecat-proto/src", ".rs") {
        let code = code(&text);
        let worlds = [
            "std::net::Tcp",
            "std::net::Udp",
            "std::fs",
            "std::env",
            "std::process",
            "SystemTime::now",
            "Instant::now",
            "std::thread",
            "async ",
        ];
        for world in worlds {
            assert!(!code.contains(world), "{path} has {world}");
        }
        let outer =
            path.contains("/text/") || path.contains("/text.") || path.contains("/template");
        for inner in ["crate::text", "crate::template"] {
            assert!(outer || !code.contains(inner), "{path} imports {inner}");
        }
    }
}

/// The layers of net, lowest first: a file uses only its own and lower ones.
const LAYERS: &[&[&str]] = &[
    &["allow", "disk", "error", "event", "interfaces", "sockopt"],
    &["child", "conn", "datagrams", "record", "tls"],
    &["open", "fast", "relay", "shape"],
    &["link"],
    &["talk", "replay", "respond", "output", "fan", "converse", "join", "http", "transfer"],
    &["verb"],
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn the_layers_of_net_use_only_what_lies_below() {
    // Values that are told through all layers, and the two types that hold each other.
    let values = [
        "fast::Path",
        "open::unix::BoundPath",
        "fast::poll",
        "fast::batch",
        "relay::{CopyError",
        "relay::CopyError",
        "relay::Allowed",
        "open::stdio::has_reader",
    ];
    for (path, text) in files("crates/framecat-net/src", ".rs") {
        let inside = path.strip_prefix("crates/framecat-net/src/").unwrap();
        let module = inside.split(['/', '.']).next().unwrap();
        let Some(own) = layer(module) else { continue };
        for line in code(&text).lines() {
            let Some(at) = line.find("crate::") else { continue };
            let used = &line[at + "crate::".len()..];
            if values.iter().any(|value| used.starts_with(value)) {
                continue;
            }
            let name: String =
                used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if let Some(other) = layer(&name) {
                assert!(other <= own, "{path}: {module} uses {name}: {line}");
            }
        }
    }
}

#[test]
fn verbs_never_import_verbs() {
    for dir in ["crates/framecat-net/src/verb", "crates/framecat/src/verb"] {
        for (path, text) in files(dir, ".rs") {
            if path.ends_with("mod.rs") {
                continue;
            }
            let own = path.rsplit('/').next().unwrap().trim_end_matches(".rs");
            let code = code(&text);
            for verb in
                ["listen", "connect", "ask", "relay", "send", "receive", "serve", "fetch", "lab"]
                    .iter()
                    .filter(|verb| **verb != own)
            {
                for import in [format!("super::{verb}"), format!("verb::{verb}")] {
                    assert!(!code.contains(&import), "{path} imports {import}");
                }
            }
        }
    }
}

#[test]
fn every_framing_has_its_file_its_page_and_its_test() {
    let page = read("docs/framings.md");
    let targets: Vec<String> =
        files("fuzz/fuzz_targets", ".rs").into_iter().map(|(path, _)| path).collect();
    let cases = files("crates/framecat-proto/tests", ".rs");
    let conversations = root().join("crates/framecat-proto/tests/framings/conversations");
    let conversations: Vec<String> = fs::read_dir(conversations)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    // Presets share a file and a target: each is a line of the grammar. A captured conversation is its own.
    let presets = framecat_proto::framing::PRESETS.iter().map(|row| (row.name, "preset", "preset"));
    for row in framecat_proto::framing::PRESETS {
        let captured = conversations.iter().any(|file| file.starts_with(row.name));
        assert!(captured, "{}: no conversation", row.name);
    }
    // crlf and nul are markers: they share delim's file. native shares raw's.
    let framings = framecat_proto::framing::TABLE.iter().map(|row| match row.name {
        name @ ("crlf" | "nul") => (name, "delim", name),
        "native" => ("native", "raw", "raw"),
        name => (name, name, name),
    });
    for (name, file, target) in framings.chain(presets) {
        let path = format!("crates/framecat-proto/src/framing/{file}.rs");
        assert!(root().join(&path).exists(), "{name}: no {path}");
        // A preset has a row where others have a section.
        let (heading, row) = (format!("## {name}"), format!("| `{name}` | "));
        let told = page.lines().any(|line| line == heading || line.starts_with(&row));
        assert!(told, "{name}: no section in docs/framings.md");
        let target = format!("fuzz/fuzz_targets/{target}.rs");
        assert!(targets.contains(&target), "{name}: no {target}");
        let tested = cases.iter().any(|(_, text)| text.contains(&format!("\"{name}")));
        assert!(tested, "{name}: in no test of framecat-proto");
    }
}

#[test]
fn every_scheme_has_its_file() {
    for about in framecat_proto::endpoint::SCHEMES {
        let file = if about.name == "-" { "stdio" } else { about.name };
        let path = format!("crates/framecat-net/src/open/{file}.rs");
        assert!(root().join(&path).exists(), "{}: no {path}", about.name);
    }
}

#[test]
fn every_law_has_its_function_and_both_languages() {
    for law in framecat_lab::laws() {
        let function = format!("fn {}", law.id.replace('-', "_"));
        let group = law.group.replace('-', "_");
        let found = files("crates/framecat-lab/src", ".rs")
            .iter()
            .any(|(path, text)| path.contains(&group) && text.contains(&function));
        assert!(found, "{}: no `{function}` in the file of its group {group}", law.id);
    }
}

#[test]
fn files_stay_short_enough_to_read() {
    for (path, text) in files("crates", ".rs") {
        let lines = text.lines().count();
        assert!(lines <= 700 || path.contains("/tests/"), "{path} has {lines} lines");
    }
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let mut pages = files("docs", ".md");
    for page in ["README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        pages.push((page.into(), read(page)));
    }
    for (path, text) in pages {
        let dir = root().join(&path).parent().unwrap().to_path_buf();
        for link in text.split("](").skip(1) {
            let link = link.split([')', '#']).next().unwrap();
            if link.is_empty() || link.contains("://") {
                continue;
            }
            assert!(dir.join(link).exists(), "{path}: {link} does not exist");
        }
    }
}

#[test]
fn every_mistake_of_others_names_a_test_that_is_there() {
    let sources = files("crates", ".rs");
    let page = read("docs/mistakes.md");
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let mut named = 0;
    for row in rows.filter(|row| !row.ends_with("| test |")) {
        let tests = row.trim_end_matches('|').rsplit(" | ").next().unwrap();
        for test in tests.split('`').skip(1).step_by(2) {
            named += 1;
            let function = format!("fn {test}()");
            let found = sources.iter().any(|(_, text)| text.contains(&function));
            assert!(found, "docs/mistakes.md names {test}, which is no test: {row}");
        }
    }
    assert!(named >= 40, "{named} tests are named");
}
