//! One sends, many hear: broadcast and multicast on loopback, with peers that are not ours.

use std::net::{Ipv4Addr, UdpSocket};

mod run;

use run::network::Network;
use run::{Finished, PATIENCE, Run, Running, Signal, have};

/// Hears a port as any program that shares it, prints what came, and answers if told how.
const RECEIVER: &str = "
import socket, struct, sys
port, group, source, interface, answer = sys.argv[1:6]
v6 = ':' in group
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
index = socket.if_nametoindex(interface) if interface else 0
s.bind((group, int(port), 0, index) if v6 else (group, int(port)))
if v6:
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, group) + struct.pack('@I', index))
elif group:
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack('4s4si', socket.inet_aton(group), bytes(4), index))
print('ready', flush=True)
while True:
    data, peer = s.recvfrom(65535)
    print(data.decode(), peer[0].split('%')[0], flush=True)
    if answer:
        a = socket.socket(s.family, socket.SOCK_DGRAM)
        a.sendto(answer.encode(), peer)
";

/// Sends from an address to an address, by an interface.
const SENDER: &str = "
import socket, struct, sys
source, to, port, interface = sys.argv[1:5]
v6 = ':' in to
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
index = socket.if_nametoindex(interface) if interface else 0
if source:
    s.bind((source, 0))
if v6:
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
elif interface:
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack('4s4si', bytes(4), socket.inet_aton(source), index))
for text in sys.argv[5:]:
    s.sendto(text.encode(), (to, int(port), 0, index) if v6 else (to, int(port)))
";

/// The arguments of [`RECEIVER`], up to what is left empty.
fn receiver(run: impl Fn(&[&str]) -> Run, port: u16, args: [&str; 3]) -> Running {
    let [group, interface, answer] = args;
    let port = port.to_string();
    let mut running = run(&["-c", RECEIVER, &port, group, "", interface, answer]).start();
    assert_eq!(running.read_line(), "ready");
    running
}

fn python(args: &[&str]) -> Run {
    Run::program("python3", args)
}

fn send(
    run: impl Fn(&[&str]) -> Run,
    from: &str,
    (to, port): (&str, u16),
    by: &str,
    texts: &[&str],
) {
    let port = port.to_string();
    let args = [&["-c", SENDER, from, to, &port, by], texts].concat();
    run(&args).run("").expect(0, "");
}

fn listen(args: &[&str]) -> Running {
    Run::new(&[&["listen"], args].concat()).start()
}

/// The lines of stdout in an order of their own: answers come in any.
fn sorted(finished: &Finished) -> Vec<String> {
    let mut lines: Vec<String> = finished.text().lines().map(String::from).collect();
    lines.sort();
    lines
}

/// The addresses told in `reply to message N from ADDRESS after …`.
fn repliers(finished: &Finished, n: u32) -> Vec<String> {
    let begins = format!("framecat: reply to message {n} from ");
    let told = finished.stderr.lines().filter_map(|line| line.strip_prefix(&begins));
    let mut all: Vec<String> =
        told.map(|rest| rest.split(' ').next().unwrap_or_default().to_string()).collect();
    all.sort();
    all
}

#[test]
fn every_responder_is_heard_and_told_apart() {
    if !have("python3") {
        return;
    }
    let first = listen(&["broadcast://lo:0", "--reply", "one heard {payload}"]);
    let port = first.port();
    let at = format!("broadcast://lo:{port}");
    let second = listen(&[&at, "--reply", "two heard {payload}"]);
    second.endpoint();
    let third = receiver(python, port, ["", "", "python heard it"]);
    let asked = Run::new(&["ask", &at, "who is there?", "--wait", "20s", "--count", "3"]).run("");
    assert_eq!(asked.code, 0, "{asked}");
    let want = ["one heard who is there?", "python heard it", "two heard who is there?"];
    assert_eq!(sorted(&asked), want, "{asked}");
    let mut repliers = repliers(&asked, 1);
    assert!(repliers.iter().all(|address| address.starts_with("127.0.0.1:")), "{asked}");
    repliers.dedup();
    assert_eq!(repliers.len(), 3, "each has a port of its own: {asked}");
    // All of them within the time, and each as an object of its own.
    let json = Run::new(&["ask", &at, "again", "--wait", "2s", "--json"]).run("");
    assert_eq!(json.code, 0, "{json}");
    let replies = json.text();
    let replies: Vec<_> = replies.lines().filter(|line| line.contains(r#""dir":"in""#)).collect();
    assert_eq!(replies.len(), 3, "{json}");
    for line in replies {
        assert!(line.contains(r#""peer":"127.0.0.1:"#) && line.contains("rtt_us"), "{line}");
    }
    for mut listener in [first, second] {
        assert_eq!(listener.read_line(), "who is there?");
        listener.signal(Signal::TERM);
        assert_eq!(listener.wait().code, 0);
    }
    drop(third);
}

#[test]
fn silence_is_no_answer_and_half_an_answer_is_part() {
    if !have("python3") {
        return;
    }
    let heard = listen(&["broadcast://lo:0"]);
    let at = format!("broadcast://lo:{}", heard.port());
    let asked = Run::new(&["ask", &at, "anybody?", "--wait", "100ms"]).run("");
    asked.expect(5, "");
    assert!(asked.stderr.contains("no reply within 100 ms"), "{asked}");
    // Answers the first question only.
    let once = listen(&[&at, "--reply", "yes", "--count", "1"]);
    once.endpoint();
    let asked = Run::new(&["ask", &at, "one", "two", "--wait", "1s"]).run("");
    asked.expect(9, "yes\n");
    assert!(asked.stderr.contains("1 message got no reply"), "{asked}");
}

#[test]
fn what_is_sent_to_one_port_is_heard_by_all_that_share_it() {
    if !have("python3") || !have("socat") {
        return;
    }
    let mut first = listen(&["broadcast://lo:0", "--count", "3"]);
    let port = first.port();
    let told = first.told("hears what");
    assert!(
        told.contains("the network; other programs may share the port (SO_REUSEADDR)"),
        "{told}"
    );
    assert!(told.contains("hears what is sent to 127.255.255.255 (lo)"), "{told}");
    let second = listen(&[&format!("broadcast://127.255.255.255:{port}"), "--count", "3"]);
    second.endpoint();
    send(python, "", ("127.255.255.255", port), "", &["from python"]);
    assert_eq!(first.read_line(), "from python");
    let socat = format!("UDP4-DATAGRAM:127.255.255.255:{port},broadcast");
    Run::program("socat", &["-u", "-", &socat]).run("from socat").expect(0, "");
    assert_eq!(first.read_line(), "from socat");
    let ours = format!("broadcast://lo:{port}");
    Run::new(&["connect", &ours, "--wait", "0s"]).run("from framecat\n").expect(5, "");
    for listener in [first, second] {
        let finished = listener.wait();
        assert_eq!(finished.code, 0, "{finished}");
        assert!(
            finished.text().ends_with("from python\nfrom socat\nfrom framecat\n"),
            "{finished}"
        );
    }
}

#[test]
fn connect_sends_to_all_and_prints_what_each_says() {
    if !have("python3") {
        return;
    }
    // The port is taken by whoever comes first.
    let keep = listen(&["broadcast://lo:0"]);
    let port = keep.port();
    let mut receivers: Vec<_> =
        ["one", "two"].iter().map(|answer| receiver(python, port, ["", "", answer])).collect();
    let at = format!("broadcast://lo:{port}");
    let mut client = Run::new(&["connect", &at, "--show", "--wait", "20s", "--count", "4"]).start();
    client.stdin_write("hello\n");
    for receiver in &mut receivers {
        assert_eq!(receiver.read_line(), "hello 127.0.0.1");
    }
    let mut lines = [client.read_line(), client.read_line()];
    lines.sort();
    assert_eq!(lines, ["one", "two"]);
    client.stdin_write("more\n");
    let finished = client.wait();
    assert_eq!(finished.code, 0, "{finished}");
    // Shown by who said it, two answers each.
    let mut peers: Vec<_> = finished
        .stderr
        .lines()
        .filter(|line| line.contains(" < "))
        .map(|line| line.split_whitespace().nth(3).unwrap_or_default())
        .collect();
    assert_eq!(peers.len(), 4, "{finished}");
    peers.sort();
    peers.dedup();
    assert!(peers.iter().all(|peer| peer.starts_with("127.0.0.1:")), "{finished}");
}

#[test]
fn a_loopback_udp_listener_says_where_broadcasts_arrive() {
    let listener = listen(&["udp://:0"]);
    let port = listener.port();
    let line = format!("broadcasts do not arrive here; use broadcast://:{port}");
    listener.told(&line);
}

#[test]
fn a_group_is_heard_on_loopback_by_all_that_joined_it() {
    if !have("python3") || !have("socat") {
        return;
    }
    let group = "239.77.0.1";
    let first = listen(&[&format!("multicast://{group}:0,dev=lo"), "--reply", "here at {local}"]);
    let port = first.port();
    first.told(&format!("hears what is sent to {group} (lo)"));
    let at = format!("multicast://{group}:{port},dev=lo");
    let mut theirs = receiver(python, port, [group, "lo", "here too"]);
    let asked = Run::new(&["ask", &at, "who?", "--wait", "20s", "--count", "2"]).run("");
    assert_eq!(asked.code, 0, "{asked}");
    let lines = sorted(&asked);
    assert!(lines[0].starts_with("here at 127.0.0.1:") && lines[1] == "here too", "{asked}");
    assert_eq!(theirs.read_line(), "who? 127.0.0.1");
    // What is sent to the port but not to the group is not heard, nor is another group.
    send(python, "127.0.0.1", ("127.255.255.255", port), "", &["a broadcast"]);
    send(python, "127.0.0.1", ("239.77.0.2", port), "lo", &["another group"]);
    let socat = format!("UDP4-DATAGRAM:{group}:{port},ip-multicast-if=127.0.0.1");
    Run::program("socat", &["-u", "-", &socat]).run("from socat").expect(0, "");
    assert_eq!(theirs.read_line(), "from socat 127.0.0.1");
    first.signal(Signal::TERM);
    first.wait().expect(0, "who?\nfrom socat\n");
}

#[test]
fn a_source_is_heard_and_no_other() {
    if !have("python3") {
        return;
    }
    let group = "239.77.0.3";
    let at = format!("multicast://{group}:0,dev=lo,source=127.0.0.7");
    let listener = listen(&[&at, "--count", "2"]);
    let port = listener.port();
    listener.told(&format!("hears what is sent to {group} (lo, what 127.0.0.7 sends)"));
    // Another program joined the group for all senders: what it hears must not come here too.
    let mut all = receiver(python, port, [group, "lo", ""]);
    for (from, text) in [("127.0.0.7", "one"), ("127.0.0.8", "no"), ("127.0.0.7", "two")] {
        send(python, from, (group, port), "lo", &[text]);
        assert_eq!(all.read_line(), format!("{text} {from}"));
    }
    listener.wait().expect(0, "one\ntwo\n");
}

#[test]
fn what_is_too_long_is_told_and_the_rest_goes_on() {
    if !have("python3") {
        return;
    }
    let listener = listen(&["broadcast://lo:0", "--max-message", "1000"]);
    let port = listener.port();
    let long = "x".repeat(1001);
    send(python, "", ("127.255.255.255", port), "", &[&long, "short", ""]);
    let mut listener = listener;
    assert_eq!(listener.read_line(), "short");
    assert_eq!(listener.read_line(), "");
    listener.told("its 1001 bytes are more than 1000");
    listener.signal(Signal::TERM);
    assert_eq!(listener.wait().code, 9);
    // The same for answers.
    let listener = listen(&["broadcast://lo:0", "--reply", &long]);
    let at = format!("broadcast://lo:{}", listener.port());
    let args = ["ask", &at, "x", "--wait", "500ms", "--max-message", "1000"];
    let asked = Run::new(&args).run("");
    assert_eq!(asked.code, 5, "{asked}");
    let told = asked.stderr.lines().find(|line| line.contains("1001 bytes")).unwrap_or_default();
    assert!(told.starts_with("framecat: a datagram from 127.0.0.1:"), "{asked}");
}

#[test]
fn senders_without_number_are_bounded_and_nobody_else_suffers() {
    let mut listener = listen(&["broadcast://lo:0", "--reply", "{payload}"]);
    let port = listener.port();
    let begun = listener.peak_memory();
    let mut at_once = Vec::new();
    for n in 0..3_000u32 {
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        sender.set_broadcast(true).unwrap();
        sender.set_read_timeout(Some(PATIENCE)).unwrap();
        sender.send_to(&n.to_be_bytes(), ("127.255.255.255", port)).unwrap();
        let mut answer = [0xff; 8];
        // Now and then somebody waits for an answer, so that the listener keeps up.
        if n % 100 == 0 {
            // A port may have been another sender's before, who left without its answer.
            while answer[..4] != n.to_be_bytes() {
                assert_eq!(sender.recv(&mut answer).unwrap(), 4);
            }
        }
        // Some stay, so that ports are not the same again.
        if n % 4 == 0 {
            at_once.push(sender);
        }
    }
    let grown = listener.peak_memory().saturating_sub(begun);
    assert!(grown < 64 << 20, "{grown} bytes more");
    let at = format!("broadcast://lo:{port}");
    let asked = Run::new(&["ask", &at, "still there?", "--count", "1", "--wait", "20s"]).run("");
    asked.expect(0, "still there?\n");
    listener.close_stdin();
}

/// A datagram whose sender is anything, with a header of our own (raw(7)).
const FORGED: &str = "
import socket, struct, sys
source, sport, to, port = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
for text in sys.argv[5:]:
    data = text.encode()
    udp = struct.pack('!HHHH', sport, port, 8 + len(data), 0) + data
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 8, 17, 0, socket.inet_aton(source), socket.inet_aton(to))
    s.sendto(ip + udp, (to, 0))
";

#[test]
fn a_forged_sender_makes_nobody_answer_himself() {
    if !have("python3") {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "skipped: raw sockets are root's");
        return;
    }
    let mut listener = listen(&["broadcast://lo:0", "--reply", "{local}"]);
    let port = listener.port();
    let at = format!("broadcast://lo:{port}");
    let asked = Run::new(&["ask", &at, "where?", "--count", "1", "--wait", "20s"]).run("");
    let own = asked.text().trim_end().rsplit(':').next().unwrap().to_string();
    assert_eq!(listener.read_line(), "where?");
    let forge = |source: &str, sport: &str, text: &str| {
        let port = port.to_string();
        python(&["-c", FORGED, source, sport, "127.255.255.255", &port, text])
            .run("")
            .expect(0, "");
    };
    // From our own answering port: left out. From the shared port: answered to whoever has it, once,
    // and our own answer is not heard.
    forge("127.0.0.1", &own, "ourselves");
    forge("127.0.0.1", &port.to_string(), "the port");
    assert_eq!(listener.read_line(), "the port");
    // From port 0 nobody can be answered, which ends nothing.
    forge("127.0.0.1", "0", "port zero");
    assert_eq!(listener.read_line(), "port zero");
    let asked = Run::new(&["ask", &at, "still?", "--count", "1", "--wait", "20s"]).run("");
    assert_eq!(asked.code, 0, "{asked}");
    assert_eq!(listener.read_line(), "still?");
    listener.signal(Signal::TERM);
    listener.wait();
}

#[test]
fn what_makes_no_sense_is_refused_with_a_sentence() {
    for (args, code, sentence, remedy) in [
        (&["connect", "-z", "broadcast://lo:9"][..], 2, "broadcast has no connections", "ask it"),
        (&["listen", "multicast://192.0.2.7:9"], 2, "192.0.2.7 is no multicast group", "udp://"),
        (&["listen", "broadcast://239.1.2.3:9"], 2, "is a multicast group", "multicast://239"),
        (&["ask", "broadcast://nosuch0:9", "x"], 2, "no interface `nosuch0`", "those with an"),
        (&["listen", "broadcast://nosuch0:9"], 2, "no interface `nosuch0`", "those with an"),
        (&["listen", "multicast://239.1.2.3:9,dev=nosuch0"], 2, "no interface `nosuch0`", "lo"),
        (&["ask", "broadcast://127.0.0.9:9", "x"], 2, "is one host of the network of lo", "udp://"),
        (&["listen", "broadcast://127.0.0.9:9"], 2, "is one host of the network of lo", "udp://"),
        (&["ask", "udp://127.255.255.255:9", "x"], 4, "permission denied", "broadcast://127.255"),
        (&["ask", "broadcast://lo:9,broadcast=off", "x"], 1, "permission denied", "broadcast=off"),
        (
            &["ask", "multicast://239.1.2.3:9,source=127.0.0.1", "x"],
            2,
            "`source` says whom",
            "bind",
        ),
        (&["listen", "multicast://239.1.2.3:9,dev=lo,loop=off"], 2, "`loop` is for who", "leave"),
        (&["listen", "broadcast://lo:9", "--lan"], 2, "--lan listens on every", "leave one"),
        (&["listen", "broadcast://lo:9", "-f", "line"], 2, "broadcast keeps messages", "leave -f"),
        (&["ask", "multicast://[ff02::1%lo]:9", "x"], 4, "no route for IPv6 groups", "ip -6 route"),
        (&["relay", "broadcast://:9", "broadcast://lo:9"], 2, "again and again", "another port"),
        (&["relay", "udp://0.0.0.0:9", "broadcast://:9"], 2, "again and again", "another port"),
        (
            &["relay", "multicast://239.1.2.3:9", "multicast://239.1.2.3:9,dev=lo"],
            2,
            "again and again",
            "another port",
        ),
    ] {
        let finished = Run::new(args).run("");
        assert_eq!(finished.code, code, "{finished}");
        let mut lines = finished.stderr.lines();
        let first = lines.next().unwrap_or_default();
        assert!(first.starts_with("framecat: ") && first.contains(sentence), "{finished}");
        assert!(lines.next().is_some_and(|line| line.contains(remedy)), "{finished}");
    }
}

#[test]
fn a_relay_carries_questions_to_all_and_answers_back() {
    let responder = listen(&["broadcast://lo:0", "--reply", "heard {payload}"]);
    let to = format!("broadcast://lo:{}", responder.port());
    let relay = Run::new(&["relay", ":0", &to, "-f", "line"]).start();
    let at = format!(":{}", relay.port());
    for text in ["one", "two"] {
        Run::new(&["ask", &at, text]).run("").expect(0, format!("heard {text}\n"));
    }
    // And the other way: what is broadcast reaches one server, its answers whoever asked.
    let server = listen(&[":0", "-f", "len:u16be", "--reply", "server: {payload}"]);
    let server_at = format!("{},frame=len:u16be", server.endpoint());
    let relay = Run::new(&["relay", "broadcast://lo:0", &server_at]).start();
    let at = format!("broadcast://lo:{}", relay.port());
    let asked = Run::new(&["ask", &at, "x", "--count", "1", "--wait", "20s"]).run("");
    asked.expect(0, "server: x\n");
}

/// A port that every host has free: each has its ports for itself.
const PORT: u16 = 9000;

fn on(network: &Network, n: u32) -> impl Fn(&[&str]) -> Run + '_ {
    move |args| network.program(n, "python3", args)
}

fn listen_on(network: &Network, n: u32, args: &[&str]) -> Running {
    let listener = network.run(n, &[&["listen"], args].concat()).start();
    listener.endpoint();
    listener
}

/// What was said by whom, of an `ask --json`, in order: `10.77.0.2 hello`.
fn said(finished: &Finished) -> Vec<String> {
    let field = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("\"{name}\":\"")).expect("it has it");
        rest.split('"').next().unwrap_or_default().to_string()
    };
    let text = finished.text();
    let inward = text.lines().filter(|line| line.contains(r#""dir":"in""#));
    let mut said: Vec<_> = inward
        .map(|line| {
            let peer = field(line, "peer");
            let host = peer.rsplit_once(':').map_or(peer.as_str(), |(host, _)| host);
            format!("{host} {}", field(line, "text"))
        })
        .collect();
    said.sort();
    said
}

#[test]
fn all_hosts_of_a_network_hear_and_answer_from_their_own_addresses() {
    let (true, Some(network)) = (have("python3"), Network::new(3)) else { return };
    let at = format!("broadcast://:{PORT}");
    let here = listen_on(&network, 1, &[&at, "--reply", "one at {local}"]);
    let two = listen_on(&network, 2, &[&at, "--reply", "two"]);
    two.told("10.77.0.255 (eth0)");
    let mut three = receiver(on(&network, 3), PORT, ["", "", "three"]);
    let addresses = ["", "10.77.0.255", "255.255.255.255", "eth0", "10.77.0.1"];
    for address in addresses {
        let at = format!("broadcast://{address}:{PORT}");
        let args = ["ask", &at, "who is there?", "--wait", "20s", "--count", "3", "--json"];
        let asked = network.run(1, &args).run("");
        assert_eq!(asked.code, 0, "{asked}");
        let said = said(&asked);
        assert!(said[0].starts_with("10.77.0.1 one at 10.77.0.1:"), "{asked}");
        assert_eq!(said[1..], ["10.77.0.2 two", "10.77.0.3 three"], "{asked}");
        assert_eq!(three.read_line(), "who is there? 10.77.0.1", "{address}");
    }
    // A sender that is not ours, directed and limited.
    for to in ["10.77.0.255", "255.255.255.255"] {
        send(on(&network, 3), "10.77.0.3", (to, PORT), "", &[&format!("to {to}")]);
    }
    for mut listener in [here, two] {
        for _ in addresses {
            assert_eq!(listener.read_line(), "who is there?");
        }
        assert_eq!(listener.read_line(), "to 10.77.0.255");
        assert_eq!(listener.read_line(), "to 255.255.255.255");
        listener.signal(Signal::TERM);
        assert_eq!(listener.wait().code, 0);
    }
}

#[test]
fn a_listener_on_one_address_or_interface_hears_that_one() {
    let (true, Some(network)) = (have("python3"), Network::new(2)) else { return };
    network.second(1, "eth1", 78);
    network.second(2, "eth1", 78);
    let mut by_interface = listen_on(&network, 1, &[&format!("broadcast://eth1:{PORT}")]);
    by_interface.told("hears what is sent to 10.78.0.255 (eth1)");
    let mut by_address = listen_on(&network, 1, &[&format!("broadcast://10.77.0.255:{PORT}")]);
    by_address.told("hears what is sent to 10.77.0.255 (eth0)");
    let mut limited = listen_on(&network, 1, &[&format!("broadcast://255.255.255.255:{PORT}")]);
    let sent = [("10.77.0.255", "first"), ("10.78.0.255", "second"), ("255.255.255.255", "third")];
    for (to, text) in sent {
        let from = if to == "10.77.0.255" { "10.77.0.2" } else { "10.78.0.2" };
        let at = format!("broadcast://{to}:{PORT},bind={from}");
        network.run(2, &["connect", &at, "--wait", "0s"]).run(format!("{text}\n"));
    }
    assert_eq!(by_address.read_line(), "first");
    assert_eq!(by_interface.read_line(), "second");
    assert_eq!(by_interface.read_line(), "third");
    assert_eq!(limited.read_line(), "third");
}

#[test]
fn a_message_goes_by_every_network_and_one_that_is_down_is_told() {
    let (true, Some(network)) = (have("python3"), Network::new(3)) else { return };
    network.second(1, "eth1", 78);
    network.second(3, "eth1", 78);
    network.ip(3, "link set eth0 down");
    let mut two = receiver(on(&network, 2), PORT, ["", "", ""]);
    let mut three = receiver(on(&network, 3), PORT, ["", "", ""]);
    let at = format!("broadcast://:{PORT}");
    // With a pause between messages each goes by itself, and all the same.
    let args = ["connect", &at, "-v", "--wait", "0s", "--delay", "1ms"];
    let mut client = network.run(1, &args).start();
    client.told("10.77.0.255:9000, 10.78.0.255:9000");
    client.stdin_write("both\n");
    assert_eq!(two.read_line(), "both 10.77.0.1");
    assert_eq!(three.read_line(), "both 10.78.0.1");
    network.ip(1, "link set eth1 down");
    client.stdin_write("one\ntwo\nthree\n");
    for text in ["one", "two", "three"] {
        assert_eq!(two.read_line(), format!("{text} 10.77.0.1"));
    }
    let told = client.told("10.78.0.255:9000 by eth1: ");
    assert!(told.contains("the other networks got it"), "{told}");
    client.stdin_write("again\n");
    assert_eq!(two.read_line(), "again 10.77.0.1");
    let finished = client.finish();
    let times = finished.stderr.matches("by eth1").count();
    assert_eq!((finished.code, times), (5, 1), "told once: {finished}");
    // A new dial leaves the one that is down out, and names it when it alone is meant.
    let asked = network.run(1, &["ask", &at, "x", "--wait", "100ms"]).run("");
    assert_eq!(asked.code, 5, "{asked}");
    assert_eq!(two.read_line(), "x 10.77.0.1");
    let by = format!("broadcast://eth1:{PORT}");
    let asked = network.run(1, &["ask", &by, "x"]).run("");
    assert_eq!(asked.code, 4, "{asked}");
    assert!(asked.stderr.contains("no broadcast goes by eth1: eth1 is down"), "{asked}");
    // The last one too: nobody is left to send to.
    let mut client = network.run(1, &["connect", &at, "-v", "--wait", "0s"]).start();
    client.told("is open");
    network.ip(1, "link set eth0 down");
    client.stdin_write("nobody\n");
    client.told("send to 10.77.0.255:9000: ");
    let finished = client.finish();
    assert_eq!(finished.code, 4, "{finished}");
    assert!(finished.stderr.contains("0 bytes in, 0 bytes out"), "nothing went out: {finished}");
}

#[test]
fn what_the_network_refuses_does_not_count_as_sent() {
    let Some(network) = Network::new(2) else { return };
    let client = network.run(1, &["connect", "udp://10.77.0.2:9000", "-v", "--wait", "0s"]);
    let mut client = client.start();
    client.told("is open");
    network.ip(1, "link set eth0 down");
    client.stdin_write("one\ntwo, of another length\nthree\n");
    let finished = client.finish();
    assert_eq!(finished.code, 4, "{finished}");
    assert!(finished.stderr.contains("network is unreachable"), "{finished}");
    assert!(finished.stderr.contains("0 bytes in, 0 bytes out"), "{finished}");
}

#[test]
fn without_a_network_the_sentence_says_what_is_missing() {
    let Some(network) = Network::none() else { return };
    let told = |args: &[&str], code: i32| {
        let finished = network.run(1, args).run("");
        assert_eq!(finished.code, code, "{finished}");
        finished.stderr
    };
    let at = format!("broadcast://:{PORT}");
    let stderr = told(&["ask", &at, "x"], 4);
    assert!(stderr.contains("no interface of this machine has a broadcast address"), "{stderr}");
    assert!(stderr.contains("ip link set lo up"), "{stderr}");
    let group = format!("multicast://239.77.0.1:{PORT}");
    for (verb, code) in [("ask", 4), ("listen", 1)] {
        let stderr = told(&[verb, &group], code);
        assert!(stderr.contains("no route leads to 239.77.0.1"), "{stderr}");
        assert!(stderr.contains("no interface has an address"), "{stderr}");
    }
    // Loopback alone is enough for the programs of one machine.
    network.ip(1, "link set lo up");
    let stderr = told(&["ask", &group, "x"], 4);
    assert!(stderr.contains(&format!("{group},dev=lo")), "{stderr}");
    let v6 = format!("multicast://[ff15::77]:{PORT}");
    let stderr = told(&["ask", &v6, "x"], 4);
    assert!(stderr.contains("loopback carries no IPv6 groups"), "{stderr}");
    for at in [at.as_str(), "broadcast://255.255.255.255:9000", &format!("{group},dev=lo")] {
        let listener = listen_on(&network, 1, &[at, "--reply", "here"]);
        let args = ["ask", at, "x", "--count", "1", "--wait", "20s", "--json"];
        let asked = network.run(1, &args).run("");
        assert_eq!((asked.code, said(&asked)), (0, vec!["127.0.0.1 here".into()]), "{at}: {asked}");
        drop(listener);
    }
}

#[test]
fn a_group_is_heard_on_every_host_that_joined_it() {
    let (true, true, Some(network)) = (have("python3"), have("socat"), Network::new(3)) else {
        return;
    };
    for (group, zone, prefix) in [
        ("239.77.0.1", "", "10.77.0."),
        ("ff15::77", "", "fd77::"),
        ("ff02::77", "%eth0", "fd77::"),
    ] {
        let v6 = group.contains(':');
        let place = if v6 { format!("[{group}{zone}]") } else { group.into() };
        let dev = if zone.is_empty() { ",dev=eth0" } else { "" };
        let at = format!("multicast://{place}:{PORT}{dev}");
        let here = listen_on(&network, 1, &[&at, "--reply", "one"]);
        here.told("(eth0)");
        let two = listen_on(&network, 2, &[&at, "--reply", "two"]);
        let mut three = receiver(on(&network, 3), PORT, [group, "eth0", "three"]);
        let args = ["ask", &at, "who?", "--count", "3", "--wait", "20s", "--json"];
        let asked = network.run(1, &args).run("");
        assert_eq!(asked.code, 0, "{asked}");
        let said = said(&asked);
        let words: Vec<_> = said.iter().filter_map(|line| line.split(' ').nth(1)).collect();
        let mut words = words;
        words.sort();
        assert_eq!(words, ["one", "three", "two"], "{asked}");
        if zone.is_empty() {
            let hosts: Vec<_> = said.iter().filter_map(|line| line.split(' ').next()).collect();
            let brackets =
                |n: u32| if v6 { format!("[{prefix}{n}]") } else { format!("{prefix}{n}") };
            assert_eq!(hosts, [brackets(1), brackets(2), brackets(3)], "{asked}");
        }
        assert!(three.read_line().starts_with("who? "), "{group}");
        // Kept from this machine, on the others as before.
        let quiet = format!("{at},loop=off,ttl=1");
        let args = ["ask", &quiet, "and?", "--count", "2", "--wait", "20s"];
        let asked = network.run(1, &args).run("");
        assert_eq!(sorted(&asked), ["three", "two"], "{asked}");
        assert!(three.read_line().starts_with("and? "), "{group}");
        // Senders and receivers that are not ours.
        let (to, by) = match v6 {
            true => (format!("UDP6-DATAGRAM:{place}:{PORT}"), ""),
            false => (format!("UDP4-DATAGRAM:{group}:{PORT}"), ",ip-multicast-if=10.77.0.3"),
        };
        let socat = network.program(3, "socat", &["-u", "-", &format!("{to}{by}")]);
        socat.run("from socat").expect(0, "");
        assert!(three.read_line().starts_with("from socat "), "{group}");
        let theirs = if v6 { "" } else { "10.77.0.3" };
        send(on(&network, 3), theirs, (group, PORT), "eth0", &["from python"]);
        for (mut listener, asked) in [(here, true), (two, false)] {
            assert_eq!(listener.read_line(), "who?");
            if !asked {
                assert_eq!(listener.read_line(), "and?");
            }
            assert_eq!(listener.read_line(), "from socat", "{group}");
            assert_eq!(listener.read_line(), "from python", "{group}");
            listener.signal(Signal::TERM);
            assert_eq!(listener.wait().code, 0);
        }
    }
    // A receiver of socat's joins by its own option.
    let join = format!("UDP4-RECV:{PORT},ip-add-membership=239.77.0.9:eth0,reuseaddr");
    let mut socat = network.program(2, "socat", &["-u", "-d", "-d", &join, "-"]).start();
    socat.told("starting data transfer loop");
    let at = format!("multicast://239.77.0.9:{PORT},dev=eth0");
    network.run(1, &["connect", &at, "--wait", "0s"]).run("to socat\n").expect(5, "");
    assert_eq!(socat.read_until("to socat"), b"to socat");
}

#[test]
fn a_source_on_another_host_is_heard_and_no_other_in_both_families() {
    let (true, Some(network)) = (have("python3"), Network::new(3)) else { return };
    for (group, source, other) in
        [("239.77.0.2", "10.77.0.2", "10.77.0.3"), ("ff15::78", "fd77::2", "fd77::3")]
    {
        let place = if group.contains(':') { format!("[{group}]") } else { group.to_string() };
        let at = format!("multicast://{place}:{PORT},dev=eth0,source={source}");
        let mut listener = listen_on(&network, 1, &[&at]);
        listener.told(&format!("what {source} sends"));
        // Heard by all the same host's others, so that it has come by when the next is sent.
        let mut all = receiver(on(&network, 1), PORT, [group, "eth0", ""]);
        for (n, from, text) in
            [(3, other, "no"), (2, source, "yes"), (3, other, "no"), (2, source, "end")]
        {
            send(on(&network, n), from, (group, PORT), "eth0", &[text]);
            assert_eq!(all.read_line(), format!("{text} {from}"));
        }
        assert_eq!(listener.read_line(), "yes");
        assert_eq!(listener.read_line(), "end");
    }
}

#[test]
fn the_route_names_the_interface_of_a_group_if_nothing_else_does() {
    let (true, Some(network)) = (have("python3"), Network::new(2)) else { return };
    network.second(1, "eth1", 78);
    network.second(2, "eth1", 78);
    let at = format!("multicast://239.77.0.5:{PORT}");
    let missing = network.run(1, &["ask", &at, "x"]).run("");
    assert_eq!(missing.code, 4, "{missing}");
    assert!(missing.stderr.contains("name it: multicast://239.77.0.5:9000,dev=eth"), "{missing}");
    network.ip(1, "route add default via 10.78.0.2");
    let listener = listen_on(&network, 1, &[&at]);
    listener.told("hears what is sent to 239.77.0.5 (eth1)");
    let mut two = receiver(on(&network, 2), PORT, ["239.77.0.5", "eth1", ""]);
    network.run(1, &["connect", &at, "--wait", "0s"]).run("by eth1\n").expect(5, "");
    assert_eq!(two.read_line(), "by eth1 10.78.0.1");
}

#[test]
fn a_host_without_an_address_is_heard_and_not_answered() {
    let (true, Some(network)) = (have("python3"), Network::new(2)) else { return };
    let at = format!("broadcast://:{PORT}");
    let mut listener = listen_on(&network, 1, &[&at, "--reply", "who are you?"]);
    // As a DHCP client does, from 0.0.0.0.
    network.ip(2, "address flush dev eth0");
    let new = "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'eth0')
s.bind(('', 68))
s.sendto(b'I am new here', ('255.255.255.255', 9000))
";
    on(&network, 2)(&["-c", new]).run("").expect(0, "");
    assert_eq!(listener.read_line(), "I am new here");
    listener.told("send to 0.0.0.0:68: it sends from no address");
    network.ip(2, "address add 10.77.0.2/24 dev eth0");
    let asked = network.run(2, &["ask", &at, "x", "--count", "1", "--wait", "20s"]).run("");
    asked.expect(0, "who are you?\n");
}
