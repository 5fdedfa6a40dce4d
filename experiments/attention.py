"""Attention: each word asks all others, and takes a mean of what the best answers hold.

Run:     nnjax run experiments/attention.py
Expect:  the arithmetic of three words; masks; positions; and a Transformer of one block that learns to
         write any eight letters backwards: nearly every letter right, and a map that shows where it looked.
         Under a minute on two cores.

Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax

from nnjax import Blocks, Dataset, Sequences, Splits, Task, cross_entropy, fit_population, language_model
from nnjax.layers.attention import attention, causal_mask, padding_mask
from nnjax.layers.positions import rotary, sinusoidal_positions
from nnjax.models.language_model import attention_maps, written_start, written_step
from nnjax.runner import plots
from nnjax.runner.plots import Curve, Matrix, Panel
from nnjax.runner.settings import Count, PositiveRate, Seed
from nnjax.runner.shown import Picture, Shown
from nnjax.training.schedules import scheduled, warmup_cosine
from nnjax.types import Array, Batch, Mean, Params

WORDS = ("the", "cat", "sleeps")
# Two numbers a word, chosen by hand so that "sleeps" asks for what "cat" answers with.
QUERIES = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0]], np.float32)
KEYS = np.array([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0]], np.float32)
VALUES = np.array([[1.0, 0.0], [0.0, 4.0], [2.0, 2.0]], np.float32)


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        letters: How many letters a text has before they are written backwards.
        alphabet: How many different letters there are.
        width: Numbers that each position carries.
        heads: Attentions a block.
        depth: Blocks.
        examples: Texts to train on; a fifth as many others are tested on.
        epochs: Passes over them.
        batch_size: Texts a step.
        learning_rate: Adam's step size at its peak.
        seed: Decides the texts and the initial weights.
    """

    letters: Count = 8
    alphabet: Count = 10
    width: Count = 32
    heads: Count = 2
    depth: Count = 1
    examples: Count = 2000
    epochs: Count = 12
    batch_size: Count = 40
    learning_rate: PositiveRate = 5e-3
    seed: Seed = 0


def by_numbers() -> dict[str, np.ndarray]:
    """Every number of one attention over three words: scores [3, 3], weights [3, 3] and means [3, 2]."""
    q, k, v = (jnp.asarray(x)[None, :, None, :] for x in (QUERIES, KEYS, VALUES))
    means, weights = attention(q, k, v)
    scores = QUERIES @ KEYS.T / np.sqrt(QUERIES.shape[1])
    return {"scores": scores, "weights": np.asarray(weights)[0, 0], "means": np.asarray(means)[0, :, 0]}


def backwards(config: Config, size: int, seed: int) -> Dataset:
    """Texts abc| and what is to come: cba. Inputs are tokens [N, 2L], targets each next token.

    The token "|" is the last of the vocabulary. No net could tell the letters before "|", so only the L
    targets after it are learned; see `answers`.
    """
    letters = np.random.default_rng(seed).integers(config.alphabet, size=(size, config.letters))
    bar = np.full((size, 1), config.alphabet)
    text = np.concatenate([letters, bar, letters[:, ::-1]], axis=1).astype(np.int32)
    lengths = np.full(size, 2 * config.letters, np.int32)
    return Dataset(Sequences(text[:, :-1], lengths), text[:, 1:], "backwards")


def answers(config: Config, outputs: Sequences, batch: Batch) -> tuple[Array, Array, Array]:
    """Logits [N, L, V], targets [N, L] and weights [N, L] of the letters after the bar."""
    asked = (slice(None), slice(config.letters, None))
    targets = batch.targets[asked]
    return outputs.values[asked], targets, jnp.broadcast_to(batch.weights[:, None], targets.shape)


def writer(config: Config) -> Task:
    """Cross entropy of the letters after the bar."""

    def loss(outputs: Sequences, batch: Batch) -> Mean:
        logits, targets, weights = answers(config, outputs, batch)
        each = cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))
        return Mean(jnp.sum(each.reshape(targets.shape) * weights), jnp.sum(weights))

    def right(outputs: Sequences, batch: Batch) -> Mean:
        logits, targets, weights = answers(config, outputs, batch)
        return Mean(jnp.sum((jnp.argmax(logits, -1) == targets) * weights), jnp.sum(weights))

    steps = config.epochs * -(-config.examples // config.batch_size)
    adam = scheduled(optax.adam(config.learning_rate), warmup_cosine(steps // 10, steps))
    net = language_model(config.alphabet + 1, blocks_of(config))
    return Task(net, loss, optax.chain(optax.clip_by_global_norm(1.0), adam), metrics={"accuracy": right})


def blocks_of(config: Config) -> Blocks:
    """The stack of blocks."""
    return Blocks(config.width, config.heads, config.depth, positions="learned", context=2 * config.letters)


def cache_difference(config: Config, params: Params, tokens: np.ndarray) -> float:
    """The largest difference of any logit between reading a text at once and token by token with a cache."""
    net, blocks = language_model(config.alphabet + 1, blocks_of(config)), blocks_of(config)
    lengths = np.full(len(tokens), tokens.shape[1], np.int32)

    @jax.jit
    def both(params: Params) -> Array:
        step = lambda state, token: written_step(blocks, params, state, token)
        _, slow = jax.lax.scan(step, written_start(blocks, len(tokens)), tokens.T)
        return jnp.max(jnp.abs(net.apply(params, Sequences(tokens, lengths)).values - slow.swapaxes(0, 1)))

    return float(both(params))


def show(config: Config) -> Shown:
    """The arithmetic, the masks, the positions, and a Transformer's maps before and after it has learned."""
    words, learned = by_numbers(), writer(config)
    train, test = (
        backwards(config, config.examples, config.seed),
        backwards(config, config.examples // 5, config.seed + 10**6),
    )
    fitted = fit_population(
        lambda hyper: learned,
        Splits(train, test),
        seeds=[config.seed],
        epochs=config.epochs,
        batch_size=config.batch_size,
    )
    params = jax.tree.map(jnp.asarray, fitted.params(0))
    history = {name: x[0] for name, x in fitted.results.history.items()}
    before = learned.net.init(jax.random.key(config.seed))
    one = test.inputs.values[:1]
    pictures = {
        "numbers": Picture(words_figure(words), NUMBERS),
        "masks": Picture(masks_figure(), MASKS),
        "positions": Picture(places_figure(), POSITIONS),
        "learning": Picture(learning_figure(config, history), LEARNING),
        "before": Picture(maps_figure(config, before, one), BEFORE),
        "after": Picture(maps_figure(config, params, one), AFTER),
    }
    numbers = {
        "accuracy": float(fitted.at_best("valid_accuracy")[0]),
        "chance": 1 / config.alphabet,
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(params)),
        "cache_difference": cache_difference(config, params, one),
        "looks_at_its_letter": looks(config, params, test.inputs.values),
        "looks_at_its_letter_before": looks(config, before, test.inputs.values),
        "words": [{"word": word, "weights": words["weights"][i].tolist()} for i, word in enumerate(WORDS)],
    }
    return Shown(pictures, numbers)


def learning_figure(config: Config, history: dict[str, np.ndarray]):
    """The share of letters that are right, over the epochs."""
    epochs = range(1, config.epochs + 1)
    curves = [
        Curve(name, epochs, history[f"{part}_accuracy"], i) for i, (name, part) in enumerate(PARTS.items())
    ]
    panel = Panel(
        "letters that are right",
        "epoch",
        "share",
        curves,
        limits=(0, 1.03),
        rules={"chance": 1 / config.alphabet},
    )
    return plots.panels_figure([panel], width=5.2)


PARTS = {"trained on": "train", "others": "valid"}


def looks(config: Config, params: Params, tokens: np.ndarray) -> float:
    """The weight that the best head gives, on average, to the letter that must be written next."""
    after = np.arange(config.letters)
    maps = attention_maps(blocks_of(config), params, jnp.asarray(tokens))
    asking, asked = config.letters + after, config.letters - 1 - after
    return max(float(head.mean()) for x in maps.values() for head in x[:, :, asking, asked].mean(axis=(0, 2)))


def maps_figure(config: Config, params: Params, tokens: np.ndarray):
    """Each head of each block while one text is read."""
    names = [("abcdefghijklmnopqrstuvwxyz"[t % 26] if t < config.alphabet else "|") for t in tokens[0]]
    maps = attention_maps(blocks_of(config), params, jnp.asarray(tokens))
    heads = {
        f"block {i + 1}, head {h + 1}": x[0, h]
        for i, x in enumerate(maps.values())
        for h in range(config.heads)
    }
    return plots.attention_figure(heads, names)


def words_figure(words: dict[str, np.ndarray]):
    """Scores, weights and means as products of matrices."""
    q, k, v = (
        Matrix(QUERIES, "queries Q", rows=WORDS),
        Matrix(KEYS.T, "keys K'", columns=WORDS),
        Matrix(VALUES, "values V", rows=WORDS),
    )
    scores = Matrix(words["scores"], "scores", columns=WORDS, rows=WORDS)
    weights = Matrix(words["weights"], "weights A", columns=WORDS, rows=WORDS)
    means = Matrix(words["means"], "means A V", rows=WORDS)
    return plots.formula(
        [q, "×", k, "/ √2", "=", scores], ["softmax of each row →", weights, "×", v, "=", means]
    )


def masks_figure():
    """Who may see whom: nobody the future, nobody the padding; and what the three words then see."""
    real = jnp.array([[True, True, False]])
    q, k, v = (jnp.asarray(x)[None, :, None, :] for x in (QUERIES, KEYS, VALUES))
    causal, padding = causal_mask(3)[0, 0], jnp.broadcast_to(padding_mask(real)[0, 0], (3, 3))
    seen = {"all see all": None, "causal": causal, "padding": padding}
    maps = {name: attention(q, k, v, mask)[1][0, 0] for name, mask in seen.items()}
    return plots.attention_figure(maps, WORDS)


def places_figure(steps: int = 40, width: int = 32):
    """Sinusoidal positions, and how alike a rotated query and key are by their places alone."""
    at = jnp.arange(steps)
    same = jnp.ones((1, steps, 1, width)) / np.sqrt(width)
    turned = rotary(same, at)[0, :, 0]
    panels = {"sinusoidal": sinusoidal_positions(at, width), "rotary: query · key": turned @ turned.T}
    return plots.positions_figure(
        panels, {"sinusoidal": "number", "rotary: query · key": "position of the key"}
    )


NUMBERS = "Each word's query meets every key; the softmax of its scores says how much of each value it takes."
MASKS = (
    "The same three words: nobody may see what comes later (causal), or the third word is none (padding). "
    "What is masked weighs exactly 0, and the rest of a row still adds up to 1."
)
POSITIONS = (
    "Left: what is added to a token at each position. Right: a query and a key that are alike, turned by "
    "their positions: their product depends on the distance alone."
)
LEARNING = "Writing backwards: the share of letters after the bar that are right."
BEFORE = "One text before training: each position looks everywhere that it may, about equally."
AFTER = (
    "The same text after training. After the bar, one head looks at the letter that is to be written next: "
    "the diagonal that goes backwards."
)
