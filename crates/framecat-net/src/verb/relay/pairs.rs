//! `relay --listen-both`: both ends wait, and whoever comes to one is joined with the next who comes to
//! the other. For two programs of which neither listens.

use std::sync::Arc;

use framecat_proto::limits::CLIENTS;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Relay, Shared};
use crate::conn::Conn;
use crate::converse::sleep_until;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::open::{self, Accepted, ListenOptions, Listener};
use crate::talk::{End, Named, Shutdown};

/// Binds both ends, and joins their connections two by two, in the order in which they come. Whoever
/// waits for the other half holds a place; what is said meanwhile waits in the kernel.
pub(super) async fn run(
    options: Relay,
    observer: Arc<dyn Observer>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let listen = ListenOptions { lan: options.lan, message_bytes: options.message_bytes };
    let mut left = open::listen(&options.left, &listen).await?;
    let mut right = open::listen(&options.right, &listen).await?;
    for listener in [&mut left, &mut right] {
        listener.admit(options.access.clone());
        let (endpoint, reach, pin) = (listener.endpoint(), listener.reach(), listener.pin());
        observer.event(Event::Listening { endpoint, reach, pin });
    }
    let time = options.deadline;
    let deadline = time.map(|time| Instant::now() + time);
    let places = Arc::new(Semaphore::new(options.max_clients.unwrap_or(CLIENTS)));
    let once = options.once;
    let shared = Arc::new(Shared::new(options, observer));
    let joint = &shared.joint;
    let (stop, stopped) = Shutdown::new();
    let mut pairs: JoinSet<()> = JoinSet::new();
    let mut open = true;
    // At most one waits at each end; the others wait in the kernel's queue.
    let (mut waiting, mut other) = (None, None);
    let ended = loop {
        if waiting.is_some() && other.is_some() {
            open = !once;
            if let (Some((one, place)), Some(other)) = (waiting.take(), other.take()) {
                pairs.spawn(pair(shared.clone(), one, other, place, stopped.clone()));
            }
        }
        if !open && pairs.is_empty() {
            break joint.unmet();
        }
        tokio::select! {
            biased;
            Some(_) = pairs.join_next() => {}
            () = joint.enough() => break End::Done,
            accepted = placed(&mut left, &places), if open && waiting.is_none() => {
                let (accepted, place) = accepted?;
                waiting = taken(&shared, accepted).map(|conn| (conn, place));
            }
            accepted = right.accept(), if open && other.is_none() => {
                other = taken(&shared, accepted?);
            }
            ended = joint.write_told() => break ended?,
            () = shutdown.requested() => break match joint.unmet() {
                End::NotMet(_) => End::Interrupted,
                end => end,
            },
            () = sleep_until(deadline) => break End::Deadline(time.unwrap_or_default()),
        }
    };
    stop.request();
    let drained = async { while pairs.join_next().await.is_some() {} };
    // Whoever is not done by then is cut off.
    if tokio::time::timeout(ended.drain_time(), drained).await.is_err() {
        joint.ledger.note_lost();
    }
    joint.flush(0).await?;
    Ok(joint.ledger.settle(ended))
}

async fn placed(
    listener: &mut Listener,
    places: &Arc<Semaphore>,
) -> Result<(Accepted, Option<OwnedSemaphorePermit>), Error> {
    let place = places.clone().acquire_owned().await.ok();
    Ok((listener.accept().await?, place))
}

/// The connection, if it is one; else what happened is told.
fn taken(shared: &Shared, accepted: Accepted) -> Option<Conn> {
    let joint = &shared.joint;
    match accepted {
        Accepted::Conn(conn) => return Some(conn),
        Accepted::Failed(error) => {
            let conn = joint.ledger.next_conn();
            joint.observer.event(Event::Failed { conn, error: &error });
        }
        Accepted::NotAllowed { peer, count } => {
            joint.observer.event(Event::NotAllowed { peer: &peer, count });
        }
        Accepted::Delayed { again: true, .. } => {}
        Accepted::Delayed { error, wait, .. } => {
            joint.observer.event(Event::AcceptDelayed { error: &error, wait });
        }
    }
    None
}

async fn pair(
    shared: Arc<Shared>,
    left: Conn,
    right: Conn,
    _place: Option<OwnedSemaphorePermit>,
    stopped: Shutdown,
) {
    let joint = &shared.joint;
    let conn = joint.ledger.next_conn();
    let named = Named { conn, peer: left.peer().into(), local: left.local().into() };
    named.opened(&*joint.observer);
    let (totals, ended) = joint.join(&named, left, right, stopped).await;
    if let Err(error) = ended {
        joint.failed(conn, &error);
    }
    named.closed(totals, &*joint.observer);
}
