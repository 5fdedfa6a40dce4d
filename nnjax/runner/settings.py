"""The settings of an experiment: a frozen dataclass whose annotations say what each value may be.

    @dataclass(frozen=True)
    class Config:
        hidden: tuple[Count, ...] = (128, 64)
        epochs: Count = 20
        learning_rate: PositiveRate = 1e-3  # may be swept

The same annotations make the flags of the command line (`nnjax.runner.flags`), check a
configuration read back from JSON, and name the fields that a sweep may vary. This module imports
no JAX, so that a mistake in a setting is answered at once.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from nnjax.errors import ConfigError

C = TypeVar("C")
INTEGERS_END = 2**63


@dataclasses.dataclass(frozen=True)
class Range:
    """The finite numbers that a field may have.

    Attributes:
        low: The smallest number.
        high: The largest number.
        low_open: Whether `low` itself is left out.
        high_open: Whether `high` itself is left out.

    >>> print(Range(0, 1, high_open=True))
    from 0 to below 1
    """

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return above and below and math.isfinite(value)

    def __str__(self) -> str:
        if math.isinf(self.high):
            if math.isinf(self.low):
                return ""
            return f"above {_number(self.low)}" if self.low_open else f"of at least {_number(self.low)}"
        low = f"{'above' if self.low_open else 'from'} {_number(self.low)}"
        return f"{low} to {'below ' if self.high_open else ''}{_number(self.high)}"


@dataclasses.dataclass(frozen=True)
class Swept:
    """Marks a field that only scales: it may be a tracer, so that one program trains a whole sweep."""


Count = Annotated[int, Range(1)]
Natural = Annotated[int, Range(0)]
Seed = Annotated[int, Range(0, 2**32 - 1)]
Positive = Annotated[float, Range(0, low_open=True)]
Fraction = Annotated[float, Range(0, 1)]
Traced = Annotated[float, Range(), Swept()]
Rate = Annotated[float, Range(0), Swept()]
PositiveRate = Annotated[float, Range(0, low_open=True), Swept()]
DropRate = Annotated[float, Range(0, 1, high_open=True), Swept()]


def field_types(config_type: type) -> dict[str, Any]:
    """Field name to annotation, with `Range` and `Swept` kept."""
    hints = get_type_hints(config_type, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(config_type)}


def hyper_fields(config_type: type) -> tuple[str, ...]:
    """The names of the fields that may be swept, in the order of the dataclass."""
    return tuple(name for name, hint in field_types(config_type).items() if Swept() in _metadata(hint))


def check(config: Any) -> None:
    """Checks the type and range of every field of `config`.

    Raises:
        ConfigError: A field has the wrong type or is out of range.
    """
    for name, annotation in field_types(type(config)).items():
        _convert(annotation, getattr(config, name), name)


def to_json(config: Any) -> dict[str, Any]:
    """The fields of `config` as JSON holds them: tuples become lists."""
    return {field.name: _plain(getattr(config, field.name)) for field in dataclasses.fields(config)}


def from_json(config_type: type[C], mapping: Mapping[str, Any]) -> C:
    """The configuration that `to_json` wrote; fields that are not there keep their defaults.

    Raises:
        ConfigError: A name is unknown, or a value has the wrong type or is out of range.
    """
    known = field_types(config_type)
    for name in mapping:
        if name not in known:
            raise ConfigError(f"unknown setting {name!r}; {nearest(name, list(known), 'settings')}")
    return config_type(**{name: _convert(known[name], value, name) for name, value in mapping.items()})


def nearest(name: str, known: Sequence[str], what: str) -> str:
    """A suggestion for a name that is not known.

    >>> nearest("--batch", ["--epochs", "--batch-size"], "flags")
    'did you mean --batch-size?'
    """
    longer = [item for item in known if item.startswith(name)]
    near = longer or difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"the {what} are {', '.join(known)}"


def wanted(annotation: Any) -> str:
    """What a field wants, in words.

    >>> wanted(Count), wanted(tuple[Count, ...])
    ('an integer of at least 1', 'any number of values, each an integer of at least 1')
    """
    kind = bare(annotation)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join("None" if part is type(None) else wanted(part) for part in arguments)
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin is tuple and arguments[-1] is Ellipsis:
        return f"any number of values, each {wanted(arguments[0])}"
    if origin is tuple:
        return f"{len(arguments)} values: " + ", ".join(wanted(part) for part in arguments)
    noun = {int: "an integer", float: "a number", bool: "true or false", str: "a word"}.get(kind, str(kind))
    return noun + "".join(f" {item}" for item in _ranges(annotation) if str(item))


def bare(annotation: Any) -> Any:
    """The type itself, without what `Annotated` adds."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"


def _metadata(annotation: Any) -> Iterable[Any]:
    return get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()


def _ranges(annotation: Any) -> list[Range]:
    return [item for item in _metadata(annotation) if isinstance(item, Range)]


def _convert(annotation: Any, value: Any, name: str) -> Any:
    """`value` in the type of `annotation`; JSON's lists become tuples and integers may be floats."""
    fitted = _fit(annotation, value)
    if fitted is _MISFIT:
        raise ConfigError(f"{name} wants {wanted(annotation)}, got {_plain(value)!r}")
    return fitted


_MISFIT = object()


def _fit(annotation: Any, value: Any) -> Any:
    kind = bare(annotation)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        fits = (_fit(part, value) for part in arguments)
        return next((fitted for fitted in fits if fitted is not _MISFIT), _MISFIT)
    if origin is Literal:
        return value if value in arguments else _MISFIT
    if origin is tuple:
        return _fit_tuple(arguments, value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        return _MISFIT
    if kind is int and not -INTEGERS_END <= value < INTEGERS_END:
        return _MISFIT
    return value if all(value in item for item in _ranges(annotation)) else _MISFIT


def _fit_tuple(arguments: tuple[Any, ...], value: Any) -> Any:
    if not isinstance(value, tuple | list):
        return _MISFIT
    parts = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
    if len(parts) != len(value):
        return _MISFIT
    fitted = tuple(_fit(part, item) for part, item in zip(parts, value, strict=True))
    return _MISFIT if any(item is _MISFIT for item in fitted) else fitted


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value
