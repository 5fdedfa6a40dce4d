import os

import numpy as np
import pytest

from nnjax import load, load_splits
from nnjax.data import text
from nnjax.data.checks import check_splits
from nnjax.data.ngrams import fit_ngram, ngram_nats
from nnjax.data.text import decode, encode_text, load_text, split_text, text_splits, windows
from nnjax.errors import ConfigError, DamagedError, DataError

NEEDS_DATA = pytest.mark.skipif(
    "NNJAX_TEST_DATA" not in os.environ, reason="needs $NNJAX_TEST_DATA, a folder of the sets"
)


def test_a_file_becomes_codes_and_back(tmp_path):
    path = tmp_path / "own.txt"
    path.write_bytes("﻿Añb\r\nA\U0001d11e".encode())
    text = load_text(path)
    assert text.vocabulary == ("\n", "A", "b", "ñ", "\U0001d11e")
    np.testing.assert_array_equal(text.codes, [1, 3, 2, 0, 1, 4])
    assert (text.codes.dtype, text.name) == (np.uint8, "own")
    assert decode(text.codes, text.vocabulary) == "Añb\nA\U0001d11e"


def test_more_than_a_byte_of_symbols_need_wider_codes():
    text = encode_text("".join(chr(256 + place) for place in range(300)))
    assert text.codes.dtype == np.uint16
    np.testing.assert_array_equal(text.codes, np.arange(300))


def test_windows_lie_end_to_end_and_targets_are_the_next_character():
    text = encode_text("0123456789" * 10)
    parts = text_splits(text, 7, 0.2)
    check_splits(parts)
    assert (len(parts.train), len(parts.valid), parts.test) == (11, 2, None)
    for part in (parts.train, parts.valid):
        np.testing.assert_array_equal(part.inputs.ravel()[1:], part.targets.ravel()[:-1])
        np.testing.assert_array_equal((part.inputs.astype(int) + 1) % 10, part.targets)
    assert parts.valid.inputs[0, 0] == 0  # the 80th character


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\x00", r"bad.txt: not text in UTF-8 \(byte 0\)"),
        (b"a", "bad: wanted at least two"),
        (b"", "two"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content, words):
    (tmp_path / "bad.txt").write_bytes(content)
    with pytest.raises(DataError, match=words):
        load_text(tmp_path / "bad.txt")


def test_sizes_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(DataError, match="the names are tiny_shakespeare, python_reference"):
        load_text("tiny_shakspeare")
    with pytest.raises(ConfigError, match="5 characters do not fill one"):
        windows(np.arange(5), 5)
    with pytest.raises(ConfigError, match="fewer than two"):
        split_text(encode_text("abc"), 0.5)
    with pytest.raises(ConfigError, match="'train' or 'valid', got 'test'"):
        load("python_reference", part="test")


def test_pythons_reference_needs_no_file_and_is_prose():
    parts = load_splits("python-reference", length=100)
    assert parts.test is None
    assert len(parts.train) > 3000
    assert 0.08 < len(parts.valid) / len(parts.train) < 0.12
    text = decode(parts.train.inputs.ravel(), parts.train.classes)
    assert text.count(" the ") > 2000


def test_another_text_under_shakespeares_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("NNJAX_DATA", str(tmp_path))
    (tmp_path / "tiny_shakespeare").mkdir()
    (tmp_path / "tiny_shakespeare" / "input.txt").write_text("To be")
    with pytest.raises(DamagedError, match=r"input\.txt: its content has the SHA-256"):
        load_text("tiny_shakespeare")


@NEEDS_DATA
def test_tiny_shakespeare_and_its_five_gram(monkeypatch):
    monkeypatch.setenv("NNJAX_DATA", os.environ["NNJAX_TEST_DATA"])
    text = load_text("tiny_shakespeare")
    train, valid = split_text(text)
    assert (len(train), len(valid), len(text.vocabulary)) == (1_003_854, 111_540, 65)
    nats = ngram_nats(fit_ngram(train, 5, 65), valid)
    assert nats.mean() == pytest.approx(1.66885, abs=1e-4)
    assert nats[:20_000].mean() == pytest.approx(1.5565, abs=1e-3)


def test_too_many_symbols_are_refused(monkeypatch):
    monkeypatch.setattr(text, "MAX_SYMBOLS", 3)
    assert len(encode_text("abca").vocabulary) == 3
    with pytest.raises(DataError, match="4 characters, at most 3"):
        encode_text("abcd")
