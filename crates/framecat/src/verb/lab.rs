//! `framecat lab`: shows the laws of sockets on this machine's kernel.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use framecat_lab::evidence::Verdict;
use framecat_lab::{
    Lang, Law, Outcome, groups, json_line, preface, report_markdown, run as experiment, select,
    summary_line, tell,
};

/// `lab`.
#[derive(Debug, Default, Args)]
#[command(
    after_help = "Examples:\n  framecat lab\n  framecat lab sticky\n  framecat lab --lang zh --report lab.md"
)]
pub struct LabArgs {
    /// Laws or groups to tell in full [default: a line for every law] (framecat help laws)
    pub law: Vec<String>,

    /// Name the laws, run nothing
    #[arg(long, conflicts_with = "report")]
    pub list: bool,

    /// One JSON object a law
    #[arg(long)]
    pub json: bool,

    /// The language [default: by LC_ALL, LC_MESSAGES, LANG]
    #[arg(long, value_name = "LANG")]
    pub lang: Option<Language>,

    /// Show the laws of broadcast on the network of this interface, and send there
    #[arg(long, value_name = "IF", conflicts_with = "list")]
    pub dev: Option<String>,

    /// Write the whole run into FILE as a Markdown page
    #[arg(long, value_name = "FILE.md")]
    pub report: Option<PathBuf>,
}

/// A language that the lab speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English
    En,
    /// Chinese, simplified
    Zh,
}

/// Exit codes: a law was not shown, a name is no law, stdout or the report cannot be written.
const NOT_SHOWN: u8 = 1;
const WRONG: u8 = 2;
const UNWRITTEN: u8 = 10;

/// The locale by the environment, as POSIX orders its variables: the first that is set and not empty.
fn locale() -> String {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set).unwrap_or_default()
}

/// How many columns the terminal on stdout has; 80 where stdout is none.
fn width() -> usize {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => 80,
    }
}

/// `framecat lab` as the program runs it: on this stdout, in its width, in the locale's language.
pub fn main(args: &LabArgs) -> (u8, Option<(String, String)>) {
    run(args, &mut io::BufWriter::new(io::stdout().lock()), width(), &locale())
}

/// Runs what was asked and prints it to `out`, `width` columns wide. Gives the exit code, and for a
/// mistake or a failure what is wrong and what to do. A reader that went away (EPIPE) ends quietly.
pub fn run(
    args: &LabArgs,
    out: &mut dyn Write,
    width: usize,
    locale: &str,
) -> (u8, Option<(String, String)>) {
    let laws = match select(&args.law) {
        Ok(laws) => laws,
        Err(unknown) => return (WRONG, Some((unknown.to_string(), unknown.remedy))),
    };
    if let Some(dev) = &args.dev
        && let Err(why) = framecat_lab::broadcast::on(dev)
    {
        let remedy = "`ip -br address` lists the interfaces; without --dev it is loopback";
        return (WRONG, Some((format!("--dev {dev}: {why}"), remedy.into())));
    }
    let lang = match args.lang {
        Some(Language::En) => Lang::En,
        Some(Language::Zh) => Lang::Zh,
        None => Lang::from_locale(locale),
    };
    let mut lab = Lab { args, out, width, lang, outcomes: Vec::new() };
    let printed = if args.list { lab.list(&laws) } else { lab.show(&laws) };
    match printed.and_then(|()| lab.out.flush()) {
        Ok(()) => {}
        // Whoever reads has seen enough; the report is still owed.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            let missing = laws.iter().skip(lab.outcomes.len()).filter(|_| args.report.is_some());
            lab.outcomes.extend(missing.map(|law| experiment(law)));
        }
        Err(error) => {
            let verdict = crate::exit::stdout_failed(&error);
            return (verdict.code, verdict.sentence.zip(verdict.remedy));
        }
    }
    if let Some(file) = &args.report
        && let Err(error) =
            std::fs::write(file, report_markdown(&lab.outcomes, lang, &machine(args)))
    {
        let problem = format!("write {}: {}", file.display(), cause(&error));
        return (UNWRITTEN, Some((problem, "name a file that can be written".into())));
    }
    let failed = lab.outcomes.iter().any(|o| matches!(o.result, Verdict::NotShown(_)));
    (if failed { NOT_SHOWN } else { 0 }, None)
}

struct Lab<'a> {
    args: &'a LabArgs,
    out: &'a mut dyn Write,
    width: usize,
    lang: Lang,
    outcomes: Vec<Outcome>,
}

impl Lab<'_> {
    fn list(&mut self, laws: &[&'static Law]) -> io::Result<()> {
        for law in laws {
            if self.args.json {
                let row = serde_json::json!({
                    "law": law.id, "group": law.group, "title": law.title.in_lang(self.lang),
                });
                writeln!(self.out, "{row}")?;
            } else {
                writeln!(self.out, "{:14}  {}", law.id, law.title.in_lang(self.lang))?;
            }
        }
        Ok(())
    }

    fn show(&mut self, laws: &[&'static Law]) -> io::Result<()> {
        let mut group = "";
        let in_full = !self.args.law.is_empty();
        if in_full && !self.args.json {
            write!(self.out, "{}\n\n", preface(laws, self.lang, self.width))?;
        }
        for (i, law) in laws.iter().enumerate() {
            if !self.args.json && !in_full && law.group != group {
                group = law.group;
                let title = groups().iter().find(|known| known.name == group);
                let title = title.map_or("", |group| group.title.in_lang(self.lang));
                writeln!(self.out, "{}{group}: {title}", if i > 0 { "\n" } else { "" })?;
            }
            // A slow experiment must not hide the lines before it.
            self.out.flush()?;
            let outcome = experiment(law);
            let text = if self.args.json {
                json_line(&outcome) + "\n"
            } else if in_full {
                let gap = if i > 0 { "\n\n" } else { "" };
                format!("{gap}{}", tell(&outcome, self.lang, self.width, false))
            } else {
                summary_line(&outcome, self.lang, self.width) + "\n"
            };
            self.outcomes.push(outcome);
            self.out.write_all(text.as_bytes())?;
        }
        if !self.args.json {
            let counts = counts(&self.outcomes, self.lang);
            writeln!(self.out, "\n{counts}")?;
        }
        Ok(())
    }
}

/// The last line: how many laws were shown, not shown and skipped.
fn counts(outcomes: &[Outcome], lang: Lang) -> String {
    let (mut shown, mut not_shown, mut skipped) = (0, 0, 0);
    for outcome in outcomes {
        match outcome.result {
            Verdict::Shown(_) => shown += 1,
            Verdict::NotShown(_) => not_shown += 1,
            Verdict::Skipped(_) => skipped += 1,
        }
    }
    match lang {
        Lang::En => format!("{shown} shown, {not_shown} not shown, {skipped} skipped"),
        Lang::Zh => format!("已证实 {shown}，未证实 {not_shown}，已跳过 {skipped}"),
    }
}

/// What the report says of the machine: its kernel, this program, and what was asked.
fn machine(args: &LabArgs) -> String {
    let name = rustix::system::uname();
    let part = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let laws = if args.law.is_empty() { "all laws".into() } else { args.law.join(" ") };
    format!(
        "{} {} {} {}\nframecat {}\nframecat lab: {laws}",
        part(name.sysname()),
        part(name.release()),
        part(name.version()),
        part(name.machine()),
        env!("CARGO_PKG_VERSION"),
    )
}

/// What the kernel said, without the number that Rust adds.
fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let plain = text.split(" (os error").next().unwrap_or(&text);
    plain.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(args: &LabArgs, locale: &str) -> (u8, String) {
        let mut out = Vec::new();
        let (code, mistake) = run(args, &mut out, 80, locale);
        assert_eq!(mistake, None);
        (code, String::from_utf8(out).unwrap())
    }

    fn named(law: &str) -> LabArgs {
        LabArgs { law: vec![law.into()], ..LabArgs::default() }
    }

    #[test]
    fn without_names_each_law_has_a_line_and_the_last_line_counts_them() {
        let (code, text) = printed(&LabArgs::default(), "C");
        for law in framecat_lab::laws() {
            let lines = text.lines().filter(|line| line.split_whitespace().nth(1) == Some(law.id));
            assert_eq!(lines.count(), 1, "{}\n{text}", law.id);
        }
        let n = framecat_lab::laws().len();
        assert_eq!(text.lines().last().unwrap(), format!("{n} shown, 0 not shown, 0 skipped"));
        assert_eq!(code, 0);
    }

    #[test]
    fn a_law_by_name_is_told_in_full_in_the_language_of_the_locale() {
        let (code, text) = printed(&named("whole"), "zh_CN.UTF-8");
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("笔记怎么说"), "{text}");
        assert!(text.ends_with("已证实 1，未证实 0，已跳过 0\n"), "{text}");
        let english = LabArgs { lang: Some(Language::En), ..named("whole") };
        assert!(printed(&english, "zh_CN.UTF-8").1.contains("What the notes say"));
    }

    #[test]
    fn an_unknown_law_is_a_mistake_that_names_the_nearest() {
        let (code, mistake) = run(&named("stiky"), &mut Vec::new(), 80, "C");
        assert_eq!(code, 2);
        assert!(mistake.unwrap().1.contains("sticky"));
    }

    #[test]
    fn an_interface_that_is_not_there_is_a_mistake() {
        let args = LabArgs { dev: Some("nosuch0".into()), ..named("broadcast") };
        let (code, mistake) = run(&args, &mut Vec::new(), 80, "C");
        assert_eq!(code, 2);
        let (problem, remedy) = mistake.unwrap();
        assert_eq!(problem, "--dev nosuch0: there is no interface nosuch0 with an address");
        assert!(remedy.contains("ip -br address"), "{remedy}");
    }

    #[test]
    fn the_list_runs_nothing_and_names_each_law_on_a_line() {
        let (_, text) = printed(&LabArgs { list: true, ..LabArgs::default() }, "C");
        let first = text.lines().map(|line| line.split_whitespace().next().unwrap());
        assert!(first.eq(framecat_lab::laws().iter().map(|law| law.id)), "{text}");
    }

    #[test]
    fn json_is_an_object_a_law_and_nothing_else() {
        for list in [true, false] {
            let args = LabArgs { json: true, list, ..named("whole") };
            let (_, text) = printed(&args, "C");
            let value: serde_json::Value = serde_json::from_str(&text).expect("it is one object");
            assert_eq!(value["law"], "whole");
        }
    }

    /// Fails as a closed pipe or a full disk does.
    struct Broken(rustix::io::Errno);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_quiet_and_a_full_disk_is_told() {
        let args = named("whole");
        assert_eq!(run(&args, &mut Broken(rustix::io::Errno::PIPE), 80, "C"), (0, None));
        let (code, failure) = run(&args, &mut Broken(rustix::io::Errno::NOSPC), 80, "C");
        assert_eq!(code, 10);
        assert_eq!(failure.unwrap().0, "write to stdout: no space left on device");
    }

    #[test]
    fn the_report_names_the_kernel_and_holds_every_law_asked_for() {
        let folder = std::env::temp_dir().join(format!("framecat-lab-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("lab.md");
        let args = LabArgs { report: Some(file.clone()), ..named("sticky") };
        let (code, failure) = run(&args, &mut Broken(rustix::io::Errno::PIPE), 80, "C");
        let page = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!((code, failure), (0, None));
        assert!(page.contains(rustix::system::uname().release().to_str().unwrap()), "{page}");
        for law in select(&["sticky".into()]).unwrap() {
            assert!(page.contains(&format!("### {}", law.id)), "{page}");
        }
    }

    #[test]
    fn a_report_that_cannot_be_written_is_told() {
        let report = Some(PathBuf::from("/nowhere/lab.md"));
        let (code, failure) = run(&LabArgs { report, ..named("whole") }, &mut Vec::new(), 80, "C");
        assert_eq!(code, 10);
        assert!(failure.unwrap().0.starts_with("write /nowhere/lab.md: no such file"));
    }

    /// What a law tells a person to type is what the program takes.
    #[test]
    fn every_command_of_every_law_is_one() {
        use crate::flags::{Cli, Verb};
        use clap::Parser;
        for law in framecat_lab::laws() {
            for line in law.commands {
                // Of a shell line with a pipe or a redirection, what framecat is given.
                let ours = line.split(" | ").find(|part| part.starts_with("framecat "));
                let ours = ours.unwrap_or_else(|| panic!("{}: {line}", law.id));
                let ours = ours.split(" > ").next().unwrap().split(" < ").next().unwrap();
                let words = framecat_proto::words::split_text(ours);
                let cli = Cli::try_parse_from(words.unwrap()).unwrap_or_else(|error| {
                    panic!("{}: {line}: {error}", law.id);
                });
                let planned = match cli.verb {
                    Verb::Listen(args) => {
                        crate::verb::listen::plan(args, crate::run::standard()).err()
                    }
                    Verb::Connect(args) => {
                        crate::verb::connect::plan(args, crate::run::standard()).err()
                    }
                    Verb::Ask(args) => crate::verb::ask::plan(args, crate::run::standard()).err(),
                    Verb::Relay(args) => {
                        crate::verb::relay::plan(args, crate::run::standard()).err()
                    }
                    Verb::Send(args) => crate::verb::send::plan(args).err(),
                    Verb::Receive(args) => crate::verb::receive::plan(args).err(),
                    Verb::Serve(args) => crate::verb::serve::plan(args).err(),
                    Verb::Fetch(args) => crate::verb::fetch::plan(args).err(),
                    Verb::Lab(args) => {
                        select(&args.law).expect(line);
                        None
                    }
                };
                assert!(planned.is_none(), "{}: {line}: {planned:?}", law.id);
            }
        }
    }
}
