//! Range arithmetic against the plainest model there is: a list of which bytes are asked for.

use super::*;
use framecat_proto::http::range::{self, Ranges};
use proptest::prelude::*;

/// Numbers around the ends of a file of `size` bytes, and far from them.
fn number() -> impl Strategy<Value = u128> {
    prop_oneof![
        0_u128..12,
        Just(u128::from(u64::MAX)),
        Just(u128::from(u64::MAX) + 1),
        Just(u128::MAX)
    ]
}

#[derive(Debug, Clone)]
enum Spec {
    Closed(u128, u128),
    Open(u128),
    Last(u128),
}

impl Spec {
    fn text(&self) -> String {
        match self {
            Spec::Closed(first, last) => format!("{first}-{last}"),
            Spec::Open(first) => format!("{first}-"),
            Spec::Last(count) => format!("-{count}"),
        }
    }

    fn wants(&self, byte: u128, size: u128) -> bool {
        match *self {
            Spec::Closed(first, last) => (first..=last).contains(&byte),
            Spec::Open(first) => byte >= first,
            Spec::Last(count) => byte + count >= size,
        }
    }
}

fn spec() -> impl Strategy<Value = Spec> {
    prop_oneof![
        (number(), number()).prop_map(|(a, b)| Spec::Closed(a.min(b), a.max(b))),
        number().prop_map(Spec::Open),
        // Larger ones would overflow the model's own sum.
        (0_u128..1 << 100).prop_map(Spec::Last),
        (0_u128..12).prop_map(Spec::Last),
    ]
}

proptest! {
    #[test]
    fn ranges_are_the_bytes_that_are_asked_for(
        specs in proptest::collection::vec(spec(), 1..=16),
        size in 1_u64..12,
    ) {
        let texts: Vec<String> = specs.iter().map(Spec::text).collect();
        let value = format!("bytes={}", texts.join(","));
        let wanted: Vec<bool> = (0..u128::from(size))
            .map(|byte| specs.iter().any(|spec| spec.wants(byte, size.into())))
            .collect();
        match range::of(value.as_bytes(), size) {
            Ranges::Spans(spans) => {
                let mut got = vec![0; size as usize];
                for span in &spans {
                    prop_assert!(span.len > 0 && span.last() < size);
                    for byte in span.from..=span.last() {
                        got[byte as usize] += 1;
                    }
                }
                // Each byte that was asked for once, and no other.
                for (byte, wanted) in wanted.iter().enumerate() {
                    prop_assert_eq!(got[byte], i32::from(*wanted), "byte {} of {}", byte, value);
                }
                for a in &spans {
                    for b in spans.iter().filter(|b| *b != a) {
                        prop_assert!(a.last() + 1 < b.from || b.last() + 1 < a.from, "{}", value);
                    }
                }
            }
            Ranges::Unsatisfiable => prop_assert!(!wanted.contains(&true), "{}", value),
            Ranges::Ignored => prop_assert!(false, "{} is ignored", value),
        }
    }

    #[test]
    fn no_range_field_breaks_anything(value in ".{0,40}", size in any::<u64>()) {
        for value in [value.clone(), format!("bytes={value}")] {
            if let Ranges::Spans(spans) = range::of(value.as_bytes(), size) {
                let sum: u128 = spans.iter().map(|span| u128::from(span.len)).sum();
                prop_assert!(sum <= size.into());
            }
        }
    }

    #[test]
    fn ranges_near_the_largest_number_stay_inside(
        from in 0_u64..20, count in 0_u64..20, less in 0_u64..20,
    ) {
        let size = u64::MAX - less;
        let (first, last) = (u64::MAX - from, u64::MAX - from.min(count));
        let value = format!("bytes={first}-{last},-{first},{first}-");
        match range::of(value.as_bytes(), size) {
            Ranges::Spans(spans) => prop_assert!(spans.iter().all(|span| span.last() < size)),
            Ranges::Unsatisfiable | Ranges::Ignored => prop_assert!(false, "{}", value),
        }
    }

    #[test]
    fn whatever_a_path_is_the_name_stays_below_the_root(path in "(/|%2e|%2f|\\.|%00|a|%|%41|:){0,12}") {
        let text = format!("GET /{path} HTTP/1.1\nHost: localhost");
        let policy = Policy { hidden: true, ..policy() };
        let (needs, reply) = answered(&text, &Facts::Folder, &policy, NOW);
        if let Some(needs) = needs {
            let bytes = &needs.path.bytes;
            let mut names = bytes.split(|byte| *byte == b'/');
            prop_assert!(bytes.is_empty() || names.all(|n| !matches!(n, b"" | b"." | b"..")));
            prop_assert!(!bytes.contains(&0));
        } else {
            prop_assert_eq!(reply.status, 400);
        }
    }
}
