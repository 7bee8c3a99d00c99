"""JSON text from a client: what Python reads beyond JSON, and what could not be stored, is refused with a reason."""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING

from stigmer_core.errors import InvalidArgumentError

if TYPE_CHECKING:
    from stigmer_core.program import Json


def read_json(text: str, what: str) -> Json:
    """Return the value of JSON text; `what` names it for the caller.

    Raises:
        InvalidArgumentError: it is not JSON, has a number that JSON or a double has not, half a surrogate pair, or is
            nested too deep.
    """
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (json.JSONDecodeError, _NumberError) as error:
        raise InvalidArgumentError(f"the {what} is not JSON: {error}") from error
    except RecursionError as error:
        raise InvalidArgumentError(f"the {what} is nested too deep") from error
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(f"the {what} is not JSON: it has half a surrogate pair") from error
    except ValueError as error:
        raise InvalidArgumentError(f"the {what} has an integer of too many digits") from error
    return value


class _NumberError(ValueError):
    pass


def _refuse(name: str) -> Json:
    raise _NumberError(f"there is no number {name}")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise _NumberError(f"the number {text[:20]} is too large")
    return number
