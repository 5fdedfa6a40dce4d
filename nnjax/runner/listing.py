"""Which experiments there are, and what each is for, read without importing them."""

from __future__ import annotations

import ast
import difflib
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import nnjax
from nnjax.errors import ConfigError


class Listed(NamedTuple):
    """One experiment.

    Attributes:
        name: The name that `nnjax run` takes.
        purpose: The first line of its docstring.
        path: Its file.
        chapter: Whether it has a `show`.
    """

    name: str
    purpose: str
    path: Path
    chapter: bool


def folders() -> list[Path]:
    """Where experiments are looked for: here, then in the clone or the wheel that nnjax comes from."""
    package = Path(nnjax.__file__).resolve().parent
    places = [Path("experiments").resolve(), package.parent / "experiments", package / "experiments"]
    return [place for place in dict.fromkeys(places) if place.is_dir()]


def experiments() -> list[Listed]:
    """Every experiment, sorted by name; of two with one name, the one that `nnjax run` takes."""
    found: dict[str, Listed] = {}
    for folder in folders():
        for path in sorted(folder.glob("*.py")):
            if not path.stem.startswith("_"):
                found.setdefault(path.stem, Listed(path.stem, *_read(path)))
    return [found[name] for name in sorted(found)]


def _read(path: Path) -> tuple[str, Path, bool]:
    """The first line of a module's docstring, or why it cannot be read, and whether it has a `show`.

    The module is not imported.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        return f"(cannot be read: {type(error).__name__})", path, False
    docstring = ast.get_docstring(tree)
    shows = any(isinstance(node, ast.FunctionDef) and node.name == "show" for node in tree.body)
    return docstring.splitlines()[0] if docstring else "(no docstring)", path, shows


def find_experiment(wanted: str) -> Path:
    """The file of an experiment that is named by its name or its path.

    Raises:
        ConfigError: There is none; the message has the nearest name.
    """
    path = Path(wanted)
    if path.suffix == ".py" or os.sep in wanted:
        if path.is_file():
            return path
        raise ConfigError(f"no experiment at {wanted}{_suggest(path.stem)}")
    for listed in experiments():
        if listed.name == wanted:
            here = Path.cwd()
            return listed.path.relative_to(here) if listed.path.is_relative_to(here) else listed.path
    raise ConfigError(f"no experiment {wanted!r}{_suggest(wanted)}")


def _suggest(wanted: str) -> str:
    names = [listed.name for listed in experiments()]
    near = [name for name in names if name.startswith(wanted)] or difflib.get_close_matches(
        wanted, names, n=1
    )
    return f"; did you mean {near[0]}?" if near else "; `nnjax list` shows them"


def show_list() -> str:
    """The experiments as lines of text, cut to the width of the terminal."""
    listed = experiments()
    if not listed:
        return "There are no experiments here; `nnjax run PATH.py` takes one from anywhere."
    width = max(len(item.name) for item in listed)
    room = max(20, shutil.get_terminal_size((110, 24)).columns - width - 4)
    lines = []
    for title, chapter in (("Chapters, which show a mechanism:", True), ("Trainings:", False)):
        group = [item for item in listed if item.chapter == chapter]
        lines += [title] * bool(group)
        lines += [f"  {item.name:<{width}}  {_cut(item.purpose, room)}" for item in group]
    all_of_them = (
        "; every chapter: `nnjax run --all-chapters`" if any(item.chapter for item in listed) else ""
    )
    hint = f"Run one with `nnjax run NAME`; its settings: `nnjax run NAME --help`{all_of_them}."
    return "\n".join([*lines, "", hint])


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1].rstrip() + "…"
