"""WAV files: sound as samples from -1 to 1, read and written.

Whole numbers of 8, 16, 24 and 32 bits and floats of 32 and 64 bits are read, uncompressed (RIFF WAVE,
Microsoft and IBM, 1991). What the header claims is compared with the size of the file.
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnjax.data.limits import check_file
from nnjax.errors import ConfigError, DamagedError, DataError, StorageError

MAX_BYTES = 256 * 2**20
MAX_CHANNELS = 64
RATES = (500, 768_000)
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


class Wave(NamedTuple):
    """A sound.

    Attributes:
        samples: float32 [T], from -1 to 1.
        rate: Samples in a second.
    """

    samples: np.ndarray
    rate: int


def read_wav(path: str | os.PathLike, rate: int | None = None) -> Wave:
    """Reads a WAV file as one channel, the mean of its channels.

    Args:
        path: The file.
        rate: Samples in a second to resample to; None keeps the file's own.

    Raises:
        DataError: If there is no such file, it is too large, has no samples or some that are not finite, or
            is of a form that is not read.
        DamagedError: If it is no WAV file, or is cut.
        ConfigError: If `rate` is out of range.
    """
    path = check_file(path, MAX_BYTES)
    header, data = _chunks(path, path.read_bytes())
    kind, channels, own, _, _, bits = struct.unpack("<HHIIHH", header[:16])
    if kind == EXTENSIBLE and len(header) >= 26:
        kind = struct.unpack("<H", header[24:26])[0]
    if not 1 <= channels <= MAX_CHANNELS or not RATES[0] <= own <= RATES[1]:
        raise DamagedError(f"{path}: {channels} channels and {own} samples in a second")
    samples = _decode(path, kind, bits, data)
    frames = len(samples) // channels
    if frames == 0:
        raise DataError(f"{path}: no samples")
    mono = samples[: frames * channels].reshape(frames, channels).mean(1, dtype=np.float64)
    if not np.isfinite(mono).all():
        raise DataError(f"{path}: sample {int(np.flatnonzero(~np.isfinite(mono))[0])} is not finite")
    if rate is None or rate == own:
        return Wave(mono.astype(np.float32), own)
    return Wave(resample(mono, own, rate).astype(np.float32), rate)


def resample(samples: np.ndarray, own: int, rate: int) -> np.ndarray:
    """`samples` [T] at another rate, by a filter that lets nothing above half of either rate through.

    Raises:
        ConfigError: If `rate` is out of range.
    """
    from scipy.signal import resample_poly

    if not RATES[0] <= rate <= RATES[1]:
        raise ConfigError(f"wanted {RATES[0]} to {RATES[1]:,} samples in a second, got {rate}")
    common = math.gcd(own, rate)
    return resample_poly(samples, rate // common, own // common)


def write_wav(path: str | os.PathLike, samples: np.ndarray, rate: int) -> Path:
    """Writes samples [T] from -1 to 1 as 16-bit PCM; what is beyond is clipped.

    Returns:
        The path.

    Raises:
        StorageError: If the file cannot be written.
    """
    whole = np.round(np.clip(np.nan_to_num(samples), -1, 1) * 32767).astype("<i2").tobytes()
    header = struct.pack(
        "<4sI4s4sIHHIIHH", b"RIFF", 36 + len(whole), b"WAVE", b"fmt ", 16, PCM, 1, rate, 2 * rate, 2, 16
    )
    path = Path(path).expanduser()
    try:
        path.write_bytes(header + struct.pack("<4sI", b"data", len(whole)) + whole)
    except OSError as error:
        raise StorageError(f"{path}: the sound cannot be written; {error}") from None
    return path


def _chunks(path: Path, content: bytes) -> tuple[bytes, bytes]:
    """The chunks `fmt ` and `data`."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise DamagedError(f"{path}: not a WAV file; it starts with {content[:12]!r}")
    place, header = 12, b""
    while place + 8 <= len(content):
        name, size = content[place : place + 4], struct.unpack("<I", content[place + 4 : place + 8])[0]
        body = content[place + 8 : place + 8 + size]
        if len(body) < size:
            raise DamagedError(
                f"{path}: is cut; {name!r} promises {size:,} bytes, and there are {len(body):,}"
            )
        if name == b"fmt " and size >= 16:
            header = body
        if name == b"data":
            if not header:
                break
            return header, body
        place += 8 + size + size % 2
    raise DamagedError(f"{path}: ends before its samples")


def _decode(path: Path, kind: int, bits: int, data: bytes) -> np.ndarray:
    """Samples from -1 to 1, the channels of a moment side by side."""
    width = bits // 8
    if bits not in (8, 16, 24, 32, 64) or (kind, width) not in (
        *((PCM, size) for size in (1, 2, 3, 4)),
        *((FLOAT, size) for size in (4, 8)),
    ):
        raise DataError(
            f"{path}: form {kind} with {bits} bits is not read; wanted PCM or float, uncompressed"
        )
    data = data[: len(data) // width * width]
    if kind == FLOAT:
        with np.errstate(over="ignore"):
            return np.frombuffer(data, f"<f{width}").astype(np.float32)
    if width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    if width == 3:
        padded = np.zeros((len(data) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return padded.view("<i4")[:, 0].astype(np.float32) / 2**31
    return np.frombuffer(data, f"<i{width}").astype(np.float32) / 2 ** (bits - 1)
