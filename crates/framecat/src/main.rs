//! framecat **talks** to the person: flags in, text out, exit codes. What it does is in
//! framecat-net, what bytes mean in framecat-proto.

use std::ffi::OsString;

use clap::Parser;

mod exit;
mod flags;
mod help;
#[cfg(feature = "pages")]
mod pages;
mod password;
mod plan;
mod play;
mod print;
mod run;
mod stdfds;
mod terminal;
mod verb;

use flags::{
    AccessArgs, Cli, ConnectArgs, DialArgs, FormArgs, ListenArgs, ReplayArgs, TalkArgs, Verb,
};
use framecat_proto::Endpoint;
use plan::Mistake;
use print::{Manner, Voice};
use run::Plan;

fn main() {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    // `process::exit` runs no destructors: all that has one is gone by now, or must not hold us up
    // (a thread that reads a terminal, a name server that does not answer).
    std::process::exit(i32::from(begin(&words)));
}

fn begin(words: &[OsString]) -> u8 {
    if let Some(code) = help_asked(words) {
        return code;
    }
    #[cfg(feature = "pages")]
    if let [verb, folder] = words
        && verb == "pages"
    {
        return match pages::write(folder.as_ref()) {
            Ok(()) => 0,
            Err(error) => mistaken(&Mistake {
                problem: format!("write the pages below {}: {error}", folder.display()),
                remedy: "name a folder that can be written to".into(),
            }),
        };
    }
    if let Some(nc) = flags::nc::parse(words) {
        return match nc.map_err(|error| Mistake { problem: error.problem, remedy: error.remedy }) {
            Ok(nc) => as_nc(nc),
            Err(mistake) => mistaken(&mistake),
        };
    }
    match Cli::try_parse() {
        Ok(cli) => verb(cli.verb),
        Err(error) => {
            let told = flags::serve::elsewhere(words, &error);
            let told = told.or_else(|| flags::fetch::elsewhere::asked(words, &error));
            match told.or_else(|| flags::meet::elsewhere(words, &error)) {
                Some((problem, remedy)) => mistaken(&Mistake { problem, remedy }),
                None => unparsed(&error),
            }
        }
    }
}

/// `framecat`, `framecat help`, `framecat help TOPIC`.
fn help_asked(words: &[OsString]) -> Option<u8> {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    match words.as_slice() {
        [] | ["help" | "--help" | "-h"] => Some(tell(&help::overview())),
        ["help", topic] if is_verb(topic) => {
            let error = Cli::try_parse_from(["framecat", topic, "--help"]).err()?;
            Some(tell(&error.render().to_string()))
        }
        ["help", topic] => Some(match help::topic(topic) {
            Ok(page) => tell(&page),
            Err((problem, remedy)) => mistaken(&Mistake { problem, remedy }),
        }),
        _ => None,
    }
}

fn is_verb(word: &str) -> bool {
    use clap::CommandFactory;
    Cli::command().get_subcommands().any(|verb| verb.get_name() == word)
}

fn verb(verb: Verb) -> u8 {
    match verb {
        Verb::Listen(args) => match args.relay() {
            Ok(relay) => go(verb::relay::plan(relay, run::standard())),
            Err(listen) => go(verb::listen::plan(*listen, run::standard())),
        },
        Verb::Connect(args) => go(verb::connect::plan(args, run::standard())),
        Verb::Ask(args) => go(verb::ask::plan(args, run::standard())),
        Verb::Relay(args) => go(verb::relay::plan(args, run::standard())),
        Verb::Send(args) => go(verb::send::plan(args)),
        Verb::Receive(args) => go(verb::receive::plan(args)),
        Verb::Serve(args) if args.auth.hash => match verb::serve::auth::hash(&args.auth) {
            Ok(line) => tell(&line),
            Err(mistake) => mistaken(&mistake),
        },
        Verb::Serve(args) => go(verb::serve::plan(args)),
        Verb::Fetch(args) if args.check => go(verb::fetch::check::plan(args)),
        Verb::Fetch(args) => go(verb::fetch::plan(args)),
        Verb::Lab(args) => lab(&args),
    }
}

fn go(plan: Result<impl Plan, Mistake>) -> u8 {
    match plan {
        Ok(plan) => run::run(plan),
        Err(mistake) => mistaken(&mistake),
    }
}

/// `framecat HOST PORT` and `framecat -l PORT`, as nc has them.
fn as_nc(nc: flags::nc::Nc) -> u8 {
    let endpoint: Endpoint = match nc.endpoint.parse::<Endpoint>() {
        Ok(endpoint) => endpoint,
        Err(error) => return mistaken(&Mistake { problem: error.problem, remedy: error.remedy }),
    };
    let mut talk = TalkArgs { verbose: nc.verbose, ..TalkArgs::default() };
    // nc's -w bounds connecting and silence alike.
    (talk.wait, talk.idle) = (nc.wait, nc.wait);
    let form = FormArgs::default();
    if nc.listen {
        talk.wait = None;
        let args = ListenArgs {
            endpoint,
            talk,
            form,
            play: ReplayArgs::default(),
            reply: None,
            echo: false,
            chat: false,
            exec: None,
            exec_each: None,
            once: false,
            max_clients: None,
            access: AccessArgs::default(),
            lan: false,
            half_open: false,
            keep: nc.keep,
            one: true,
        };
        return go(verb::listen::plan(args, run::standard()));
    }
    let play = ReplayArgs::default();
    let args = ConnectArgs {
        endpoint,
        talk,
        dial: DialArgs::default(),
        form,
        play,
        zero: nc.zero,
        half_open: false,
        short: false,
    };
    go(verb::connect::plan(args, run::standard()))
}

fn lab(args: &verb::lab::LabArgs) -> u8 {
    if !stdfds::was_open(stdfds::Standard::Out) {
        return told(&exit::stdout_not_open());
    }
    let (code, said) = verb::lab::main(args);
    if let Some((problem, remedy)) = said {
        say(&problem, Some(&remedy));
    }
    code
}

/// A command that makes no sense: exit 2.
fn mistaken(mistake: &Mistake) -> u8 {
    told(&exit::usage(&mistake.problem, &mistake.remedy))
}

/// What clap could not parse, in our words; what it prints on request goes to stdout.
fn unparsed(error: &clap::Error) -> u8 {
    use clap::error::ErrorKind;
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return tell(&text);
    }
    if let Some((problem, remedy)) = flags::own_words(error) {
        return mistaken(&Mistake { problem, remedy });
    }
    // "error: …", perhaps a "tip: a similar argument …", then "Usage: …".
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let mut problem = first.strip_prefix("error: ").unwrap_or(first).to_string();
    let mut remedy = "framecat help shows the verbs, framecat VERB --help its flags".to_string();
    for line in lines {
        if let Some(similar) = line.strip_prefix("tip: a similar ") {
            remedy = format!("a similar {similar}");
            break;
        } else if let Some(usage) = line.strip_prefix("Usage: ") {
            remedy = format!("it is used so: {usage}");
            break;
        } else if problem.ends_with(':') {
            problem = format!("{problem} {line}");
        }
    }
    mistaken(&Mistake { problem, remedy })
}

/// Text that was asked for, on stdout.
fn tell(text: &str) -> u8 {
    use std::io::Write;
    if !stdfds::was_open(stdfds::Standard::Out) {
        return told(&exit::stdout_not_open());
    }
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => 0,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => 0,
        Err(error) => told(&exit::stdout_failed(&error)),
    }
}

/// Says how the program ends. The exit code.
fn told(verdict: &exit::Verdict) -> u8 {
    if let Some(sentence) = &verdict.sentence {
        say(sentence, verdict.remedy.as_deref());
    }
    verdict.code
}

/// A sentence on stderr, where nothing else is said.
fn say(sentence: &str, remedy: Option<&str>) {
    let voice = Voice::new(Manner::default());
    voice.say(sentence, remedy);
    voice.finish();
}
