"""The crops: two classes, bytes, the same for the same seed, and from different columns."""

from __future__ import annotations

import numpy as np

from nnjax.data import photo_crops


def test_parts_are_from_different_columns(monkeypatch) -> None:
    columns = np.broadcast_to(np.linspace(0, 255, 640).astype(np.uint8)[None, :, None], (427, 640, 3))
    monkeypatch.setattr(photo_crops, "photograph", lambda name: columns)
    parts = photo_crops.photo_crops(64, 12)
    assert parts.train.inputs.max() <= 153 <= parts.valid.inputs.min() + 1
    assert parts.valid.inputs.max() <= 204 <= parts.test.inputs.min() + 1


def test_the_draw_follows_from_the_seed() -> None:
    one, same, other = (photo_crops.photo_crops(16, 4, seed).train.inputs for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.dtype == np.uint8
