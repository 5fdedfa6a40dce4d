import gzip
import hashlib
import http.server
import threading

import pytest

from nnjax.data import search
from nnjax.data.search import RemoteFile
from nnjax.errors import DamagedError, DataError, StorageError

CONTENT = {"one.gz": gzip.compress(b"first"), "two.gz": gzip.compress(b"second")}


@pytest.fixture
def server(monkeypatch):
    """A publisher on this machine; yields its address and the list of what it was asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            content = CONTENT.get(self.path.lstrip("/"))
            self.send_response(200 if content else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *args):
            pass

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/", asked
        running.shutdown()
        thread.join()


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Empty folders for $NNJAX_DATA, the cache and a package, each with room for the set "pair"."""
    monkeypatch.setenv("NNJAX_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NNJAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NNJAX_OFFLINE", raising=False)
    folders = {name: tmp_path / name / "pair" for name in ("own", "data", "cache", "package")}
    return folders


def files(address="http://127.0.0.1:9/"):
    return [
        RemoteFile(name, address + name, hashlib.sha256(content).hexdigest(), "")
        for name, content in CONTENT.items()
    ]


def fill(folder, names=tuple(CONTENT)):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"here")


def test_the_nearest_place_wins(places):
    packages = {str(places["package"]): "apt install pair"}
    for name in ("package", "cache", "data"):  # from far to near: each hides the one before
        fill(places[name])
        assert search.find("pair", files(), packages=packages) == [places[name] / file for file in CONTENT]
    fill(places["own"])
    assert search.find("pair", files(), places["own"], packages)[0].parent == places["own"]


def test_a_place_that_lacks_a_file_does_not_count(places):
    fill(places["data"], ["one.gz"])
    fill(places["cache"], ["one", "two.gz"])  # one of them lies unpacked
    assert search.find("pair", files()) == [places["cache"] / "one", places["cache"] / "two.gz"]


def test_a_path_that_lacks_a_file_is_an_error_and_no_other_place_is_tried(places):
    fill(places["cache"])
    fill(places["own"], ["two"])
    with pytest.raises(DataError, match=r"own/pair: missing one.gz \(each may also lie there unpacked\)"):
        search.find("pair", files(), places["own"])
    with pytest.raises(DataError, match="no such folder"):
        search.find("pair", files(), places["own"] / "typo")


def test_a_download_is_checked_kept_and_not_repeated(places, server):
    address, asked = server
    for _ in range(2):
        found = search.find("pair", files(address))
        assert [path.read_bytes() for path in found] == list(CONTENT.values())
    assert asked == ["/one.gz", "/two.gz"]
    assert sorted(path.name for path in places["cache"].iterdir()) == ["one.gz", "two.gz"]


def test_a_download_of_another_file_is_refused_and_not_kept(places, server):
    wrong = [file._replace(sha256="0" * 64) for file in files(server[0])]
    with pytest.raises(DamagedError, match=r"one\.gz: not the file that was expected"):
        search.find("pair", wrong)
    assert list(places["cache"].iterdir()) == []


def test_offline_asks_nobody_and_the_error_names_every_way(places, server, monkeypatch):
    monkeypatch.setenv("NNJAX_OFFLINE", "1")
    fill(places["data"], ["two.gz"])
    with pytest.raises(DataError) as caught:
        search.find("pair", files(server[0]), packages={str(places["package"]): "apt install pair"})
    message = str(caught.value)
    assert server[1] == []
    for words in (
        "pair is not on this machine",
        'load("pair", path=FOLDER), a folder with one.gz, two.gz',
        f"$NNJAX_DATA/pair ({places['data']}: missing one.gz",
        f"the cache ({places['cache']}: no such folder",
        "apt install pair",
        "$NNJAX_OFFLINE forbids it",
    ):
        assert words in message


def test_a_failed_download_is_one_of_the_ways(places, server, monkeypatch):
    monkeypatch.delenv("NNJAX_DATA")
    absent = [RemoteFile("three.gz", server[0] + "three.gz", "0" * 64, "")]
    with pytest.raises(DataError, match=r"(?s)\$NNJAX_DATA is not set.*three.gz: HTTPError"):
        search.find("pair", absent)
    with pytest.raises(DataError, match=r"let it be downloaded .*ConnectionError"):
        search.find("pair", files("http://127.0.0.1:9/"))


def test_a_cache_that_cannot_be_written_is_a_storage_error(places, server, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="cannot be kept there"):
        search.find("pair", files(server[0]))


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_offline(monkeypatch, value, expected):
    monkeypatch.setenv("NNJAX_OFFLINE", value)
    assert search.offline() is expected


def test_what_unpacks_to_more_than_the_cap_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "MAX_UNPACKED", 5)
    (tmp_path / "one.gz").write_bytes(gzip.compress(b"first"))
    assert search.read_checked(tmp_path / "one.gz", None) == b"first"
    (tmp_path / "two.gz").write_bytes(gzip.compress(b"second"))
    with pytest.raises(DamagedError, match=r"two\.gz: unpacks to more than 5 bytes"):
        search.read_checked(tmp_path / "two.gz", None)
