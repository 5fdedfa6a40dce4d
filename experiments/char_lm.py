"""A character model: an LSTM or a Transformer learns to write plays, against the n-grams of the same text.

Run:     nnjax run experiments/char_lm.py
         nnjax run experiments/char_lm.py --net transformer
         nnjax run experiments/char_lm.py --text my_book.txt
Expect:  on tiny Shakespeare (or, where that cannot be had, any other text) fewer nats a character on the last
         tenth of the text than the best n-gram of orders 1 to 6; under a quarter of an hour on two cores.

Source: Karpathy 2015, https://karpathy.github.io/2015/05/21/rnn-effectiveness/
"""

from __future__ import annotations

import dataclasses
import functools
import textwrap
from pathlib import Path
from typing import Literal

import jax
import numpy as np
import optax

from nnjax import (
    Blocks,
    Dataset,
    Net,
    Plan,
    Sequences,
    Splits,
    Task,
    accuracy,
    cross_entropy,
    generate,
    language_model,
    recurrent_writer,
    sequence_tagger,
    transformer_writer,
)
from nnjax.data.ngrams import fit_ngram, ngram_nats
from nnjax.data.text import Text, decode, load_text, split_text, windows
from nnjax.models.sampling import Writer
from nnjax.runner import plots
from nnjax.runner.plots import Curve, Panel
from nnjax.runner.run_folder import read_lines, write_json
from nnjax.runner.settings import Count, DropRate, PositiveRate, Seed
from nnjax.training.engine import steps_per_epoch
from nnjax.training.schedules import scheduled, warmup_cosine
from nnjax.training.sequence_losses import per_step
from nnjax.types import Hyper, Params

ORDERS = range(1, 7)
WARMUP = 100  # steps
PROMPT, SAMPLED = "\n", 200  # after a line's end comes a beginning; characters of a sample


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        text: tiny_shakespeare, python_reference (which needs no network), or the path of a text file.
        net: lstm or transformer.
        width: Neurons a layer.
        layers: Recurrent layers, or blocks.
        heads: Attentions a block.
        length: Characters of a window, which is what a step of training sees.
        batch_size: Windows a step.
        epochs: Passes over the text.
        learning_rate: Adam's step size, after a warm-up; it falls to nothing as a cosine.
        dropout: Probability to drop a value between layers.
        temperature: Of the samples: below 1 plays safe, above 1 dares more.
        seed: Decides the initial weights, the order of the windows and the dropout.
    """

    text: str = "tiny_shakespeare"
    net: Literal["lstm", "transformer"] = "lstm"
    width: Count = 256
    layers: Count = 2
    heads: Count = 4
    length: Count = 128
    batch_size: Count = 32
    epochs: Count = 20
    learning_rate: PositiveRate = 4e-3
    dropout: DropRate = 0.1
    temperature: PositiveRate = 0.8
    seed: Seed = 0


@functools.lru_cache(maxsize=2)
def text_of(name: str) -> Text:
    """The text, read once."""
    return load_text(name)


def data(config: Config) -> Splits:
    """Windows end to end; the last tenth of the text validates."""
    text = text_of(config.text)
    train, valid = (in_windows(part, config.length, text) for part in split_text(text))
    return Splits(train, valid)


def in_windows(codes: np.ndarray, length: int, text: Text) -> Dataset:
    """Windows as sequences of one length."""
    cut = windows(codes, length, text.name, text.vocabulary)
    lengths = np.full(len(cut.inputs), length, np.int32)
    return dataclasses.replace(cut, inputs=Sequences(cut.inputs, lengths))


def net_of(config: Config, dropout=0.0) -> tuple[Net, Writer]:
    """The network, and how it is asked for one character after the other."""
    symbols = len(text_of(config.text).vocabulary)
    if config.net == "transformer":
        how = {"width": config.width, "heads": config.heads, "depth": config.layers}
        context = max(config.length, SAMPLED + len(PROMPT))
        net = language_model(symbols, Blocks(**how, context=context, dropout=dropout))
        return net, transformer_writer(Blocks(**how, context=context))
    layers = {"layers": config.layers, "embedding": config.width // 2}
    return sequence_tagger(symbols, config.width, symbols, dropout=dropout, **layers), recurrent_writer()


def task(config: Config, hyper: Hyper) -> Task:
    """Cross entropy of the next character, at every character; gradients longer than 1 are cut."""
    net, _ = net_of(config, hyper["dropout"])
    steps = config.epochs * epoch_steps(config)
    rate = warmup_cosine(min(WARMUP, steps // 10), steps)
    adam = scheduled(optax.adam(hyper["learning_rate"], b2=0.99), rate)
    return Task(
        net=net,
        loss=per_step(cross_entropy),
        optimizer=optax.chain(optax.clip_by_global_norm(1.0), adam),
        metrics={"accuracy": per_step(accuracy)},
    )


@functools.lru_cache(maxsize=4)
def epoch_steps(config: Config) -> int:
    """Steps of one pass over the text."""
    return steps_per_epoch(len(data(config).train), config.batch_size)


def plan(config: Config, splits: Splits) -> Plan:
    """One evaluation an epoch; the parameters that validate best are kept."""
    steps = steps_per_epoch(len(splits.train), config.batch_size)
    return Plan(config.epochs, steps, config.batch_size)


def sample(config: Config, params: Params) -> str:
    """What the net writes after the end of a line; the same chances at every call."""
    return written(config, params, SAMPLED)


def written(config: Config, params: Params, characters: int) -> str:
    """A text of so many characters, or as many as the net can hold."""
    text = text_of(config.text)
    start = text.vocabulary.index(PROMPT) if PROMPT in text.vocabulary else 0
    _, writer = net_of(config)
    characters = min(characters, (writer.longest or np.inf) - 1)
    key, prompt = jax.random.key(config.seed), np.array([[start]])
    codes = generate(writer, params, prompt, characters, key, temperature=config.temperature)
    return decode(np.asarray(codes)[0], text.vocabulary)


def on_page(text: str) -> str:
    """A text in lines of at most 60 characters, drawn as it is."""
    lines = [line for long in text.splitlines() for line in textwrap.wrap(long, 60) or [""]]
    return "\n".join(lines).strip().replace("$", r"\$")


def with_context(config: Config, fitted, codes: np.ndarray) -> float:
    """Nats a character where each was preceded by at least half a window of context.

    Windows overlap by half, and only their second halves are counted: a window that starts in the middle of a
    sentence knows nothing at first, which an n-gram model, that sees the whole text, does not suffer.
    """
    half = config.length // 2
    starts = range(0, len(codes) - 2 * half, half)
    seen = np.stack([codes[start : start + 2 * half + 1] for start in starts]).astype(np.int32)
    inputs = Sequences(seen[:, :-1], np.full(len(seen), 2 * half, np.int32))
    logits = fitted.predict(inputs).values[:, half:].reshape(-1, len(text_of(config.text).vocabulary))
    return float(np.mean(cross_entropy(logits, seen[:, 1 + half :].reshape(-1))))


def figures(config: Config, fitted, splits: Splits, folder: Path) -> dict[str, str]:
    """The loss against the n-grams, and how the samples became words."""
    text = text_of(config.text)
    train, valid = split_text(text)
    grams = {n: float(ngram_nats(fit_ngram(train, n, len(text.vocabulary)), valid).mean()) for n in ORDERS}
    warm = with_context(config, fitted, valid)
    best = min(grams, key=grams.__getitem__)
    write_json(folder.parent / "ngrams.json", {"orders": grams, "best": best, "net_with_context": warm})
    epochs = [row["epoch"] for row in fitted.rows]
    curves = [
        Curve(name, epochs, [row[f"{part}_loss"] for row in fitted.rows], i)
        for i, (name, part) in enumerate((("training", "train"), ("validation", "valid")))
    ]
    rules = {f"{n}-gram": grams[n] for n in sorted({2, 3, best})} | {"net, with context": warm}
    title = f"{config.net}: nats a character"
    lowest = min([*grams.values(), warm, *(row["train_loss"] for row in fitted.rows)])
    limits = (0.97 * lowest, 1.02 * max(grams[2], fitted.rows[-1]["valid_loss"]))
    figure = plots.panels_figure([Panel(title, "epoch", "nats", curves, limits=limits, rules=rules)])
    plots.save(figure, folder / "ngrams.png")
    rows = read_lines(folder.parent / "samples.jsonl")  # none of a member of a population
    moments = [rows[i] for i in sorted({0, 1, len(rows) // 3}) if i < len(rows)]
    texts = {f"step {row['step']}": on_page(row["text"]) for row in moments}
    texts["the parameters that are kept"] = on_page(sample(config, fitted.params))
    columns = [titles for titles in ([*texts][::2], [*texts][1::2]) if titles]
    plots.save(plots.code_figure(texts, columns), folder / "samples.png")
    (folder.parent / "sample.txt").write_text(written(config, fitted.params, 4 * SAMPLED), "utf-8")
    said = f"The best n-gram has order {best}: {grams[best]:.3f} nats a character on the same characters."
    return {
        "ngrams": f"{said} The net, given half a window of context before it is asked, has {warm:.3f}.",
        "samples": "What the net writes after a line's end, early in its training and at its best.",
    }
