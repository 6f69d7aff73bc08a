//! Two sides of a transfer meet, or do not: over real sockets, and with strangers of every kind.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use framecat_net::conn::Stream;
use framecat_net::error::{Cause, Error, Op, Unmet};
use framecat_net::event::{Event, Nobody, Observer};
use framecat_net::talk::Shutdown;
use framecat_net::transfer::{Bounds, Guard, Meeting, Place, Role, meet, meet_within};
use framecat_proto::Endpoint;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

mod crowd;
mod hostile;
mod model;
mod python;

use crate::sockets::{Dir, PATIENCE, endpoint, within};

use model::Wire;

pub const CODE: &str = "417-blaze-otter-quilt";

/// What is told of who came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Wrong { why: Unmet, left: u32 },
    NotMet { why: Unmet, count: u64 },
}

struct Ear {
    told: Mutex<Vec<Told>>,
    bound: mpsc::UnboundedSender<String>,
}

impl Observer for Ear {
    fn event(&self, event: Event<'_>) {
        let told = match event {
            Event::Listening { endpoint, .. } => return self.bound.send(endpoint.into()).unwrap(),
            Event::WrongCode { why, left, .. } => Told::Wrong { why: why.clone(), left },
            Event::NotMet { why, count, .. } => Told::NotMet { why: why.clone(), count },
            _ => return,
        };
        self.told.lock().unwrap().push(told);
    }
}

/// Somebody who listens.
pub struct Listening {
    pub at: Endpoint,
    pub done: JoinHandle<Result<Option<Stream>, Error>>,
    ear: Arc<Ear>,
}

impl Listening {
    pub fn told(&self) -> Vec<Told> {
        self.ear.told.lock().unwrap().clone()
    }

    pub async fn met(self) -> Stream {
        within(self.done).await.unwrap().unwrap().expect("no signal came")
    }

    pub async fn unmet(self) -> Unmet {
        unmet(within(self.done).await.unwrap())
    }
}

pub fn guard(code: &str, tries: u32) -> Guard {
    Guard::Code { code: code.parse().unwrap(), tries }
}

/// No pause between guesses; the rest as it is.
pub fn bounds() -> Bounds {
    Bounds { pause: Duration::ZERO, ..Bounds::default() }
}

pub fn meeting(place: Place, guard: Guard) -> Meeting {
    let wait = matches!(place, Place::Dial(_)).then_some(PATIENCE);
    Meeting { place, lan: false, wait, guard }
}

pub async fn listening_at(at: Endpoint, role: Role, guard: Guard, bounds: Bounds) -> Listening {
    let (bound, mut told) = mpsc::unbounded_channel();
    let ear = Arc::new(Ear { told: Mutex::default(), bound });
    let (meeting, own) = (meeting(Place::Listen(at), guard), ear.clone());
    let done = tokio::spawn(async move {
        meet_within(bounds, &meeting, role, &*own, &mut Shutdown::never()).await
    });
    let at = endpoint(&within(told.recv()).await.unwrap());
    Listening { at, done, ear }
}

pub async fn listening(role: Role, guard: Guard, bounds: Bounds) -> Listening {
    listening_at(endpoint("tcp://127.0.0.1:0"), role, guard, bounds).await
}

pub async fn dial(at: &Endpoint, role: Role, guard: Guard) -> Result<Option<Stream>, Error> {
    let meeting = meeting(Place::Dial(at.clone()), guard);
    within(meet_within(bounds(), &meeting, role, &Nobody, &mut Shutdown::never())).await
}

pub fn unmet(result: Result<Option<Stream>, Error>) -> Unmet {
    match result {
        Err(Error { cause: Cause::Unmet(unmet), .. }) => unmet,
        other => panic!("{other:?}"),
    }
}

/// What one says, the other hears, and so the other way round.
pub async fn can_talk(one: &Stream, other: &Stream) {
    for (from, to) in [(one, other), (other, one)] {
        within(from.write_all(b"in private")).await.unwrap();
        let mut heard = Vec::with_capacity(64);
        while heard.len() < 10 {
            assert_ne!(within(to.read(&mut heard)).await.unwrap(), 0);
        }
        assert_eq!(heard, b"in private");
    }
}

pub fn other(role: Role) -> Role {
    match role {
        Role::Send => Role::Receive,
        Role::Receive => Role::Send,
    }
}

pub const ROLES: [Role; 2] = [Role::Send, Role::Receive];

/// Blocking work beside the runtime.
pub async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    within(tokio::task::spawn_blocking(work)).await.unwrap()
}

/// Somebody dials who listens, and does this.
pub async fn comes<T: Send + 'static>(
    to: &Listening,
    does: impl FnOnce(Wire) -> T + Send + 'static,
) -> T {
    let at = to.at.clone();
    beside(move || does(Wire::dial(&at))).await
}

/// What a listener is told of one visit, the first or the next one.
pub async fn told(listens: &Listening, count: usize) -> Told {
    until(|| listens.told().len() >= count).await;
    listens.told()[count - 1].clone()
}

pub fn is_guess(told: &Told) -> bool {
    matches!(told, Told::Wrong { .. })
}

/// The one who is waited for still gets in.
pub async fn lets_the_right_one_in(listens: Listening, role: Role) {
    let dials = dial(&listens.at, other(role), guard(CODE, 3)).await.unwrap().unwrap();
    can_talk(&listens.met().await, &dials).await;
}

/// A server of this model's; the endpoint to dial.
pub fn serves<T: Send + 'static>(
    does: impl FnOnce(Wire) -> T + Send + 'static,
) -> (Endpoint, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = endpoint(&format!("tcp://{}", listener.local_addr().unwrap()));
    let work = tokio::task::spawn_blocking(move || does(Wire::new(listener.accept().unwrap().0)));
    (at, work)
}

#[tokio::test]
async fn a_sender_and_a_receiver_meet_whoever_of_them_listens() {
    let dir = Dir::new();
    for at in [endpoint("tcp://127.0.0.1:0"), dir.endpoint("unix", "s")] {
        for role in ROLES {
            for guard in [Guard::Plain, guard(CODE, 3)] {
                let listens = listening_at(at.clone(), role, guard.clone(), bounds()).await;
                let dials = dial(&listens.at, other(role), guard).await.unwrap().unwrap();
                assert_eq!(listens.told(), []);
                let listens = listens.met().await;
                can_talk(&listens, &dials).await;
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_code_is_refused_and_told_on_both_sides_and_the_right_one_gets_in_later() {
    for role in ROLES {
        let listens = listening(role, guard(CODE, 3), bounds()).await;
        for left in [2, 1] {
            let wrong = guard("417-blaze-otter-quill", 3);
            assert_eq!(unmet(dial(&listens.at, other(role), wrong).await), Unmet::WrongCode);
            // The dialling side may hear of it first.
            until(|| listens.told().len() == 3 - left as usize).await;
            assert_eq!(
                listens.told().last(),
                Some(&Told::Wrong { why: Unmet::WrongCode, left }),
                "{role:?}"
            );
        }
        let dials = dial(&listens.at, other(role), guard(CODE, 3)).await.unwrap().unwrap();
        can_talk(&listens.met().await, &dials).await;
    }
}

/// Lets the others run until it is so.
pub async fn until(is_so: impl Fn() -> bool) {
    within(async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn after_the_last_wrong_guess_the_code_is_void_on_both_sides() {
    for role in ROLES {
        for tries in [0, 1, 2, 3, 5, 9] {
            let listens = listening(role, guard(CODE, tries), bounds()).await;
            let borne = tries.clamp(1, 5);
            for guess in 1..=borne {
                let wrong = dial(&listens.at, other(role), guard("417-acid-acid-acid", 3)).await;
                let told = if guess == borne { Unmet::Void } else { Unmet::WrongCode };
                assert_eq!(unmet(wrong), told, "{role:?}, guess {guess} of {borne}");
            }
            let at = listens.at.clone();
            assert_eq!(listens.unmet().await, Unmet::Burned { guesses: borne });
            let late = dial(&at, other(role), guard(CODE, 3)).await.unwrap_err();
            assert_eq!(late.errno(), Some(libc::ECONNREFUSED), "nobody listens any more");
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_is_told_on_both_sides_and_is_no_guess() {
    let kinds = |role| [(role, Guard::Plain), (role, guard(CODE, 1))];
    for (role, own) in kinds(Role::Send).into_iter().chain(kinds(Role::Receive)) {
        let listens = listening(role, own.clone(), bounds()).await;
        let mut told = 0;
        for (theirs, guard) in kinds(Role::Send).into_iter().chain(kinds(Role::Receive)) {
            let plain = |guard: &Guard| *guard == Guard::Plain;
            let (ours, others) = match (role == theirs, plain(&own) == plain(&guard)) {
                (true, _) if role == Role::Send => (Unmet::BothSend, Unmet::BothSend),
                (true, _) => (Unmet::BothReceive, Unmet::BothReceive),
                (false, true) => continue,
                (false, false) => {
                    (Unmet::Guards { plain: plain(&own) }, Unmet::Guards { plain: plain(&guard) })
                }
            };
            assert_eq!(unmet(dial(&listens.at, theirs, guard).await), others);
            told += 1;
            if told != 3 {
                until(|| listens.told().len() == told).await;
                let last = Told::NotMet { why: ours, count: told as u64 };
                assert_eq!(listens.told().last(), Some(&last));
            }
        }
        dial(&listens.at, other(role), own).await.unwrap().unwrap();
        listens.met().await;
    }
}

#[tokio::test]
async fn files_move_over_streams_between_two_programs_only() {
    for (at, remedy) in [
        ("tls://127.0.0.1:0,self-signed", "write tcp://127.0.0.1:0"),
        ("tls://[::1]:9000", "write tcp://[::1]:9000"),
        ("udp://127.0.0.1:0", "write HOST:PORT or unix://PATH"),
        ("unixseq://@x", "write HOST:PORT or unix://PATH"),
        ("exec:cat", "write HOST:PORT or unix://PATH"),
        ("-", "write HOST:PORT or unix://PATH"),
    ] {
        let endpoint = endpoint(at);
        for (place, op) in
            [(Place::Listen(endpoint.clone()), Op::Listen), (Place::Dial(endpoint), Op::Connect)]
        {
            let meeting = meeting(place, Guard::Plain);
            let never = &mut Shutdown::never();
            let refused = within(meet(&meeting, Role::Send, &Nobody, never)).await;
            match refused {
                Err(Error { op: at, cause: Cause::Address { remedy: told, .. }, .. }) => {
                    assert_eq!((at, told.as_str()), (op, remedy));
                }
                other => panic!("{at}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn who_waits_is_ended_by_its_time_and_by_a_signal() {
    let options = |wait| Meeting {
        wait,
        ..meeting(Place::Listen(endpoint("tcp://127.0.0.1:0")), guard(CODE, 3))
    };
    let wait = Duration::from_millis(20);
    let over =
        within(meet(&options(Some(wait)), Role::Send, &Nobody, &mut Shutdown::never())).await;
    match over {
        Err(Error { op: Op::Accept, cause: Cause::TimedOut(time), .. }) => assert_eq!(time, wait),
        other => panic!("{other:?}"),
    }
    let (switch, mut shutdown) = Shutdown::new();
    switch.request();
    let none = within(meet(&options(None), Role::Send, &Nobody, &mut shutdown)).await.unwrap();
    assert!(none.is_none());
}
