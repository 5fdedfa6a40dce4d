"""`nnjax doctor`: what this machine has, what nnjax found, and what is missing with the command for it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from nnjax.data.search import cache_folder, offline
from nnjax.errors import NnjaxError
from nnjax.runner.configure import ALLOCATOR, compilation_cache, environment, usable_cores

GIB = 2**30


class Finding(NamedTuple):
    """One line of the examination.

    Attributes:
        section: What it belongs to.
        name: What was looked at.
        value: What was found.
        fine: Whether nothing has to be done about it.
    """

    section: str
    name: str
    value: str
    fine: bool = True


def examine() -> None:
    """Prints all findings: a table on a terminal, plain lines elsewhere."""
    if not sys.stdout.isatty():
        for finding in findings():
            print(f"{'ok' if finding.fine else '!!'} {finding.section}: {finding.name}: {finding.value}")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    section = ""
    for finding in findings():
        if section and finding.section != section:
            table.add_row()
        mark = Text("✓", "green") if finding.fine else Text("!", "bold yellow")
        title = "" if finding.section == section else finding.section
        table.add_row(title, mark, finding.name, Text(finding.value, "" if finding.fine else "yellow"))
        section = finding.section
    Console().print(table)


def findings() -> Iterator[Finding]:
    """Everything that is looked at, in order."""
    yield from _versions()
    yield from _machine()
    yield from _process()
    yield from _data()
    yield from _extras()


def _versions() -> Iterator[Finding]:
    yield Finding("versions", "nnjax", metadata.version("nnjax"))
    yield Finding("versions", "python", platform.python_version())
    for name in ("jax", "jaxlib", *(name for name in required("") if name != "jax")):
        version = installed(name)
        yield Finding("versions", name, version or f"missing: pip install {name}", version is not None)


def _machine() -> Iterator[Finding]:
    import jax

    from nnjax.runner.machine import memory_bytes, processor

    yield Finding("machine", "system", platform.platform())
    yield Finding("machine", "processor", processor())
    yield Finding("machine", "cores", f"{usable_cores()} for this process, {os.cpu_count()} in all")
    total, free = memory_bytes()
    if total:
        yield Finding("machine", "memory", f"{total / GIB:.1f} GiB, {free / GIB:.1f} GiB free", free > GIB)
    disk = shutil.disk_usage(Path.cwd()).free
    yield Finding("machine", "disk here", f"{disk / GIB:.1f} GiB free", disk > GIB)
    devices = ", ".join(sorted({f"{device.platform} ({device.device_kind})" for device in jax.devices()}))
    yield Finding("machine", "devices", f"{devices}; on a CPU `nnjax run` makes one for each core")


def _process() -> Iterator[Finding]:
    if os.environ.get("NNJAX_ALLOCATOR") == "0":
        yield Finding("process", "allocator", "as the system has it (NNJAX_ALLOCATOR=0)")
    elif not environment({}):
        yield Finding("process", "allocator", "as the system has it: its variables are glibc's")
    else:
        own = [name for name in (*ALLOCATOR, "GLIBC_TUNABLES") if name in os.environ]
        said = f"; set already: {', '.join(own)}" if own else ""
        yield Finding("process", "allocator", f"`nnjax run` starts itself again with its variables{said}")
    for name in ("XLA_FLAGS", "JAX_PLATFORMS", "NNJAX_DATA", "NNJAX_CACHE", "NNJAX_OFFLINE"):
        if os.environ.get(name):
            yield Finding("process", name, os.environ[name])
    folder = compilation_cache()
    files = [path for path in folder.glob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 2**20
    yield Finding("caches", "programs", f"{len(files)} files, {size:.1f} MiB in {folder}")


def _data() -> Iterator[Finding]:
    from nnjax.data import chorales, mnist, search, strokes, text, vowels

    yield Finding("caches", "data", str(cache_folder()))
    yield Finding("data", "generated, digits, iris, ...", "come with nnjax and scikit-learn")
    before = os.environ.get("NNJAX_OFFLINE")
    os.environ["NNJAX_OFFLINE"] = "1"
    try:
        for name, source in mnist.SOURCES.items():
            try:
                found = search.find(name, list(source.files.values()), packages=source.packages)
                yield Finding("data", name, f"found in {found[0].parent}")
            except NnjaxError:
                ways = [*source.packages.values(), f"files in $NNJAX_DATA/{name}"]
                ways += [] if before not in (None, "", "0") else ["or let `nnjax run` download it"]
                yield Finding("data", name, f"missing: {', '.join(ways)}", fine=False)
        sequences = {
            "japanese_vowels": list(vowels.FILES.values()),
            "tiny_shakespeare": [text.SHAKESPEARE],
            "jsb_chorales": [chorales.FILE],
            "kanji": [strokes.FILE],
        }
        for name, files in sequences.items():
            try:
                yield Finding("data", name, f"found in {search.find(name, files)[0].parent}")
            except NnjaxError:
                yield Finding(
                    "data", name, f"not here; nnjax.load({name!r}) looks further and downloads it once"
                )
    finally:
        os.environ.pop("NNJAX_OFFLINE")
        if before is not None:
            os.environ["NNJAX_OFFLINE"] = before
    yield Finding(
        "data", "downloads", "off ($NNJAX_OFFLINE)" if offline() else "allowed (NNJAX_OFFLINE=1 forbids)"
    )


def _extras() -> Iterator[Finding]:
    for extra in metadata.metadata("nnjax").get_all("Provides-Extra") or []:
        missing = [name for name in required(extra) if installed(name) is None]
        value = f"missing {', '.join(missing)}: pip install 'nnjax[{extra}]'" if missing else "complete"
        yield Finding("extras", extra, value, not missing)


def required(extra: str) -> list[str]:
    """The packages that nnjax wants for an extra; "" gives what it always wants."""
    names = []
    for line in metadata.requires("nnjax") or []:
        wanted = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if (wanted[1] if wanted else "") == extra:
            names.append(re.split(r"[^\w.-]", line.strip())[0])
    return [name for name in names if name != "nnjax"]


def installed(name: str) -> str | None:
    """The version of a package that is installed, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
