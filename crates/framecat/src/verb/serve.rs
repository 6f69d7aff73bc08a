//! `framecat serve [DIR]`.

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use framecat_net::http::Site;
use framecat_net::talk::{End, Shutdown};
use framecat_net::verb::serve;
use framecat_proto::endpoint::{At, Endpoint};
use framecat_proto::http::plan::Hosts;
use framecat_proto::limits::{HTTP_FORM_FILES, HTTP_FORMS};

use crate::flags::auth::AuthArgs;
use crate::flags::{self, ServeArgs};
use crate::plan::{self, Explained, Mistake};
use crate::print::Log;
use crate::run::{self, Job, Stdio};
use crate::stdfds;

pub mod auth;
mod writing;

/// The port of whoever chooses none: what python3 -m http.server and others have.
const PORT: u16 = 8000;

/// What is to be done.
#[derive(Debug)]
pub struct Plan {
    options: serve::Serve,
    auth: AuthArgs,
    job: Job,
}

/// Decides what the flags mean.
pub fn plan(args: ServeArgs) -> Result<Plan, Mistake> {
    let folder = args.folder.unwrap_or_else(|| PathBuf::from("."));
    let placed = args.listen.is_some() || args.lan || args.self_signed;
    let socket = handed(placed)?;
    let any_port = args.listen.is_none();
    let endpoint = match args.listen {
        Some(endpoint) => endpoint,
        None => format!(":{PORT}").parse().map_err(
            |e: framecat_proto::endpoint::ParseEndpointError| Mistake {
                problem: e.problem,
                remedy: e.remedy,
            },
        )?,
    };
    let endpoint = if args.self_signed { self_signed(&endpoint)? } else { endpoint };
    plan::role(&endpoint, true, args.lan)?;
    if !matches!(endpoint.at, At::Tcp(_) | At::Tls(_) | At::Unix(_)) {
        return Err(Mistake {
            problem: format!("HTTP is not served on `{endpoint}`"),
            remedy: "--listen HOST:PORT, --listen tls://HOST:PORT, or --listen unix://PATH".into(),
        });
    }
    if endpoint.framing.is_some() || endpoint.send.is_some() {
        return Err(Mistake {
            problem: "HTTP says itself where its messages end".into(),
            remedy: "leave ,frame= and ,send= out".into(),
        });
    }
    let folder = folder_at(folder)?;
    let mut site = Site::new(folder);
    site.policy.hidden = args.hidden;
    site.policy.compress = args.compress;
    writing::allow(&args.writing, &mut site)?;
    site.policy.trace = args.trace;
    site.echo = args.echo;
    site.passwords = auth::plan(&args.auth, args.explain)?;
    if args.auth.open_read && !site.policy.rights.writes() {
        return Err(Mistake {
            problem:
                "--open-read lets read without a password, and nothing but reading is done here"
                    .into(),
            remedy: "--upload or --full lets others change something; or leave it out".into(),
        });
    }
    if args.auth.open_read && !site.policy.rights.read {
        return Err(Mistake {
            problem: "--open-read lets read without a password, and --drop lets nobody read".into(),
            remedy:
                "leave --open-read out: then the password is asked for before files are brought"
                    .into(),
        });
    }
    site.policy.hosts = match args.any_host {
        true => Hosts::Any,
        false => Hosts::Only(own_names(&endpoint)),
    };
    site.max_clients = args.max_clients.unwrap_or(site.max_clients);
    site.max_per_source = args.max_per_source.unwrap_or(site.max_per_source);
    let options = serve::Serve { endpoint, lan: args.lan, any_port, socket, site };
    // Both say the same, one in short.
    let log = args.log.unwrap_or(if args.show.is_some() { Log::None } else { Log::Combined });
    let log = (log != Log::None).then_some(log);
    let job = Job { explain: args.explain, show: args.show, log, ..Job::default() };
    Ok(Plan { options, auth: args.auth, job })
}

/// The folder as it is, so that it is seen which one is meant. What may not be read is told when it is
/// opened.
fn folder_at(path: PathBuf) -> Result<PathBuf, Mistake> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    let shown = path.display();
    match std::fs::canonicalize(&path) {
        Ok(file) if file.is_file() => Err(Mistake {
            problem: format!("{shown} is a file, and a folder is served"),
            remedy: "name the folder it lies in; its page links to it".into(),
        }),
        Ok(folder) => Ok(folder),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Err(Mistake {
            problem: format!("there is no folder {shown}"),
            remedy: path.to_str().and_then(flags::serve::place).unwrap_or_else(|| {
                "name one that is there; without a name it is the one we are in".into()
            }),
        }),
        Err(_) => Ok(path),
    }
}

/// Each client needs a descriptor, and one for what it reads; each file of a form needs two. Where the machine
/// gives fewer than all might need, accepting rests when they are used up, and that is told.
fn take_descriptors(site: &Site) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let files = if site.policy.rights.upload { HTTP_FORMS * HTTP_FORM_FILES } else { 0 };
    let wanted = (site.max_clients + files) as u64 * 2 + 256;
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(wanted, |maximum| wanted.min(maximum));
    if limit.current.is_some_and(|current| current < most) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit });
    }
}

/// The socket that systemd has bound for us, or what does as it does (sd_listen_fds(3)). `placed`: it was
/// said where to listen.
fn handed(placed: bool) -> Result<Option<OwnedFd>, Mistake> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    let count = number("LISTEN_FDS").unwrap_or(0);
    if number("LISTEN_PID") != Some(std::process::id()) || count == 0 {
        return Ok(None);
    }
    if count > 1 {
        return Err(Mistake {
            problem: format!("{count} sockets were handed over (LISTEN_FDS), and one is served"),
            remedy: "a socket unit each".into(),
        });
    }
    if placed {
        return Err(Mistake {
            problem: "a socket was handed over (LISTEN_FDS), so it is settled where to listen"
                .into(),
            remedy: "leave --listen, --lan and --self-signed out, or the socket unit".into(),
        });
    }
    Ok(stdfds::handed())
}

/// The same place by TLS, with a certificate of its own.
fn self_signed(endpoint: &Endpoint) -> Result<Endpoint, Mistake> {
    let text = endpoint.to_string();
    let place = text.strip_prefix("tcp://").or_else(|| text.strip_prefix("tls://"));
    let place = place.ok_or_else(|| Mistake {
        problem: format!("--self-signed is for TLS over TCP, and this is `{endpoint}`"),
        remedy: "leave it out, or listen on HOST:PORT".into(),
    })?;
    let wrong = |e: framecat_proto::endpoint::ParseEndpointError| Mistake {
        problem: e.problem,
        remedy: e.remedy,
    };
    format!("tls://{place},self-signed").parse().map_err(wrong)
}

/// By which names others may know us: the one that was typed, this machine's own, and the same as
/// multicast DNS has it (RFC 6762).
fn own_names(endpoint: &Endpoint) -> Vec<String> {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let mut names = Vec::new();
    if !machine.is_empty() {
        names.extend([format!("{machine}.local"), machine]);
    }
    if let At::Tcp(at) | At::Tls(at) = &endpoint.at {
        names.extend(at.host.as_ref().map(ToString::to_string));
    }
    names
}

/// The endpoint with the address that stands for none.
fn placed(endpoint: &Endpoint, lan: bool) -> String {
    let text = endpoint.to_string();
    if lan { text } else { text.replacen("://:", "://127.0.0.1:", 1) }
}

/// Who can reach it, as far as that is seen before it is bound.
fn reach(endpoint: &Endpoint, lan: bool) -> String {
    let host = match &endpoint.at {
        At::Tcp(at) | At::Tls(at) => at.host.as_ref().map(ToString::to_string),
        _ => return "whoever may open the path".into(),
    };
    let Some(host) = host else {
        return if lan { "every interface" } else { "this machine" }.into();
    };
    let bare = host.trim_matches(['[', ']']);
    match bare.parse::<IpAddr>() {
        Ok(at) if at.is_unspecified() => "every interface".into(),
        Ok(at) if at.to_canonical().is_loopback() => "this machine".into(),
        _ if bare == "localhost" => "this machine".into(),
        _ => format!("whoever reaches {bare}"),
    }
}

impl run::Plan for Plan {
    fn explain(&self) -> Explained {
        let serve::Serve { endpoint, lan, any_port, socket, site } = &self.options;
        let mut explained = Explained::default();
        match site.echo {
            true => explained.fact("serve", "each request as text"),
            false => explained.fact("serve", site.folder.display()),
        };
        let next = if *any_port { ", or the next free port" } else { "" };
        match socket {
            Some(_) => explained.fact("listen on", "the socket that was handed over"),
            None => explained.fact("listen on", format_args!("{}{next}", placed(endpoint, *lan))),
        };
        if socket.is_none() {
            explained.fact("reach", reach(endpoint, *lan));
        }
        if !site.echo {
            writing::explain(site, &mut explained);
        }
        let hidden = if site.policy.hidden { "served" } else { "not served" };
        explained.fact("hidden names", hidden);
        if site.policy.compress {
            explained.fact("compressed", "text of 1 KiB and more, for those who accept gzip");
        }
        match &site.policy.hosts {
            Hosts::Any => explained.fact("hosts", "any"),
            Hosts::Only(names) => {
                let all = names.iter().map(|name| format!(", {name}")).collect::<String>();
                explained.fact("hosts", format_args!("addresses, localhost{all}"))
            }
        };
        let (all, each) = (site.max_clients, site.max_per_source);
        auth::explain(&self.auth, site.passwords.as_ref(), &mut explained);
        explained.fact("clients", format_args!("{all}, from one address {each}"));
        explained
    }

    fn job(&self) -> Job {
        self.job.clone()
    }

    async fn run(self, stdio: Stdio, shutdown: Shutdown) -> Result<End, framecat_net::Error> {
        take_descriptors(&self.options.site);
        serve::run(self.options, stdio.observer, shutdown).await
    }
}
