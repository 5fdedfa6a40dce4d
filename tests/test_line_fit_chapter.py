"""The chapter on fitting a line: every number it tells."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from nnjax.data.generated import line
from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown

CHAPTER = load_experiment(Path(__file__).resolve().parent.parent / "experiments/line_fit.py")
CONFIG = CHAPTER.Config(dimensions=(1, 4, 16))


@pytest.fixture(scope="module")
def shown() -> Shown:
    return CHAPTER.show(CONFIG)


def test_four_solvers_give_one_answer(shown: Shown) -> None:
    rows = {row["solver"]: row for row in shown.numbers["solvers"]}
    data = line(60, 0.5, seed=0)
    slope, intercept = np.polyfit(data.inputs[:, 0].astype(float), data.targets[:, 0].astype(float), 1)
    apart = {
        "least squares": 1e-6,
        "gradient descent": 1e-5,
        "stochastic": 0.02,
        "brute force": 0.125 / 2 + 1e-9,
    }
    assert set(rows) == set(apart)
    for name, distance in apart.items():
        assert abs(rows[name]["w"] - slope) <= distance, name
        assert abs(rows[name]["b"] - intercept) <= distance, name
        assert rows[name]["cost"] >= rows["least squares"]["cost"] - 1e-12
    evaluations = {name: row["evaluations"] for name, row in rows.items()}
    assert evaluations == {"brute force": 1681, "least squares": 0, "gradient descent": 60, "stochastic": 20}
    operations = [
        rows[name]["operations"]
        for name in ("least squares", "stochastic", "gradient descent", "brute force")
    ]
    assert operations == sorted(operations)


def test_the_limit_comes_from_the_data_and_holds(shown: Shown) -> None:
    assert shown.numbers["learning_rate_limit"] == pytest.approx(2 / shown.numbers["largest_curvature"])
    left = {row["learning_rate"]: row["cost_left"] for row in shown.numbers["learning_rates"]}
    assert left["right"] < 1e-10 < left["just below the limit"] < left["too small"] < 1 < left["too large"]
    assert left["too large"] > 10


def test_brute_force_grows_by_eleven_a_parameter(shown: Shown) -> None:
    rows = shown.numbers["dimensions"]
    assert [row["grid_evaluations"] for row in rows] == [11.0 ** (d + 1) for d in CONFIG.dimensions]
    assert rows[-1]["grid_operations"] / rows[-1]["least_squares_operations"] > 1e15


def test_rescaling_makes_the_valley_round(shown: Shown) -> None:
    raw, scaled = shown.numbers["rescaling"]
    assert raw["condition_number"] > 1e4
    assert scaled["condition_number"] == pytest.approx(1, abs=1e-4)
    assert raw["cost_left"] > 0.1
    assert scaled["cost_left"] < 1e-10
    assert scaled["learning_rate_limit"] >= shown.numbers["guaranteed_rate"] * (1 - 1e-6)
    assert raw["learning_rate_limit"] < 1e-3
    way = shown.pictures["rescaling"].image.axes[1].lines[0].get_xydata()
    minimum = shown.pictures["rescaling"].image.axes[1].lines[-1].get_xydata()[0]
    np.testing.assert_allclose(way[1], minimum, atol=1e-3)  # one step arrives


def test_the_normal_equations_lose_what_qr_keeps(shown: Shown) -> None:
    last = shown.numbers["lost_digits"][-1]
    assert last["condition"] > 5e7
    assert last["normal_equations"] > 0.1
    assert last["qr"] < 1e-7


def test_the_degree_is_a_hyperparameter(shown: Shown) -> None:
    rows = shown.numbers["degrees"]
    training, validation = ([row[part] for row in rows] for part in ("training", "validation"))
    assert all(after <= before + 1e-12 for before, after in itertools.pairwise(training))
    best = int(np.argmin(validation))
    assert shown.numbers["best_degree"] == best
    assert 3 <= best <= 8
    assert validation[-1] > 10 * validation[best]
    assert validation[0] > 5 * validation[best]


def test_gradient_descent_stays_where_it_starts(shown: Shown) -> None:
    rows = shown.numbers["local_minima"]
    found = {round(float(row["start"]), 2) for row in rows if row["cost"] < 1e-6}
    assert found == {1.75, 2.25, 2.75, 3.25, 3.75, 4.25}
    stuck = [row for row in rows if row["cost"] > 0.1]
    assert len(stuck) == len(rows) - len(found) == 10
    assert len({round(float(row["end"]), 1) for row in stuck}) == 3  # three other valleys


def test_the_solvers_agree_on_real_data(shown: Shown) -> None:
    raw, scaled = shown.numbers["diabetes"]
    assert scaled["condition_number"] == pytest.approx(470.08, rel=1e-3)
    assert raw["condition_number"] > 100 * scaled["condition_number"]
    rows = {row["solver"]: row for row in shown.numbers["diabetes_solvers"]}
    assert float(rows["least squares"]["r2"]) == pytest.approx(
        0.51775, abs=1e-4
    )  # scikit-learn's, on all 442
    assert raw["cost"] > 1.005 * rows["least squares"]["cost"]
    assert scaled["cost"] < 1.0001 * rows["least squares"]["cost"]
    assert rows["gradient descent"]["largest_difference"] < 0.01
    assert rows["stochastic"]["largest_difference"] < 0.5


def test_the_pictures_tell_the_story(shown: Shown) -> None:
    assert list(shown.pictures) == [
        *("lines", "surface", "learning_rates", "dimension", "rescaling", "rescaling_cost", "lost_digits"),
        *("degrees", "polynomials", "local_minima", "diabetes", "diabetes_weights"),
    ]
    assert all(picture.caption for picture in shown.pictures.values())
