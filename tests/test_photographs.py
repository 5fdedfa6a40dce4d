"""Photographs by name and from files."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnjax.data.photographs import photograph
from nnjax.errors import DamagedError, DataError


def test_both_of_scikit_learn_are_there_and_in_colour() -> None:
    china, flower = photograph("china"), photograph("flower")
    assert china.dtype == flower.dtype == np.uint8
    assert china.shape == flower.shape == (427, 640, 3)
    assert china[10, 600, 2] > china[400, 300, 2], "the sky is bluer than the trees"


def test_a_grey_file_gets_three_channels_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 5), 7, np.uint8)).save(tmp_path / "grey.png")
    pixels = photograph(tmp_path / "grey.png")
    assert pixels.shape == (4, 5, 3)
    assert (pixels == 7).all()
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(DamagedError, match=r"broken\.png"):
        photograph(tmp_path / "broken.png")


def test_what_is_not_there_says_what_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="no photograph of that name; there are china, flower"):
        photograph("mona_lisa")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install scikit-image"):
        photograph("astronaut")
