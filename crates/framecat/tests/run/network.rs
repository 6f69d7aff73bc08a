//! Networks of the test's own: hosts as network namespaces (ip-netns(8)) on a bridge. Nothing that is
//! sent there reaches the machine's own network.

use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::{PATIENCE, Run};

/// Hosts on one network, removed when dropped. Host `n`, from 1, has `eth0` with 10.77.0.n/24 and
/// fd77::n/64.
pub struct Network {
    name: String,
    hosts: u32,
}

impl Network {
    /// A network of so many hosts. None, told, where the system does not permit it.
    pub fn new(hosts: u32) -> Option<Network> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let network = Network { name: format!("fc{}n{count}", std::process::id()), hosts };
        let bridge = network.host(0);
        let mut script = format!(
            "ip netns add {bridge}
             ip -n {bridge} link add br77 type bridge mcast_snooping 0 forward_delay 0
             ip -n {bridge} link set br77 up\n"
        );
        for n in 1..=hosts {
            let host = network.host(n);
            script.push_str(&format!(
                "ip netns add {host}
                 ip netns exec {host} sh -c 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad'
                 ip -n {host} link set lo up\n"
            ));
            script.push_str(&network.cable(n, "eth0", 77));
        }
        if let Err(told) = shell(&script) {
            // Told past the capturing of tests, so that a skipped test is seen.
            let _ = writeln!(std::io::stderr(), "skipped: no network namespaces here: {told}");
            return None;
        }
        for n in 1..=hosts {
            network.wait_up(n, "eth0");
        }
        Some(network)
    }

    /// A host without any network but a loopback interface that is down.
    pub fn none() -> Option<Network> {
        let mut network = Network::new(0)?;
        network.hosts = 1;
        shell(&format!("ip netns add {}", network.host(1))).expect("one was made");
        Some(network)
    }

    /// Another interface of a host, on another bridge, with 10.NET.0.n/24 and fdNET::n/64.
    pub fn second(&self, n: u32, interface: &str, net: u32) {
        let bridge = self.host(0);
        let make = format!(
            "ip -n {bridge} link show br{net} > /dev/null 2>&1 ||
             ip -n {bridge} link add br{net} type bridge mcast_snooping 0 forward_delay 0
             ip -n {bridge} link set br{net} up"
        );
        shell(&make).expect("the first was made");
        shell(&self.cable(n, interface, net)).expect("the first was made");
        self.wait_up(n, interface);
    }

    /// Runs a line of `ip`, of that host.
    pub fn ip(&self, n: u32, line: &str) {
        shell(&format!("ip -n {} {line}", self.host(n))).expect("the host is there");
    }

    /// framecat on a host.
    pub fn run(&self, n: u32, args: &[&str]) -> Run {
        self.program(n, env!("CARGO_BIN_EXE_framecat"), args)
    }

    /// Another program on a host.
    pub fn program(&self, n: u32, program: &str, args: &[&str]) -> Run {
        let host = self.host(n);
        Run::program("ip", &[&["netns", "exec", &host, program], args].concat())
    }

    /// A line for `sh` on a host; `framecat` in it is ours.
    pub fn shell(&self, n: u32, line: &str) -> Run {
        Run::shell(&format!("exec ip netns exec {} sh -c '{line}'", self.host(n)))
    }

    fn host(&self, n: u32) -> String {
        format!("{}h{n}", self.name)
    }

    fn cable(&self, n: u32, interface: &str, net: u32) -> String {
        let (bridge, host) = (self.host(0), self.host(n));
        format!(
            "ip -n {bridge} link add p{n}-{net} type veth peer name {interface} netns {host}
             ip -n {bridge} link set p{n}-{net} master br{net} up
             ip -n {host} address add 10.{net}.0.{n}/24 dev {interface}
             ip -n {host} address add fd{net}::{n}/64 dev {interface} nodad
             ip -n {host} link set {interface} up\n"
        )
    }

    /// Waits until the interface and the port of the bridge at its other end carry frames.
    fn wait_up(&self, n: u32, interface: &str) {
        let line = format!(
            "ip -n {} -br link show {interface} | grep -q ' UP ' &&
             ! ip -n {} -d link show | grep -Eq 'state (disabled|blocking|listening|learning) '",
            self.host(n),
            self.host(0)
        );
        let until = Instant::now() + PATIENCE;
        while shell(&line).is_err() {
            assert!(Instant::now() < until, "{interface} of host {n} does not come up");
        }
    }
}

fn shell(script: &str) -> Result<(), String> {
    let output = Command::new("sh").args(["-ec", script]).output().map_err(|e| e.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")),
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for n in 0..=self.hosts {
            // What is not there is removed already.
            let _ = shell(&format!("ip netns del {}", self.host(n)));
        }
    }
}
