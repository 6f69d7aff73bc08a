//! `framecat lab` on machines that have more than loopback, or less.

use serde_json::Value;

mod run;
use run::Run;
use run::network::Network;

/// The laws on the network of a real interface, and what another host of it got: two datagrams at
/// least that loopback would never have brought there.
#[test]
fn the_laws_of_broadcast_hold_on_a_real_network() {
    let Some(network) = Network::new(2) else { return };
    let before = broadcasts_received(&network, 2);
    let lab = network.run(1, &["lab", "broadcast", "--dev", "eth0", "--json"]).run("");
    assert_eq!(lab.code, 0, "{lab}");
    let laws: Vec<Value> =
        lab.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let named: Vec<&str> = laws.iter().map(|law| law["law"].as_str().expect("a name")).collect();
    assert_eq!(named, ["broadcast-one-many", "broadcast-address", "broadcast-permission"]);
    for law in &laws {
        assert_eq!(law["shown"], true, "{law}");
    }
    let [one_many, address, _] = &laws[..] else { panic!("three laws") };
    assert_eq!(one_many["evidence"]["to"], "10.77.0.255");
    // The socket on the interface's own address, and the one on loopback: neither heard it.
    assert_eq!(one_many["evidence"]["heard_alone"].as_array().map(Vec::len), Some(2));
    assert_eq!(address["evidence"]["address"], "10.77.0.1");
    assert_eq!(address["evidence"]["prefix"], 24);
    assert!(broadcasts_received(&network, 2) >= before + 2);
}

/// On loopback nothing leaves the host.
#[test]
fn without_an_interface_no_broadcast_leaves_the_host() {
    let Some(network) = Network::new(2) else { return };
    let before = broadcasts_received(&network, 2);
    let lab = network.run(1, &["lab", "broadcast"]).run("");
    assert_eq!(lab.code, 0, "{lab}");
    assert_eq!(broadcasts_received(&network, 2), before);
}

/// IpExt's InBcastPkts of a host (proc_net_netstat).
fn broadcasts_received(network: &Network, host: u32) -> u64 {
    let table = network.program(host, "cat", &["/proc/net/netstat"]).run("").text().to_string();
    let mut rows = table.lines().filter(|line| line.starts_with("IpExt:"));
    let (names, counts) = (rows.next().expect("names"), rows.next().expect("counts"));
    let mut columns = names.split_whitespace().zip(counts.split_whitespace());
    let (_, count) = columns.find(|(name, _)| *name == "InBcastPkts").expect("InBcastPkts");
    count.parse().expect("a count")
}

#[test]
fn without_a_way_to_the_network_the_laws_of_broadcast_are_skipped() {
    if Run::program("unshare", &["-rn", "true"]).run("").code != 0 {
        return run::skipped("no network namespace of our own here");
    }
    // Loopback is down in a new namespace.
    let finished = Run::program("unshare", &["-rn", run::tested(), "lab", "broadcast"]).run("");
    assert_eq!(finished.code, 0, "{finished}");
    assert!(finished.text().ends_with("0 shown, 0 not shown, 3 skipped\n"), "{finished}");
}

/// The laws that a run without `what` skipped, each with its reason; no law may be not shown.
fn skipped_without(what: &str, lab: Run) -> Vec<(String, String)> {
    let finished = lab.run("");
    assert_eq!(finished.code, 0, "without {what}: {finished}");
    let text = finished.text();
    let laws = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let skipped = laws.filter(|law| law["shown"] == false).map(|law| {
        let word = |name: &str| law[name].as_str().unwrap_or_default().to_string();
        (word("law"), word("skipped"))
    });
    skipped.collect()
}

/// Nothing that the lab needs is taken for granted: what is missing is named.
#[test]
fn without_loopback_or_proc_or_programs_laws_are_skipped_with_the_reason_and_none_is_not_shown() {
    let nowhere = run::Folder::new();
    let path = nowhere.path().to_str().expect("a name in UTF-8");
    let lab = Run::new(&["lab", "--json"]).env("PATH", path);
    let skipped = skipped_without("programs", lab);
    assert!(skipped.contains(&("argv".into(), "needs cat: ENOENT".into())), "{skipped:?}");

    if !run::have("ip") || Run::program("unshare", &["-rnm", "true"]).run("").code != 0 {
        return run::skipped("no namespaces of our own here");
    }
    let lab = Run::program("unshare", &["-rn", run::tested(), "lab", "--json"]);
    let skipped = skipped_without("loopback", lab);
    let reason = |id: &str| &skipped.iter().find(|(law, _)| law == id).expect(id).1;
    for id in ["handshake", "backlog", "http-on-tcp", "sticky"] {
        assert!(reason(id).contains("ENETUNREACH"), "{id}: {}", reason(id));
    }

    let line = format!(
        "ip link set lo up && mount -t tmpfs none /proc && exec {} lab --json",
        run::tested()
    );
    let skipped = skipped_without("/proc", Run::program("unshare", &["-rnm", "sh", "-c", &line]));
    let named: Vec<(&str, &str)> =
        skipped.iter().map(|(law, why)| (law.as_str(), why.as_str())).collect();
    assert_eq!(
        named,
        [
            ("reuseaddr", "needs /proc/net/tcp: ENOENT"),
            ("accept-blocks", "needs /proc/thread-self/stat: ENOENT"),
            ("backlog", "needs /proc/net/tcp: ENOENT"),
            ("close-four-way", "the kernel's table of TCP sockets cannot be read: ENOENT"),
            ("like-a-file", "needs /proc/self/exe: ENOENT"),
            ("whole", "needs /proc/self/exe: ENOENT"),
            ("fileno", "needs /proc/self/fd: ENOENT"),
            ("argv", "needs /proc/self/cmdline: ENOENT"),
        ]
    );
}
