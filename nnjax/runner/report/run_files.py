"""What a run folder holds, read and checked: any part of it may be missing, none may be damaged."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nnjax.errors import ConfigError, DamagedError, StorageError

# What the page cannot show without each file.
SHOWS = {
    "config.json": "settings and environment",
    "metrics.jsonl": "how it learned",
    "summary.json": "the layers of the network",
    "timing.jsonl": "where the time went",
    "experiment.py": "the source",
}
CHAPTER_SHOWS = {
    "config.json": "settings and environment",
    "numbers.json": "the numbers",
    "experiment.py": "the source",
}
ENDS = {"png": b"\x00\x00\x00\x00IEND\xaeB`\x82", "gif": b"\x00;"}  # how a whole picture ends
Row = dict[str, Any]


class Picture(NamedTuple):
    """One figure of the run.

    Attributes:
        name: The name of its file without the ending.
        caption: From captions.json, or "".
        data: The file.
        width: In pixels.
        height: In pixels.
        kind: "png" or "gif".
    """

    name: str
    caption: str
    data: bytes
    width: int
    height: int
    kind: str = "png"


class RunFiles(NamedTuple):
    """A run folder in memory.

    Attributes:
        config: config.json; empty where it is missing.
        rows: The rows of metrics.jsonl from training.
        test: Its row with the test, or None.
        timing: The rows of timing.jsonl.
        layers: The rows of summary.json.
        pictures: The figures, by name.
        source: experiment.py, or "".
        missing: What the page cannot show, in words.
        numbers: numbers.json of a chapter.
        population: What summary.json says of a population; empty for one training.
        members: The rows of members.csv, every value as its text.
    """

    config: Row
    rows: list[Row]
    test: Row | None
    timing: list[Row]
    layers: list[Row]
    pictures: list[Picture]
    source: str
    missing: list[str]
    numbers: Mapping[str, Any] = {}
    population: Mapping[str, Any] = {}
    members: Sequence[dict[str, str]] = ()


def read_run(folder: Path) -> RunFiles:
    """Reads a run folder, finished or not.

    Raises:
        ConfigError: If there is no such folder.
        DamagedError: If a file is not what a run writes; the message names it.
        StorageError: If a file cannot be read.
    """
    if not folder.is_dir():
        raise ConfigError(f"no run folder at {folder}")
    config = _json(folder / "config.json", {}, _is_object, "an object")
    many = "population" in config
    shows = CHAPTER_SHOWS if config.get("chapter") and "plan" not in config else SHOWS
    shows = shows | {"members.csv": "the members"} if many else shows
    missing = [f"{words} ({name})" for name, words in shows.items() if not (folder / name).exists()]
    metrics, torn = _json_lines(folder / "metrics.jsonl", _is_metrics_row)
    timing, torn_timing = _json_lines(folder / "timing.jsonl", _is_timing_row)
    test = next((row for row in reversed(metrics) if any(key.startswith("test_") for key in row)), None)
    rows = [row for row in metrics if row is not test]
    if metrics and test is None and not many:
        missing.append("a test result (the run has not finished, or tests nothing)")
    missing += [f"the last line of {name}, which was still being written" for name in torn + torn_timing]
    return RunFiles(
        config=config,
        rows=[] if many else rows,  # those of a population are means
        test=test,
        timing=timing,
        layers=_layers(folder / "summary.json"),
        pictures=_pictures(folder / "figures"),
        source=_text(folder / "experiment.py") or "",
        missing=missing,
        numbers=_json(folder / "numbers.json", {}, _is_object, "an object of numbers by name"),
        population=_population(folder / "summary.json") if many else {},
        members=_members(folder / "members.csv") if many else (),
    )


def _text(path: Path) -> str | None:
    """The file as text; None where it is missing."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise DamagedError(f"{path} is damaged: byte {error.start} is no UTF-8 text") from error
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error


def _json(path: Path, otherwise: Any, is_right: Callable[[Any], bool], wanted: str) -> Any:
    text = _text(path)
    if text is None:
        return otherwise
    value = _parse(text, str(path))
    if not is_right(value):
        raise DamagedError(f"{path} is damaged: wanted {wanted}, got {_short(value)}")
    return value


def _json_lines(path: Path, is_right: Callable[[Any], bool]) -> tuple[list[Row], list[str]]:
    """The rows of a file, and its name if the last line was cut in the middle of being written.

    A line without its line end is one that the run is writing now, or was writing when it was
    killed: that is an unfinished run. Whatever else cannot be read is damage.
    """
    text = _text(path)
    *lines, last = (text or "").split("\n")
    rows = []
    for number, line in enumerate([*lines, last] if _is_json(last) else lines, start=1):
        value = _parse(line, f"{path}, line {number},")
        if not is_right(value):
            raise DamagedError(f"{path}, line {number}, is damaged: {_short(value)} is no row of it")
        rows.append(value)
    return rows, [path.name] if last and not _is_json(last) else []


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{where} is damaged: {error}") from error


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_metrics_row(value: Any) -> bool:
    """Numbers under the names that are read as numbers; whatever else a run adds is its own."""
    if not (isinstance(value, dict) and any(_is_number(value.get(unit)) for unit in ("epoch", "step"))):
        return False
    parts = ("train_", "valid_", "test_")
    return all(item is None or _is_number(item) for key, item in value.items() if key.startswith(parts))


def _is_timing_row(value: Any) -> bool:
    if not (isinstance(value, dict) and isinstance(value.get("event"), str)):
        return False
    seconds = value.get("seconds")
    counts = [value.get(name) or 0 for name in ("steps", "examples")]
    return isinstance(seconds, int | float) and 0 <= seconds < math.inf and all(map(_is_number, counts))


def _layers(path: Path) -> list[Row]:
    """The rows of the cost table, which stand alone or beside their totals."""
    counted = ("parameters", "multiply_adds", "bytes")

    def rows_of(value: Any) -> Any:
        return value.get("layers") if isinstance(value, dict) else value

    def is_table(value: Any) -> bool:
        rows = rows_of(value)
        return isinstance(rows, list) and all(
            isinstance(row, dict) and all(_is_number(row.get(name)) for name in counted) for row in rows
        )

    return rows_of(_json(path, [], is_table, f"rows of layers with {', '.join(counted)}"))


def _population(path: Path) -> Row:
    """What is said of a population; nothing where it has not ended."""
    numbers = ("members", "seeds", "folds", "diverged")
    lists = ("settings", "ranking")

    def is_population(value: Any) -> bool:
        told = value.get("population") if isinstance(value, dict) else None
        return (
            isinstance(told, dict)
            and all(_is_number(told.get(name)) for name in numbers)
            and all(isinstance(told.get(name), list) and told[name] for name in lists)
        )

    found = _json(path, None, is_population, f"a population with {', '.join((*numbers, *lists))}")
    return found["population"] if found else {}


def _members(path: Path) -> list[dict[str, str]]:
    """A table with a heading: its rows, each a text for every name."""
    text = _text(path)
    if text is None:
        return []
    rows = list(csv.DictReader(io.StringIO(text), strict=True))
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise DamagedError(f"{path}, line {number}, is damaged: it has not as many values as the first")
    return rows


def _pictures(folder: Path) -> list[Picture]:
    captions = _json(folder / "captions.json", {}, _is_object, "an object of captions by name")
    told = list(captions)  # in the order of the story; what has no caption comes after, by name
    paths = sorted(path for kind in ENDS for path in folder.glob(f"*.{kind}"))
    paths.sort(key=lambda path: told.index(path.stem) if path.stem in told else len(told))
    return [_picture(path, str(captions.get(path.stem, captions.get(path.name, "")))) for path in paths]


def _picture(path: Path, caption: str) -> Picture:
    from PIL import Image

    kind = path.suffix[1:]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        with Image.open(io.BytesIO(data), formats=[kind.upper()]) as image:
            image.verify()  # the checksums, which load() does not look at
        with Image.open(io.BytesIO(data), formats=[kind.upper()]) as image:
            image.load()
        if ENDS[kind] not in data:
            raise ValueError("its end is missing")
        return Picture(path.stem, caption, data, *image.size, kind)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DamagedError(f"{path} is damaged: {_reason(error, kind)}") from error


def _reason(error: Exception, kind: str) -> str:
    # Pillow's own words name an object in memory, which tells nobody anything.
    return f"it is no {kind.upper()} image" if "cannot identify" in str(error) else str(error)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
