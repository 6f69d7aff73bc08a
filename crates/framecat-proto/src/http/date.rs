//! Moments as HTTP writes them (RFC 9110 section 5.6.7).
//!
//! | form | of |
//! | --- | --- |
//! | `Sun, 06 Nov 1994 08:49:37 GMT` | everything that is sent |
//! | `Sunday, 06-Nov-94 08:49:37 GMT` | RFC 850; still read |
//! | `Sun Nov  6 08:49:37 1994` | C's `asctime`; still read |
//!
//! All three have a fixed place for each character, so reading looks at 33 bytes at the most, whatever
//! a peer sends, and a year has four digits.

use super::Seconds;

/// Bytes of a moment as it is sent.
pub const LEN: usize = 29;

const DAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const LONG_DAYS: [&[u8]; 7] =
    [b"Thursday", b"Friday", b"Saturday", b"Sunday", b"Monday", b"Tuesday", b"Wednesday"];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const DAY: Seconds = 86_400;
/// 0000-01-01 and the second after 9999-12-31 ended: what four digits of a year can say.
const FIRST: Seconds = -62_167_219_200;
const END: Seconds = 253_402_300_800;

/// `at` as it is sent. A moment outside the years 0000 to 9999 is the nearest one inside.
pub fn write(at: Seconds) -> [u8; LEN] {
    let at = at.clamp(FIRST, END - 1);
    let (days, second) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let mut out = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    out[..3].copy_from_slice(DAYS[days.rem_euclid(7) as usize]);
    two(&mut out[5..7], day);
    out[8..11].copy_from_slice(MONTHS[month as usize - 1]);
    two(&mut out[12..14], year / 100);
    two(&mut out[14..16], year % 100);
    two(&mut out[17..19], second / 3_600);
    two(&mut out[20..22], second / 60 % 60);
    two(&mut out[23..25], second % 60);
    out
}

/// The moment that `value` is in one of the three forms; `None` where it is none of them, whatever else
/// it is. `now` tells which century a year of two digits means: one that seems more than 50 years ahead
/// is past (RFC 9110 section 5.6.7).
pub fn parse(value: &[u8], now: Seconds) -> Option<Seconds> {
    match value.len() {
        LEN if value[3] == b',' => fixdate(value),
        24 => asctime(value),
        30..=33 => rfc850(value, now),
        _ => None,
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn fixdate(value: &[u8]) -> Option<Seconds> {
    let [day_name, date, month, year, time, zone] = [0..3, 5..7, 8..11, 12..16, 17..25, 26..29];
    let gaps = [(3, b','), (4, b' '), (7, b' '), (11, b' '), (16, b' '), (25, b' ')];
    if gaps.iter().any(|(at, byte)| value[*at] != *byte) || &value[zone] != b"GMT" {
        return None;
    }
    DAYS.iter().find(|name| name[..] == value[day_name.clone()])?;
    moment(number(&value[year])?, named(&value[month])?, number(&value[date])?, &value[time])
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc850(value: &[u8], now: Seconds) -> Option<Seconds> {
    let name = LONG_DAYS.iter().find(|name| value.starts_with(name))?;
    let rest = value[name.len()..].strip_prefix(b", ")?;
    if rest.len() != 22 || rest[2] != b'-' || rest[6] != b'-' || rest[9] != b' ' {
        return None;
    }
    let (month, date) = (named(&rest[3..6])?, number(&rest[..2])?);
    let (year, time) = (number(&rest[7..9])?, rest[10..].strip_suffix(b" GMT")?);
    // The latest such year that is not too far ahead.
    let (this_year, ..) = civil(now.clamp(FIRST, END - 1).div_euclid(DAY));
    let mut year = this_year - this_year % 100 + 100 + year;
    loop {
        // A 29th of February need not be there in every century.
        match moment(year, month, date, time) {
            Some(at) if at <= fifty_years_after(now) => return Some(at),
            None if year % 4 != 0 => return None,
            _ if year < this_year - 300 => return None,
            _ => year -= 100,
        }
    }
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(value: &[u8]) -> Option<Seconds> {
    let gaps = [3, 7, 10, 19];
    if gaps.iter().any(|at| value[*at] != b' ') {
        return None;
    }
    DAYS.iter().find(|name| name[..] == value[..3])?;
    let date = match value[8] {
        b' ' => number(&value[9..10])?,
        _ => number(&value[8..10])?,
    };
    moment(number(&value[20..24])?, named(&value[4..7])?, date, &value[11..19])
}

fn fifty_years_after(now: Seconds) -> Seconds {
    let (year, month, day) = civil(now.clamp(FIRST, END - 1).div_euclid(DAY));
    days(year + 50, month, day) * DAY + now.rem_euclid(DAY)
}

/// The moment of a date and a `time` `08:49:37`, where there is such a one.
fn moment(year: i64, month: i64, date: i64, time: &[u8]) -> Option<Seconds> {
    if time.len() != 8 || time[2] != b':' || time[5] != b':' {
        return None;
    }
    let (hour, minute) = (number(&time[..2])?, number(&time[3..5])?);
    let second = number(&time[6..8])?;
    // 60 is a leap second.
    if hour > 23 || minute > 59 || second > 60 || date < 1 || date > in_month(year, month) {
        return None;
    }
    Some(days(year, month, date) * DAY + hour * 3_600 + minute * 60 + second)
}

fn in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn two(out: &mut [u8], number: i64) {
    out[0] = b'0' + (number / 10) as u8;
    out[1] = b'0' + (number % 10) as u8;
}

/// All of `digits` as a number; there are four at the most.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
    })
}

fn named(month: &[u8]) -> Option<i64> {
    let at = MONTHS.iter().position(|name| name[..] == *month)?;
    Some(at as i64 + 1)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. Years begin with March here, so that the
/// day that comes and goes is the last (H. S. Warren and E. G. Richards have it; so has
/// `days_from_civil` of C++20).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The other way: year, month 1 to 12, day.
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOV_1994: Seconds = 784_111_777;
    const NOW: Seconds = 1_790_000_000;

    #[test]
    fn the_three_forms_are_one_moment() {
        for form in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun Nov 06 08:49:37 1994",
        ] {
            assert_eq!(parse(form.as_bytes(), NOW), Some(NOV_1994), "{form}");
        }
        assert_eq!(&write(NOV_1994), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(&write(0), b"Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(&write(-1), b"Wed, 31 Dec 1969 23:59:59 GMT");
        assert_eq!(&write(i64::MAX), b"Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(&write(i64::MIN), b"Sat, 01 Jan 0000 00:00:00 GMT");
    }

    #[test]
    fn what_is_written_is_read_back_whatever_the_day() {
        for day in -719_528..2_932_897_i64 {
            let at = day * DAY + day.rem_euclid(DAY);
            assert_eq!(parse(&write(at), NOW), Some(at), "{at}");
        }
    }

    #[test]
    fn a_year_of_two_digits_is_at_most_fifty_years_ahead() {
        // NOW is 2026-09-21.
        let year = |value: &str| {
            let at = parse(value.as_bytes(), NOW)?;
            Some(civil(at.div_euclid(DAY)).0)
        };
        assert_eq!(year("Monday, 21-Sep-76 00:00:00 GMT"), Some(2076));
        assert_eq!(year("Monday, 22-Sep-76 00:00:00 GMT"), Some(1976));
        assert_eq!(year("Monday, 01-Jan-77 00:00:00 GMT"), Some(1977));
        assert_eq!(year("Monday, 01-Jan-26 00:00:00 GMT"), Some(2026));
        assert_eq!(year("Tuesday, 29-Feb-00 00:00:00 GMT"), Some(2000));
        assert_eq!(year("Tuesday, 29-Feb-01 00:00:00 GMT"), None);
        for now in [i64::MIN, FIRST, 0, END, i64::MAX] {
            assert!(
                parse(b"Monday, 22-Sep-76 00:00:00 GMT", now)
                    .is_none_or(|at| at < END + 100 * 366 * DAY)
            );
        }
    }

    #[test]
    fn what_is_no_date_is_none_however_long() {
        let long = "Sun, 06 Nov 1994 08:49:37 GMT".repeat(10_000);
        for bad in [
            "",
            "0",
            "Sun",
            "Sun, 06 Nov 99994 08:49:37 GMT",
            "Sun, 06 Nov -199 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "sun, 06 nov 1994 08:49:37 gmt",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +00",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 29 Feb 1900 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 08-49-37 GMT",
            "Xyz, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Xyz 1994 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Someday, 06-Nov-94 08:49:37 GMT",
            "Wednesday, 06-Nov-94 08:49:37 GM",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov   6 8:49:37 1994",
            "Sun Nov  6 08:49:37 19x4",
            "1994-11-06T08:49:37Z",
            &long,
        ] {
            assert_eq!(parse(bad.as_bytes(), NOW), None, "{bad:.60}");
        }
    }
}
