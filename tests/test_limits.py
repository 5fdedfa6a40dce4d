import os
import sys

import pytest

from nnjax.data import abc_notation, limits, midi, stroke_table, text, ts_files, wav, weight_files
from nnjax.errors import DamagedError, DataError


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path):
    with pytest.raises(DataError, match="gone: no such file"):
        limits.check_file(tmp_path / "gone")
    with pytest.raises(DataError, match="not an ordinary file"):
        limits.check_file(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="not an ordinary file"):  # reading it would wait for ever
        limits.check_file(tmp_path / "pipe")


def test_a_file_beyond_the_cap_is_refused_and_one_at_it_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MAX_BYTES", 10)
    path = tmp_path / "file"
    path.write_bytes(b"0" * 10)
    assert limits.check_file(path) == path
    path.write_bytes(b"0" * 11)
    with pytest.raises(DataError, match="11 bytes, and the most that is read is 10"):
        limits.check_file(path)


@pytest.mark.parametrize(
    "read",
    [
        abc_notation.read_abc,
        midi.read_midi,
        stroke_table.stroke_table,
        text.load_text,
        ts_files.ts_dataset,
        wav.read_wav,
        weight_files.read_weights,
    ],
)
def test_readers_have_caps_of_their_own(tmp_path, monkeypatch, read):
    monkeypatch.setattr(sys.modules[read.__module__], "MAX_BYTES", 10)
    path = tmp_path / "file"
    path.write_bytes(b"0" * 11)
    with pytest.raises(DataError, match="11 bytes, and the most that is read is 10"):
        read(path)


def test_small_claims_are_believed_and_large_ones_are_not(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0" * 1000)
    limits.check_unpacked(path, limits.SMALL_BYTES)
    with pytest.raises(DamagedError, match=r"file: 1,000 bytes claim 16,777,217 bytes.*bomb"):
        limits.check_unpacked(path, limits.SMALL_BYTES + 1)
    with pytest.raises(DamagedError, match="the most is 8,589,934,592"):
        limits.check_unpacked(path, limits.MAX_BYTES + 1)
    path.write_bytes(b"0" * 100_000)
    limits.check_unpacked(path, limits.SMALL_BYTES + 1)  # 168 times: what real data do
