import numpy as np
import pytest

from nnjax.data.svg_paths import path_points
from nnjax.errors import DataError


@pytest.mark.parametrize(
    "text",
    [
        "M0,0 L10,0 L10,10",
        "m0 0 10 0 0 10",
        "M0 0H10V10",
        "M0,0h10v10",
        "M0,0 L1e1-.0 10,1.0E+1",
        "M0,0c3,0,6,0,10,0c0,3,0,6,0,10",
        "M0,0Q5,0,10,0T10,10",
    ],
)
def test_the_same_corner_in_every_spelling(text):
    points = path_points(text, 2.5)
    np.testing.assert_allclose(points[[0, -1]], [[0, 0], [10, 10]], atol=1e-6)
    if "Q" not in text:
        expected = [[0, 0], [2.5, 0], [5, 0], [7.5, 0], [10, 0], [10, 2.5], [10, 5], [10, 7.5], [10, 10]]
        np.testing.assert_allclose(points, expected, atol=1e-5)


def test_a_quarter_circle_of_a_cubic_curve():
    k = 4 / 3 * (np.sqrt(2) - 1)  # the usual control points, within 0.03% of the circle
    points = path_points(f"M1,0C1,{k},{k},1,0,1", np.pi / 2 / 8)
    np.testing.assert_allclose(np.hypot(*points.T), 1, atol=3e-3)
    angles = np.arctan2(points[:, 1], points[:, 0])
    np.testing.assert_allclose(np.diff(angles), np.pi / 16, rtol=0.02)
    assert len(points) == 9


def test_a_smooth_curve_mirrors_the_control_point():
    whole = path_points("M0,0C0,10,10,10,10,0C10,-10,20,-10,20,0", 1.0)
    np.testing.assert_allclose(path_points("M0,0C0,10,10,10,10,0S20,-10,20,0", 1.0), whole, atol=1e-5)
    np.testing.assert_allclose(path_points("M0,0c0,10,10,10,10,0s10-10,10,0", 1.0), whole, atol=1e-5)


def test_closing_goes_back_to_the_start():
    np.testing.assert_allclose(path_points("M1,1h4v4z", 100.0)[-1], [1, 1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "M",
        "10,10",
        "L0,0",
        "M0,0",
        "M0,0L1",
        "M0,0A1,1,0,0,0,2",
        "M0,0 X",
        "M0,0Lé",
        "M0,0C1,2,3",
        "M0,0z1",
    ],
)
def test_what_is_no_path_is_refused(text):
    with pytest.raises(DataError, match="the path"):
        path_points(text, 1.0)


@pytest.mark.parametrize("text", ["M0,0L1e300,0", "M0,0L1e999,0", "M0,0L1e9,0"])
def test_a_path_without_end_is_refused(text):
    with pytest.raises(DataError, match="the path"):
        path_points(text, 1.0)


def test_a_smooth_curve_mirrors_only_one_of_its_own_degree():
    smooth, plain = (path_points(f"M0,0Q5,10 10,0{last} 20,10 20,0", 1.0) for last in ("S", "C10,0"))
    np.testing.assert_array_equal(smooth, plain)
