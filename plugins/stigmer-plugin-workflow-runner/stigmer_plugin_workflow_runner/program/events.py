"""CloudEvents: what comes in, what may go out, and how a task reads them.

Source: CloudEvents 1.0.2 (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) and its JSON format.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stigmer_core.program import Json, Signal

ANY_TYPE = "*"
READS = ("data", "envelope", "raw")
REQUIRED = ("specversion", "id", "source", "type")
_TEXTS = (*REQUIRED, "time", "subject", "datacontenttype", "dataschema")
_NAME = re.compile(r"[a-z0-9]+")


def event_of(signal: Signal) -> dict[str, Json] | None:
    """Return the event that a signal brings, None when it brings none.

    What a client sends with `sendSignal` counts as one: its type is the signal's name, its data the payload.
    """
    payload = signal.payload
    if not isinstance(payload, dict):
        return None
    if signal.name == "event":
        return payload
    if signal.name != "signal":
        return None
    return {
        "specversion": "1.0",
        "id": signal.id,
        "type": str(payload.get("name", "")),
        "source": "/signal",
        "data": payload.get("payload"),
    }


def wrong_attribute(name: str, value: Json) -> str:
    """Return what is wrong with an attribute of an event, empty when nothing is."""
    if name == "data":
        return ""
    if _NAME.fullmatch(name) is None and name != "data_base64":
        return f"the name {name!r} of an event's attribute is not of lower-case letters and digits"
    if name in _TEXTS:
        return _wrong_text(name, value)
    return "" if isinstance(value, (str, bool, int)) else f"{name!r} of an event is a text, a number or a boolean"


def _wrong_text(name: str, value: Json) -> str:
    if not isinstance(value, str) or not value:
        return f"{name!r} of an event is a text that is not empty"
    if name == "specversion" and value != "1.0":
        return f"version {value!r} of CloudEvents is not supported"
    if name == "time" and not _is_moment(value):
        return f"'time' of an event is a date with a time and a zone, not {value!r}"
    return ""


def wrong_event(event: dict[str, Json]) -> str:
    """Return the first thing that is wrong with an event, empty when nothing is."""
    missing = [f"an event has {name!r}" for name in REQUIRED if name not in event]
    found = [wrong for name, value in event.items() if (wrong := wrong_attribute(name, value))]
    return next(iter([*missing, *found]), "")


def read(event: dict[str, Json], how: str) -> Json:
    """Return what a task gets of an event.

    Args:
        event: the event.
        how: `data`, decoded; `envelope`, all of it; `raw`, the data as it came: in base64 when it came so.
    """
    if how == "envelope":
        return event
    if how == "raw" and "data_base64" in event:
        return event["data_base64"]
    return data_of(event)


def data_of(event: dict[str, Json]) -> Json:
    """Return the data of an event, decoded when it came in base64."""
    encoded = event.get("data_base64")
    if not isinstance(encoded, str):
        return event.get("data")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        return encoded
    kind = str(event.get("datacontenttype", "application/json")).partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
