"""How long content is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from stigmer_core.errors import Problem

Clock: TypeAlias = Callable[[], datetime]

DEFAULT_DAYS = 30
FOREVER = -1
MAX_DAYS = 36_500  # a hundred years; beyond, dates leave the four digits of RFC 3339


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def moment(when: datetime) -> str:
    """Return a time as RFC 3339 in whole seconds, UTC: such texts sort as the times do."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def expiry(ttl_days: int, created: datetime) -> str:
    """Return when content that is kept so many days expires: 0 is the default, an empty text is never."""
    if ttl_days == FOREVER:
        return ""
    return moment(created + timedelta(days=ttl_days or DEFAULT_DAYS))


def has_expired(expires_at: str, now: datetime) -> bool:
    """Return whether a time that `expiry` made is over."""
    return bool(expires_at) and expires_at <= moment(now)


def check_days(ttl_days: int) -> list[Problem]:
    """Return what is wrong with a number of days."""
    if ttl_days == FOREVER or 0 <= ttl_days <= MAX_DAYS:
        return []
    hint = f"1 to {MAX_DAYS} days, 0 for {DEFAULT_DAYS}, {FOREVER} to keep it for ever"
    return [Problem("/spec/retention/ttl_days", f"cannot be {ttl_days}", hint)]
