import numpy as np
import pytest

from nnjax.data import generated
from nnjax.errors import ConfigError

CLOUDS = [generated.moons, generated.circles, generated.xor_cloud, generated.blobs, generated.spiral]
SETS = [*CLOUDS, generated.plane, generated.gaussian, generated.line]


@pytest.mark.parametrize(
    ("kind", "operation"), [("and", np.logical_and), ("or", np.logical_or), ("xor", np.logical_xor)]
)
def test_a_gate_is_the_truth_table_of_numpy(kind, operation):
    table = generated.gate(kind)
    np.testing.assert_array_equal(table.targets, operation(*table.inputs.astype(bool).T))
    assert len({tuple(row) for row in table.inputs.tolist()}) == 4


@pytest.mark.parametrize("make", SETS)
def test_a_seed_is_a_set_and_another_seed_another(make):
    first, again, other = make(samples=51, noise=0.1, seed=3), make(51, 0.1, seed=3), make(51, 0.1, seed=4)
    np.testing.assert_array_equal(first.inputs, again.inputs)
    np.testing.assert_array_equal(first.targets, again.targets)
    assert not np.array_equal(first.inputs, other.inputs)
    assert first.inputs.dtype == np.float32
    assert first.targets.dtype == (np.int32 if first.classes else np.float32)
    assert len(first) == 51


@pytest.mark.parametrize("make", [generated.moons, generated.circles, generated.blobs, generated.spiral])
def test_the_classes_are_balanced(make):
    np.testing.assert_array_equal(np.bincount(make(samples=101).targets), [51, 50])


def test_a_clean_line_is_the_line():
    line = generated.line(samples=20, noise=0.0, slope=3.0, intercept=-0.5)
    np.testing.assert_allclose(line.targets, 3.0 * line.inputs - 0.5, atol=1e-6)


def test_the_noise_of_a_line_has_its_standard_deviation():
    line = generated.line(samples=20_000, noise=0.25)
    residual = line.targets - (2.0 * line.inputs + 1.0)
    assert abs(residual.std() - 0.25) < 0.005
    assert abs(residual.mean()) < 0.01


def test_clean_moons_lie_on_their_circles():
    moons = generated.moons(samples=200, noise=0.0)
    upper, lower = moons.inputs[moons.targets == 0], moons.inputs[moons.targets == 1]
    np.testing.assert_allclose(np.linalg.norm(upper, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(lower - [1.0, 0.5], axis=1), 1.0, atol=1e-6)
    assert upper[:, 1].min() >= 0
    assert lower[:, 1].max() <= 0.5


def test_clean_circles_are_told_apart_by_the_radius():
    circles = generated.circles(samples=400)
    radius = np.linalg.norm(circles.inputs, axis=1)
    np.testing.assert_array_equal(circles.targets == 1, radius < 2.5)
    assert not np.any((radius > 2.5) & (radius < 3.499))
    assert radius.max() <= 5.0001


def test_the_xor_cloud_is_told_apart_by_the_sign_of_the_product():
    cloud = generated.xor_cloud(samples=400)
    np.testing.assert_array_equal(cloud.targets == 1, cloud.inputs.prod(axis=1) > 0)
    assert np.abs(cloud.inputs).min() >= 0.3


def test_label_noise_changes_labels_and_not_points():
    clean, noisy = generated.circles(seed=1), generated.circles(seed=1, noise=0.5)
    np.testing.assert_array_equal(clean.inputs, noisy.inputs)
    assert 0.05 < np.mean(clean.targets != noisy.targets) < 0.5


def test_blobs_have_the_centres_and_the_variance_that_are_promised():
    blobs = generated.blobs(samples=20_000, noise=0.1)
    for label, centre in ((0, -2.0), (1, 2.0)):
        points = blobs.inputs[blobs.targets == label]
        np.testing.assert_allclose(points.mean(axis=0), [centre, centre], atol=0.05)
        np.testing.assert_allclose(points.var(axis=0), 1.2, rtol=0.06)


def test_the_two_spirals_are_each_other_turned_by_half_a_circle():
    spiral = generated.spiral(samples=200)
    np.testing.assert_allclose(spiral.inputs[0::2], -spiral.inputs[1::2], atol=1e-5)
    # Half way along, the positive arm is at radius 2.5 and has turned 7/8 of a full circle: 315 degrees.
    np.testing.assert_allclose(spiral.inputs[101], 2.5 * np.array([-(0.5**0.5), 0.5**0.5]), atol=1e-5)


def test_the_plane_is_the_plane():
    plane = generated.plane(samples=50)
    np.testing.assert_allclose(plane.targets[:, 0], plane.inputs.sum(axis=1) / 10.0, atol=1e-6)


def test_the_cones_agree_with_a_loop():
    surface = generated.gaussian(samples=300)
    for point, height in zip(surface.inputs.astype(float), surface.targets[:, 0], strict=True):
        heights = [
            sign * max(0.0, 1.0 - np.hypot(*(point - centre)) / 2.0)
            for centre, sign in zip(generated.GAUSSIAN_CENTRES, generated.GAUSSIAN_SIGNS, strict=True)
        ]
        assert height == pytest.approx(max(heights, key=abs), abs=1e-6)
    assert surface.targets.min() < -0.7
    assert surface.targets.max() > 0.7


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"samples": 0}, "samples must be at least 1, got 0"),
        ({"noise": -1.0}, "noise must be finite and not negative, got -1.0"),
        ({"noise": float("nan")}, "got nan"),
        ({"seed": -1}, "seed must not be negative"),
    ],
)
def test_wrong_options_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        generated.moons(**options)


def test_an_unknown_gate_is_refused():
    with pytest.raises(ConfigError, match="one of and, or, xor; got 'nand'"):
        generated.gate("nand")
