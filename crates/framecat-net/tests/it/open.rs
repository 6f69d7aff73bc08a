//! Opening: what is refused, what is replaced, what is kept.

use std::os::unix::net::{UnixDatagram, UnixListener};
use std::time::Duration;

use framecat_net::error::{Cause, Op};
use framecat_net::link::Link;
use framecat_net::open::ListenOptions;
use framecat_net::sockopt::reset_on_close;
use framecat_net::{Conn, connect, listen};

use framecat_proto::Endpoint;

use crate::sockets::{Dir, PATIENCE, accepted, dial, endpoint, listening, options, within};

const HOW: ListenOptions = ListenOptions { lan: false, message_bytes: 1_000 };

#[tokio::test]
async fn a_closed_port_is_refused() {
    let listener = listening(&endpoint("tcp://127.0.0.1:0"), 1).await;
    let at = endpoint(listener.endpoint());
    drop(listener);
    let error = within(connect(&at, PATIENCE)).await.unwrap_err();
    assert_eq!((error.op, error.errno()), (Op::Connect, Some(libc::ECONNREFUSED)), "{error}");
}

#[tokio::test]
async fn a_name_is_reached_at_whichever_address_answers_and_every_failure_is_told() {
    let mut listener = listening(&endpoint("tcp://127.0.0.1:0"), 1).await;
    let port = listener.endpoint().rsplit(':').next().unwrap().to_string();
    let by_name = endpoint(&format!("tcp://localhost:{port}"));
    let conn = within(connect(&by_name, PATIENCE)).await.unwrap();
    assert_eq!(conn.peer(), format!("127.0.0.1:{port}"));
    accepted(&mut listener).await;
    drop((conn, listener));
    let error = within(connect(&by_name, PATIENCE)).await.unwrap_err();
    assert_eq!(error.errno(), Some(libc::ECONNREFUSED), "{error}");
}

#[tokio::test]
async fn an_address_that_does_not_answer_times_out() {
    // Two connections fill a queue of one; the next ones are not answered.
    let listener = listening(&endpoint("tcp://127.0.0.1:0,backlog=1"), 1).await;
    let mut held = Vec::new();
    let at = endpoint(listener.endpoint());
    let wait = Duration::from_millis(300);
    for _ in 0..5 {
        match within(connect(&at, wait)).await {
            Ok(conn) => held.push(conn),
            Err(error) => {
                assert!(matches!(error.cause, Cause::TimedOut(told) if told == wait), "{error}");
                return;
            }
        }
    }
    panic!("a queue of one took {}", held.len());
}

#[tokio::test]
async fn a_connection_to_itself_is_refused() {
    for host in ["127.0.0.1", "0.0.0.0"] {
        let listener = listening(&endpoint("tcp://127.0.0.1:0"), 1).await;
        let port = listener.endpoint().rsplit(':').next().unwrap().to_string();
        drop(listener);
        let itself = endpoint(&format!("tcp://{host}:{port},bind=127.0.0.1:{port}"));
        let error = within(connect(&itself, PATIENCE)).await.unwrap_err();
        assert_eq!(error.errno(), Some(libc::ECONNREFUSED), "{host}: {error}");
    }
}

#[tokio::test]
async fn a_reset_before_accept_does_not_end_the_listener() {
    let mut listener = listening(&endpoint("tcp://127.0.0.1:0"), 1).await;
    for _ in 0..20 {
        let Conn::Stream(gone) = dial(&listener).await else { panic!("a stream") };
        reset_on_close(gone.as_fd()).unwrap();
    }
    let mut client = Link::new(dial(&listener).await, &options("line", 100));
    client.send(b"hello").await.unwrap();
    for _ in 0..=20 {
        let mut server = Link::new(accepted(&mut listener).await, &options("line", 100));
        match within(server.recv()).await {
            Ok(Some(message)) => return assert_eq!(message, b"hello"),
            Ok(None) => panic!("a reset is no end"),
            Err(error) => assert_eq!(error.errno(), Some(libc::ECONNRESET), "{error}"),
        }
    }
    panic!("the one that stayed was not accepted");
}

#[tokio::test]
async fn a_dead_socket_file_is_replaced() {
    for scheme in ["unix", "unixgram", "unixseq"] {
        let dir = Dir::new();
        drop(UnixListener::bind(dir.join("stream")).unwrap());
        drop(UnixDatagram::bind(dir.join("datagram")).unwrap());
        for name in ["stream", "datagram"] {
            let listener = listening(&dir.endpoint(scheme, name), 100).await;
            drop(dial(&listener).await);
        }
    }
}

#[tokio::test]
async fn a_live_socket_file_is_kept() {
    let dir = Dir::new();
    let stream = UnixListener::bind(dir.join("stream")).unwrap();
    let datagram = UnixDatagram::bind(dir.join("datagram")).unwrap();
    for scheme in ["unix", "unixgram", "unixseq"] {
        for name in ["stream", "datagram"] {
            let error = listen(&dir.endpoint(scheme, name), &HOW).await.unwrap_err();
            assert_eq!(error.errno(), Some(libc::EADDRINUSE), "{scheme} {name}: {error}");
            assert!(dir.join(name).exists(), "{scheme} {name}");
        }
    }
    drop((stream, datagram));
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_never_removed() {
    let dir = Dir::new();
    std::fs::write(dir.join("file"), "precious").unwrap();
    std::os::unix::fs::symlink(dir.join("nowhere"), dir.join("link")).unwrap();
    drop(UnixListener::bind(dir.join("dead")).unwrap());
    std::os::unix::fs::symlink(dir.join("dead"), dir.join("to-dead")).unwrap();
    for scheme in ["unix", "unixgram", "unixseq"] {
        for name in ["file", "link", "to-dead"] {
            let error = listen(&dir.endpoint(scheme, name), &HOW).await.unwrap_err();
            assert!(matches!(error.cause, Cause::Address { .. }), "{scheme} {name}: {error}");
            assert!(dir.join(name).symlink_metadata().is_ok(), "{scheme} {name} is gone");
        }
    }
    assert_eq!(std::fs::read(dir.join("file")).unwrap(), b"precious");
}

#[tokio::test]
async fn a_path_is_removed_at_the_end_only_if_it_is_still_ours() {
    for scheme in ["unix", "unixgram", "unixseq"] {
        let dir = Dir::new();
        drop(listening(&dir.endpoint(scheme, "s"), 100).await);
        assert!(!dir.join("s").exists(), "{scheme}");
        let listener = listening(&dir.endpoint(scheme, "s"), 100).await;
        std::fs::remove_file(dir.join("s")).unwrap();
        let other = UnixListener::bind(dir.join("s")).unwrap();
        drop(listener);
        assert!(dir.join("s").exists(), "{scheme}");
        drop(other);
    }
}

#[tokio::test]
async fn a_socket_path_of_107_bytes_is_taken_and_one_of_108_is_explained() {
    let dir = Dir::new();
    let base = dir.join("").display().to_string().len();
    for scheme in ["unix", "unixgram", "unixseq"] {
        let listener = listening(&dir.endpoint(scheme, &"x".repeat(107 - base)), 100).await;
        drop(dial(&listener).await);
        let path = dir.join(&"x".repeat(108 - base)).display().to_string();
        let error = format!("{scheme}://{path}").parse::<Endpoint>().unwrap_err().to_string();
        assert!(error.contains("108 bytes") && error.contains("107"), "{scheme}: {error}");
    }
}

#[tokio::test]
async fn two_datagram_listeners_cannot_share_a_port() {
    let listener = listening(&endpoint("udp://127.0.0.1:0"), 100).await;
    let error = listen(&endpoint(listener.endpoint()), &HOW).await.unwrap_err();
    assert_eq!(error.errno(), Some(libc::EADDRINUSE), "{error}");
}

#[tokio::test]
async fn a_listener_can_restart_at_once() {
    let mut at = endpoint("tcp://127.0.0.1:0");
    for _ in 0..20 {
        let mut listener = listening(&at, 1).await;
        at = endpoint(listener.endpoint());
        let client = dial(&listener).await;
        let server = accepted(&mut listener).await;
        // Closed first here: TIME_WAIT is on our side.
        drop(server);
        drop(client);
    }
}

#[tokio::test]
async fn a_paused_reader_is_not_taken_for_dead() {
    use framecat_net::sockopt::{Family, read_back};
    use framecat_proto::options::{Options, Value};
    // TCP_USER_TIMEOUT ends a connection whose peer reads nothing though it lives; keepalive does not:
    // a closed window is still acknowledged.
    let mut listener = listening(&endpoint("tcp://127.0.0.1:0"), 1).await;
    let dialled = within(connect(&endpoint(listener.endpoint()), PATIENCE)).await.unwrap();
    let taken = accepted(&mut listener).await;
    for conn in [&dialled, &taken] {
        let rows = read_back(conn.as_fd(), Family::Inet4, &Options::new());
        let effective = |name: &str| {
            rows.iter().find(|row| row.name == name).unwrap().effective.as_ref().unwrap()
        };
        let Value::Keepalive(keepalive) = effective("keepalive") else { panic!("{rows:?}") };
        let figures = (keepalive.idle.as_secs(), keepalive.interval.as_secs(), keepalive.count);
        assert_eq!(figures, (30, 10, 3));
        assert_eq!(effective("usertimeout"), &Value::Time(Duration::ZERO));
        assert_eq!(effective("nodelay"), &Value::Flag(true));
    }
}
