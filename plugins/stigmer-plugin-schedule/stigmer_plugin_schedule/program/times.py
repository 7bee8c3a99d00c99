"""The times that a cron expression names, in UTC, across the changes of a zone's clocks.

The rules are those of Debian's cron. A time that names a minute and an hour: in the hour that is skipped in spring it
is due when the clocks have gone forward, in the hour that comes twice in autumn only the first time. Where minute or
hour starts with `*` it goes by the clock on the wall: nothing in the skipped hour, and both passes of the double one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

FIELDS = 5
LONGEST_CRON = 256  # characters
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - only the expression is looked at, in no zone
_INSTANT = timedelta(microseconds=1)


def next_time(cron: str, time_zone: str, after: datetime) -> datetime | None:
    """Return the first time after a moment, or None when there is none within 50 years."""
    for moment in CronSim(cron, after.astimezone(ZoneInfo(time_zone))):
        due = moment.astimezone(UTC)
        if due > after:  # within the second pass of a double hour, the first pass comes up again
            return due
    return None


def latest_time(cron: str, time_zone: str, *, first: datetime, until: datetime) -> datetime | None:
    """Return the last time from `first` to `until`, both included, or None; costs one step for each time between."""
    latest = None
    moment = next_time(cron, time_zone, first - _INSTANT)
    while moment is not None and moment <= until:
        latest, moment = moment, next_time(cron, time_zone, moment)
    return latest


def what_is_wrong(cron: str) -> str:
    """Return what is wrong with a cron expression, empty when nothing is."""
    if len(cron) > LONGEST_CRON:
        return f"has {len(cron)} characters, at most {LONGEST_CRON}"
    count = len(cron.split())
    if count != FIELDS:
        return f"has {count} field{'' if count == 1 else 's'}, not {FIELDS}"
    try:
        found = next(CronSim(cron, _EPOCH), None)
    except CronSimError as error:
        return f"has a {str(error).lower()} in {cron!r}"
    return "" if found is not None else f"names no day that ever comes: {cron!r}"
