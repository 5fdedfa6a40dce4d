"""The flags of the command line, made from an experiment's `Config`.

tyro parses them and writes the help; what is wrong with a flag is said here, in one line.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from nnjax.errors import ConfigError
from nnjax.runner.settings import bare, check, field_types, nearest, wanted

C = TypeVar("C")


def parse(config_type: type[C], argv: Sequence[str], program: str = "nnjax run", about: str = "") -> C:
    """The configuration that the flags `argv` describe; `--help` prints the flags and exits with 0.

    Args:
        config_type: A frozen dataclass of numbers, strings and tuples, every field with a default.
        argv: The flags, such as `["--epochs", "3"]`; `--batch-size` and `--batch_size` are the same.
        program: What the help calls the command.
        about: What the help says of it.

    Raises:
        ConfigError: A flag is unknown (with the nearest one), or its value is of the wrong type or
            out of range. The message is one line.

    >>> import dataclasses
    >>> from nnjax.runner.settings import Count
    >>> config_type = dataclasses.make_dataclass("Config", [("epochs", Count, 20)], frozen=True)
    >>> parse(config_type, ["--epochs", "3"])
    Config(epochs=3)
    """
    import tyro

    given = _group(config_type, argv)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            config = tyro.cli(config_type, args=list(argv), prog=program, description=about or None)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise ConfigError(_explain(config_type, given, said.getvalue())) from None
    try:
        check(config)
    except ConfigError as error:
        name, rest = str(error).split(" ", 1)
        raise ConfigError(f"{flag(name)} {rest}") from None
    return config


def flag(name: str) -> str:
    """The flag of a field.

    >>> flag("batch_size")
    '--batch-size'
    """
    return "--" + name.replace("_", "-")


def _group(config_type: type, argv: Sequence[str]) -> dict[str, list[str]]:
    """Flag to the words after it; an unknown flag is said before anything else."""
    known = field_types(config_type)
    flags = [flag(name) for name in known]
    switches = [flag("no_" + name) for name, hint in known.items() if bare(hint) is bool]
    given: dict[str, list[str]] = {}
    words: list[str] | None = None
    for word in argv:
        if word in ("-h", "--help"):
            continue
        if not word.startswith("-") or _is_number(word):
            if words is None:
                raise ConfigError(
                    f"unexpected word {word!r}; settings are flags such as {', '.join(flags[:3])}"
                )
            words.append(word)
            continue
        written, equals, value = word.partition("=")
        name = flag(written[2:])
        if name not in flags + switches or not written.startswith("--"):
            raise ConfigError(f"unknown flag {written}; {nearest(flag(written.lstrip('-')), flags, 'flags')}")
        words = given.setdefault(name, [])
        words += [value] if equals else []
    return given


def _explain(config_type: type, given: Mapping[str, list[str]], said: str) -> str:
    """One line for what tyro says in a box."""
    known = {flag(name): hint for name, hint in field_types(config_type).items()}
    stray = re.search(r"Unrecognized options: (\S+)", said)
    named = [name for name in re.findall(r"--[\w-]+", said) if name in given]
    named += [name for name, words in given.items() if stray and stray[1] in words]
    for name in named:
        got = " ".join(given[name])
        return f"{name} wants {_wanted_by_flag(known.get(name))}, got {repr(got) if got else 'nothing'}"
    return " ".join(re.sub(r"[─│╭╮╰╯]", " ", said).split())


def _wanted_by_flag(annotation: Any) -> str:
    return "no value after it" if annotation is None or bare(annotation) is bool else wanted(annotation)


def _is_number(word: str) -> bool:
    with contextlib.suppress(ValueError):
        float(word)
        return True
    return False
