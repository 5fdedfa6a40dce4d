"""Settings compared: numbers worked by hand, members that diverged, pairs, folds and ties."""

from __future__ import annotations

import numpy as np

from nnjax.training import comparison
from nnjax.training.comparison import compare, held, kept_segments, settings_of, surely_worse
from nnjax.training.fit_population import FittedPopulation
from nnjax.training.member import DIVERGED, FINISHED, STOPPED
from nnjax.training.population import Entrants, Results
from nnjax.training.statistics import mean_interval, paired_difference
from nnjax.types import Plan

SEGMENTS, STEPS = 3, 10


def population(
    valid: list[list[float]], status: list[int] | None = None, folds: int = 1, **plan: object
) -> FittedPopulation:
    """Settings of two seeds (times folds) each, from the validation loss of every member and segment."""
    loss = np.array(valid, np.float32)
    members = len(loss)
    each = 2 * folds
    trained = np.isfinite(loss).sum(1)
    best = np.array([np.nanargmin(row) + 1 if np.isfinite(row).any() else 0 for row in loss])
    entrants = Entrants(
        np.tile(np.repeat(np.arange(2, dtype=np.uint32), folds), members // each),
        np.tile(np.arange(folds, dtype=np.int32), members // folds),
        {"l2": np.repeat(np.arange(members // each, dtype=np.float32), each)},
    )
    results = Results(
        params={"w": np.zeros((members, 1), np.float32)},
        best_score=np.where(best > 0, np.min(np.where(np.isfinite(loss), loss, np.inf), 1), np.inf),
        best_step=(best * STEPS).astype(np.int32),
        step=(trained * STEPS).astype(np.int32),
        status=np.array(status or [FINISHED] * members, np.int32),
        history={"train_loss": loss + 1, "valid_loss": loss},
        computed=np.int64(0),
    )
    made = Plan(SEGMENTS, STEPS, 8, **plan)  # type: ignore[arg-type]
    return FittedPopulation(lambda hyper: None, made, entrants, results, {})  # type: ignore[arg-type]


def test_means_differences_and_ranks_by_hand() -> None:
    told = compare(population([[3, 1, 2], [3, 2, 4], [9, 0.5, 1], [9, 9, 0.75]]), {"test_loss": [5, 6, 7, 8]})
    assert told.ranking == [1, 0]
    assert told.best_member == 2
    assert told.scores["valid_loss"].tolist() == [1, 2, 0.5, 0.75]
    assert told.scores["train_loss"].tolist() == [2, 3, 1.5, 1.75]  # of the kept segment
    assert told.settings[0].intervals["valid_loss"] == mean_interval([1, 2])
    assert told.settings[0].intervals["test_loss"].mean == 5.5
    assert told.settings[0].behind["valid_loss"] == paired_difference([1, 2], [0.5, 0.75])
    assert told.settings[1].behind == {}
    assert list(told.scores) == ["valid_loss", "train_loss", "test_loss"]


def test_what_is_larger_may_be_better() -> None:
    fitted = population([[1, 1, 1], [2, 2, 2], [5, 5, 5], [6, 6, 6]], maximize=True)
    assert compare(fitted).ranking == [1, 0]
    assert compare(fitted).best_member == 3


def test_a_setting_with_a_diverged_member_comes_last_and_says_so() -> None:
    nan = np.nan
    rows = [[5, 5, 5], [6, 6, 6], [1, nan, nan], [1.5, 1, 1], [nan] * 3, [nan] * 3]
    status = [FINISHED, FINISHED, DIVERGED, FINISHED, DIVERGED, DIVERGED]
    told = compare(population(rows, status))
    assert told.ranking == [0, 1, 2]
    assert [setting.diverged for setting in told.settings] == [0, 1, 2]
    assert told.settings[1].intervals["valid_loss"].mean == 1  # the one that did not diverge
    assert told.settings[1].behind["valid_loss"].count == 1  # seed 1, in both
    assert told.settings[2].intervals == {}
    assert told.best_member == 3  # not member 2, which scored as well and then diverged
    assert [surely_worse(setting, "valid_loss") for setting in told.settings] == [False, True, True]


def test_there_is_no_best_member_where_all_diverged_at_once() -> None:
    told = compare(population([[np.nan] * 3] * 2, [DIVERGED] * 2), {"test_loss": [1.0, 2.0]})
    assert np.isnan(told.scores["test_loss"]).all()
    assert told.best_member is None
    assert told.settings[0].diverged == 2


def test_surely_worse_is_an_interval_on_the_worse_side() -> None:
    fitted = population([[1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4.1, 4.1], [1, 1, 1], [2.1, 2.1, 2.1]])
    told = compare(fitted)
    assert [surely_worse(setting, "valid_loss") for setting in told.settings] == [False, True, False]


def test_folds_widen_the_intervals() -> None:
    rows = [[1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4]]
    (setting,) = compare(population(rows, folds=2)).settings
    assert setting.intervals["valid_loss"] == mean_interval([1, 2, 3, 4], overlap=1.0)


def test_without_validation_the_last_segment_is_kept() -> None:
    fitted = population([[1, 2, 3], [1, 2, 4]], monitor="train_loss")
    del fitted.results.history["valid_loss"]
    assert kept_segments(fitted).tolist() == [2, 2]
    assert compare(fitted).scores["train_loss"].tolist() == [4, 5]


def test_a_member_that_stopped_holds_its_last_value() -> None:
    nan = np.nan
    fitted = population([[3, 1, nan], [4, nan, nan]], [STOPPED, STOPPED])
    assert held(fitted, "valid_loss", np.array([0, 1])).tolist() == [[3, 1, 1], [4, 4, 4]]


def test_settings_keep_the_order_in_which_they_came() -> None:
    hyper = {"a": np.array([2, 2, 1, 1, 2], np.float32), "b": np.array([0, 1, 0, 0, 0], np.float32)}
    entrants = Entrants(np.arange(5, dtype=np.uint32), np.zeros(5, np.int32), hyper)
    found = [(values, members.tolist()) for values, members in settings_of(entrants)]
    assert found == [
        ({"a": 2, "b": 0}, [0, 4]),
        ({"a": 2, "b": 1}, [1]),
        ({"a": 1, "b": 0}, [2, 3]),
    ]


def test_pairs_need_the_same_seed_and_fold() -> None:
    entrants = Entrants(np.array([0, 1, 1, 2], np.uint32), np.array([0, 0, 0, 0], np.int32), {})
    after, before = comparison.pairs(entrants, np.array([2, 3]), np.array([0, 1]), np.ones(4, bool))
    assert (after.tolist(), before.tolist()) == ([2], [1])
