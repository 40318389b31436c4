//! The parts of a date, in UTC, of times in seconds since 1970.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// The function that takes the named part of a time.
pub(crate) fn part(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "minute" => |seconds| of(seconds, |at| at.minute().into()),
        "hour" => |seconds| of(seconds, |at| at.hour().into()),
        "day_of_week" => |seconds| of(seconds, |at| at.weekday().to_sunday_zero_offset().into()),
        "day_of_month" => |seconds| of(seconds, |at| at.day().into()),
        "day_of_year" => |seconds| of(seconds, |at| at.day_of_year().into()),
        "days_in_month" => |seconds| of(seconds, |at| at.days_in_month().into()),
        "month" => |seconds| of(seconds, |at| at.month().into()),
        "year" => |seconds| of(seconds, |at| at.year().into()),
        _ => return None,
    })
}

fn of(seconds: f64, part: impl Fn(DateTime) -> f64) -> f64 {
    match Timestamp::from_second(seconds as i64) {
        Ok(time) => part(time.to_zoned(TimeZone::UTC).datetime()),
        Err(_) => f64::NAN,
    }
}
