//! MQTT: mosquitto, mosquitto_pub and mosquitto_sub.

use crate::run::{Folder, Run, Running, Signal, have};
use crate::shown::shown;

/// A broker on a Unix socket, so that no port has to be guessed.
fn broker(folder: &Folder) -> (Running, String) {
    let (file, socket) = (folder.file("conf"), folder.file("s"));
    let text = format!("listener 0 {socket}\nallow_anonymous true\nuser root\npersistence false\n");
    std::fs::write(&file, text).unwrap();
    let running = Run::program("mosquitto", &["-c", &file]).stdin_null().start();
    running.told("running");
    (running, format!("unix://{socket}"))
}

#[test]
fn subscriber_and_publisher_meet_their_broker_through_a_relay() {
    if !have("mosquitto") || !have("mosquitto_sub") || !have("mosquitto_pub") {
        return;
    }
    let folder = Folder::new();
    let (broker, socket) = broker(&folder);
    let relay = Run::new(&["relay", ":0", &socket, "-f", "mqtt", "--show=hex"]).start();
    let port = relay.port().to_string();
    let common = ["-h", "127.0.0.1", "-p", &port, "-t", "cats/tom"];
    let subscriber = Run::program(
        "mosquitto_sub",
        &[&common[..], &["-C", "1", "-q", "1", "-V", "mqttv5"]].concat(),
    );
    let subscriber = subscriber.start();
    // SUBACK: from now on it hears what is published.
    relay.told_when(|told| shown(told).iter().any(|m| m.mark == '>' && m.text.starts_with("90")));
    let text = "x".repeat(500);
    let publisher =
        Run::program("mosquitto_pub", &[&common[..], &["-m", &text, "-q", "1"]].concat());
    publisher.run("").expect(0, "");
    subscriber.finish().expect(0, format!("{text}\n"));
    relay.signal(Signal::TERM);
    let finished = relay.wait();
    assert_eq!(finished.code, 0, "{finished}");
    let told = shown(&finished.stderr);
    // PUBLISH, QoS 1: type, two bytes of length, topic with its length, packet identifier, text.
    let published = told.iter().find(|m| m.mark == '<' && m.text.starts_with("32"));
    assert_eq!(published.map(|message| message.length), Some(3 + 2 + 8 + 2 + 500), "{told:?}");
    broker.signal(Signal::TERM);
    broker.wait();
}

#[test]
fn a_broker_is_asked_by_hand() {
    if !have("mosquitto") {
        return;
    }
    let folder = Folder::new();
    let (broker, socket) = broker(&folder);
    // CONNECT of MQTT 3.1.1 with an empty name, PINGREQ: CONNACK, PINGRESP.
    let ask = ["ask", &socket, "-f", "mqtt", "--in", "hex", "--out", "hex"];
    let messages = ["100c00044d5154540402003c0000", "c000"];
    Run::new(&[&ask[..], &messages].concat()).run("").expect(0, "20020000\nd000\n");
    let wrong = Run::new(&[&ask[..], &["30ffffffff01"]].concat()).run("");
    assert!(wrong.stderr.contains("fifth byte"), "{wrong}");
    broker.signal(Signal::TERM);
    broker.wait();
}
