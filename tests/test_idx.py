import contextlib
import gzip
import hashlib
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from nnjax.data.idx import ELEMENT_TYPES, read_idx
from nnjax.errors import DamagedError, DataError

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def idx_bytes(array: np.ndarray) -> bytes:
    """An IDX file, written straight from its description."""
    codes = {np.dtype(name).newbyteorder("="): code for code, name in ELEMENT_TYPES.items()}
    header = bytes([0, 0, codes[array.dtype], array.ndim]) + b"".join(
        n.to_bytes(4, "big") for n in array.shape
    )
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def test_a_file_worked_by_hand(tmp_path):
    path = tmp_path / "hand"
    path.write_bytes(bytes([0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 1, 1, 0, 0xFF, 0xFE]))
    array = read_idx(path)
    np.testing.assert_array_equal(array, [[1, 256, -2]])
    assert array.dtype == np.int16


@quick
@given(
    array=npst.arrays(
        st.sampled_from([np.dtype(name).newbyteorder("=") for name in ELEMENT_TYPES.values()]),
        npst.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4),
    ),
    packed=st.booleans(),
)
def test_what_is_written_is_read(tmp_path, array, packed):
    path = tmp_path / "array"
    path.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    read = read_idx(path)
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    assert read.flags.writeable
    np.testing.assert_array_equal(read, array)


@quick
@given(
    noise=st.binary(max_size=40), start=st.sampled_from([b"", b"\0\0\x08\1", b"\0\0\x0e\3", b"\x1f\x8b\x08"])
)
def test_noise_is_read_or_refused_and_nothing_else(tmp_path, noise, start):
    path = tmp_path / "noise"
    path.write_bytes(start + noise)
    with contextlib.suppress(DamagedError):
        read_idx(path)


def test_no_data_of_an_impossible_shape_is_refused(tmp_path):
    path = tmp_path / "huge"
    path.write_bytes(b"\0\0\x0e\3" + b"\0\0\0\0" + b"\x7f\xff\xff\xff" * 2)
    with pytest.raises(DamagedError, match="no array has the shape"):
        read_idx(path)


def test_every_truncation_is_refused_packed_or_not(tmp_path):
    content = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    path = tmp_path / "short"
    for whole in (content, gzip.compress(content)):
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            with pytest.raises(DamagedError, match="short"):
                read_idx(path)


def test_flipped_bits_in_gzip_are_refused_or_change_nothing(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, 200).astype(np.uint8)
    content = gzip.compress(idx_bytes(array))
    path = tmp_path / "flipped"
    refused = 0
    for place in range(10, len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        try:
            np.testing.assert_array_equal(read_idx(path), array)
        except DamagedError:
            refused += 1
    assert refused >= len(content) - 12  # a bit of padding between blocks may carry nothing


def test_trailing_bytes_are_refused(tmp_path):
    path = tmp_path / "long"
    path.write_bytes(idx_bytes(np.zeros(3, np.uint8)) + b"x")
    with pytest.raises(DamagedError, match=r"shape \[3\], promises 3 bytes; there are more"):
        read_idx(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "starts with nothing"),
        (b"\x89PNG\r\n", "not an IDX file; it starts with 89 50 4e 47"),
        (b"\0\0\x07\1", "not an IDX file"),
        (b"\0\0\x08\0", "not an IDX file"),
        (b"\0\0\x08\2\0\0\0\1", "ends inside its IDX header"),
    ],
)
def test_other_files_are_refused_with_what_they_start_with(tmp_path, content, words):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=words):
        read_idx(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.gz"
    header = b"\0\0\x08\3" + struct.pack(">3I", 50_000, 32, 32)
    path.write_bytes(gzip.compress(header + bytes(50_000 * 1024)))
    assert path.stat().st_size < 60_000
    with pytest.raises(DamagedError, match="looks like a decompression bomb"):
        read_idx(path)
    path.write_bytes(b"\0\0\x08\3" + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1))
    with pytest.raises(DamagedError, match="the most is"):
        read_idx(path)


def test_the_digest_is_that_of_the_content_however_it_is_packed(tmp_path):
    content = idx_bytes(np.arange(5, dtype=np.uint8))
    digest = hashlib.sha256(content).hexdigest()
    path = tmp_path / "digest"
    for stored in (content, gzip.compress(content, 1), gzip.compress(content, 9, mtime=7)):
        path.write_bytes(stored)
        np.testing.assert_array_equal(read_idx(path, sha256=digest), [0, 1, 2, 3, 4])
    with pytest.raises(DamagedError, match=f"digest: .*{digest}.*delete it and load again"):
        read_idx(path, sha256="0" * 64)


def test_a_missing_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_idx(tmp_path / "none")
