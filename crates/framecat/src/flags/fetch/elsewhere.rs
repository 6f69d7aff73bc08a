//! What curl and wget have and `fetch` has not, with what takes its place.
//!
//! Sources: curl(1) of 8.x, wget(1) of 1.21. Where they give one letter two meanings, both are told.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The option, what it means there, and what to type here.
const ROWS: &[(&str, &str, &str)] = &[
    ("-4", "IPv4 only", "write the address: http://127.0.0.1/"),
    ("-6", "IPv6 only", "write the address: http://[::1]/"),
    ("-A", "the user agent", "write --header 'User-Agent: NAME'"),
    ("-C", "go on with a file", "leave it out: -o FILE goes on with a cut one by itself"),
    ("-D", "keep the head", "--show tells it, --raw FILE keeps every byte that came"),
    ("-E", "the client's certificate", "write --with cert=FILE,key=FILE"),
    (
        "-F",
        "a form of several parts",
        "not in this release; --upload FILE sends a file (PUT), --data 'a=b' a plain form",
    ),
    ("-G", "data as query", "write it in the URL: 'http://HOST/PATH?a=b'"),
    ("-H", "a field", "write --header 'Name: value'"),
    ("-I", "the head alone", "-I is --head"),
    ("-L", "follow redirects", "leave it out: redirects are followed already (--max-redirects N)"),
    ("-N", "no buffer, or only what is newer", "leave it out: content is written as it comes"),
    ("-P", "the folder", "write -o FOLDER/FILE"),
    ("-S", "errors or heads shown", "leave it out: errors are told always; heads by --show"),
    ("-T", "send a file, or a time", "write --upload FILE; for wget's time --wait TIME"),
    ("-U", "the user agent", "write --header 'User-Agent: NAME'"),
    ("-X", "the method", "write --method POST"),
    ("-b", "cookies", "write --header @FILE, in it the line Cookie: NAME=VALUE"),
    (
        "-c",
        "go on with a file, or keep cookies",
        "-o FILE goes on with a cut one by itself; cookies are not kept",
    ),
    ("-d", "send data", "write --data 'a=b', or --data @FILE"),
    ("-e", "the page we come from", "write --header 'Referer: URL'"),
    ("-f", "fail on 4xx and 5xx", "-f is --fail"),
    (
        "-i",
        "the head before the content",
        "--show tells the head on stderr; --head asks for it alone",
    ),
    (
        "-k",
        "trust anybody",
        "there is none; --with pin=sha256:... trusts one key, --with ca=FILE an authority",
    ),
    ("-m", "the most time", "write --deadline TIME"),
    ("-n", "passwords of .netrc", "write --header @FILE, in it the line Authorization: Basic ..."),
    (
        "-q",
        "be quiet, or no .curlrc",
        "leave it out: only what went wrong is told, and no file is read",
    ),
    ("-r", "a range, or a whole tree", "write --header 'Range: bytes=0-99'; trees are not fetched"),
    ("-s", "be quiet", "leave it out: only what went wrong is told"),
    ("-t", "tries", "run it again: -o FILE goes on with a cut one"),
    (
        "-u",
        "user and password",
        "write --user USER; the password is typed, or in --password-file FILE",
    ),
    ("-w", "what to tell at the end", "--json tells status, sizes and times as lines"),
    ("-x", "a proxy", "proxies are out of scope; a tunnel: ssh -L"),
    ("-z", "only what is newer", "write --header 'If-Modified-Since: DATE'"),
    ("--body-data", "send data", "write --data TEXT"),
    ("--ca-certificate", "an authority", "write --with ca=FILE"),
    ("--cacert", "an authority", "write --with ca=FILE"),
    ("--cert", "the client's certificate", "write --with cert=FILE,key=FILE"),
    ("--compressed", "take codings", "leave it out: gzip, br and zstd are asked for and undone"),
    ("--connect-timeout", "the wait for a connection", "write --wait TIME"),
    ("--continue", "go on with a file", "leave it out: -o FILE goes on with a cut one by itself"),
    (
        "--continue-at",
        "go on with a file",
        "leave it out: -o FILE goes on with a cut one by itself",
    ),
    ("--cookie", "cookies", "write --header @FILE, in it the line Cookie: NAME=VALUE"),
    ("--data-binary", "send data", "write --data TEXT, or --data @FILE: it is sent as it is"),
    ("--data-raw", "send data", "write --data TEXT"),
    ("--data-urlencode", "send data", "write --data TEXT, percent-encoded"),
    ("--dump-header", "keep the head", "--show tells it, --raw FILE keeps every byte that came"),
    ("--fail-with-body", "fail on 4xx and 5xx", "write --fail; the content is left out"),
    (
        "--form",
        "a form of several parts",
        "not in this release; --upload FILE sends a file (PUT), --data 'a=b' a plain form",
    ),
    ("--get", "data as query", "write it in the URL: 'http://HOST/PATH?a=b'"),
    ("--http1.1", "the version", "leave it out: HTTP/1.1 is what is spoken"),
    (
        "--include",
        "the head before the content",
        "--show tells the head on stderr; --head asks for it alone",
    ),
    (
        "--insecure",
        "trust anybody",
        "there is none; --with pin=sha256:... trusts one key, --with ca=FILE an authority",
    ),
    ("--key", "the client's key", "write --with cert=FILE,key=FILE"),
    (
        "--location",
        "follow redirects",
        "leave it out: redirects are followed already (--max-redirects N)",
    ),
    ("--max-redirs", "the most redirects", "write --max-redirects N"),
    ("--max-time", "the most time", "write --deadline TIME"),
    (
        "--no-check-certificate",
        "trust anybody",
        "there is none; --with pin=sha256:... trusts one key, --with ca=FILE an authority",
    ),
    ("--output-document", "the file", "write -o FILE"),
    ("--post-data", "send data", "write --data TEXT"),
    ("--post-file", "send a file", "write --data @FILE"),
    ("--proxy", "a proxy", "proxies are out of scope; a tunnel: ssh -L"),
    ("--quiet", "be quiet", "leave it out: only what went wrong is told"),
    ("--range", "a range", "write --header 'Range: bytes=0-99'"),
    ("--referer", "the page we come from", "write --header 'Referer: URL'"),
    ("--remote-name", "a file of the URL's name", "write -O"),
    ("--request", "the method", "write --method POST"),
    (
        "--resolve",
        "another address",
        "write the address in the URL, and the name: --host HOST --with sni=HOST",
    ),
    ("--retry", "tries", "run it again: -o FILE goes on with a cut one"),
    ("--show-error", "errors told", "leave it out: they are told always"),
    ("--silent", "be quiet", "leave it out: only what went wrong is told"),
    ("--spider", "only whether it is there", "write --head --fail"),
    ("--timeout", "how long to wait", "write --wait TIME, --idle TIME or --deadline TIME"),
    ("--unix-socket", "a Unix socket", "write framecat fetch unix://SOCKET:/PATH"),
    ("--upload-file", "send a file", "write --upload FILE"),
    ("--user-agent", "the user agent", "write --header 'User-Agent: NAME'"),
    ("--write-out", "what to tell at the end", "--json tells status, sizes and times as lines"),
];

/// What is wrong with a command that clap could not read, and what to type: `fetch` with an option that curl
/// or wget has.
pub fn asked(words: &[OsString], error: &clap::Error) -> Option<(String, String)> {
    if words.first()? != "fetch" || error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let (name, means, here) = ROWS.iter().find(|row| row.0 == option)?;
    Some((format!("{name} of curl or wget ({means}) is not taken here"), (*here).into()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use clap::{CommandFactory, Parser};

    use super::ROWS;
    use crate::flags::Cli;

    #[test]
    fn every_row_is_of_an_option_that_fetch_has_not_and_names_those_that_it_has() {
        let mut cli = Cli::command();
        cli.build();
        let fetch = cli.find_subcommand("fetch").unwrap();
        let longs: HashSet<String> =
            fetch.get_arguments().filter_map(|arg| arg.get_long().map(str::to_string)).collect();
        let mut seen = HashSet::new();
        for (name, means, here) in ROWS {
            assert!(seen.insert(name), "{name} stands there twice");
            assert!(!means.is_empty());
            let parsed = Cli::try_parse_from(["framecat", "fetch", name, "http://h/"]);
            assert_eq!(
                parsed.unwrap_err().kind(),
                clap::error::ErrorKind::UnknownArgument,
                "{name}"
            );
            for word in here.split([' ', ',', ':', ';', '(', ')']) {
                if let Some(long) = word.strip_prefix("--") {
                    assert!(longs.contains(long), "{name}: there is no --{long}");
                }
            }
        }
    }
}
