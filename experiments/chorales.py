"""Bach's chorales: which keys sound next? And of the soprano alone: which note, sixteenth by sixteenth?

Run:     nnjax run experiments/chorales.py
         nnjax run chorales --kind rnn --learning-rate 1e-3
         nnjax run chorales --keys common                   each chorale moved so that it ends on C
         nnjax run chorales --data JSB_Chorales.mat         the benchmark's own file
         nnjax run chorales --soprano                       one voice, against copying and the n-grams
Expect:  with --keys common 8.3 to 8.4 nats a frame on the test part, and 8.8 with --kind rnn; a few minutes
         on two cores. Published on the benchmark's own file, whose pieces are in one key: 8.45 and 8.91.

Source: Boulanger-Lewandowski, Bengio and Vincent 2012, https://arxiv.org/abs/1206.6392; the published numbers
are those of Bai, Kolter and Koltun 2018, https://arxiv.org/abs/1803.01271
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax

from nnjax import Dataset, Net, Plan, Sequences, Splits, Task, accuracy, cross_entropy, sequence_tagger
from nnjax.data.chorales import jsb_chorales, jsb_voice
from nnjax.data.copy_last import copy_last_nats, fit_copy_last
from nnjax.data.ngrams import fit_ngram, ngram_nats
from nnjax.data.padding import unpad
from nnjax.data.piano_rolls import KEYS, LOWEST, PARTS, mat_piano_rolls
from nnjax.errors import ConfigError
from nnjax.runner import plots
from nnjax.runner.run_folder import write_json
from nnjax.runner.settings import Count, DropRate, PositiveRate, Rate, Seed
from nnjax.training.buckets import length_buckets
from nnjax.training.engine import steps_per_epoch
from nnjax.training.fit import Fitted
from nnjax.training.sequence_losses import per_step
from nnjax.types import Array, Hyper

PUBLISHED = {"lstm": 8.45, "gru": 8.43, "rnn": 8.91}  # on the benchmark's own file
ORDERS = range(1, 7)
CHORALES = 229  # that train
BUCKETS = 4  # each is compiled


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        data: A MATLAB file of piano rolls in the benchmark's form; "" takes the chorales.
        keys: Of the chorales: written, as Bach wrote them; common, all moved to end on C, which only one who
            knows the end can do.
        soprano: Whether to predict the soprano's next sixteenth in place of the next frame.
        kind: The cell: lstm, gru or rnn.
        hidden: Neurons.
        epochs: Passes over the training part, at most.
        patience: Epochs without a better validation before it stops.
        batch_size: Chorales a step.
        learning_rate: Adam's step size.
        weight_decay: Of AdamW.
        dropout: Probability to drop a value before the answer.
        input_dropout: Probability that a sounding key is not heard.
        seed: Decides the initial weights, the order and the dropout.
    """

    data: str = ""
    keys: Literal["written", "common"] = "written"
    soprano: bool = False
    kind: Literal["lstm", "gru", "rnn"] = "lstm"
    hidden: Count = 200
    epochs: Count = 80
    patience: Count = 6
    batch_size: Count = 16
    learning_rate: PositiveRate = 6e-3
    weight_decay: Rate = 1e-3
    dropout: DropRate = 0.3
    input_dropout: DropRate = 0.1
    seed: Seed = 0


def data(config: Config) -> Splits:
    """The published parts: 229 train, 76 validate, 77 test."""
    if config.data and config.soprano:
        raise ConfigError("a file of piano rolls has no soprano: say --data or --soprano, not both")
    if config.data:
        return Splits(*(mat_piano_rolls(config.data, part) for part in PARTS))
    load = jsb_voice if config.soprano else jsb_chorales
    return Splits(*(load(part, common_key=config.keys == "common") for part in PARTS))


def keys_nats(outputs: Array, targets: Array) -> Array:
    """-ln p of each frame [M], the 88 keys [M, 88] taken as independent coins."""
    targets = targets.astype(outputs.dtype)
    costs = jnp.maximum(outputs, 0) - outputs * targets + jnp.log1p(jnp.exp(-jnp.abs(outputs)))
    return jnp.sum(costs, axis=-1)


def wrong_keys(outputs: Array, targets: Array) -> Array:
    """How many of the 88 keys of each frame [M] are wrong, where the likelier answer is taken."""
    return jnp.sum((outputs > 0) != (targets > 0), axis=-1).astype(outputs.dtype)


def hearing(net: Net, rate) -> Net:
    """The net, which in training misses some of the keys that sound; bytes become floats."""

    def apply(params, inputs: Sequences, *, key=None, train: bool = False):
        values = inputs.values.astype(jnp.float32)
        if train:
            for_ears, key = jax.random.split(key)
            heard = jax.random.bernoulli(for_ears, 1 - rate, values.shape)
            values = jnp.where(heard, values, 0)
        return net.apply(params, Sequences(values, inputs.lengths), key=key, train=train)

    return Net(net.init, apply)


def task(config: Config, hyper: Hyper) -> Task:
    """Bernoulli cross entropy of 88 keys, or of one of the soprano's notes."""
    how = {"kind": config.kind, "dropout": hyper["dropout"]}
    adam = optax.adamw(hyper["learning_rate"], weight_decay=hyper["weight_decay"])
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), adam)
    if config.soprano:
        notes = len(jsb_voice("valid", common_key=config.keys == "common").classes)
        net = sequence_tagger(notes, config.hidden, notes, embedding=32, **how)
        return Task(net, per_step(cross_entropy), optimizer, metrics={"accuracy": per_step(accuracy)})
    net = hearing(sequence_tagger(KEYS, config.hidden, KEYS, **how), hyper["input_dropout"])
    return Task(net, per_step(keys_nats), optimizer, metrics={"wrong_keys": per_step(wrong_keys)})


def plan(config: Config, splits: Splits) -> Plan:
    """One evaluation an epoch; the parameters that validate best are kept, and tested once."""
    steps = steps_per_epoch(len(splits.train), config.batch_size)
    # Fewer than usual, which compiles sooner; folds have other lengths, and take the usual ones.
    whole = not config.data and len(splits.train) == CHORALES
    lengths = np.sort(splits.train.inputs.lengths)
    buckets = length_buckets(lengths, config.batch_size, BUCKETS) if whole else ()
    return Plan(config.epochs, steps, config.batch_size, patience=config.patience, buckets=buckets)


def costs_by_counting(splits: Splits) -> dict[str, float]:
    """Nats a frame of two forecasts: each key as often as it sounds, and as it did after the last frame."""
    (before, after), (old, new) = (frames_of(part) for part in (splits.train, splits.test))
    shares = (after.sum(axis=0) + 0.5) / (len(after) + 1)
    held = {
        on: ((after & (before == on)).sum(axis=0) + 0.5) / ((before == on).sum(axis=0) + 1) for on in (0, 1)
    }
    chances = {"each key by its share": np.broadcast_to(shares, new.shape)}
    chances["the last frame again"] = np.where(old == 1, held[1], held[0])
    nats = {name: -np.where(new == 1, np.log(p), np.log1p(-p)).sum(axis=1) for name, p in chances.items()}
    return {name: float(costs.mean()) for name, costs in nats.items()}


def frames_of(part: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """All frames that have a next one, and the next ones, [T in all, 88]."""
    inputs, targets = (np.concatenate(unpad(one)) for one in (part.inputs, part.targets))
    return inputs, targets


def costs_of_notes(splits: Splits) -> dict[str, float]:
    """Nats a sixteenth of the last note again and of the n-grams, for the notes that the net is asked for."""
    lines = [
        [
            np.concatenate([x[:1], y]).astype(np.int64)
            for x, y in zip(*map(unpad, (one.inputs, one.targets)), strict=True)
        ]
        for one in (splits.train, splits.test)
    ]
    notes = len(splits.train.classes)
    firsts = np.cumsum([0, *map(len, lines[1][:-1])])  # the net is not asked for the first one
    mean = lambda costs: float(np.delete(costs, firsts).mean())
    found = {"the last note again": mean(copy_last_nats(fit_copy_last(lines[0], notes), lines[1]))}
    for n in ORDERS:
        found[f"{n}-gram"] = mean(ngram_nats(fit_ngram(lines[0], n, notes), lines[1]))
    return found


def figures(config: Config, fitted: Fitted, splits: Splits, folder: Path) -> dict[str, str]:
    """The forecasts beside each other, and one chorale as the net expected it."""
    own, test = f"{config.kind.upper()}, {config.hidden} cells", fitted.evaluate(splits.test)["loss"]
    others = costs_of_notes(splits) if config.soprano else costs_by_counting(splits)
    unit = "nats a sixteenth" if config.soprano else "nats a frame"
    write_json(folder.parent / "forecasts.json", {"unit": unit, "test": {own: test, **others}})
    print(
        f"{unit} on the test part:", *(f"  {v:7.3f}  {k}" for k, v in {own: test, **others}.items()), sep="\n"
    )
    shown = {own: test, **others}
    if not config.soprano:
        shown[f"{config.kind.upper()}, published for the benchmark's file"] = PUBLISHED[config.kind]
    plots.save(plots.forecasts_figure(shown, TITLES[config.soprano], unit, own), folder / "forecasts.png")
    captions = {"forecasts": FORECASTS}
    if not config.soprano:
        one = splits.test.take(slice(0, 1))
        length = int(one.inputs.lengths[0])
        expected = np.asarray(jax.nn.sigmoid(fitted.predict(one.inputs).values[0, :length]))
        sounds = np.asarray(one.targets.values[0, :length])
        plots.save(plots.expected_roll_figure(sounds, expected, LOWEST), folder / "expected.png")
        captions["expected"] = EXPECTED
    return captions


TITLES = {False: "Which keys sound next?", True: "Which note does the soprano sing next?"}
FORECASTS = (
    "What each forecast costs on the test part, which none has seen; the net is the one that validated best."
)
EXPECTED = (
    "A chorale of the test part as it is, and, frame by frame, how probable the net held each key before it "
    "sounded."
)
