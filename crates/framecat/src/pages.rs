//! Man pages and completions, from the same tables and flags as the program itself: `framecat pages
//! FOLDER`. Only in a build with the feature `pages`, which `dist/build` makes for this.

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::flags::Cli;
use crate::help;

/// Writes `man/*.1` and `completions/*` below `folder`.
pub fn write(folder: &Path) -> io::Result<()> {
    let man = folder.join("man");
    let completions = folder.join("completions");
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    let mut command = Cli::command();
    command.build();
    fs::write(man.join("framecat.1"), main_page(&command)?)?;
    for verb in command.get_subcommands() {
        let name = format!("framecat-{}", verb.get_name());
        let mut text = Vec::new();
        Man::new(verb.clone()).title(&name).render(&mut text)?;
        fs::write(man.join(format!("{name}.1")), text)?;
    }
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Cli::command(), "framecat", &completions)?;
    }
    Ok(())
}

/// framecat(1): what it is, the verbs, and the reference pages as they are.
fn main_page(command: &clap::Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone());
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    let mut page = Roff::new();
    page.control("SH", ["SYNOPSIS"]);
    for (i, line) in ["VERB ...", "HOST PORT", "-l PORT", "help [VERB|TOPIC]"].iter().enumerate() {
        if i > 0 {
            page.control("br", []);
        }
        page.text([bold("framecat"), roman(format!(" {line}"))]);
    }
    page.control("SH", ["DESCRIPTION"]);
    as_it_is(&mut page, &help::overview());
    for (name, about) in help::topics() {
        page.control("SH", [name.to_uppercase().as_str()]);
        page.text([roman(format!("As framecat help {name} tells it: {about}."))]);
        as_it_is(&mut page, &help::topic(name).unwrap_or_default());
    }
    page.control("SH", ["SEE ALSO"]);
    let verbs: Vec<_> =
        command.get_subcommands().map(|verb| format!("framecat-{}(1)", verb.get_name())).collect();
    page.text([roman(verbs.join(", "))]);
    page.to_writer(&mut text)?;
    Ok(text)
}

/// Text with its own line breaks.
fn as_it_is(page: &mut Roff, text: &str) {
    page.control("nf", []);
    for line in text.lines() {
        page.text([roman(line)]);
    }
    page.control("fi", []);
}
