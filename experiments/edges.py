"""Edges: what a convolution computes, number by number, and filters that learn to find edges by themselves.

Run:     nnjax run experiments/edges.py
Expect:  6x6 times 3x3 gives 4x4, equal to one sparse matrix; three classic filters on a photograph; a filter
         learned from examples that is Sobel's to 0.1%, and learned ones that found edges unasked; seconds.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax

from nnjax import Net, conv2d, cross_entropy, fit, max_pool, squared_error
from nnjax.data.photographs import photograph
from nnjax.layers.conv_views import conv_matrix, receptive_field, visits
from nnjax.layers.edge_filters import SMOOTHING, edge_filter
from nnjax.runner import plots
from nnjax.runner.plots import Grid
from nnjax.runner.settings import Count, PositiveRate, Seed
from nnjax.runner.shown import Picture, Shown

LIGHT_TO_DARK = np.repeat([[10, 10, 10, 0, 0, 0]], 6, axis=0).astype(np.float32)
COURSE_FILTER = np.repeat([[1, 0, -1]], 3, axis=0).astype(
    np.float32
)  # the other sign: light to dark is positive
PATCH = 12  # pixels, the side of a training patch
DIRECTIONS = ("lighter to the right", "lighter to the left", "lighter below", "lighter above")


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        photo: china or flower of scikit-learn; astronaut, chelsea, coffee or ihc of scikit-image; or a file.
        patches: How many pieces of the photograph the filters are learned from.
        epochs: Passes over them.
        learning_rate: Adam's step size.
        seed: Decides the first weights and which pieces are cut out.
    """

    photo: str = "china"
    patches: Count = 2000
    epochs: Count = 30
    learning_rate: PositiveRate = 0.1
    seed: Seed = 0


def convolved(image, filters, **how) -> np.ndarray:
    """One image [H, W] and one filter [kh, kw]: their convolution, as a matrix."""
    params = {"filters": jnp.asarray(filters, jnp.float32)[:, :, None, None]}
    return np.asarray(conv2d(params, jnp.asarray(image, jnp.float32)[None, :, :, None], **how))[0, :, :, 0]


def reach(layers: int) -> np.ndarray:
    """Which pixels of 9x9 the middle answer of that many 3x3 layers depends on, and on how many ways."""
    ones = {"filters": jnp.ones((3, 3, 1, 1))}

    def net(x):
        for _ in range(layers):
            x = conv2d(ones, x, padding="SAME")
        return x

    return np.asarray(receptive_field(net, (9, 9)))


def patches(gray: np.ndarray, config: Config) -> np.ndarray:
    """Random pieces of a grey photograph, [N, PATCH, PATCH, 1], in 0 to 1."""
    generator = np.random.default_rng(config.seed)
    tops = generator.integers(0, gray.shape[0] - PATCH, config.patches)
    lefts = generator.integers(0, gray.shape[1] - PATCH, config.patches)
    return np.stack([gray[a : a + PATCH, b : b + PATCH] for a, b in zip(tops, lefts, strict=True)])[..., None]


def trained(net: Net, examples, loss, config: Config):
    """Adam, with a learning rate that falls to nothing."""
    rate = optax.cosine_decay_schedule(config.learning_rate, config.epochs * len(examples[0]) // 50)
    how = {"epochs": config.epochs, "batch_size": 50, "seed": config.seed, "progress": False}
    return fit(net, examples, loss=loss, optimizer=optax.adam(rate), **how)


def learned_from_answers(cuts: np.ndarray, config: Config) -> np.ndarray:
    """A filter that has only seen images and Sobel's answers to them."""
    answers = np.asarray(conv2d({"filters": edge_filter("sobel")}, cuts)).reshape(len(cuts), -1)
    net = Net(
        lambda key: {"filters": 0.1 * jax.random.normal(key, (3, 3, 1, 1))},
        lambda params, x, **_: conv2d(params, x).reshape(len(x), -1),
    )
    return trained(net, (cuts, answers), squared_error, config).params["filters"][:, :, 0, 0]


def learned_unasked(cuts: np.ndarray, config: Config) -> tuple[np.ndarray, float]:
    """Filters of a small net that is asked where a piece gets lighter, and nothing about edges.

    Returns:
        The filters [4, 3, 3], one for each direction, and the share of right answers.
    """
    first, second = cuts[:, :, : PATCH // 2].mean((1, 2, 3)), cuts[:, :, PATCH // 2 :].mean((1, 2, 3))
    upper, lower = cuts[:, : PATCH // 2].mean((1, 2, 3)), cuts[:, PATCH // 2 :].mean((1, 2, 3))
    labels = np.argmax([second - first, first - second, lower - upper, upper - lower], axis=0).astype(
        np.int32
    )
    net = Net(
        lambda key: {"filters": 0.1 * jax.random.normal(key, (3, 3, 1, 4))},
        lambda params, x, **_: 100 * conv2d(params, x).mean((1, 2)),
    )
    found = trained(net, (cuts, labels), cross_entropy, config)
    filters = np.moveaxis(np.asarray(found.params["filters"])[:, :, 0], -1, 0)
    return filters, float(found.rows[-1]["train_accuracy"])


def likeness(filters: np.ndarray, direction: int) -> float:
    """The cosine between a learned filter, its mean taken away, and Prewitt's of that direction."""
    classic = edge_filter("prewitt", horizontal=direction >= 2)[:, :, 0, 0] * (
        1 if direction % 2 == 0 else -1
    )
    centred = filters - filters.mean()
    return float((centred * classic).sum() / np.sqrt((centred**2).sum() * (classic**2).sum()))


def show(config: Config) -> Shown:
    """Numbers first, then a photograph, then filters that were learned."""
    photo = photograph(config.photo)
    gray = photo.mean(axis=2).astype(np.float32) / 255
    cuts = patches(gray, config)
    sobel, (unasked, accuracy) = learned_from_answers(cuts, config), learned_unasked(cuts, config)
    matrix = np.asarray(conv_matrix(COURSE_FILTER, (6, 6)))
    random = np.random.default_rng(0).normal(size=(6, 6)).astype(np.float32)
    dense_answer = (random.reshape(-1) @ matrix).reshape(4, 4)
    pictures = {
        "numbers": Picture(numbers_figure(), NUMBERS),
        "arithmetic": Picture(plots.convolution_gif(LIGHT_TO_DARK, COURSE_FILTER), ARITHMETIC),
        "stride": Picture(plots.convolution_gif(LIGHT_TO_DARK, COURSE_FILTER, 2, 1, seconds=6), STRIDE),
        "visits": Picture(visits_figure(), VISITS),
        "pooling": Picture(pooling_figure(), POOLING),
        "matrix": Picture(plots.matrix_figure(matrix.T, "answer", "pixel"), MATRIX),
        "photo": Picture(photo_figure(gray), PHOTO),
        "channels": Picture(channels_figure(photo), CHANNELS),
        "learned": Picture(learned_figure(sobel, unasked), LEARNED),
    }
    numbers = {
        "answers": convolved(LIGHT_TO_DARK, COURSE_FILTER)[0].tolist(),
        "matrix_difference": float(np.abs(dense_answer - convolved(random, COURSE_FILTER)).max()),
        "matrix_weights": int((matrix != 0).sum()),
        "distinct_weights": 9,
        "corner_visits": visits((6, 6), 3)[0, 0],
        "corner_visits_padded": visits((6, 6), 3, padding="SAME")[0, 0],
        "receptive_fields": [int((reach(layers) > 0).any(axis=0).sum()) for layers in (1, 2, 3)],
        "sobel_learned": np.round(sobel, 3).tolist(),
        "sobel_error": float(np.abs(sobel - edge_filter("sobel")[:, :, 0, 0]).max()),
        "direction_accuracy": accuracy,
        "unasked": [
            {"direction": name, "cosine_with_prewitt": likeness(unasked[i], i)}
            for i, name in enumerate(DIRECTIONS)
        ],
    }
    return Shown(pictures, numbers)


def numbers_figure():
    """Vertical and horizontal edges, in both directions."""
    image, filters = LIGHT_TO_DARK, COURSE_FILTER
    return plots.grids_figure(
        [Grid(image, "light to dark"), "∗", Grid(filters, "vertical"), "=", Grid(convolved(image, filters))],
        [
            Grid(image[:, ::-1], "dark to light"),
            "∗",
            Grid(filters, "vertical"),
            "=",
            Grid(convolved(image[:, ::-1], filters)),
        ],
        [
            Grid(image.T, "light above dark"),
            "∗",
            Grid(filters.T, "horizontal"),
            "=",
            Grid(convolved(image.T, filters.T)),
        ],
    )


def visits_figure():
    """Visits without and with padding, and the receptive fields of two layers."""
    return plots.grids_figure(
        [
            Grid(visits((6, 6), 3), "visits, 6x6 without padding"),
            "  ",
            Grid(np.pad(visits((6, 6), 3, padding="SAME"), 1), "visits, padded to 8x8", padding=1),
        ],
        [
            Grid(reach(1), "ways to one 3x3 answer"),
            "  ",
            Grid(reach(2), "to one of two layers: 5x5"),
        ],
    )


def pooling_figure():
    """Max pooling, and where its gradient goes."""
    image = np.array([[1, 3, 2, 1], [2, 9, 1, 1], [1, 3, 2, 3], [5, 6, 1, 2]], np.float32)
    pool = lambda x: max_pool(x[None, :, :, None], 2)[0, :, :, 0]
    answer = pool(jnp.asarray(image))
    slope = jax.grad(lambda x: (pool(x) * jnp.array([[1.0, 2.0], [3.0, 4.0]])).sum())(jnp.asarray(image))
    return plots.grids_figure(
        [
            Grid(image, "image"),
            "→",
            Grid(answer, "largest"),
            "   ",
            Grid(np.array([[1, 2], [3, 4]]), "gradient"),
            "→",
            Grid(slope, "gradient in the image"),
        ]
    )


def photo_figure(gray: np.ndarray):
    """The photograph, and the strength of its edges by three filters."""
    sobel = [convolved(gray, edge_filter("sobel", h)[:, :, 0, 0]) for h in (False, True)]
    pictures = [1 - gray[1:-1, 1:-1], *(_strong(np.abs(answer)) for answer in sobel)]
    titles = ["the photograph", "Sobel, vertical edges", "Sobel, horizontal edges"]
    for kind in SMOOTHING:
        both = [convolved(gray, edge_filter(kind, h)[:, :, 0, 0]) for h in (False, True)]
        pictures.append(_strong(np.hypot(*both)))
        titles.append(f"{kind.title()}, all edges")
    return plots.image_grid(np.stack(pictures), titles, columns=3)


def channels_figure(photo: np.ndarray):
    """A filter over three channels: its answer is the sum of three."""
    x = jnp.asarray(photo, jnp.float32)[None] / 255
    colours = (
        jnp.asarray(edge_filter("sobel")) * jnp.array([1.0, 0.0, -1.0])[None, None, :, None]
    )  # red minus blue
    grey = jnp.broadcast_to(jnp.asarray(edge_filter("sobel")) / 3, (3, 3, 3, 1))
    answers = [_strong(np.abs(conv2d({"filters": f}, x)[0, :, :, 0])) for f in (grey, colours)]
    channels = [1 - np.asarray(x[0, 1:-1, 1:-1, c]) for c in range(3)]
    titles = ["red", "green", "blue", "3×3×3, all three alike", "3×3×3, red against blue"]
    return plots.image_grid(np.stack([*channels, *answers]), titles, columns=3)


def learned_figure(sobel: np.ndarray, unasked: np.ndarray):
    """Learned filters as numbers."""
    two = lambda values: np.round(values, 2)
    unit = lambda values: two(values / np.abs(values).max())
    return plots.grids_figure(
        [
            Grid(edge_filter("sobel")[:, :, 0, 0], "Sobel's"),
            "  ",
            Grid(two(sobel), "learned from its answers"),
        ],
        [part for i in range(4) for part in (Grid(unit(unasked[i]), DIRECTIONS[i]), "     ")][:-1],
    )


def _strong(answer: np.ndarray) -> np.ndarray:
    """An answer as ink of 0 to 1; the strongest hundredth is all black."""
    return np.clip(answer / np.quantile(answer, 0.99), 0, 1)


NUMBERS = (
    "A 6x6 image, light (10) on one side and dark (0) on the other, times a 3x3 filter gives 4x4 numbers: 30 "
    "where the edge is, 0 where nothing changes. Dark to light gives −30. Turned by 90 degrees the filter "
    "finds horizontal edges."
)
ARITHMETIC = "The window moves over the image; each place gives one number, the sum of nine products."
STRIDE = (
    "With one row and column of zeros at each side 6x6 becomes 8x8, and a window that moves two pixels at a "
    "time has three places in each direction. The zeros make an edge of their own at the left."
)
VISITS = (
    "Above: how many places of a 3x3 window see each pixel. Without padding a corner is seen once and the "
    "middle nine times; with padding four times, and the answer stays 6x6. Below: what one answer depends "
    "on, and on how many ways; one layer sees 3x3 pixels, two see 5x5."
)
POOLING = (
    "Max pooling keeps the largest of four numbers. It has nothing to learn, and yet back propagation passes "
    "through it: each gradient goes to the pixel that was the largest, all others get 0."
)
MATRIX = (
    "The same convolution as a dense layer: 16 answers from 36 pixels by a matrix in which nine weights "
    "stand again and again (three of them 0), and everything else is 0."
)
PHOTO = (
    "A photograph and its edges, darker where they are stronger: by Sobel's two filters, and the strength in "
    "any direction by those of Prewitt, Sobel and Scharr, which differ in how they smooth along the edge."
)
CHANNELS = (
    "A colour image has three channels, and a filter is 3x3x3: it adds up what it finds in each. Alike in "
    "all it finds edges of brightness; red against blue finds edges of colour."
)
LEARNED = (
    "Above: a filter that was shown pieces of the photograph and Sobel's answers, and found Sobel's weights. "
    "Below: four filters of a small net that was asked in which direction a piece gets lighter. Nobody told "
    "it about edges; each became a difference in its direction (here divided by its largest weight)."
)
