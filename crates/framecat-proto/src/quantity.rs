//! Sizes and times as people type them: `64k`, `1MiB`, `30s`, `1m30s`.

use std::time::Duration;

use crate::options::ParseOptionError;

/// The units of a size. The first spelling of a factor is the one that is printed.
const UNITS: &[(&str, u64)] = &[
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("T", 1 << 40),
    ("G", 1 << 30),
    ("M", 1 << 20),
    ("K", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("KB", 1_000),
    ("tib", 1 << 40),
    ("gib", 1 << 30),
    ("mib", 1 << 20),
    ("kib", 1 << 10),
    ("t", 1 << 40),
    ("g", 1 << 30),
    ("m", 1 << 20),
    ("k", 1 << 10),
    ("B", 1),
    ("", 1),
];

/// Digits after a decimal point that are still read: enough for any byte count that is whole.
const FRACTION_DIGITS: usize = 12;

/// A number of bytes.
///
/// `K M G T` and `KiB MiB GiB TiB` are powers of 1,024 (`k m g t` as well), `kB MB GB TB` powers of
/// 1,000, no unit or `B` is bytes. A fraction is taken if whole bytes come of it (`1.5k`). `kb` and
/// `Mb` are refused, because they could mean bits.
///
/// # Errors
/// The text is no number with such a unit, comes to part of a byte, or is over 2^64 - 1.
pub fn parse_size(text: &str) -> Result<u64, ParseOptionError> {
    let wrong = |why: &str| ParseOptionError {
        problem: format!("`{text}` {why}"),
        remedy: "write bytes, or a number with a unit: 64k, 1MiB (1,048,576), 1MB (1,000,000)"
            .into(),
    };
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let Some(&(_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(wrong("is no size"));
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let ends_in_point = number.contains('.') && fraction.is_empty();
    if whole.is_empty() || ends_in_point || fraction.contains('.') {
        return Err(wrong("is no size"));
    }
    if fraction.len() > FRACTION_DIGITS {
        return Err(wrong("has too many digits"));
    }
    let too_large = || wrong("is more than 2^64 - 1 bytes");
    let digits: u128 = format!("{whole}{fraction}").parse().map_err(|_| too_large())?;
    let scaled = digits.checked_mul(u128::from(factor)).ok_or_else(too_large)?;
    let divisor = 10_u128.pow(fraction.len() as u32);
    if scaled % divisor != 0 {
        return Err(wrong("is not a whole number of bytes"));
    }
    u64::try_from(scaled / divisor).map_err(|_| too_large())
}

/// A size as [`parse_size`] reads it back: in the largest power of 1,024 that divides it.
pub fn print_size(bytes: u64) -> String {
    match UNITS[..4].iter().find(|(_, factor)| bytes != 0 && bytes.is_multiple_of(*factor)) {
        Some((name, factor)) => format!("{}{name}", bytes / factor),
        None => bytes.to_string(),
    }
}

/// A length of time: numbers with the units `ns us ms s m h days`, as in `30s` and `1m30s`.
///
/// # Errors
/// The text is no such time. A bare number other than 0 is refused, because it has no unit.
pub fn parse_time(text: &str) -> Result<Duration, ParseOptionError> {
    let bare = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if bare && text.bytes().all(|b| b == b'0') {
        return Ok(Duration::ZERO);
    }
    let time = humantime::parse_duration(text).map_err(|_| ParseOptionError {
        problem: format!("`{text}` {}", if bare { "has no unit" } else { "is no time" }),
        remedy: if bare && text.len() < 10 {
            format!("write {text}s for seconds or {text}ms for milliseconds")
        } else {
            "write a number with a unit: 500ms, 30s, 1m30s, 2h".into()
        },
    })?;
    if time > TIME_MAX {
        return Err(ParseOptionError {
            problem: format!("`{text}` is longer than a hundred years"),
            remedy: "without the option there is no bound".into(),
        });
    }
    Ok(time)
}

/// The longest time that can be asked for: far enough that a clock never passes its end.
pub const TIME_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A time as [`parse_time`] reads it back, in one word.
pub fn print_time(time: Duration) -> String {
    humantime::format_duration(time).to_string().replace(' ', "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        for (text, bytes) in [
            ("0", 0),
            ("1500", 1500),
            ("10B", 10),
            ("64k", 65_536),
            ("64K", 65_536),
            ("64KiB", 65_536),
            ("64kib", 65_536),
            ("64kB", 64_000),
            ("64KB", 64_000),
            ("1M", 1 << 20),
            ("1MiB", 1 << 20),
            ("1MB", 1_000_000),
            ("1.5G", 3 << 29),
            ("0.5k", 512),
            ("2TB", 2_000_000_000_000),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_examples() {
        for (text, problem) in [
            ("", "`` is no size"),
            ("k", "`k` is no size"),
            ("-1", "`-1` is no size"),
            ("1.", "`1.` is no size"),
            (".5k", "`.5k` is no size"),
            ("1.2.3", "`1.2.3` is no size"),
            ("1kb", "`1kb` is no size"),
            ("1Mb", "`1Mb` is no size"),
            ("1 k", "`1 k` is no size"),
            ("0.3", "`0.3` is not a whole number of bytes"),
            ("1.0000000000000", "`1.0000000000000` has too many digits"),
            ("18446744073709551616", "`18446744073709551616` is more than 2^64 - 1 bytes"),
            ("99999999T", "`99999999T` is more than 2^64 - 1 bytes"),
        ] {
            let error = parse_size(text).unwrap_err();
            assert_eq!(error.problem, problem);
            assert!(error.remedy.contains("1MiB"), "{}", error.remedy);
        }
    }

    #[test]
    fn times_need_a_unit() {
        assert_eq!(parse_time("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_time("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_time("0"), Ok(Duration::ZERO));
        let error = parse_time("30").unwrap_err();
        assert_eq!(error.problem, "`30` has no unit");
        assert_eq!(error.remedy, "write 30s for seconds or 30ms for milliseconds");
        let error = parse_time("soon").unwrap_err();
        assert_eq!(error.problem, "`soon` is no time");
        assert!(error.remedy.contains("1m30s"), "{}", error.remedy);
        assert_eq!(parse_time("").unwrap_err().problem, "`` is no time");
    }

    proptest! {
        #[test]
        fn a_printed_size_reads_back(bytes in any::<u64>(), shift in 0_u32..64) {
            for bytes in [bytes, bytes >> shift, 1 << shift] {
                prop_assert_eq!(parse_size(&print_size(bytes)), Ok(bytes));
            }
        }

        #[test]
        fn a_printed_time_reads_back(secs in 0_u64..TIME_MAX.as_secs(), nanos in 0_u32..1_000_000_000) {
            for time in [Duration::new(secs, nanos), Duration::from_secs(secs)] {
                prop_assert_eq!(parse_time(&print_time(time)), Ok(time));
            }
        }

        #[test]
        fn no_text_makes_a_size_or_time_panic(text in ".*") {
            let _ = parse_size(&text);
            let _ = parse_time(&text);
        }
    }
}
