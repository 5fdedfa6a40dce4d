import struct
import warnings

import numpy as np
import pytest
from scipy.io import wavfile

from nnjax.data.wav import read_wav, resample, write_wav
from nnjax.errors import ConfigError, DamagedError, DataError, StorageError

RATE = 8000
TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2000) / RATE)


@pytest.mark.parametrize(
    ("dtype", "scale", "offset"),
    [("uint8", 127, 128), ("int16", 32767, 0), ("int32", 2**31 - 1, 0), ("float32", 1, 0), ("float64", 1, 0)],
)
def test_what_scipy_writes_is_read(tmp_path, dtype, scale, offset):
    wavfile.write(tmp_path / "a.wav", RATE, (TONE * scale + offset).astype(dtype))
    wave = read_wav(tmp_path / "a.wav")
    assert (wave.rate, wave.samples.dtype) == (RATE, np.float32)
    np.testing.assert_allclose(wave.samples, TONE, atol={"uint8": 0.013, "int16": 7e-5}.get(dtype, 1e-6))


def test_24_bits_and_an_extensible_header_by_hand(tmp_path):
    values = [0, 1, -1, 2**23 - 1, -(2**23)]
    data = b"".join(struct.pack("<i", value)[:3] for value in values)
    header = struct.pack("<HHIIHHHHIH14s", 0xFFFE, 1, RATE, 3 * RATE, 3, 24, 22, 24, 0, 1, bytes(14))
    (tmp_path / "a.wav").write_bytes(riff((b"LIST", b"odd"), (b"fmt ", header), (b"data", data)))
    np.testing.assert_allclose(read_wav(tmp_path / "a.wav").samples * 2**23, values)


def riff(*chunks):
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def test_channels_are_averaged(tmp_path):
    wavfile.write(tmp_path / "a.wav", RATE, np.stack([TONE, -TONE, 3 * TONE], 1).astype(np.float32))
    np.testing.assert_allclose(read_wav(tmp_path / "a.wav").samples, TONE, atol=1e-6)


def test_what_is_written_is_read_and_clipped(tmp_path):
    path = write_wav(tmp_path / "a.wav", 3 * TONE, RATE)
    np.testing.assert_allclose(read_wav(path).samples, np.clip(3 * TONE, -1, 1), atol=1e-4)
    assert wavfile.read(path)[0] == RATE
    with pytest.raises(StorageError, match="cannot be written"):
        write_wav(tmp_path / "none" / "a.wav", TONE, RATE)


@pytest.mark.parametrize("rate", [16000, 11025, 4000])
def test_resampling_keeps_the_tone(tmp_path, rate):
    path = write_wav(tmp_path / "a.wav", TONE, RATE)
    wave = read_wav(path, rate)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(wave.samples)) / rate)
    assert len(wave.samples) == -(-2000 * rate // RATE)
    np.testing.assert_allclose(wave.samples[200:-200], expected[200:-200], atol=2e-3)


def test_resampling_lets_nothing_fold_over():
    high = np.sin(2 * np.pi * 3000 * np.arange(4000) / RATE)
    assert np.abs(resample(high, RATE, 4000)[100:-100]).max() < 0.01
    with pytest.raises(ConfigError, match="wanted 500 to"):
        resample(high, RATE, 1)


def test_every_truncation_is_refused(tmp_path):
    whole = write_wav(tmp_path / "a.wav", TONE[:30], RATE).read_bytes()
    for length in range(len(whole)):
        (tmp_path / "cut.wav").write_bytes(whole[:length])
        with pytest.raises(DamagedError, match=r"cut\.wav"):
            read_wav(tmp_path / "cut.wav")


@pytest.mark.parametrize(
    ("place", "value", "error", "words"),
    [
        (0, b"RIFX", DamagedError, "not a WAV file"),
        (20, b"\x55\0", DataError, "form 85 with 16 bits is not read"),
        (22, b"\0\0", DamagedError, "0 channels"),
        (22, b"\xff\xff", DamagedError, "65535 channels"),
        (24, b"\0\0\0\0", DamagedError, "0 samples in a second"),
        (24, b"\xff\xff\xff\xff", DamagedError, "4294967295 samples in a second"),
        (34, b"\x0c\0", DataError, "with 12 bits"),
        (40, b"\xff\xff\xff\xff", DamagedError, "promises 4,294,967,295 bytes, and there are 60"),
        (40, b"\0\0\0\0", DataError, "no samples"),
        (16, b"\x0f\0\0\0", DamagedError, "ends before its samples|is cut"),
    ],
)
def test_hostile_headers_are_refused(tmp_path, place, value, error, words):
    content = bytearray(write_wav(tmp_path / "a.wav", TONE[:30], RATE).read_bytes())
    content[place : place + len(value)] = value
    (tmp_path / "a.wav").write_bytes(bytes(content))
    with pytest.raises(error, match=words):
        read_wav(tmp_path / "a.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused(tmp_path, value):
    wavfile.write(tmp_path / "a.wav", RATE, np.array([0, 0, value, 0], np.float32))
    with warnings.catch_warnings(), pytest.raises(DataError, match="sample 2 is not finite"):
        read_wav(tmp_path / "a.wav")
