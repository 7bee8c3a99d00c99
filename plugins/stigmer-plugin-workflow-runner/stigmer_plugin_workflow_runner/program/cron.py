"""The times that a cron expression names, in UTC: of five fields, read as Debian's cron does."""

from __future__ import annotations

from datetime import UTC, datetime

FIELDS = 5
LONGEST = 256  # characters
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def next_time(cron: str, after: datetime) -> datetime | None:
    """Return the first time after a moment, or None when there is none within 50 years."""
    from cronsim import CronSim  # noqa: PLC0415 - only for documents with a schedule

    return next(CronSim(cron, after.astimezone(UTC)), None)


def what_is_wrong(cron: str) -> str:
    """Return what is wrong with a cron expression, empty when nothing is."""
    from cronsim import CronSimError  # noqa: PLC0415

    if len(cron) > LONGEST:
        return f"the cron expression has {len(cron)} characters, at most {LONGEST}"
    count = len(cron.split())
    if count != FIELDS:
        return f"the cron expression has {count} field{'' if count == 1 else 's'}, not {FIELDS}"
    try:
        found = next_time(cron, _EPOCH)
    except CronSimError as error:
        return f"the cron expression has a {str(error).lower()} in {cron!r}"
    return "" if found is not None else f"the cron expression names no day that ever comes: {cron!r}"
