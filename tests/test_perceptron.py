"""perceptron: starts at zero, and learns AND by Rosenblatt's rule exactly as on paper."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.layers.activations import unit_step
from nnjax.layers.initializers import glorot_uniform
from nnjax.models.perceptron import perceptron
from nnjax.training.losses import perceptron_loss

GATE = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)


def test_starts_at_zero_or_where_it_is_told():
    layer = perceptron(3).init(jax.random.key(0))["layer_0"]
    assert layer["weights"].tolist() == [[0], [0], [0]]
    assert layer["bias"].tolist() == [0]
    drawn = perceptron(3, glorot_uniform).init(jax.random.key(0))["layer_0"]
    assert float(jnp.abs(drawn["weights"]).min()) > 0
    assert drawn["bias"].tolist() == [0]


def test_aggregation_by_hand(variant):
    params = {"layer_0": {"weights": jnp.array([[2.0], [-1.0]]), "bias": jnp.array([0.5])}}
    assert variant(perceptron(2).apply)(params, GATE).tolist() == [[0.5], [-0.5], [2.5], [1.5]]


def test_gradient_descent_on_its_loss_is_rosenblatts_rule():
    net, labels = perceptron(2), np.array([0, 0, 0, 1])
    params = net.init(jax.random.key(0))

    @jax.jit
    def update(params, x, label):
        gradient = jax.grad(lambda params: perceptron_loss(net.apply(params, x), label)[0])(params)
        return jax.tree.map(lambda p, g: p - g, params, gradient)

    weights, bias = np.zeros(2), 0.0
    for _ in range(10):
        for x, label in zip(GATE, labels, strict=True):
            params = update(params, x[None], label[None])
            error = label - (1 if weights @ x + bias >= 0 else 0)
            weights, bias = weights + error * x, bias + error
            assert params["layer_0"]["weights"][:, 0].tolist() == weights.tolist()
            assert float(params["layer_0"]["bias"][0]) == bias
    assert unit_step(net.apply(params, GATE))[:, 0].tolist() == labels.tolist()
