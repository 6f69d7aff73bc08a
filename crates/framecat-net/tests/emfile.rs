//! A listener without descriptors, in a process of its own: the limit is the process's.

use std::time::Duration;

use framecat_net::open::{Accepted, ListenOptions};
use framecat_net::{connect, listen};
use framecat_proto::Endpoint;
use framecat_proto::limits::ACCEPT_BACKOFF_MIN;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_listener_out_of_descriptors_waits_and_recovers() {
    let any: Endpoint = "tcp://127.0.0.1:0".parse().unwrap();
    let how = ListenOptions { lan: false, message_bytes: 1 };
    let mut listener = listen(&any, &how).await.unwrap();
    let at: Endpoint = listener.endpoint().parse().unwrap();
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(connect(&at, PATIENCE).await.unwrap());
    }
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(3), ..limit }).unwrap();
    // Each try rests twice as long as the last: it cannot spin.
    let mut expected = ACCEPT_BACKOFF_MIN;
    for n in 0..4 {
        let accepted = tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        let Accepted::Delayed { error, wait, again } = accepted else { panic!("{accepted:?}") };
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        assert_eq!(wait, expected);
        assert_eq!(again, n > 0, "told once");
        expected *= 2;
    }
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut conns = Vec::new();
    while conns.len() < clients.len() {
        match tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap().unwrap() {
            Accepted::Conn(conn) => conns.push(conn),
            other => panic!("there is room again: {other:?}"),
        }
    }
}
