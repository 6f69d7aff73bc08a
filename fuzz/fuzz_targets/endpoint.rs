//! No word makes the endpoint parser panic, and what it takes prints back the same.
#![no_main]

use framecat_proto::Endpoint;
use framecat_proto::options::{parse_size, parse_time, print_size, print_time};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|word: &str| {
    if let Ok(endpoint) = word.parse::<Endpoint>() {
        let printed = endpoint.to_string();
        let again: Endpoint = printed.parse().expect("a printed endpoint parses");
        assert_eq!(again, endpoint, "{printed}");
        assert_eq!(again.to_string(), printed);
    }
    if let Ok(bytes) = parse_size(word) {
        assert_eq!(parse_size(&print_size(bytes)), Ok(bytes));
    }
    if let Ok(time) = parse_time(word) {
        assert_eq!(parse_time(&print_time(time)), Ok(time));
    }
});
