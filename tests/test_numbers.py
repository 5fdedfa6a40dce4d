"""How numbers are written, at the edges where the way of writing changes."""

from __future__ import annotations

import math

import pytest

from nnjax.runner.report.numbers import memory, metric, moment, seconds, setting


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 ms"),
        (0.0994, "99 ms"),
        (0.0995, "0.10 s"),
        (9.994, "9.99 s"),
        (9.996, "10.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (86400, "24 h 00 min"),
    ],
)
def test_a_time_never_shows_sixty_of_anything(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1023, "1023 B"), (1024, "1.0 KiB"), (1024**2, "1.0 MiB"), (5 * 1024**4, "5,120.0 GiB")],
)
def test_memory_changes_its_unit_at_1024(value, text):
    assert memory(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1.0000"),
        (0.01, "0.0100"),
        (0.00999, "0.00999"),
        (10.5, "10.5"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_a_metric_keeps_four_digits(value, text):
    assert metric(value) == text


def test_settings_read_as_words():
    assert setting({"a": [1, False], "b": None}) == "a = 1, no, b = none"
    assert setting([]) == "none"
    assert setting(1e-05) == "1e-05"


def test_a_moment_keeps_its_zone():
    assert moment("2026-12-01T00:00:00+02:00") == "1 December 2026, 00:00 UTC+02:00"
