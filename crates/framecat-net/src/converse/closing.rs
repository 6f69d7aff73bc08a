//! The end of a connection: what a peer still sends is taken, so that it keeps our last words.

use std::time::Duration;

use framecat_proto::limits::{LINGER_BYTES, LINGER_TIME, READ_BYTES_MIN};

use crate::conn::{Kind, Stream, Turns};

/// Reads and drops what a peer still sends, for as long as it is polled.
pub(crate) async fn swallow(stream: Option<&Stream>) {
    if let Some(stream) = stream {
        let mut buf = Vec::with_capacity(READ_BYTES_MIN);
        let mut turns = Turns::default();
        while let Ok(1..) = stream.read(&mut buf).await {
            buf.clear();
            turns.take().await;
        }
    }
    std::future::pending().await
}

/// Closes a stream without losing our last words: closed with unread input, it would send a reset,
/// and the peer might drop what it has not read yet. So our direction is ended, what comes is
/// drained, and the rest is closed once the peer's kernel has all we sent.
pub(crate) async fn close(stream: &Stream) {
    let talks = matches!(stream.kind(), Kind::Tcp | Kind::Tls | Kind::Unix);
    if !talks || stream.shutdown_write().is_err() {
        return;
    }
    let drain = async {
        let mut buf = Vec::with_capacity(64 << 10);
        let mut drained = 0;
        let mut step = Duration::from_millis(1);
        while drained < LINGER_BYTES {
            buf.clear();
            match tokio::time::timeout(step, stream.read(&mut buf)).await {
                Ok(Ok(0) | Err(_)) => return,
                Ok(Ok(read)) => drained += read,
                // Between Unix sockets nothing is under way: what we wrote is the peer's.
                Err(_) if stream.kind() == Kind::Unix => return,
                Err(_) if stream.is_delivered() => return,
                Err(_) => step = (step * 2).min(Duration::from_millis(100)),
            }
        }
    };
    let last = async {
        drain.await;
        // The peer may have ended while TLS's end of our direction still waits for room.
        let _ = stream.flush().await;
    };
    // Whatever it came to, the connection is closed now.
    let _ = tokio::time::timeout(LINGER_TIME, last).await;
}
