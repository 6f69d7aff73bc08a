//! `framecat fetch --check URL`: the conformance table tried on a server, and what it showed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::time::Duration;

use framecat_net::error::{Error, Op};
use framecat_net::http::check::{self, Breach, Check, Cut, Failure, Report, Tried, Tryout};
use framecat_net::talk::{End, Lines, Shutdown};
use framecat_proto::http::check::{Level, cases, laws};
use framecat_proto::limits::CHECK_CONNECTIONS;
use serde_json::json;

use crate::flags::fetch::FetchArgs;
use crate::plan::{Explained, Mistake};
use crate::run::{self, Job, Stdio};

/// How long an answer is waited for unless `--wait` says otherwise.
const WAIT: Duration = Duration::from_secs(10);

/// So much of what was sent and of what came is printed.
const SHOWN_BYTES: usize = 300;

/// What is to be done.
pub struct Plan {
    args: FetchArgs,
}

/// Decides what the flags mean.
pub fn plan(args: FetchArgs) -> Result<Plan, Mistake> {
    Ok(Plan { args })
}

impl Plan {
    fn check(&self) -> Check {
        let options = self.args.options.clone().unwrap_or_default();
        let url = &self.args.url;
        Check {
            endpoint: url.endpoint(&options),
            authority: self.args.host.clone().unwrap_or_else(|| url.host()),
            target: url.target().into(),
            secured: url.is_secure(),
            wait: self.args.wait.unwrap_or(WAIT),
            connections: CHECK_CONNECTIONS,
            split: self.args.split,
        }
    }
}

impl run::Plan for Plan {
    fn explain(&self) -> Explained {
        let mut explained = Explained::default();
        let check = self.check();
        explained.fact("ask", format_args!("{} cases about {}", cases().count(), check.target));
        explained.fact("of", &check.endpoint);
        explained.fact("host", &check.authority);
        let how = if check.split { "whole, cut at every byte, byte by byte" } else { "whole" };
        explained.fact("each", how);
        explained
    }

    fn job(&self) -> Job {
        let FetchArgs { verbose, json, explain, .. } = self.args;
        Job { verbose, json, explain, writes_stdout: true, ..Job::default() }
    }

    async fn run(self, stdio: Stdio, shutdown: Shutdown) -> Result<End, Error> {
        let report = check::run(self.check(), |_| {}, shutdown).await?;
        let page = match &stdio.lines {
            Some(lines) => {
                lines_of(&report, lines);
                lines.take()
            }
            None => page(&report).into_bytes(),
        };
        match stdio.stdout.write_all(&page).await {
            Ok(()) => {}
            // A reader that left has seen what it wanted.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                return Ok(if report.interrupted { End::Interrupted } else { End::Done });
            }
            Err(error) => return Err(Error::io(Op::Write, "stdout", error)),
        }
        let broken = failures(&report).filter(|(_, level)| *level == Level::Must).count();
        Ok(match broken {
            _ if report.interrupted => End::Interrupted,
            0 => End::Done,
            broken => End::Disobeys(broken),
        })
    }
}

/// Where and how binding is what was not obeyed.
fn failures(report: &Report) -> impl Iterator<Item = (&'static str, Level)> + '_ {
    let of_cases = report.cases.iter().filter_map(|tried| match &tried.result {
        Tryout::Failed(failure) => Some((failure.broken.section, failure.broken.level)),
        Tryout::Passed | Tryout::Skipped(_) | Tryout::Untried => None,
    });
    let of_laws = report.breaches.iter().map(|breach| (breach.law.section, breach.law.level));
    of_cases.chain(of_laws)
}

/// All for a person: what failed, and how much of each section was obeyed.
fn page(report: &Report) -> String {
    let mut page = String::new();
    for tried in &report.cases {
        if let Tryout::Failed(failure) = &tried.result {
            case(&mut page, tried, failure);
        }
    }
    for breach in &report.breaches {
        law(&mut page, breach);
    }
    // Of what was not tried to its end nothing is claimed.
    if !report.interrupted {
        table(&mut page, report);
    }
    page
}

fn case(page: &mut String, tried: &Tried, failure: &Failure) {
    let Failure { broken, cut, sent, received } = failure;
    title(page, broken.level, broken.section, tried.case.id);
    let how = match cut {
        Cut::Whole => String::new(),
        Cut::At(at) => format!(", cut behind byte {at}"),
        Cut::Bytes => ", byte by byte".into(),
    };
    // Writing to a String never fails.
    let _ = writeln!(page, "        wanted {}", tried.case.want);
    let _ = writeln!(page, "        found  {}{how}", broken.what);
    bytes(page, "sent", sent);
    bytes(page, "came", received);
}

fn law(page: &mut String, breach: &Breach) {
    let Breach { law, case, what, sent, received, count, .. } = breach;
    title(page, law.level, law.section, law.id);
    let _ = writeln!(page, "        wanted {}", law.says);
    let times = match count {
        1 => "once".into(),
        count => format!("{count} times"),
    };
    let _ = writeln!(page, "        found  {what}, {times}; in {}", case.id);
    bytes(page, "sent", sent);
    bytes(page, "came", received);
}

fn title(page: &mut String, level: Level, section: &str, id: &str) {
    let level = level.name();
    let _ = writeln!(page, "{level:7} RFC {section}  {id}");
}

fn bytes(page: &mut String, name: &str, bytes: &[u8]) {
    let shown = bytes[..bytes.len().min(SHOWN_BYTES)].escape_ascii();
    let more = match bytes.len().checked_sub(SHOWN_BYTES) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} bytes more"),
    };
    let _ = writeln!(page, "        {name:6} {shown}{more}");
}

/// How many of how many, by level.
type Counts = [(usize, usize); 3];

/// `9110 5.6.7`, so that 10 stands behind 9.
fn order(section: &str) -> Vec<u32> {
    section.split([' ', '.']).filter_map(|part| part.parse().ok()).collect()
}

fn tally(report: &Report) -> BTreeMap<Vec<u32>, (&'static str, Counts)> {
    let mut sections: BTreeMap<Vec<u32>, (&'static str, Counts)> = BTreeMap::new();
    let mut count = |section: &'static str, level: Level, obeyed: bool| {
        let (_, counts) = sections.entry(order(section)).or_insert((section, Counts::default()));
        let (passed, all) = &mut counts[level as usize];
        *passed += usize::from(obeyed);
        *all += 1;
    };
    for tried in &report.cases {
        match &tried.result {
            Tryout::Passed => count(tried.case.section, tried.case.level, true),
            Tryout::Failed(failure) => count(failure.broken.section, failure.broken.level, false),
            Tryout::Skipped(_) | Tryout::Untried => {}
        }
    }
    for law in laws() {
        let broken = report.breaches.iter().any(|breach| breach.law.id == law.id);
        count(law.section, law.level, !broken);
    }
    sections
}

fn table(page: &mut String, report: &Report) {
    let sections = tally(report);
    if failures(report).next().is_some() {
        page.push('\n');
    }
    let row = |page: &mut String, name: &str, counts: &Counts| {
        let cell = |(passed, all): (usize, usize)| match all {
            0 => String::new(),
            all => format!("{passed} of {all}"),
        };
        let cells = counts.map(cell);
        let [must, should, may] = &cells;
        let line = format!("{name:16} {must:12} {should:12} {may}");
        let _ = writeln!(page, "{}", line.trim_end());
    };
    let _ = writeln!(page, "{:16} {:12} {:12} MAY", "obeyed", "MUST", "SHOULD");
    let mut all = Counts::default();
    for (section, counts) in sections.values() {
        row(page, &format!("RFC {section}"), counts);
        for (sum, (passed, of)) in all.iter_mut().zip(counts) {
            *sum = (sum.0 + passed, sum.1 + of);
        }
    }
    row(page, "all", &all);
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    for tried in &report.cases {
        if let Tryout::Skipped(needs) = tried.result {
            *missing.entry(needs).or_default() += 1;
        }
    }
    for (needs, times) in missing {
        let _ = writeln!(page, "{times} cases were left out: the server does not give {needs}");
    }
}

/// All for a program: a line a case, and one for each law that was broken.
fn lines_of(report: &Report, lines: &Lines) {
    let tell = |value: serde_json::Value| lines.tell(format!("{value}\n").as_bytes());
    for Tried { case, result, connections } in &report.cases {
        let mut line = json!({
            "event": "case", "id": case.id, "rfc": case.section, "level": case.level.name(),
            "want": case.want, "connections": connections,
        });
        match result {
            Tryout::Passed => line["result"] = "passed".into(),
            Tryout::Untried => line["result"] = "untried".into(),
            Tryout::Skipped(needs) => {
                line["result"] = "skipped".into();
                line["needs"] = (*needs).into();
            }
            Tryout::Failed(Failure { broken, cut, sent, received }) => {
                line["result"] = "failed".into();
                line["rfc"] = broken.section.into();
                line["level"] = broken.level.name().into();
                line["found"] = broken.what.as_str().into();
                line["cut"] = match cut {
                    Cut::Whole => serde_json::Value::Null,
                    Cut::At(at) => (*at).into(),
                    Cut::Bytes => "bytes".into(),
                };
                line["sent"] = sent.escape_ascii().to_string().into();
                line["came"] = received.escape_ascii().to_string().into();
            }
        }
        tell(line);
    }
    for law in laws() {
        let mut line = json!({
            "event": "law", "id": law.id, "rfc": law.section, "level": law.level.name(),
            "want": law.says, "result": if report.interrupted { "untried" } else { "passed" },
        });
        if let Some(breach) = report.breaches.iter().find(|breach| breach.law.id == law.id) {
            line["result"] = "failed".into();
            line["found"] = breach.what.as_str().into();
            line["case"] = breach.case.id.into();
            line["times"] = breach.count.into();
            line["sent"] = breach.sent.escape_ascii().to_string().into();
            line["came"] = breach.received.escape_ascii().to_string().into();
        }
        tell(line);
    }
}
