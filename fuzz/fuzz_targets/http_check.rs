#![no_main]

//! Whatever a server says, the judge comes to a verdict, and what is next does not depend on how it came.

use std::sync::{Arc, OnceLock};

use framecat_proto::http::check::{Case, Ended, Next, Subject, Trial, Verdict, cases};
use libfuzzer_sys::fuzz_target;

fn subject() -> &'static Arc<Subject> {
    static SUBJECT: OnceLock<Arc<Subject>> = OnceLock::new();
    SUBJECT.get_or_init(|| {
        let head = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:50:00 GMT\r\nETag: \"x1\"\r\n\
            Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 120\r\n\r\n";
        let answer = [head.as_bytes(), &[b'a'; 120]].concat();
        Arc::new(Subject::learn("host", "/a", false, &answer).expect("it is a file"))
    })
}

fuzz_target!(|data: &[u8]| {
    let [high, low, how, received @ ..] = data else { return };
    let all: Vec<&'static Case> = cases().collect();
    let case = all[usize::from(u16::from_be_bytes([*high, *low])) % all.len()];
    let trial = Trial::new(case, subject()).expect("the subject has all that a case needs");
    let ended = [Ended::Open, Ended::Closed, Ended::Reset, Ended::Silent][usize::from(how % 4)];
    let asked = how & 4 != 0;
    if let Verdict::Failed(broken) = trial.verdict(received, ended, asked) {
        assert!(!broken.what.is_empty());
    }
    trial.broken_laws(received, ended);
    // Done stays done, and what was not known of less is not unknown of more.
    if trial.next(&received[..received.len() / 2], asked) == Next::Done {
        assert_eq!(trial.next(received, asked), Next::Done);
    }
    // Any answer may be the first one.
    if let Ok(learned) = Subject::learn("host", "/a", false, received) {
        assert!(learned.content.len() >= 100);
    }
});
