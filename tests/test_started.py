"""A net that starts from weights: layers that fit are taken, others are drawn."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.models.mlp import mlp
from nnjax.models.started import started_from


def test_layers_that_fit_are_taken_and_the_others_drawn() -> None:
    given, net = mlp((3, 4, 7)).init(jax.random.key(1)), mlp((3, 4, 2))
    params, drawn = started_from(net, given).init(jax.random.key(0)), net.init(jax.random.key(0))
    np.testing.assert_array_equal(params["layer_0"]["weights"], given["layer_0"]["weights"])
    np.testing.assert_array_equal(params["layer_1"]["weights"], drawn["layer_1"]["weights"])


def test_weights_of_another_net_are_refused() -> None:
    with pytest.raises(ConfigError, match="no layer of the net has the name and shapes"):
        started_from(mlp((3, 4)), {"conv_1": {"filters": np.zeros(3)}}).init(jax.random.key(0))
