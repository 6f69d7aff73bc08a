//! `framecat lab` where it takes more than loopback.

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
