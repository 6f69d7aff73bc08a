//! `framecat serve` in a real browser: Debian's Chromium, driven by what stands in `browser/`.

mod run;
mod served;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use run::{have, skipped};
use served::Served;

/// Where the cases are, and where a Chromium is; told if they cannot be run.
fn ready() -> Option<(PathBuf, PathBuf)> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    if !have("node") {
        return None;
    }
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let browser = browsers.iter().find_map(|name| {
        std::env::split_paths(&path).map(|at| at.join(name)).find(|at| at.is_file())
    });
    let Some(browser) = browser else {
        skipped("there is no Chromium on this machine");
        return None;
    };
    if !cases.join("node_modules/playwright-core").exists() {
        skipped("no playwright-core: npm ci --prefix crates/framecat/tests/browser");
        return None;
    }
    Some((cases, browser))
}

/// Runs the cases of a file, each of which is told with what came of it. Their end is awaited as long as it
/// takes; they bound their own waits.
fn run_cases(file: &str, cases: &Path, browser: &Path, variables: &[(&str, &OsStr)]) {
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    fs::create_dir_all(&shots).unwrap();
    let finished = Command::new("node")
        .args(["--test", file])
        .current_dir(cases)
        .env("SHOTS", shots)
        .env("CHROMIUM", browser)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&finished.stdout);
    assert!(finished.status.success(), "{told}\n{}", String::from_utf8_lossy(&finished.stderr));
    assert!(!told.contains(" pass 0\n"), "no case was run: {told}");
}

/// What the page of a folder shows, for eyes, fingers and keys.
#[test]
fn the_page_of_a_folder_works_in_a_browser() {
    let Some((cases, browser)) = ready() else { return };
    let site = Served::new(&[], &[]);
    let (base, folder) = (site.url(), site.folder.path().as_os_str().to_owned());
    let variables = [("BASE", base.as_ref()), ("FOLDER", folder.as_ref())];
    run_cases("page.mjs", &cases, &browser, &variables);
    site.ends();
}

/// What it changes: each case has a server of its own, which it may kill.
#[test]
fn the_page_of_a_folder_changes_what_may_be_changed() {
    let Some((cases, browser)) = ready() else { return };
    let framecat = env!("CARGO_BIN_EXE_framecat");
    run_cases("write.mjs", &cases, &browser, &[("FRAMECAT", framecat.as_ref())]);
}
