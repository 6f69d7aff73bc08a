use super::*;

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn nc(line: &str) -> Nc {
    match parse(&words(line)) {
        Some(Ok(nc)) => nc,
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(line: &str) -> NcError {
    match parse(&words(line)) {
        Some(Err(error)) => error,
        other => panic!("{line}: {other:?}"),
    }
}

/// What is typed, the endpoint, and the letters that count.
const FORMS: &[(&str, &str, &str)] = &[
    ("localhost 9000", "tcp://localhost:9000", ""),
    ("192.0.2.7 80", "tcp://192.0.2.7:80", ""),
    ("::1 80", "tcp://[::1]:80", ""),
    ("[::1] 80", "tcp://[::1]:80", ""),
    ("fe80::1%eth0 80", "tcp://[fe80::1%eth0]:80", ""),
    ("-l 9000", "tcp://:9000", "l"),
    ("-l -p 9000", "tcp://:9000", "l"),
    ("-lp 9000", "tcp://:9000", "l"),
    ("-lp9000", "tcp://:9000", "l"),
    ("-l 0.0.0.0 9000", "tcp://0.0.0.0:9000", "l"),
    ("-l -p 9000 0.0.0.0", "tcp://0.0.0.0:9000", "l"),
    ("-l :: 9000", "tcp://[::]:9000", "l"),
    ("-l 0", "tcp://:0", "l"),
    ("9000 -l", "tcp://:9000", "l"),
    ("-lk 9000", "tcp://:9000", "lk"),
    ("-kl 9000", "tcp://:9000", "lk"),
    ("-klu 9000", "udp://:9000", "lku"),
    ("-l -k -u 9000", "udp://:9000", "lku"),
    ("-u host 53", "udp://host:53", "u"),
    ("host 53 -u", "udp://host:53", "u"),
    ("-z host 22", "tcp://host:22", "z"),
    ("-vz host 22", "tcp://host:22", "zv"),
    ("-zv host 22 -v", "tcp://host:22", "zvv"),
    ("-- localhost 9000", "tcp://localhost:9000", ""),
    ("-U /run/x.sock", "unix:///run/x.sock", "U"),
    ("-U x.sock", "unix://x.sock", "U"),
    ("-U @x", "unix://@x", "U"),
    ("-lU /run/x,y%.sock", "unix:///run/x%2Cy%25.sock", "lU"),
    ("-uU /run/x.sock", "unixgram:///run/x.sock", "uU"),
    ("-lkU /run/x.sock", "unix:///run/x.sock", "lkU"),
];

#[test]
fn every_form_of_nc_says_where_and_what() {
    for (line, endpoint, letters) in FORMS {
        let nc = nc(line);
        assert_eq!(nc.endpoint, *endpoint, "{line}");
        let is = |letter| letters.contains(letter);
        assert_eq!(nc.listen, is('l'), "{line}");
        assert_eq!(nc.keep, is('k'), "{line}");
        assert_eq!(nc.zero, is('z'), "{line}");
        assert_eq!(nc.udp, is('u'), "{line}");
        assert_eq!(nc.unix, is('U'), "{line}");
        assert_eq!(usize::from(nc.verbose), letters.matches('v').count(), "{line}");
        assert_eq!(nc.wait, None, "{line}");
        nc.endpoint.parse::<Endpoint>().expect("it is an endpoint");
    }
}

#[test]
fn a_time_may_stand_in_the_word_or_after_it() {
    for line in ["-w3 h 1", "-w 3 h 1", "h 1 -w 3", "-zw3 h 1", "-w3s h 1", "-w 3000ms h 1"] {
        assert_eq!(nc(line).wait, Some(Duration::from_secs(3)), "{line}");
    }
    for line in ["-w", "h 1 -w", "-w soon h 1", "-w0 h 1", "-w -1 h 1"] {
        assert!(refused(line).problem.contains("-w"), "{line}");
    }
}

#[test]
fn words_that_are_not_ncs_are_left_to_the_verbs() {
    let lines = [
        "",
        "listen :9000",
        "connect h:1",
        "ask",
        "relay a b",
        "lab",
        "help",
        "help exit",
        "-h",
        "--help",
        "-V",
        "--version",
        "--frobnicate",
        "lisen :9000",
        "conect h:1",
        "hlep",
    ];
    for line in lines {
        assert_eq!(parse(&words(line)), None, "{line}");
    }
}

#[test]
fn every_letter_that_is_missing_is_told_what_takes_its_place() {
    for (letter, means, here) in LETTERS {
        for line in [format!("-{letter} h 1"), format!("-l{letter} 1"), format!("h 1 -{letter}")] {
            if line.starts_with("-h") {
                continue;
            }
            let error = refused(&line);
            assert!(error.problem.contains(means), "{line}: {error:?}");
            assert_eq!(error.remedy, *here, "{line}");
        }
    }
    assert!(refused("-j h 1").remedy.contains("-l -k -u -U -z -w -v"));
}

#[test]
fn every_letter_of_openbsd_nc_traditional_nc_and_ncat_is_known() {
    let openbsd = "46bCDdFhIiklMmNnOPpqrSsTtUuVvWwXxZz";
    let traditional = "bceghGiklnoprqsTtuvwz";
    let ncat = "46CcdegGhiklmnopstuUvwxz";
    let ours = "lkuUzvwp";
    for letter in openbsd.chars().chain(traditional.chars()).chain(ncat.chars()) {
        let known = ours.contains(letter) || LETTERS.iter().any(|r| r.0 == letter);
        assert!(known, "-{letter}");
    }
    for (letter, ..) in LETTERS {
        assert!(!ours.contains(*letter), "-{letter} is taken");
    }
}

#[test]
fn every_long_option_of_ncat_is_told_what_takes_its_place() {
    for (name, here) in LONG {
        for line in [format!("--{name} h 1"), format!("-l --{name}=x 1")] {
            let error = refused(&line);
            assert!(error.problem.contains(&format!("--{name} ")), "{error:?}");
            assert_eq!(error.remedy, *here);
        }
    }
    assert!(refused("-l --frobnicate 1").problem.contains("--frobnicate"));
}

/// What is typed wrong, a part of the problem, a part of the remedy.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("-l", "-l needs a port", "framecat -l 9000"),
    ("-u", "a host and a port are missing", "framecat localhost 9000"),
    ("localhost", "a port is missing", "framecat localhost 9000"),
    (":9000", "no verb", "framecat connect :9000"),
    ("udp://h:9000", "no verb", "framecat listen udp://h:9000"),
    ("h 80 81", "two words", "one port at a time"),
    ("-z h 20-25", "range of ports", "for p in $(seq 20 25); do framecat connect -z h:$p"),
    ("h 20-25", "range of ports", "framecat h 20"),
    ("h 65536", "too large", "65535"),
    ("h http", "no number", "getent services http"),
    ("-p 5 h 80", "the port we dial from", "bind=:5"),
    ("-l -p", "-p needs a port", "-l -p 9000"),
    ("-l -p 1 a 2", "two words", "one port at a time"),
    ("-k 9000", "-k is for listening", "-lk"),
    ("-lz 9000", "-z asks", "leave one"),
    ("-U", "-U takes one path, and 0", "-U /run/x.sock"),
    ("-U a b", "-U takes one path, and 2", "-U /run/x.sock"),
    ("-lU -p 1 a", "no port", "-p"),
    ("bad/host 80", "no host name", "letters"),
];

#[test]
fn every_mistake_is_told_with_what_to_type() {
    for (line, problem, remedy) in MISTAKES {
        let error = refused(line);
        assert!(error.problem.contains(problem), "{line}: {error:?}");
        assert!(error.remedy.contains(remedy), "{line}: {error:?}");
    }
}

#[test]
fn a_path_that_is_no_text_is_kept_byte_for_byte() {
    let args = [OsString::from("-U"), OsStr::from_bytes(b"/run/\xff.sock").to_owned()];
    let nc = parse(&args).expect("it is nc's").expect("it is right");
    assert_eq!(nc.endpoint, "unix:///run/%FF.sock");
}
