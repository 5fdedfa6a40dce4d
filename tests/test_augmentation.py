"""Augmentation: against SciPy, exact where it should be, and the laws of its chances."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from nnjax.errors import ConfigError
from nnjax.layers.augmentation import (
    Augmentation,
    Transform,
    augment,
    covered,
    draw,
    lit,
    moved,
    unchanged,
)

KEY = jax.random.key(0)
RANDOM = np.random.default_rng(0)
MANY = 4000
IMAGES = RANDOM.normal(size=(200, 6, 7)).astype(np.float32)
EVERYTHING = Augmentation(2.0, 20.0, 0.2, 15.0, 0.5, 0.5, 2.0, 3.0, 0.3, 0.3, fill=0.25)


run = jax.jit(augment)  # strengths are tracers: one compilation for all tests with images of one shape
run_draw = jax.jit(draw, static_argnames="size")


def drawn(augmentation: Augmentation) -> Transform:
    return jax.device_get(run_draw(KEY, jnp.arange(MANY), augmentation, size=(10, 20)))


def with_scipy(image: np.ndarray, t: Transform, n: int) -> np.ndarray:
    """Transform `n` of one image, put together from 3 x 3 matrices and sampled by SciPy."""
    angle, lean = float(t.angle[n]), np.tan(float(t.shear[n]))
    middle = (np.array(image.shape) - 1) / 2

    def to(row: float, column: float) -> np.ndarray:
        return np.array([[1, 0, row], [0, 1, column], [0, 0, 1]])

    turn = np.array(  # (row, column): a point to the right of the middle goes up
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    shear = np.array([[1, 0, 0], [-lean, 1, 0], [0, 0, 1]])
    scale, mirror = np.diag([t.scale[n], t.scale[n], 1]), np.diag([*t.mirror[n], 1])
    forward = to(*(middle + t.shift[n])) @ turn @ shear @ scale @ mirror @ to(*-middle)
    back = np.linalg.inv(forward)
    return ndimage.affine_transform(
        image, back[:2, :2], back[:2, 2], order=1, mode="grid-constant", cval=0.25
    )


def test_all_movements_together_equal_scipys(variant):
    images = RANDOM.random((8, 11, 14)).astype(np.float32)
    transform = run_draw(KEY, jnp.arange(8), EVERYTHING, size=(11, 14))
    got = variant(moved)(images, transform, 0.25)
    for n in range(8):
        np.testing.assert_allclose(got[n], with_scipy(images[n], jax.device_get(transform), n), atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 7, 10), (4, 10, 7, 3)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_strength_zero_gives_back_every_bit(shape, kind):
    images = (RANDOM.random(shape) * 255).astype(kind)
    for seen in (run(KEY, images, Augmentation(fill=9.0)), augment(KEY, images, Augmentation())):
        assert seen.dtype == jnp.float32
        np.testing.assert_array_equal(seen, images.astype(np.float32))


def test_strength_zero_gives_back_every_bit_without_compiling():
    zeros = Augmentation(*(jnp.float32(0),) * len(Augmentation._fields))
    np.testing.assert_array_equal(augment(KEY, IMAGES[:3], zeros), IMAGES[:3])


def test_sure_flips_are_flips_to_the_bit():
    once = lambda **flips: run(KEY, IMAGES, Augmentation(**flips))
    np.testing.assert_array_equal(once(horizontal_flip=1.0), IMAGES[:, :, ::-1])
    np.testing.assert_array_equal(once(vertical_flip=1.0), IMAGES[:, ::-1])
    np.testing.assert_array_equal(once(horizontal_flip=1.0, vertical_flip=1.0), IMAGES[:, ::-1, ::-1])


def test_a_crop_is_a_window_of_the_padded_image_to_the_bit():
    padded = np.pad(IMAGES, ((0, 0), (2, 2), (2, 2)), constant_values=0.5)
    windows = {(r, c): padded[:, r : r + 6, c : c + 7] for r in range(5) for c in range(5)}
    got = np.asarray(run(KEY, IMAGES, Augmentation(crop=2.0, fill=0.5)))
    found = [[at for at, w in windows.items() if np.array_equal(w[n], got[n])] for n in range(200)]
    assert all(len(places) == 1 for places in found)
    assert {places[0] for places in found} == set(windows)


def test_what_is_off_costs_nothing_and_changes_nothing():
    """A Python 0 leaves out the work: the same picture, from a program with fewer operations."""
    few = jax.jit(lambda key, x: augment(key, x, Augmentation(cutout=3.0)))
    np.testing.assert_array_equal(few(KEY, IMAGES), run(KEY, IMAGES, Augmentation(cutout=3.0)))
    assert "gather" not in few.lower(KEY, IMAGES).as_text()
    assert "gather" in run.lower(KEY, IMAGES, Augmentation()).as_text()


def test_which_way_is_up():
    image = np.zeros((1, 9, 9), np.float32)
    image[0, 4, 8] = 1.0  # the middle of the right edge
    move = jax.jit(moved)
    place = lambda **change: np.unravel_index(
        np.argmax(move(image, unchanged(1)._replace(**change))), (1, 9, 9)
    )[1:]
    assert place(angle=jnp.array([np.pi / 2])) == (0, 4)  # counter-clockwise: to the top
    assert place(shift=jnp.array([[1.0, -2.0]])) == (5, 6)  # down 1, left 2
    assert place(scale=jnp.array([0.5])) == (4, 6)
    image[0, 4, 8], image[0, 0, 4] = 0.0, 1.0  # the middle of the top edge
    assert place(shear=jnp.array([np.pi / 4])) == (0, 8)  # leans to the right


def test_scaling_by_two_makes_areas_four_times_as_large():
    image = np.zeros((1, 21, 21), np.float32)
    image[0, 8:13, 8:13] = 1.0
    grown = jax.jit(moved)(image, unchanged(1)._replace(scale=jnp.array([2.0])))
    assert float(grown.sum()) == pytest.approx(4 * 25, rel=1e-4)


def test_the_distribution_of_every_transform():
    t = drawn(Augmentation(3.0, 30.0, 1.0, 20.0, 0.3, 0.8, 0.0, 0.0, 0.4, 0.2))
    uniform = {
        3.0: t.shift.ravel(),
        np.deg2rad(30): t.angle,
        np.deg2rad(20): t.shear,
        0.4: t.brightness - 1,
        0.2: t.contrast - 1,
        np.log(2): np.log(t.scale),  # as often half as double
    }
    for limit, values in uniform.items():
        assert -limit * 1.0001 <= values.min() < -0.98 * limit
        assert 0.98 * limit < values.max() <= limit * 1.0001
        assert values.mean() == pytest.approx(0, abs=0.05 * limit)
        assert values.std() == pytest.approx(limit / 3**0.5, rel=0.05)
    assert set(np.unique(t.mirror)) == {-1, 1}
    np.testing.assert_allclose((t.mirror == -1).mean(0), (0.8, 0.3), atol=0.03)


def test_whole_shifts_are_whole_and_equally_likely():
    shift = drawn(Augmentation(crop=3.0)).shift
    values, counts = np.unique(shift, return_counts=True)
    np.testing.assert_array_equal(values, np.arange(-3, 4))
    np.testing.assert_allclose(counts / counts.sum(), 1 / 7, atol=0.015)


@pytest.mark.parametrize("side", [1.0, 4.0, 5.0])
def test_cutout_covers_a_square_about_a_pixel_of_the_image(side):
    top, left, sides = drawn(Augmentation(cutout=side)).square.T
    assert set(sides) == {side}
    np.testing.assert_array_equal(np.unique(top + side // 2), np.arange(10))
    np.testing.assert_array_equal(np.unique(left + side // 2), np.arange(20))
    images = RANDOM.random((50, 10, 20, 2)).astype(np.float32)
    seen = run(KEY, images, Augmentation(cutout=side, fill=-1.0))
    for n in range(50):
        wanted = images[n].copy()
        rows = slice(max(int(top[n]), 0), int(top[n] + side))
        wanted[rows, max(int(left[n]), 0) : int(left[n] + side)] = -1.0
        np.testing.assert_array_equal(seen[n], wanted)


def test_light_equals_numpys_and_contrast_keeps_the_mean():
    images = RANDOM.random((6, 5, 4, 3)).astype(np.float32)
    t = unchanged(6)._replace(brightness=jnp.linspace(0.0, 2.0, 6), contrast=jnp.linspace(2.0, 0.0, 6))
    mean = images.mean((1, 2, 3), keepdims=True)
    b, k = (np.asarray(part)[:, None, None, None] for part in (t.brightness, t.contrast))
    np.testing.assert_allclose(lit(images, t), b * (mean + k * (images - mean)), atol=1e-6)
    greyer = lit(images, unchanged(6)._replace(contrast=jnp.full(6, 0.3)))
    np.testing.assert_allclose(greyer.mean((1, 2, 3)), images.mean((1, 2, 3)), rtol=1e-5)


def test_fill_stays_what_it_is_under_light():
    ones = np.ones_like(IMAGES)
    seen = np.asarray(run(KEY, ones, Augmentation(crop=4.0, brightness=0.5, cutout=1.0, fill=7.0)))
    assert (seen > 2).any()
    np.testing.assert_array_equal(seen[seen > 2], 7.0)


def test_an_examples_fate_hangs_on_its_index_alone():
    index, order = jnp.asarray(RANDOM.permutation(1000)[:200]), RANDOM.permutation(200)
    whole = np.asarray(run(KEY, IMAGES, EVERYTHING, index))
    mixed = run(KEY, IMAGES[order], EVERYTHING, index[order])
    np.testing.assert_array_equal(mixed, whole[order])
    # Nine images are another program, which may round otherwise.
    np.testing.assert_allclose(run(KEY, IMAGES[:9], EVERYTHING, index[:9]), whole[:9], atol=1e-6)
    assert not np.array_equal(run(KEY, IMAGES, EVERYTHING), whole)


def test_examples_and_keys_differ():
    images = np.broadcast_to(IMAGES[0], IMAGES.shape)
    first, second = (run(key, images, EVERYTHING) for key in (KEY, jax.random.key(1)))
    assert len({np.asarray(image).tobytes() for image in (*first, *second)}) == 400


def test_switching_one_on_changes_no_other():
    alone = drawn(Augmentation(rotation=10.0))
    beside = drawn(EVERYTHING._replace(rotation=10.0))
    np.testing.assert_array_equal(alone.angle, beside.angle)


def test_strengths_sweep_under_vmap_in_one_compilation():
    strengths = jnp.array([0.0, 0.5, 1.0])
    scaled = lambda s: Augmentation(*(s * most for most in EVERYTHING[:-1]), fill=0.25)

    @jax.jit
    @chex.assert_max_traces(n=1)
    def sweep(strengths):
        return jax.vmap(lambda s: augment(KEY, IMAGES, scaled(s)))(strengths)

    swept = sweep(strengths)
    np.testing.assert_array_equal(swept[0], IMAGES)
    for s, seen in zip(strengths[1:], swept[1:], strict=True):
        np.testing.assert_allclose(seen, run(KEY, IMAGES, scaled(s)), atol=1e-5)
    assert sweep(strengths / 2).shape == swept.shape


def test_members_with_their_own_keys_and_images():
    keys, images = jax.random.split(KEY, 2), np.stack([IMAGES, IMAGES[::-1]])
    seen = jax.jit(jax.vmap(lambda key, x: augment(key, x, EVERYTHING)))(keys, images)
    for p in range(2):
        np.testing.assert_allclose(seen[p], run(keys[p], images[p], EVERYTHING), atol=1e-5)


def test_no_square_covers_nothing():
    np.testing.assert_array_equal(jax.jit(covered)(IMAGES, unchanged(200), 5.0), IMAGES)


@pytest.mark.parametrize(
    ("strengths", "words"),
    [
        ({"rotation": -1.0}, r"rotation from 0 to 180, got -1"),
        ({"horizontal_flip": 1.5}, r"horizontal_flip from 0 to 1, got 1.5"),
        ({"translation": float("nan")}, r"translation of at least 0, got nan"),
        ({"shear": 90}, r"shear from 0 to 89, got 90"),
    ],
)
def test_strength_out_of_range(strengths, words):
    with pytest.raises(ConfigError, match=words):
        augment(KEY, np.ones((1, 4, 4)), Augmentation(**strengths))


def test_wrong_shapes():
    with pytest.raises(ConfigError, match=r"augment wants images .* got \(2, 16\)"):
        augment(KEY, np.ones((2, 16)), EVERYTHING)
    with pytest.raises(ConfigError, match=r"an index \[N\] for 2 images, got \(3,\)"):
        augment(KEY, np.ones((2, 4, 4)), EVERYTHING, jnp.arange(3))
