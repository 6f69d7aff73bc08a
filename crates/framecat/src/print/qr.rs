//! An address as a QR code (ISO/IEC 18004), for the camera of a phone.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code, for a reader to find it (section 9.1).
const QUIET: usize = 4;

/// Black on white, whatever the terminal's own colours are.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const END: &str = "\x1b[0m\n";

/// The code in lines of half blocks, for a terminal; nothing where it is too long for one.
pub(super) fn drawn(text: &str) -> Vec<u8> {
    let modules = modules(text);
    let mut lines = String::new();
    for pair in modules.chunks(2) {
        lines.push_str(BLACK_ON_WHITE);
        for (x, upper) in pair[0].iter().enumerate() {
            lines.push(match (upper, pair.get(1).is_some_and(|lower| lower[x])) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        lines.push_str(END);
    }
    lines.into_bytes()
}

/// Rows of modules with the quiet zone around them; the dark ones are true.
fn modules(text: &str) -> Vec<Vec<bool>> {
    // A screen is not scratched: the least correction, and the fewest modules.
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::L) else { return Vec::new() };
    let width = code.width();
    let mut all = vec![vec![false; width + 2 * QUIET]; width + 2 * QUIET];
    for (at, module) in code.into_colors().into_iter().enumerate() {
        all[QUIET + at / width][QUIET + at % width] = module == Color::Dark;
    }
    all
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What the terminal shows, as rows of modules again.
    fn seen(lines: &[u8]) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in std::str::from_utf8(lines).unwrap().lines() {
            let line = line.strip_prefix(BLACK_ON_WHITE).unwrap();
            let cells = line.strip_suffix(END.trim_end()).unwrap();
            rows.push(cells.chars().map(|c| matches!(c, '█' | '▀')).collect());
            rows.push(cells.chars().map(|c| matches!(c, '█' | '▄')).collect());
        }
        rows
    }

    #[test]
    fn a_reader_of_bar_codes_reads_the_address() {
        let there = Command::new("zbarimg").arg("--version").output().is_ok();
        if !there {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "skipped: zbarimg is not on this machine");
            return;
        }
        for url in [
            "http://192.168.1.17:8000/",
            "https://[2001:db8::17:1]:65535/",
            &format!("http://{}.example/", "n".repeat(200)),
        ] {
            // Pixels of a portable bitmap (pbm(5)), eight by eight a module.
            let rows = seen(&drawn(url));
            let mut image = format!("P1\n{} {}\n", rows[0].len() * 8, rows.len() * 8);
            for row in &rows {
                let line: String =
                    row.iter().map(|dark| if *dark { "11111111" } else { "00000000" }).collect();
                image.push_str(&format!("{line}\n").repeat(8));
            }
            let name = format!("framecat-qr-{}-{}.pbm", std::process::id(), url.len());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, image).unwrap();
            let read = Command::new("zbarimg").args(["-q", "--raw"]).arg(&path).output().unwrap();
            std::fs::remove_file(&path).unwrap();
            assert_eq!(String::from_utf8_lossy(&read.stdout).trim_end(), url, "{read:?}");
        }
    }

    #[test]
    fn what_is_too_long_for_a_code_is_none() {
        assert_eq!(drawn(&"x".repeat(10_000)), b"");
    }
}
