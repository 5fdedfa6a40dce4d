"""W2: 256 independent trainings of W1, each with its own weights and its own order, shuffling counted."""

from __future__ import annotations

import dataclasses

import numpy as np

from benchmarks import perceptrons, w1_moons
from benchmarks.work import Trainer, Weights, Work

MEMBERS = 256


def work(quick: bool = False) -> Work:
    """256 members for 100 epochs; 32 for 10 if quick."""
    one, members = w1_moons.work(quick), 32 if quick else MEMBERS
    return dataclasses.replace(
        one,
        name="W2",
        title=f"{members} independent trainings of W1",
        flops=one.flops * members,
        members=members,
    )


def initial_weights(work: Work) -> Weights:
    """Each member's own: arrays [P, D, M] and [P, M]."""
    members = [perceptrons.initial_weights(work, seed) for seed in range(work.members)]
    return [np.stack(arrays) for arrays in zip(*members, strict=True)]


def score(work: Work, weights: Weights) -> float:
    """The mean over members of the mean loss over all examples."""
    members = ([array[i] for array in weights] for i in range(work.members))
    return float(np.mean([perceptrons.score(work, member) for member in members]))


def nnjax(work: Work) -> Trainer:
    """`nnjax.fit_population` with its progress bar on, after `nnjax.configure()`."""
    from benchmarks.peers.nnjax_population import FitPopulation
    from nnjax import configure

    configure()
    return FitPopulation(work)


def pytorch_func(work: Work) -> Trainer:
    """`torch.func`: `vmap` of `grad` over stacked parameters."""
    from benchmarks.peers.pytorch_func import Ensemble
    from benchmarks.perceptrons import torch_perceptron

    return Ensemble(work, torch_perceptron)


def equinox(work: Work) -> Trainer:
    """`eqx.filter_vmap` of the training step."""
    from benchmarks.peers.equinox_ensemble import Ensemble

    return Ensemble(work)


TRAINERS = {"nnjax": nnjax, "pytorch-func": pytorch_func, "equinox": equinox}
