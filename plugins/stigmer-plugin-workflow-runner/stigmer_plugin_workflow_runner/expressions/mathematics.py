"""The functions of numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.values import Json, is_number, less, number, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_plugin_workflow_runner.expressions.budget import Budget

SMALLEST_NORMAL = 2.0**-1022


def numeric(value: Json) -> float:
    """Return a value that has to be a number.

    Raises:
        JqError: it is none.
    """
    if not is_number(value):
        raise JqError(f"{shown(value)} number required")
    return float(number(value))


def _of_input(compute: Callable[[float], float]) -> Callable[..., Json]:
    return lambda _budget, value: _result(compute, numeric(value))


def _of_arguments(compute: Callable[..., float]) -> Callable[..., Json]:
    return lambda _budget, _value, *arguments: _result(compute, *map(numeric, arguments))


def _result(compute: Callable[..., float], *numbers: float) -> Json:
    """Return what C's function returns: NaN where there is no result, an infinity where it is too large."""
    try:
        return number(float(compute(*numbers)))
    except OverflowError:
        return math.inf
    except (ValueError, ZeroDivisionError):
        return math.nan


def _rounded(round_off: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: float(round_off(value)) if math.isfinite(value) else value


def _half_away(value: float) -> float:
    return math.copysign(math.floor(abs(value) + 0.5), value)  # Python rounds halves to even


def _log(compute: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: -math.inf if value == 0 else compute(value)


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and exponent % 2 == 1 else math.inf
    except ValueError:
        return math.inf if base == 0 else math.nan


def _cube_root(value: float) -> float:
    return math.copysign(math.exp(math.log(abs(value)) / 3), value) if value and math.isfinite(value) else value


def _scale(value: float, exponent: float) -> float:
    if math.isnan(exponent):
        return math.nan
    try:
        return math.ldexp(value, int(max(min(exponent, 10_000), -10_000)))
    except OverflowError:
        return math.copysign(math.inf, value)


def _exponent(value: float) -> float:
    if value == 0:
        return -math.inf
    return float(math.frexp(value)[1] - 1) if math.isfinite(value) else abs(value)


def _significand(value: float) -> float:
    return 2 * math.frexp(value)[0] if value and math.isfinite(value) else value


def _log_gamma(value: float) -> float:
    return math.inf if value <= 0 and value == math.floor(value) else math.lgamma(value)


def _sign_of_gamma(value: float) -> int:
    return -1 if value < 0 and math.floor(value) % 2 else 1


def _frexp(_budget: Budget, value: Json) -> list[Json]:
    found = numeric(value)
    mantissa, exponent = math.frexp(found)
    return [number(mantissa), exponent if math.isfinite(found) else 0]


def _modf(_budget: Budget, value: Json) -> list[Json]:
    fraction, whole = math.modf(numeric(value))
    return [number(fraction), number(whole)]


def _abs(_budget: Budget, value: Json) -> Json:
    if not less(value, 0):
        return value
    if not is_number(value):
        raise JqError(f"{shown(value)} cannot be negated")
    return -value


def _sinh(value: float) -> float:
    try:
        return math.sinh(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def _is_normal(_budget: Budget, value: Json) -> bool:
    return is_number(value) and math.isfinite(numeric(value)) and abs(value) >= SMALLEST_NORMAL


def _fma(left: float, right: float, addend: float) -> float:
    return left * right + addend


def _larger(left: float, right: float) -> float:
    return right if math.isnan(left) else left if math.isnan(right) else max(left, right)


def _smaller(left: float, right: float) -> float:
    return right if math.isnan(left) else left if math.isnan(right) else min(left, right)


_ONE: dict[str, Callable[[float], float]] = {
    **{
        name: getattr(math, name)
        for name in ("sqrt", "exp", "expm1", "sin", "cos", "tan", "asin", "acos", "atan", "asinh", "acosh", "tanh")
    },
    "sinh": _sinh,
    "cosh": math.cosh,
    "atanh": lambda value: math.copysign(math.inf, value) if abs(value) == 1 else math.atanh(value),
    "erf": math.erf,
    "erfc": math.erfc,
    "fabs": abs,
    "floor": _rounded(math.floor),
    "ceil": _rounded(math.ceil),
    "trunc": _rounded(math.trunc),
    "round": _rounded(_half_away),
    "rint": _rounded(round),
    "nearbyint": _rounded(round),
    "log": _log(math.log),
    "log2": _log(math.log2),
    "log10": _log(math.log10),
    "log1p": lambda value: -math.inf if value == -1 else math.log1p(value),
    "exp2": lambda value: _power(2, value),
    "exp10": lambda value: _power(10, value),
    "cbrt": _cube_root,
    "logb": _exponent,
    "significand": _significand,
    "gamma": _log_gamma,
    "lgamma": _log_gamma,
    "tgamma": math.gamma,
}
_MORE: dict[tuple[str, int], Callable[..., float]] = {
    ("pow", 2): _power,
    ("atan2", 2): math.atan2,
    ("fmod", 2): math.fmod,
    ("drem", 2): math.remainder,
    ("remainder", 2): math.remainder,
    ("hypot", 2): math.hypot,
    ("copysign", 2): math.copysign,
    ("fdim", 2): lambda left, right: math.nan if left != left or right != right else max(left - right, 0.0),  # noqa: PLR0124 - a NaN
    ("fmax", 2): _larger,
    ("fmin", 2): _smaller,
    ("fma", 3): _fma,
    ("ldexp", 2): _scale,
    ("scalb", 2): _scale,
    ("scalbln", 2): _scale,
    ("nextafter", 2): math.nextafter,
    ("nexttoward", 2): math.nextafter,
}


MATHEMATICS: dict[tuple[str, int], Callable[..., Any]] = {
    **{(name, 0): _of_input(compute) for name, compute in _ONE.items()},
    **{key: _of_arguments(compute) for key, compute in _MORE.items()},
    ("abs", 0): _abs,
    ("frexp", 0): _frexp,
    ("modf", 0): _modf,
    ("lgamma_r", 0): lambda _budget, value: [_result(_log_gamma, numeric(value)), _sign_of_gamma(numeric(value))],
    ("infinite", 0): lambda _budget, _value: math.inf,
    ("nan", 0): lambda _budget, _value: math.nan,
    ("isinfinite", 0): lambda _budget, value: is_number(value) and math.isinf(numeric(value)),
    ("isnan", 0): lambda _budget, value: is_number(value) and math.isnan(value),
    ("isnormal", 0): _is_normal,
    ("isfinite", 0): lambda _budget, value: is_number(value) and not math.isinf(numeric(value)),
}
