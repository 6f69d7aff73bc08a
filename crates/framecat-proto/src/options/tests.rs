use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn one(word: &str, scheme: &str) -> Result<Options, ParseOptionError> {
    let mut options = Options::new();
    options.add(word, scheme).map(|()| options)
}

#[test]
fn an_unknown_option_names_the_nearest() {
    for (word, meant) in [
        ("nodealy", "nodelay"),
        ("no-delay", "nodelay"),
        ("NODELAY", "nodelay"),
        ("keep-alive=30s", "keepalive"),
        ("rcvbuff=1k", "rcvbuf"),
        ("reuse-addr", "reuseaddr"),
        ("reuseprot", "reuseport"),
        ("ttll=1", "ttl"),
    ] {
        let error = one(word, "tcp").unwrap_err();
        let name = word.split('=').next().unwrap();
        assert_eq!(error.problem, format!("`{name}` is no option of an endpoint"));
        assert_eq!(error.remedy, format!("did you mean `{meant}`? see framecat help options"));
    }
}

#[test]
fn an_option_like_no_other_lists_all() {
    let error = one("certificate=x", "tcp").unwrap_err();
    assert_eq!(error.problem, "`certificate` is no option of an endpoint");
    for row in OPTIONS {
        assert!(error.remedy.contains(row.name), "{} is not in {}", row.name, error.remedy);
    }
    assert_eq!(one("", "tcp").unwrap_err().problem, "an option is missing beside a comma");
}

#[test]
fn an_option_of_another_scheme_says_for_which() {
    let error = one("nodelay", "udp").unwrap_err();
    assert_eq!(error.problem, "the option `nodelay` is for tcp, tls, not for udp");
    assert_eq!(error.remedy, "leave `nodelay` out, or use tcp://");
    let error = one("backlog=1", "-").unwrap_err();
    assert_eq!(
        error.problem,
        "the option `backlog` is for tcp, tls, unix, unixseq, not for stdin and stdout"
    );
}

#[test]
fn a_value_out_of_range_names_the_range() {
    for (word, problem) in [
        ("ttl=0", "`0` is no value of the option `ttl`: 1 to 255"),
        ("ttl=256", "`256` is no value of the option `ttl`: 1 to 255"),
        ("ttl=-1", "`-1` is no value of the option `ttl`: 1 to 255"),
        ("ttl=+1", "`+1` is no value of the option `ttl`: 1 to 255"),
        ("ttl=", "`` is no value of the option `ttl`: 1 to 255"),
        ("tos=0x100", "`0x100` is no value of the option `tos`: 0 to 255"),
        ("mark=4294967296", "`4294967296` is no value of the option `mark`: 0 to 4294967295"),
        ("rcvbuf=0", "`0` is no value of the option `rcvbuf`: 1 to 1GiB"),
        ("rcvbuf=2G", "`2G` is no value of the option `rcvbuf`: 1 to 1GiB"),
        ("rcvbuf=big", "the option `rcvbuf`: `big` is no size"),
        ("linger=5", "the option `linger`: `5` has no unit"),
        (
            "linger=1500ms",
            "`1500ms` is no value of the option `linger`: 0 to 9h6m7s in steps of 1s",
        ),
        ("nodelay=maybe", "`maybe` is no value of the option `nodelay`: on or off"),
        ("keepalive=500ms", "`500ms` is no time of keepalive: 1s to 32767s in steps of 1s"),
        ("keepalive=30s/0s/3", "`0s` is no time of keepalive: 1s to 32767s in steps of 1s"),
        ("keepalive=30s/1s/128", "`128` is no count of keepalive probes: 1 to 127"),
        (
            "keepalive=30s/1s",
            "`30s/1s` is no value of the option `keepalive`: IDLE[/INTERVAL/COUNT], or off",
        ),
        ("dev=", "`` is no value of the option `dev`: a name of 1 to 15 characters"),
        (
            "congestion=sixteen_letters_",
            "`sixteen_letters_` is no value of the option `congestion`: \
             a name of 1 to 15 characters",
        ),
        ("bind=host:1", "the option `bind` takes an address, and `host` is a name"),
        ("bind=::1", "the option `bind`: the IPv6 address in `::1` has no brackets"),
        ("bind=", "the option `bind`: the address is empty"),
    ] {
        let error = one(word, "tcp").unwrap_err();
        assert_eq!(error.problem, problem, "{word}");
        assert!(!error.remedy.is_empty());
    }
}

#[test]
fn only_flags_and_keepalive_stand_without_a_value() {
    for row in OPTIONS {
        let result = one(row.name, row.schemes[0]);
        match row.kind {
            Kind::Flag => assert_eq!(result.unwrap().get(row.name), Some(&Value::Flag(true))),
            Kind::Keepalive => {
                assert_eq!(result.unwrap().get(row.name), Some(&Value::Keepalive(KEEPALIVE)));
            }
            _ => {
                let error = result.unwrap_err();
                assert_eq!(error.problem, format!("the option `{}` needs a value", row.name));
                assert_eq!(error.remedy, format!("write {}", row.example));
            }
        }
    }
}

#[test]
fn values_mean_what_they_say() {
    let keepalive = |idle, interval, count| {
        let (idle, interval) = (Duration::from_secs(idle), Duration::from_secs(interval));
        Value::Keepalive(Keepalive { idle, interval, count })
    };
    let v4 = Host::V4(Ipv4Addr::new(192, 0, 2, 7));
    let v6 = Host::V6 { address: Ipv6Addr::LOCALHOST, zone: None };
    for (word, value) in [
        ("nodelay=yes", Value::Flag(true)),
        ("nodelay=1", Value::Flag(true)),
        ("nodelay=0", Value::Flag(false)),
        ("nodelay=no", Value::Flag(false)),
        ("keepalive=off", Value::Flag(false)),
        ("keepalive=0", Value::Flag(false)),
        ("keepalive=1m", keepalive(60, 10, 3)),
        ("keepalive=5s/1s/2", keepalive(5, 1, 2)),
        ("mark=0x10", Value::Int(16)),
        ("sndbuf=64k", Value::Size(65_536)),
        ("linger=0", Value::Time(Duration::ZERO)),
        ("usertimeout=1500ms", Value::Time(Duration::from_millis(1_500))),
        ("dev=eth0.100", Value::Text("eth0.100".into())),
        ("bind=192.0.2.7", Value::Address(HostPort { host: Some(v4.clone()), port: 0 })),
        ("bind=192.0.2.7:53", Value::Address(HostPort { host: Some(v4), port: 53 })),
        ("bind=[::1]", Value::Address(HostPort { host: Some(v6), port: 0 })),
        ("bind=:53", Value::Address(HostPort { host: None, port: 53 })),
        ("bind=53", Value::Address(HostPort { host: None, port: 53 })),
    ] {
        let options = one(word, "tcp").unwrap();
        let name = word.split('=').next().unwrap();
        assert_eq!(options.get(name), Some(&value), "{word}");
    }
}

#[test]
fn an_option_given_twice_is_refused() {
    let mut options = one("nodelay", "tcp").unwrap();
    let error = options.add("nodelay=off", "tcp").unwrap_err();
    assert_eq!(error.problem, "the option `nodelay` is given twice");
    assert_eq!(options.get("nodelay"), Some(&Value::Flag(true)));
}

#[test]
fn options_print_in_the_order_of_the_table() {
    let mut options = Options::new();
    for word in ["ttl=8", "nodelay=off", "keepalive", "reuseaddr"] {
        options.add(word, "tcp").unwrap();
    }
    assert_eq!(options.to_string(), ",reuseaddr,nodelay=off,keepalive=30s/10s/3,ttl=8");
}

#[test]
fn every_row_of_the_table_is_fit_to_print_and_its_example_parses() {
    for row in OPTIONS {
        assert!(row.about.ends_with('.') && !row.about.contains("  "), "{}", row.about);
        assert!(!row.default.is_empty() && !row.level.is_empty() && !row.c_name.is_empty());
        assert!(row.example.starts_with(row.name), "{}", row.example);
        for scheme in row.schemes {
            one(row.example, scheme).unwrap();
        }
        assert_eq!(OPTIONS.iter().filter(|other| other.name == row.name).count(), 1);
    }
}

proptest! {
    #[test]
    fn no_text_makes_an_option_panic(
        row in 0..OPTIONS.len(), text in ".*", any in ".*",
    ) {
        let _ = one(&any, "tcp");
        let _ = one(&format!("{}={text}", OPTIONS[row].name), OPTIONS[row].schemes[0]);
    }

    #[test]
    fn a_swap_of_neighbours_is_one_edit(word in "[a-z]{2,12}", at in any::<prop::sample::Index>()) {
        let at = at.index(word.len() - 1);
        let mut swapped = word.clone().into_bytes();
        swapped.swap(at, at + 1);
        let swapped = String::from_utf8(swapped).unwrap();
        let want = usize::from(swapped != word);
        prop_assert_eq!(edits(&word, &swapped), want);
        prop_assert_eq!(edits(&word, ""), word.len());
    }
}
