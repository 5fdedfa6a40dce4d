"""Back propagation by hand: each link against `jax.grad`, and against finite differences of plain NumPy."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax import binary_cross_entropy, cross_entropy, mlp, perceptron_loss, sigmoid, squared_error
from nnjax.data.generated import gate
from nnjax.errors import ConfigError
from nnjax.layers.activations import ACTIVATIONS
from nnjax.models.mlp import mlp_features
from nnjax.training.backprop import COSTS, Backward, backward, descend, forward, gradient

LOSSES = {loss.__name__: loss for loss in COSTS}
N, SIZES = 5, (3, 4, 3)
LINKS = ("cost_by_activation", "cost_by_aggregation", "cost_by_weights", "cost_by_bias")

# The same mathematics, written a second time and without JAX.
NUMPY_ACTIVATIONS = {
    "identity": lambda x: x,
    "step": lambda x: (x >= 0).astype(float),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
}


def numpy_cost(a: np.ndarray, targets: np.ndarray, name: str) -> float:
    if name == "squared_error":
        return ((a - targets) ** 2).sum(axis=1).mean()
    if name == "binary_cross_entropy":
        return -np.where(targets == 1, np.log(a[:, 0]), np.log(1 - a[:, 0])).mean()
    return -np.log(a[np.arange(len(a)), targets]).mean()


def numpy_output(z: np.ndarray, name: str) -> np.ndarray:
    if name == "squared_error":
        return z
    if name == "binary_cross_entropy":
        return 1 / (1 + np.exp(-z))
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def numpy_net(values: dict, inputs: np.ndarray, targets: np.ndarray, activation: str, loss: str) -> float:
    """J, with something added to each aggregation and activation on the way: the place to take a slope."""
    a = inputs
    depth = len(SIZES) - 1
    for i in range(depth):
        z = a @ values[f"weights_{i}"] + values[f"bias_{i}"] + values[f"z_{i}"]
        f = NUMPY_ACTIVATIONS[activation] if i < depth - 1 else lambda z: numpy_output(z, loss)
        a = f(z) + values[f"a_{i}"]
    return numpy_cost(a, targets, loss)


def finite_difference(function, values: dict, name: str, step: float = 1e-6) -> np.ndarray:
    slope = np.zeros_like(values[name])
    for index in np.ndindex(slope.shape):
        ends = []
        for sign in (1, -1):
            moved = values[name].copy()
            moved[index] += sign * step
            ends.append(function(values | {name: moved}))
        slope[index] = (ends[0] - ends[1]) / (2 * step)
    return slope


def problem(loss: str, seed: int = 0) -> tuple[dict, np.ndarray, np.ndarray]:
    """Parameters, zeros to add, inputs and targets, in float64; no aggregation lies near a kink."""
    rng = np.random.default_rng(seed)
    sizes = (*SIZES[:-1], 1 if loss == "binary_cross_entropy" else SIZES[-1])
    values = {}
    for i, (d, m) in enumerate(itertools.pairwise(sizes)):
        values |= {f"weights_{i}": 0.5 * rng.normal(size=(d, m)), f"bias_{i}": rng.normal(size=m)}
        values |= {f"z_{i}": np.zeros((N, m)), f"a_{i}": np.zeros((N, m))}
    targets = {
        "squared_error": rng.normal(size=(N, SIZES[-1])),
        "binary_cross_entropy": np.array([0, 1, 1, 0, 1]),
        "cross_entropy": np.array([2, 0, 1, 1, 2]),
    }[loss]
    return values, rng.normal(size=(N, SIZES[0])), targets


def params_of(values: dict) -> dict:
    count = sum(name.startswith("weights") for name in values)
    return {
        f"layer_{i}": {
            "weights": jnp.asarray(values[f"weights_{i}"]),
            "bias": jnp.asarray(values[f"bias_{i}"]),
        }
        for i in range(count)
    }


def by_hand(values: dict, inputs, targets, activation: str, loss: str) -> list[Backward]:
    function, params = ACTIVATIONS[activation].function, params_of(values)
    layers = forward(params, jnp.asarray(inputs), function, LOSSES[loss])
    return backward(params, layers, jnp.asarray(targets), function, LOSSES[loss])


def named(links: list[Backward]) -> dict[str, np.ndarray]:
    """The links under the names of what they are slopes by."""
    rows = {}
    for i, layer in enumerate(links):
        values = (getattr(layer, name) for name in LINKS)
        names = (f"a_{i}", f"z_{i}", f"weights_{i}", f"bias_{i}")
        rows |= {name: np.asarray(value) for name, value in zip(names, values, strict=True)}
    return rows


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_link_is_the_finite_difference(activation: str, loss: str) -> None:
    values, inputs, targets = problem(loss)
    with jax.enable_x64(True):
        links = named(by_hand(values, inputs, targets, activation, loss))
    function = lambda moved: numpy_net(moved, inputs, targets, activation, loss)
    for name, link in links.items():
        np.testing.assert_allclose(
            link, finite_difference(function, values, name), rtol=1e-7, atol=2e-9, err_msg=name
        )


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_link_is_that_of_jax_grad(activation: str, loss: str) -> None:
    values, inputs, targets = problem(loss, seed=1)
    depth = len(SIZES) - 1

    def cost(values: dict):
        a = jnp.asarray(inputs)
        for i in range(depth):
            z = a @ values[f"weights_{i}"] + values[f"bias_{i}"][None] + values[f"z_{i}"]
            a = ACTIVATIONS[activation].function(z) if i < depth - 1 else z
            a = a + values[f"a_{i}"] if i < depth - 1 else a
        return LOSSES[loss](a, jnp.asarray(targets)).mean()

    with jax.enable_x64(True):
        links = named(by_hand(values, inputs, targets, activation, loss))
        slopes = jax.grad(cost)({name: jnp.asarray(value) for name, value in values.items()})
    for name in set(slopes) - {f"a_{depth - 1}"}:
        np.testing.assert_allclose(links[name], slopes[name], rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_links_of_the_last_layer_multiply_to_the_slope_by_aggregation(loss: str) -> None:
    values, inputs, targets = problem(loss)
    with jax.enable_x64(True):
        last = by_hand(values, inputs, targets, "tanh", loss)[-1]
        z = forward(params_of(values), jnp.asarray(inputs), ACTIVATIONS["tanh"].function, LOSSES[loss])[-1]
        full = jax.vmap(jax.jacfwd(COSTS[LOSSES[loss]].output))(z.aggregation)
    slope = np.asarray(last.activation_by_aggregation)
    matrix = slope if slope.ndim == 3 else np.stack([np.diag(row) for row in slope])
    np.testing.assert_allclose(matrix, full, atol=1e-12)
    product = np.einsum("nj,njk->nk", last.cost_by_activation, matrix)
    np.testing.assert_allclose(product, last.cost_by_aggregation, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_two_inner_links_are_the_slopes_of_their_own_step(activation: str) -> None:
    values, inputs, targets = problem("squared_error")
    function, step = ACTIVATIONS[activation].function, 1e-6
    with jax.enable_x64(True):
        params = params_of(values)
        link = by_hand(values, inputs, targets, activation, "squared_error")[0]
        z = forward(params, jnp.asarray(inputs), function, squared_error)[0].aggregation
        grad = jax.vmap(jax.vmap(jax.grad(function)))(z)
        aggregate = lambda w: jnp.asarray(inputs) @ w + params["layer_0"]["bias"][None]
        jacobian = jax.jacobian(aggregate)(params["layer_0"]["weights"])  # [N, M, D, M]
    numpy_f = NUMPY_ACTIVATIONS[activation]
    difference = (numpy_f(np.asarray(z) + step) - numpy_f(np.asarray(z) - step)) / (2 * step)
    np.testing.assert_allclose(link.activation_by_aggregation, grad, atol=1e-14)
    np.testing.assert_allclose(link.activation_by_aggregation, difference, atol=1e-9)
    for m in range(SIZES[1]):
        np.testing.assert_allclose(link.aggregation_by_weights, jacobian[:, m, :, m], atol=1e-14)
        moved = values["weights_0"].copy()
        moved[:, m] += step
        change = (inputs @ moved - inputs @ values["weights_0"])[:, m] / step
        np.testing.assert_allclose(inputs.sum(axis=1), change, atol=1e-8)


def test_one_step_of_the_course_s_neuron_by_hand() -> None:
    # Rain: 4 x1 + 5 x2 - 6 at (1, 1) is 3. Squared error against 1: J = 4, dJ/dz = 4, dJ/dw = 4 x.
    params = {"layer_0": {"weights": jnp.array([[4.0], [5.0]]), "bias": jnp.array([-6.0])}}
    x, t = jnp.array([[1.0, 1.0]]), jnp.array([[1.0]])
    layers = forward(params, x, sigmoid, squared_error)
    (link,) = backward(params, layers, t, sigmoid, squared_error)
    assert layers[0].aggregation.tolist() == layers[0].activation.tolist() == [[3.0]]
    assert (link.cost_by_aggregation.tolist(), link.cost_by_weights.tolist()) == ([[4.0]], [[4.0], [4.0]])
    after = descend(params, gradient([link]), 0.125)["layer_0"]
    assert (after["weights"].tolist(), after["bias"].tolist()) == ([[3.5], [4.5]], [-6.5])


def test_a_hidden_layer_by_hand() -> None:
    # x = 1, w1 = 2, relu, w2 = 3: a = 2, y = 6; target 5: dJ/dy = 2, dJ/dw2 = 4, dJ/da = 6, dJ/dw1 = 6.
    params = {
        "layer_0": {"weights": jnp.array([[2.0]]), "bias": jnp.array([0.0])},
        "layer_1": {"weights": jnp.array([[3.0]]), "bias": jnp.array([0.0])},
    }
    relu = ACTIVATIONS["relu"].function
    layers = forward(params, jnp.array([[1.0]]), relu, squared_error)
    first, last = backward(params, layers, jnp.array([[5.0]]), relu, squared_error)
    assert (last.cost_by_aggregation.item(), last.cost_by_weights.item()) == (2.0, 4.0)
    assert (first.cost_by_activation.item(), first.activation_by_aggregation.item()) == (6.0, 1.0)
    assert (first.cost_by_weights.item(), first.cost_by_bias.item()) == (6.0, 6.0)


def test_the_forward_pass_is_that_of_mlp() -> None:
    net = mlp((4, 6, 5, 3), ACTIVATIONS["tanh"].function)
    params, inputs = net.init(jax.random.key(0)), jax.random.normal(jax.random.key(1), (7, 2, 2))
    layers = forward(params, inputs, ACTIVATIONS["tanh"].function, cross_entropy)
    features = mlp_features(params, inputs, ACTIVATIONS["tanh"].function)
    for layer, feature in zip(layers, features.values(), strict=True):
        np.testing.assert_allclose(layer.aggregation, feature["aggregation"], atol=1e-6)
    np.testing.assert_allclose(layers[-1].activation.sum(axis=1), 1.0, atol=1e-6)


def test_a_saturated_net_has_a_finite_gradient() -> None:
    params = {"layer_0": {"weights": jnp.array([[500.0, -500.0]]), "bias": jnp.zeros(2)}}
    layers = forward(params, jnp.array([[1.0]]), sigmoid, cross_entropy)
    (link,) = backward(params, layers, jnp.array([1]), sigmoid, cross_entropy)
    assert link.cost_by_aggregation.tolist() == [[1.0, -1.0]]
    params = {"layer_0": {"weights": jnp.array([[500.0]]), "bias": jnp.zeros(1)}}
    layers = forward(params, jnp.array([[1.0]]), sigmoid, binary_cross_entropy)
    (link,) = backward(params, layers, jnp.array([0]), sigmoid, binary_cross_entropy)
    assert link.cost_by_aggregation.tolist() == [[1.0]]


def test_xor_is_learned_by_hand() -> None:
    xor, tanh = gate("xor"), ACTIVATIONS["tanh"].function
    params = mlp((2, 4, 1), tanh).init(jax.random.key(0))

    @jax.jit
    def improve(params):
        layers = forward(params, xor.inputs, tanh, binary_cross_entropy)
        links = backward(params, layers, xor.targets, tanh, binary_cross_entropy)
        return descend(params, gradient(links), 1.0)

    for _ in range(300):
        params = improve(params)
    said = forward(params, xor.inputs, tanh, binary_cross_entropy)[-1].activation
    assert (said[:, 0] > 0.5).tolist() == [False, True, True, False]


def test_what_it_cannot_differentiate_is_named() -> None:
    params = {"layer_0": {"weights": jnp.ones((1, 1)), "bias": jnp.zeros(1)}}
    with pytest.raises(ConfigError, match=r"one of the activations identity, step, .* got gelu"):
        forward(params, jnp.ones((1, 1)), jax.nn.gelu, squared_error)
    with pytest.raises(ConfigError, match=r"one of the losses squared_error, .* got perceptron_loss"):
        forward(params, jnp.ones((1, 1)), sigmoid, perceptron_loss)
