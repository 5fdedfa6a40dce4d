"""The Flax cells hold what the functions compute with, under the same names."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from nnjax.layers.cell_modules import GRUCell, LSTMCell, RNNCell
from nnjax.layers.modules import functional
from nnjax.layers.recurrent import KINDS

MODULES = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell}


class Reader(nnx.Module):
    """A module with a cell in it, run over a sequence of two steps."""

    def __init__(self, kind, rngs):
        self.cell = MODULES[kind](3, 4, rngs=rngs)

    def __call__(self, x):
        state = self.cell.start(len(x))
        for t in range(2):
            state, y = self.cell(state, x[:, t])
        return y


@pytest.mark.parametrize("kind", MODULES)
def test_a_module_is_the_cell_with_its_params(kind):
    net = functional(lambda rngs: Reader(kind, rngs))
    params, x = net.init(jax.random.key(0)), jnp.linspace(-1, 1, 12).reshape(2, 2, 3)
    wanted = KINDS[kind].init(jax.random.key(0), 3, 4)
    assert jax.tree.map(jnp.shape, params) == {"cell": jax.tree.map(jnp.shape, wanted)}
    state = KINDS[kind].state(jnp.zeros((2, 4)))
    for t in range(2):
        state, y = KINDS[kind].cell(params["cell"], state, x[:, t])
    np.testing.assert_array_equal(net.apply(params, x), y)


def test_the_forget_gate_starts_open():
    bias = LSTMCell(3, 2, rngs=nnx.Rngs(0)).bias[...]
    assert bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
