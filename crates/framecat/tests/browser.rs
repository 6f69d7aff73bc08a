//! `framecat serve` in a real browser: Debian's Chromium, driven by what stands in `browser/`.

mod run;
mod served;

use std::fs;
use std::path::Path;
use std::process::Command;

use run::{have, skipped};
use served::Served;

/// What the page of a folder does, for eyes, fingers and keys: each case and what came of it is told by
/// `browser/page.mjs`, whose end is awaited as long as it takes; it bounds its own waits.
#[test]
fn the_page_of_a_folder_works_in_a_browser() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    if !have("node") {
        return;
    }
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let browser = browsers.iter().find_map(|name| {
        std::env::split_paths(&path).map(|at| at.join(name)).find(|at| at.is_file())
    });
    let Some(browser) = browser else { return skipped("there is no Chromium on this machine") };
    if !cases.join("node_modules/playwright-core").exists() {
        return skipped("no playwright-core: npm ci --prefix crates/framecat/tests/browser");
    }
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    fs::create_dir_all(&shots).unwrap();
    let site = Served::new(&[], &[]);
    let finished = Command::new("node")
        .args(["--test", "page.mjs"])
        .current_dir(&cases)
        .env("BASE", site.url())
        .env("FOLDER", site.folder.path())
        .env("SHOTS", shots)
        .env("CHROMIUM", browser)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&finished.stdout);
    assert!(finished.status.success(), "{told}\n{}", String::from_utf8_lossy(&finished.stderr));
    assert!(!told.contains(" pass 0\n"), "no case was run: {told}");
    site.ends();
}
