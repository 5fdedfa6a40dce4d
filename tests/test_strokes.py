import gzip
import os

import numpy as np
import pytest

from nnjax import load_splits
from nnjax.data import strokes
from nnjax.data.checks import check_splits
from nnjax.data.strokes import kanji, read_kanji, steps_to_strokes, strokes_to_steps
from nnjax.errors import ConfigError, DamagedError, DataError

NEEDS_DATA = pytest.mark.skipif(
    "NNJAX_TEST_DATA" not in os.environ, reason="needs $NNJAX_TEST_DATA, a folder of the sets"
)


def svg(code, left, *paths):
    """A character in the form of KanjiVG."""
    lines = "".join(f'<path id="kvg:{code}-s{n}" kvg:type="x" d="{d}"/>\n' for n, d in enumerate(paths, 1))
    return (
        f'<svg width="109"><g id="kvg:StrokePaths_{code}"><g id="kvg:{code}" kvg:element="?">\n'
        f'<g id="kvg:{code}-g1" kvg:element="{left}" kvg:position="left">{lines}</g></g></g></svg>\n'
    )


def write(folder):
    folder.mkdir(exist_ok=True)
    glyphs = [svg("04e00", "a", "M0,0h70", "M0,10v35"), svg("04e01", "b", "M5,5h7")]
    glyphs += [svg("04e02", "a", "M0,0v14"), svg("00041", "a", "M0,0h7"), svg("04e03", "c", "M0,0h7")]
    with gzip.open(folder / "kanjivg.svgs.gz", "wt", encoding="utf-8") as stream:
        stream.write("<!-- licence -->".join(glyphs))
    return folder


def test_steps_and_strokes_are_inverses():
    rng = np.random.default_rng(0)
    drawn = [rng.normal(size=(length, 2)) for length in (3, 1, 5)]
    steps = strokes_to_steps(drawn, 2.0)
    assert steps.dtype == np.float32
    np.testing.assert_array_equal(steps[:, 2], [0, 0, 1, 1, 0, 0, 0, 0, 1])
    again = steps_to_strokes(steps)
    for one, other in zip(drawn, again, strict=True):
        np.testing.assert_allclose(other, (one - drawn[0][0]) / 2, atol=1e-6)


def test_an_unfinished_drawing_keeps_its_last_stroke():
    assert [len(stroke) for stroke in steps_to_strokes(np.array([[0, 0, 1], [1, 1, 0], [1, 1, 0]]))] == [1, 2]


def test_characters_by_hand(tmp_path):
    dataset = kanji(2, 7.0, write(tmp_path / "own"))
    assert dataset.classes == ("a", "b")  # of those with as many, the first; 00041 is no ideograph
    np.testing.assert_array_equal(dataset.targets, [0, 1, 0])
    np.testing.assert_array_equal(dataset.inputs.lengths, [11 + 6, 2, 3])
    first = dataset.inputs.values[0]
    np.testing.assert_allclose(first[:11, 0], [0, *[70 / 109] * 10], rtol=1e-5)
    np.testing.assert_allclose(first[11, :2], [-700 / 109, 100 / 109], rtol=1e-5)
    np.testing.assert_array_equal(np.flatnonzero(first[:, 2]), [10, 16])


def test_what_is_no_kanjivg_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("NNJAX_DATA", str(tmp_path))
    write(tmp_path / "kanji")
    with pytest.raises(DamagedError, match=r"kanjivg\.svgs\.gz: its content has the SHA-256"):
        kanji()
    (tmp_path / "kanji" / "kanjivg.svgs.gz").write_bytes(gzip.compress(b"<svg nothing"))
    with pytest.raises(DamagedError, match="no code point"):
        kanji(path=tmp_path / "kanji")
    (tmp_path / "kanji" / "kanjivg.svgs.gz").write_bytes(gzip.compress(b"x" * 1000)[:-9])
    with pytest.raises(DamagedError, match="damaged gzip"):
        kanji(path=tmp_path / "kanji")
    with pytest.raises(ConfigError, match="2 to 40 classes"):
        kanji(1)


def test_nowhere_to_be_found(tmp_path, monkeypatch):
    for name in ("NNJAX_CACHE", "NNJAX_DATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("NNJAX_OFFLINE", "1")
    monkeypatch.setattr(strokes, "WHEEL", strokes.WHEEL._replace(package="nnjax-no-such-package"))
    with pytest.raises(DataError, match=r"(?s)kanji is not on this machine.*pip install.*OFFLINE"):
        kanji()


@NEEDS_DATA
def test_the_published_characters(monkeypatch):
    monkeypatch.setenv("NNJAX_DATA", os.environ["NNJAX_TEST_DATA"])
    assert len(read_kanji()) == 6703
    sea = next(paths for code, left, paths in read_kanji() if code == ord("海"))
    assert len(sea) == 9
    parts = load_splits("kanji")
    check_splits(parts)
    assert sum(map(len, parts[:3])) == 2300
    assert parts.train.classes[0] == "氵"
