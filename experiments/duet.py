"""A duet partner: an LSTM learns from tunes how melodies go on, and answers one with its own.

Run:     nnjax run experiments/duet.py
         nnjax duet duet --melody "C4 D4 E4 F4 G4:2 G4:2" -o answer.mid
         nnjax run duet --tunes oneills --hidden 128        or a folder of ABC and MIDI files
Expect:  on tunes that it has not heard fewer nats a note than repeating the last note, and than the best
         n-gram (about 2.7 against 3.6 and 3.7); some minutes on two cores, no network.

Source: the view back by bars is from Waite 2016,
https://magenta.tensorflow.org/2016/07/15/lookback-rnn-attention-rnn
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import optax

from nnjax import Dataset, Plan, Splits, Task, accuracy, cross_entropy, split_tunes
from nnjax.data.copy_last import copy_last_nats, fit_copy_last
from nnjax.data.melody import Melody
from nnjax.data.melody_symbols import DURATIONS, HEARD, PITCHES, SYMBOLS, encode, frame_of
from nnjax.data.ngrams import fit_ngram, ngram_nats
from nnjax.data.notes import spell_notes
from nnjax.data.padding import pad
from nnjax.data.tune_files import read_tunes
from nnjax.errors import DataError
from nnjax.models.melody_net import melody_net
from nnjax.runner import plots
from nnjax.runner.duet_player import answer
from nnjax.runner.run_folder import write_json
from nnjax.runner.settings import Count, DropRate, PositiveRate, Range, Rate, Seed
from nnjax.training.buckets import length_buckets
from nnjax.training.engine import steps_per_epoch
from nnjax.training.fit import Fitted
from nnjax.training.sequence_losses import per_step
from nnjax.training.statistics import paired_difference
from nnjax.types import Hyper, Params

ORDERS = range(1, 7)
SHORTEST = 8  # notes of a tune
QUESTION = 4  # bars of the held-out tunes that the run lets its net answer
BUCKETS = 2  # each is compiled
NET, COPY, KINDS = "the net", "the last note again", ("-gram of notes", "-gram of halves")
TITLE = "Tunes that no forecast has heard"


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        tunes: tunes (the 52 that travel along), oneills, ryans, airds; an ABC or MIDI file, or a folder.
        held_out: Which part of the titles validates, and which tests.
        longest: Notes of a tune; what comes after is left out.
        kind: The cell: lstm, gru or rnn.
        hidden: Neurons.
        epochs: Passes over the tunes, at most.
        patience: Epochs without a better validation before it stops.
        batch_size: Tunes a step.
        learning_rate: AdamW's step size.
        weight_decay: Of AdamW.
        dropout: Probability to drop a hidden value, in training.
        deafness: Probability not to hear one of the things that are heard, in training.
        seed: Decides the initial weights, the order, and every chance in training, not the parts.
    """

    tunes: str = "tunes"
    held_out: Annotated[float, Range(0, 0.4, low_open=True)] = 0.15
    longest: Count = 160
    kind: Literal["lstm", "gru", "rnn"] = "lstm"
    hidden: Count = 64
    epochs: Count = 60
    patience: Count = 10
    batch_size: Count = 6
    learning_rate: PositiveRate = 5e-3
    weight_decay: Rate = 0.1
    dropout: DropRate = 0.5
    deafness: DropRate = 0.2
    seed: Seed = 0


@functools.lru_cache(maxsize=2)
def parts_of(name: str, held_out: float) -> tuple[list[Melody], ...]:
    """Tunes to train, validate and test on."""
    tunes = [tune for tune in read_tunes(name) if len(tune.pitches) >= SHORTEST]
    parts = split_tunes(tunes, held_out, held_out)
    if not all(parts):
        raise DataError(f"{name}: {len(tunes)} tunes of {SHORTEST} notes or more are too few for three parts")
    return parts


def data(config: Config) -> Splits:
    """What is heard before each symbol [N, 2T, F], and the symbols [N, 2T]: durations, pitches in turns."""
    most = 2 * config.longest
    coded = [
        [tuple(one[:most] for one in encode(tune)) for tune in part]
        for part in parts_of(config.tunes, config.held_out)
    ]
    longest = max(len(symbols) for part in coded for _, symbols in part)
    return Splits(
        *(
            Dataset(pad([x for x, _ in part], longest), pad([y for _, y in part], longest), config.tunes)
            for part in coded
        )
    )


def task(config: Config, hyper: Hyper) -> Task:
    """Cross entropy of the next symbol; gradients longer than 1 are cut."""
    chances = {name: hyper[name] for name in ("dropout", "deafness")}
    adam = optax.adamw(hyper["learning_rate"], weight_decay=hyper["weight_decay"])
    return Task(
        net=melody_net(HEARD, config.hidden, SYMBOLS, len(DURATIONS), kind=config.kind, **chances),
        loss=per_step(cross_entropy),
        optimizer=optax.chain(optax.clip_by_global_norm(1.0), adam),
        metrics={"accuracy": per_step(accuracy)},
    )


def plan(config: Config, splits: Splits) -> Plan:
    """One evaluation an epoch; the parameters that validate best are kept, and tested once."""
    steps = steps_per_epoch(len(splits.train), config.batch_size)
    # Fewer than usual, which compiles sooner; folds have other lengths, and take the usual ones.
    whole = len(splits.train) == len(parts_of(config.tunes, config.held_out)[0])
    lengths = np.sort(splits.train.inputs.lengths)
    buckets = length_buckets(lengths, config.batch_size, BUCKETS) if whole else ()
    return Plan(config.epochs, steps, config.batch_size, patience=config.patience, buckets=buckets)


def question_of(tune: Melody, bars: int = QUESTION) -> Melody:
    """The first bars of a tune, with its upbeat."""
    frame = frame_of(tune)
    first = tune.onsets[0] + bars * frame.bar
    kept = tune.onsets < first
    durations = np.minimum(tune.durations, first - tune.onsets)[kept]
    return tune._replace(pitches=tune.pitches[kept], onsets=tune.onsets[kept], durations=durations)


def sample(config: Config, params: Params) -> str:
    """What the net answers to the start of the first tune that validates."""
    tune = parts_of(config.tunes, config.held_out)[1][0]
    return spell_notes(answer(params, question_of(tune), seed=config.seed).melody)


def symbols_of(part: Dataset) -> list[np.ndarray]:
    """The symbols of each tune, int64 [2T]."""
    pairs = zip(part.targets.values, part.targets.lengths, strict=True)
    return [np.asarray(row[:length], np.int64) for row, length in pairs]


def baselines(train: Dataset, test: Dataset) -> dict[str, list[float]]:
    """What each note of the test part costs a forecast: its mean in nats, for each tune.

    One kind of n-gram counts notes, where a duration and a pitch are one symbol; the other counts durations
    and pitches in turns, and has twice the orders, so that it sees as many notes.
    """
    before, after = symbols_of(train), symbols_of(test)
    found = {COPY: np.zeros(sum(map(len, after)) // 2)}
    halves = [lambda one: one[::2], lambda one: one[1::2] - len(DURATIONS)]
    for half, count in zip(halves, (len(DURATIONS), PITCHES), strict=True):
        model = fit_copy_last([half(one) for one in before], count)
        found[COPY] += copy_last_nats(model, [half(one) for one in after])
    notes = [[one[::2] * PITCHES + one[1::2] - len(DURATIONS) for one in part] for part in (before, after)]
    for n in ORDERS:
        model = fit_ngram(notes[0], n, len(DURATIONS) * PITCHES)
        found[f"{n}-gram of notes"] = ngram_nats(model, notes[1])
    for n in range(1, 2 * ORDERS[-1] + 1):
        costs = ngram_nats(fit_ngram(before, n, SYMBOLS), after)
        found[f"{n}-gram of halves"] = costs[::2] + costs[1::2]
    ends = np.cumsum([len(one) // 2 for one in after])
    return {name: [float(one.mean()) for one in np.split(costs, ends[:-1])] for name, costs in found.items()}


def costs_of(fitted: Fitted, test: Dataset) -> list[float]:
    """The same for the net."""
    logits = np.asarray(fitted.predict(test.inputs).values, np.float64)
    logits -= logits.max(axis=-1, keepdims=True)
    totals = np.log(np.exp(logits).sum(axis=-1))
    chosen = np.take_along_axis(logits, test.targets.values[..., None].astype(int), axis=-1)[..., 0]
    return [2 * float(row[:n].mean()) for row, n in zip(totals - chosen, test.targets.lengths, strict=True)]


def figures(config: Config, fitted: Fitted, splits: Splits, folder: Path) -> dict[str, str]:
    """The table of forecasts, and an answer to the start of a tune that the net has not heard."""
    test = splits.test
    tunes = {NET: costs_of(fitted, test), **baselines(splits.train, test)}
    counts = test.targets.lengths // 2
    table = {name: float(np.average(costs, weights=counts)) for name, costs in tunes.items()}
    best = {kind: min((n for n in table if n.endswith(kind)), key=table.__getitem__) for kind in KINDS}
    ahead = {name: str(paired_difference(tunes[name], tunes[NET])) for name in (COPY, *best.values())}
    write_json(folder.parent / "forecasts.json", {"nats_a_note": table, "ahead_on_each_tune": ahead})
    print(f"nats a note on {len(test)} tunes of {counts.sum()} notes that no forecast has heard:")
    print(*(f"  {nats:6.3f}  {name}" for name, nats in table.items()), sep="\n")
    chosen = {name: table[name] for name in (NET, COPY, *best.values())}
    plots.save(plots.forecasts_figure(chosen, TITLE, "nats a note", NET), folder / "forecasts.png")
    tune = max(parts_of(config.tunes, config.held_out)[2], key=lambda one: one.title)
    said = answer(fitted.params, question_of(tune), seed=config.seed)
    question, reply = said.in_time()
    roll = {f"question: {tune.title[:40]}": question, "answer": reply}
    plots.save(plots.piano_roll_figure(roll, said.frame.bar, said.frame.start), folder / "answer.png")
    beaten = " and ".join(f"{name} by {table[name] - table[NET]:.3f}" for name in (COPY, *best.values()))
    return {
        "forecasts": f"On {len(test)} tunes that it has not heard, the net beats {beaten} nats a note. Of "
        "the n-grams of all orders those are shown that are best on these very tunes.",
        "answer": f"The first {QUESTION} bars of a tune that it has not heard, and what the net answers.",
    }
