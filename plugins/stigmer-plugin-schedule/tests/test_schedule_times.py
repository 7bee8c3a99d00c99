"""When a cron expression is due, across the changes of clocks and calendars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from stigmer_plugin_schedule.program.times import latest_time, next_time, what_is_wrong

BERLIN = "Europe/Berlin"


def times(cron, zone, after, count):
    """Return the next times as they stand on the wall, with their offset."""
    moment = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    found = []
    for _ in range(count):
        moment = next_time(cron, zone, moment)
        found.append(f"{moment.astimezone(ZoneInfo(zone)):%m-%d %H:%M %z}")
    return found


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("30 2 * * *", "2026-03-28T12:00", ["03-29 03:00 +0200", "03-30 02:30 +0200"]),
        ("15,45 2 * * *", "2026-03-28T12:00", ["03-29 03:00 +0200", "03-30 02:15 +0200"]),
        ("30 * * * *", "2026-03-29T01:00", ["03-29 01:30 +0100", "03-29 03:30 +0200"]),
        ("*/30 2 * * *", "2026-03-28T12:00", ["03-30 02:00 +0200", "03-30 02:30 +0200"]),
    ],
)
def test_a_time_in_the_skipped_hour_of_spring_is_due_when_the_clocks_went_forward(cron, after, expected):
    """It is due once, and not at all where the expression goes by every hour or every so many minutes."""
    assert times(cron, BERLIN, after, 2) == expected


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 2 * * *", ["10-25 02:30 +0200", "10-26 02:30 +0100"]),
        ("30 * * * *", ["10-25 02:30 +0200", "10-25 02:30 +0100", "10-25 03:30 +0100"]),
        ("0 */2 * * *", ["10-25 02:00 +0200", "10-25 02:00 +0100", "10-25 04:00 +0100"]),
    ],
)
def test_a_time_in_the_double_hour_of_autumn_is_due_once(cron, expected):
    """Only where the hour is a `*` both passes count."""
    assert times(cron, BERLIN, "2026-10-25T01:45", len(expected)) == expected


def test_within_the_second_pass_the_first_one_is_over():
    """The next time is always later, also where the clock on the wall shows an earlier one again."""
    second_pass = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 again in Berlin

    assert next_time("30 2 * * *", BERLIN, second_pass) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 9 29 2 *", ["2028-02-29", "2032-02-29"]),
        ("0 9 31 * *", ["2026-03-31", "2026-05-31", "2026-07-31"]),
        ("0 9 l * *", ["2026-02-28", "2026-03-31"]),
        ("0 9 13 * fri", ["2026-02-06", "2026-02-13", "2026-02-20"]),
        ("0 9 * * mon#1", ["2026-02-02", "2026-03-02"]),
    ],
)
def test_days_that_a_month_does_not_have_are_passed_over(cron, expected):
    """A leap day comes every four years, a 31st seven times a year; a day and a weekday are either of them."""
    moment, found = datetime(2026, 2, 1, tzinfo=UTC), []
    for _ in expected:
        moment = next_time(cron, "UTC", moment)
        found.append(f"{moment:%Y-%m-%d}")

    assert found == expected


@pytest.mark.parametrize("zone", [BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])
@pytest.mark.parametrize("cron", ["*/7 * * * *", "30 1,2 * * *", "0 0 * * *", "15 */3 * * *"])
def test_times_only_ever_go_forward(zone, cron):
    """Through both changes of the clocks each time is later than the one before, and is no time between them."""
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    for _ in range(200):
        following = next_time(cron, zone, moment)
        assert following > moment
        assert next_time(cron, zone, following - timedelta(seconds=1)) == following
        moment = following


def test_the_latest_time_is_found_with_both_ends_included():
    """What was missed becomes one time: the last."""
    first, until = datetime(2026, 1, 1, 10, tzinfo=UTC), datetime(2026, 1, 1, 11, tzinfo=UTC)

    assert latest_time("*/30 * * * *", "UTC", first=first, until=until) == until
    assert latest_time("0 10 * * *", "UTC", first=first, until=until) == first
    assert latest_time("0 12 * * *", "UTC", first=first, until=until) is None


@pytest.mark.parametrize(
    ("cron", "text"),
    [
        ("@daily", "has 1 field, not 5"),
        ("* * * * * *", "has 6 fields, not 5"),
        ("60 * * * *", "has a bad minute"),
        ("0 24 * * *", "has a bad hour"),
        ("0 0 30 2 *", "has a bad day-of-month"),
        ("0 0 */31 * mon#5", "names no day that ever comes"),
        ("5-1 * * * *", "has a bad minute"),
        ("*/0 * * * *", "has a bad minute"),
        ("0 0 * * noday", "has a bad day-of-week"),
        ("9" * 5000 + " * * * *", "has 5008 characters, at most 256"),
    ],
)
def test_what_is_wrong_with_an_expression_is_said(cron, text):
    """The field is named; what could never be due is refused before anybody waits for it."""
    assert what_is_wrong(cron).startswith(text)


@pytest.mark.parametrize("cron", ["* * * * *", "0 9 * * MON-FRI", "0,30 8-18/2 1 jan,jul *", "0 9 LW * *", "0 9 * * 7"])
def test_what_cron_allows_is_allowed(cron):
    """Names, steps, lists and ranges."""
    assert what_is_wrong(cron) == ""
