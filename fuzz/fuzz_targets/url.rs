//! No text makes the URL parser panic, what it takes prints back the same, and no redirect leads from the
//! network to a Unix socket or from one to the network, or puts a control into a request line.
#![no_main]

use framecat_proto::http::url::Url;
use framecat_proto::options::Options;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|words: (&str, &[u8])| {
    let (typed, location) = words;
    let Ok(url) = typed.parse::<Url>() else { return };
    let printed = url.to_string();
    let again: Url = printed.parse().expect("a printed URL parses");
    assert_eq!(again, url, "{printed}");
    let endpoint = url.endpoint(&Options::new()).to_string();
    endpoint.parse::<framecat_proto::Endpoint>().expect("what is dialled is an endpoint");
    let _ = url.file_name().map(|name| assert!(!name.is_empty() && !name.contains(&b'/')));
    if let Ok(next) = url.join(location, "host") {
        assert_eq!(next.is_unix(), url.is_unix());
        assert!(next.target().starts_with('/'));
        assert!(next.target().bytes().all(|byte| byte.is_ascii_graphic()), "{}", next.target());
        assert!(next.host().bytes().all(|byte| byte.is_ascii_graphic()), "{}", next.host());
        let printed = next.to_string();
        assert_eq!(printed.parse(), Ok(next), "{printed}");
    }
});
