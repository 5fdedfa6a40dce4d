"""LSTMs in every library, and what is the same in all of them: W5a and W5b.

Weights in order, in nnjax's axes: the embedding [V, E] where there is one; of each layer the input weights
[D, 4H], the recurrent ones [H, 4H] and the bias [4H], gates in the order input, forget, candidate, output;
and the output layer's [H, K] and [K].
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from benchmarks.work import Trainer, Weights, Work

SCORED_AT_ONCE = 256  # sequences: the judge must not be what sets a process's peak memory


def widths(work: Work) -> list[tuple[int, int]]:
    """(D, H) of every layer."""
    net = work.net
    return list(pairwise((net["embedding"] or net["inputs"], *[net["hidden"]] * net["layers"])))


def flops(net: dict, steps: int) -> float:
    """Operations of a training that sees `steps` time steps: three products a layer, as the peers compute.

    Forward, the gradient of the weights and that of what came in.
    """
    sizes = [net["embedding"] or net["inputs"], *[net["hidden"]] * net["layers"]]
    layers = sum(2.0 * 4 * h * (d + h) for d, h in pairwise(sizes))
    answered = steps if net["every_step"] else steps / net["length"]
    return 3 * (layers * steps + 2.0 * net["hidden"] * net["outputs"] * answered)


def initial_weights(work: Work, seed: int = 0) -> Weights:
    """Weights of variance 1 / fan in, biases 0, drawn by NumPy: the same for every library."""
    rng, net = np.random.default_rng(seed), work.net

    def drawn(d: int, m: int) -> np.ndarray:
        return (rng.standard_normal((d, m)) / np.sqrt(d)).astype(np.float32)

    weights = [drawn(net["inputs"], net["embedding"])] if net["embedding"] else []
    for d, h in widths(work):
        weights += [drawn(d, 4 * h), drawn(h, 4 * h), np.zeros(4 * h, np.float32)]
    return [*weights, drawn(net["hidden"], net["outputs"]), np.zeros(net["outputs"], np.float32)]


def score(work: Work, weights: Weights) -> float:
    """The mean loss over all training examples (and steps), in float64 NumPy: one judge for all libraries."""
    from benchmarks.peers.numpy_loop import losses

    weights, total = [np.asarray(w, np.float64) for w in weights], 0.0
    for first in range(0, len(work.inputs), SCORED_AT_ONCE):
        rows = slice(first, first + SCORED_AT_ONCE)
        outputs = answers(work, weights, work.inputs[rows])
        total += losses(
            outputs.reshape(-1, outputs.shape[-1]), work.targets[rows].reshape(-1), work.loss
        ).sum()
    return float(total / work.targets.size)


def answers(work: Work, weights: Weights, inputs: np.ndarray) -> np.ndarray:
    """The logits in NumPy, one step after another: [N, K], or [N, T, K] where every step is answered."""
    left = list(weights)
    x = left.pop(0)[inputs] if work.net["embedding"] else inputs.astype(np.float64)
    for _, hidden in widths(work):
        matrix, recurrent, bias = left.pop(0), left.pop(0), left.pop(0)
        h, c, shown = np.zeros((len(x), hidden)), np.zeros((len(x), hidden)), []
        for t in range(x.shape[1]):
            i, f, g, o = np.split(x[:, t] @ matrix + h @ recurrent + bias, 4, axis=1)
            c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            h = np.tanh(c) / (1 + np.exp(-o))
            shown.append(h)
        x = np.stack(shown, axis=1)
    return (x if work.net["every_step"] else x[:, -1]) @ left[0] + left[1]


def nnjax(work: Work) -> Trainer:
    """`nnjax.fit` with its progress bar on, after `nnjax.configure()`."""
    from benchmarks.peers.nnjax_sequences import Fit
    from nnjax import configure

    configure()
    return Fit(work)


def pytorch(work: Work) -> Trainer:
    """`nn.LSTM`, eager."""
    from benchmarks.peers.pytorch_lstm import Eager

    return Eager(work)


def pytorch_fused(work: Work) -> Trainer:
    """Eager with `fused=True`, the fastest optimiser that PyTorch documents."""
    from benchmarks.peers.pytorch_lstm import Eager

    return Eager(work, fused=True)


def keras(work: Work) -> Trainer:
    """`Model.fit` of `keras.layers.LSTM` on whichever backend KERAS_BACKEND names."""
    from benchmarks.peers.keras_fit import Fit, lstm

    return Fit(work, lstm)


TRAINERS = {
    "nnjax": nnjax,
    "pytorch": pytorch,
    "pytorch-fused": pytorch_fused,
    "keras-jax": keras,
    "keras-torch": keras,
}
