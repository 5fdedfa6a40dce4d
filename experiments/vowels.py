"""Who speaks? An LSTM listens to one vowel, of any length, and tells nine men apart.

Run:     nnjax run experiments/vowels.py
         nnjax run vowels --seeds 5                         five seeds as one population
         nnjax run vowels --bidirectional --noise 0.6 --seeds 5
         nnjax run vowels --folds 5 --seeds 3               cross-validation on the training part alone
Expect:  a test accuracy of about 0.978 (both directions: 0.982) as the mean of five seeds; a minute or two on
         two cores, most of it compiling a step for each of eight lengths.

Source: Kudo, Toyama and Shimbo 1999, https://archive.ics.uci.edu/dataset/128/japanese+vowels
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import jax
import optax

from nnjax import (
    Net,
    Plan,
    Sequences,
    Splits,
    Task,
    accuracy,
    cross_entropy,
    load,
    per_example,
    sequence_classifier,
    sequence_features,
)
from nnjax.data.scaling import standardise
from nnjax.runner import plots
from nnjax.runner.settings import Count, DropRate, PositiveRate, Rate, Seed
from nnjax.training.engine import steps_per_epoch
from nnjax.training.schedules import cosine, scheduled
from nnjax.types import Hyper

CHANNELS, SPEAKERS = 12, 9
UTTERANCES = 270  # of the training part


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings. The defaults were chosen by cross-validation on the training part alone.

    Attributes:
        kind: The cell: lstm, gru or rnn.
        bidirectional: Whether a second layer reads each utterance from its end.
        hidden: Neurons of each direction.
        layers: Recurrent layers, one on another.
        summary: What stands for an utterance: the last state, or the mean or maximum of all.
        epochs: Passes over the training part.
        batch_size: Utterances a step.
        learning_rate: Adam's step size at the start; it falls to 0 as a cosine.
        weight_decay: Of AdamW.
        dropout: Probability to drop a value before the answer, and between layers.
        noise: Standard deviation of what is added to each input in training; inputs have deviation 1.
        seed: Decides the initial weights, the order, the dropout and the noise.
    """

    kind: Literal["lstm", "gru", "rnn"] = "lstm"
    bidirectional: bool = False
    hidden: Count = 64
    layers: Count = 1
    summary: Literal["last", "mean", "max"] = "max"
    epochs: Count = 30
    batch_size: Count = 10
    learning_rate: PositiveRate = 1e-2
    weight_decay: Rate = 0.01
    dropout: DropRate = 0.1
    noise: Rate = 0.8
    seed: Seed = 0


def data(config: Config) -> Splits:
    """The publisher's parts, 270 and 370 utterances; standardised by the training part's frames."""
    train, test = (load("japanese_vowels", part=part) for part in ("train", "test"))
    return standardise(Splits(train, None, test))


def noisy(net: Net, deviation) -> Net:
    """The net, which in training hears its inputs with noise."""

    def apply(params, inputs: Sequences, *, key=None, train: bool = False):
        if train:
            for_noise, key = jax.random.split(key)
            noise = deviation * jax.random.normal(for_noise, inputs.values.shape)
            inputs = Sequences(inputs.values + noise, inputs.lengths)
        return net.apply(params, inputs, key=key, train=train)

    return Net(net.init, apply)


def task(config: Config, hyper: Hyper) -> Task:
    """Cross entropy of nine logits."""
    net = sequence_classifier(
        CHANNELS,
        config.hidden,
        SPEAKERS,
        kind=config.kind,
        layers=config.layers,
        bidirectional=config.bidirectional,
        dropout=hyper["dropout"],
        summary=config.summary,
    )
    steps = config.epochs * steps_per_epoch(UTTERANCES, config.batch_size)
    adam = optax.adamw(hyper["learning_rate"], weight_decay=hyper["weight_decay"])
    return Task(
        net=noisy(net, hyper["noise"]),
        loss=per_example(cross_entropy),
        optimizer=optax.chain(optax.clip_by_global_norm(1.0), scheduled(adam, cosine(steps))),
        metrics={"accuracy": per_example(accuracy)},
    )


def plan(config: Config, splits: Splits) -> Plan:
    """One row an epoch. Nothing but the training loss chooses, so that no left-out fold does."""
    steps = steps_per_epoch(len(splits.train), config.batch_size)
    return Plan(config.epochs, steps, config.batch_size, monitor="train_loss")


def figures(config: Config, fitted, splits: Splits, folder: Path) -> dict[str, str]:
    """The gates while the longest utterance of the test part is heard."""
    part = (splits.test or splits.train).inputs
    length = int(part.lengths.max())
    one = Sequences(*(leaf[[int(part.lengths.argmax())]] for leaf in part))
    traces = sequence_features(fitted.params, one)["layer_0"]
    traces = traces["forward"] if config.bidirectional else traces
    figure = plots.gates_figure({name: values[0, :length] for name, values in traces.items()})
    plots.save(figure, folder / "gates.png")
    heard = "The longest utterance, as the first layer hears it: a row a neuron, a column a frame of 6.4 ms."
    return {"gates": f"{heard} The neurons stand in the order of their cell state at the end."}
