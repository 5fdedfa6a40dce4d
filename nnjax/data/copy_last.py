"""The simplest forecast of a sequence: what comes next is what came last.

p(c | last) = a [c = last] + (1 - a) q(c), where q are the shares of the symbols in the training part (each
counted once more than it came) and a is what makes the training part most probable. It never gives
probability 0, so that its cost in nats is finite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnjax.errors import DataError

ROUNDS = 200


class CopyLast(NamedTuple):
    """A fitted forecast.

    Attributes:
        copies: a, the probability of a plain copy.
        shares: q, the probability of each symbol otherwise, [V].
    """

    copies: float
    shares: np.ndarray


def fit_copy_last(series: Sequence[np.ndarray], symbols: int) -> CopyLast:
    """Fits a and q to sequences of codes from 0 to `symbols` - 1, a by expectation and maximisation.

    Raises:
        DataError: If there is no step from one symbol to the next, or a code is none of the symbols.

    >>> fit_copy_last([np.array([0, 0, 0, 0, 1, 1, 1, 1])], 2).copies > 0.5
    True
    """
    before, after = _steps(series, symbols)
    counts = np.bincount(np.concatenate(list(series)), minlength=symbols) + 1.0
    shares = counts / counts.sum()
    same, copies = before == after, 0.5
    for _ in range(ROUNDS):
        copied = copies / (copies + (1 - copies) * shares[after])
        copies = float(np.where(same, copied, 0).mean())
    return CopyLast(copies, shares)


def copy_last_nats(model: CopyLast, series: Sequence[np.ndarray]) -> np.ndarray:
    """The cost -ln p of every symbol, [T in all]; the first of a sequence has nothing to copy.

    >>> model = CopyLast(0.5, np.array([0.5, 0.5]))
    >>> np.exp(-copy_last_nats(model, [np.array([0, 0, 1])])).tolist()
    [0.5, 0.75, 0.25]
    """
    costs = []
    for one in series:
        chances = (1 - model.copies) * model.shares[one]
        chances[1:] += model.copies * (one[1:] == one[:-1])
        chances[:1] = model.shares[one[:1]]
        costs.append(-np.log(chances))
    return np.concatenate(costs) if costs else np.zeros(0)


def _steps(series: Sequence[np.ndarray], symbols: int) -> tuple[np.ndarray, np.ndarray]:
    """Each symbol that has one after it, and that one."""
    codes = np.concatenate([np.zeros(0, np.int64), *series])
    if not any(len(one) > 1 for one in series) or codes.min() < 0 or codes.max() >= symbols:
        raise DataError(f"copy-last wants sequences of two or more codes from 0 to {symbols - 1}")
    before = np.concatenate([one[:-1] for one in series])
    return before, np.concatenate([one[1:] for one in series])
