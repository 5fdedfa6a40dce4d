"""The flags that make many trainings of one: `--seeds`, `--sweep`, `--folds`, `--halving` and `--lanes`.

    --seeds 32            how many: the experiment's seed and the 31 after it
    --seeds 3,5,8         which
    --sweep l2=0,1e-4     a list of values
    --sweep learning_rate=1e-4:1e-1:log8    eight values with equal ratios, the ends among them
    --sweep dropout=0:0.5:lin6              six values with equal distances
    --folds 5             k-fold cross-validation over the training part
    --halving 3,9         after 3 and after 9 segments only the best third goes on
    --lanes 64            how many are trained at once; chosen by their size where it is not given

Several sweeps make a grid. An experiment whose own settings have one of these names keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnjax.errors import ConfigError
from nnjax.runner.flags import flag, parse
from nnjax.runner.settings import field_types, from_json, hyper_fields

SEEDS, SWEEP, FOLDS, HALVING, LANES = FLAGS = ("--seeds", "--sweep", "--folds", "--halving", "--lanes")
SEEDS_END = 2**32
MOST_VALUES = 10_000  # of an axis: more is a slip of the finger
AXES = {"log": np.geomspace, "lin": np.linspace}


class Asked(NamedTuple):
    """The population that a command line asks for.

    Attributes:
        seeds: Which.
        sweep: Name of each swept setting -> its values, as float32 holds them.
        folds: k of k-fold cross-validation, or None.
        halving: The rungs, in segments, or ().
        lanes: How many are trained at once; None chooses.
        words: The flags, as they were given.
    """

    seeds: tuple[int, ...]
    sweep: dict[str, tuple[float, ...]]
    folds: int | None = None
    halving: tuple[int, ...] = ()
    lanes: int | None = None
    words: tuple[str, ...] = ()


def parse_all(
    config_type: type, words: Sequence[str], program: str = "nnjax run", about: str = ""
) -> tuple[Any, Asked | None]:
    """The settings and the population that a command line asks for; None where it asks for one training.

    Raises:
        ConfigError: A flag is unknown, or a value is wrong.
    """
    given, rest = take_flags(config_type, words)
    config = parse(config_type, rest, program, f"{about}\n\n{about_flags(config_type)}".strip())
    return config, read_flags(config, given)


def take_flags(config_type: type, words: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Takes the flags of a population out of a command line.

    Returns:
        Each flag that was given with the words after it, and the other words.
    """
    own = {flag(name) for name in field_types(config_type)}
    given: dict[str, list[str]] = {}
    rest: list[str] = []
    after = rest
    for word in words:
        name, equals, value = word.partition("=")
        if name in FLAGS and name not in own:
            if name in given and name != SWEEP:
                raise ConfigError(f"{name} stands twice")
            after = given.setdefault(name, [])
            after += [value] if equals else []
        elif word.startswith("-") and not word[1:2].isdigit():
            after = rest
            rest.append(word)
        else:
            after.append(word)
    return given, rest


def read_flags(config: Any, given: dict[str, list[str]]) -> Asked | None:
    """What the flags ask for; None where there are none.

    Args:
        config: The experiment's settings, the other flags among them.
        given: From `take_flags`.

    Raises:
        ConfigError: A value is wrong, or a setting cannot be swept; the message says which can.
    """
    if not given:
        return None
    for name, words in given.items():
        if not "".join(words).strip(","):
            raise ConfigError(f"{name} wants a value after it, got nothing")
    sweep: dict[str, tuple[float, ...]] = {}
    for word in given.get(SWEEP, ()):
        name, values = read_sweep(config, word)
        if name in sweep:
            raise ConfigError(f"{SWEEP} has {name} twice")
        sweep[name] = values
    return Asked(
        seeds=read_seeds(config, given.get(SEEDS, ["1"])),
        sweep=sweep,
        folds=_number(given, FOLDS, 2),
        halving=tuple(_integers(HALVING, given[HALVING], 1)) if HALVING in given else (),
        lanes=_number(given, LANES, 1),
        words=tuple(word for name, words in given.items() for word in _again(name, words)),
    )


def read_seeds(config: Any, words: Sequence[str]) -> tuple[int, ...]:
    """One number says how many, several say which.

    >>> import types
    >>> read_seeds(types.SimpleNamespace(seed=7), ["3"]), read_seeds(types.SimpleNamespace(), ["5,2"])
    ((7, 8, 9), (5, 2))
    """
    listed = _integers(SEEDS, words, 0)
    first = getattr(config, "seed", 0)
    if len(listed) > 1:
        if first != getattr(type(config), "seed", first):
            raise ConfigError(f"{SEEDS} says which seeds, so --seed has nothing to say; give one of the two")
        return tuple(listed)
    if listed[0] < 1:
        raise ConfigError(f"{SEEDS} wants at least one, got {listed[0]}")
    if first + listed[0] > SEEDS_END:
        raise ConfigError(f"{SEEDS} wants seeds below 2**32, got {listed[0]} from {first}")
    return tuple(range(first, first + listed[0]))


def read_sweep(config: Any, word: str) -> tuple[str, tuple[float, ...]]:
    """One swept setting with its values: NAME=LOW:HIGH:logN, NAME=LOW:HIGH:linN or NAME=A,B,C."""
    name, equals, text = word.partition("=")
    name = name.replace("-", "_")
    known = hyper_fields(type(config))
    if name not in known:
        if not known:
            raise ConfigError("this experiment has no setting that can be swept")
        raise ConfigError(f"{name} cannot be swept; the settings that can are {', '.join(known)}")
    if not equals or not text.strip():
        raise ConfigError(f"{SWEEP} wants NAME=VALUES, such as {name}=0.01,0.1, got {word!r}")
    if getattr(config, name) != getattr(type(config)(), name):
        raise ConfigError(f"{name} is both set and swept; give one of {flag(name)} and {SWEEP} {name}=...")
    values = read_axis(name, text)
    for value in values:
        from_json(type(config), {name: value})
    return name, values


def read_axis(name: str, text: str) -> tuple[float, ...]:
    """The values of an axis, each rounded to the float32 that the training uses.

    >>> read_axis("l2", "0,1e-4"), read_axis("l2", "1:4:lin3"), read_axis("l2", "1:100:log3")
    ((0.0, 0.0001), (1.0, 2.5, 4.0), (1.0, 10.0, 100.0))
    """
    wanted = f"{name} wants values such as 0.01,0.1 or 1e-4:1e-1:log8 or 0:0.5:lin6, got {text!r}"
    low, *others = text.split(":")
    try:
        if others:
            high, steps = others
            ends, count = (float(low), float(high)), int(steps[3:])
            rises = ends[0] < ends[1] < np.inf and (steps[:3] != "log" or ends[0] > 0)
            if not (rises and 2 <= count <= MOST_VALUES and ends[0] > -np.inf):
                raise ValueError
            values = AXES[steps[:3]](*ends, count)
        else:
            values = [float(item) for item in text.split(",")]
    except (ValueError, KeyError) as error:
        raise ConfigError(wanted) from error
    with np.errstate(over="ignore"):  # infinity is answered by the setting's own range
        rounded = tuple(float(str(np.float32(value))) for value in values)
    if len(set(rounded)) < len(rounded):
        raise ConfigError(f"{name} wants each value once, got {text!r}")
    return rounded


def about_flags(config_type: type) -> str:
    """What an experiment's help says of these flags."""
    swept = hyper_fields(config_type)
    sweep = f"\n  --sweep NAME=1e-4:1e-1:log8 or NAME=0,0.1 for NAME in {', '.join(swept)}" if swept else ""
    return (
        f"Many trainings as one program:{sweep}\n"
        "  --seeds 32 (how many) or --seeds 3,5,8 (which), --folds 5, --halving 3,9, --lanes 64"
    )


def _number(given: dict[str, list[str]], name: str, low: int) -> int | None:
    if name not in given:
        return None
    found = _integers(name, given[name], low)
    if len(found) > 1:
        raise ConfigError(f"{name} wants one number, got {' '.join(given[name])!r}")
    return found[0]


def _integers(name: str, words: Sequence[str], low: int) -> list[int]:
    text = ",".join(words)
    try:
        found = [int(item) for item in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"{name} wants integers with commas between them, got {text!r}") from error
    if min(found) < low or max(found) >= SEEDS_END:
        raise ConfigError(f"{name} wants integers of at least {low}, got {text}")
    if len(set(found)) < len(found):
        raise ConfigError(f"{name} wants each number once, got {text}")
    return found


def _again(name: str, words: Sequence[str]) -> list[str]:
    """A flag as it is written: a sweep a flag, the others with commas."""
    return [part for word in words for part in (name, word)] if name == SWEEP else [name, ",".join(words)]
