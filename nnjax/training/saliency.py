"""Where a net looks: the gradient of a logit by the pixels, and Grad-CAM, which weighs a layer's channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core

from nnjax.errors import ConfigError
from nnjax.types import Array, Net, Params


def saliency(net: Net, params: Params, images: Any, labels: Any) -> Array:
    """s[n, i, j] = max over c of |d z_n / d x[n, i, j, c]|, z_n the logit of the n-th label.

    Args:
        net: A Net from images to logits [N, K].
        params: Its parameters.
        images: Array [N, H, W, C]; bytes are taken as floats.
        labels: Integers [N] in 0..K-1.

    Returns:
        Float array [N, H, W], at least 0.

    Raises:
        ConfigError: If the shapes do not fit.

    >>> half = Net(lambda key: {}, lambda params, x, **_: x.reshape(len(x), -1)[:, :2] / 2)
    >>> saliency(half, {}, jnp.ones((1, 1, 3, 1)), jnp.array([1])).tolist()
    [[[0.0, 0.5, 0.0]]]

    Source: Simonyan, Vedaldi and Zisserman 2014, https://arxiv.org/abs/1312.6034
    """
    images, labels = _checked("saliency", images, labels)

    def slope(params: Params, images: Array) -> Array:
        # A logit depends on its own image alone, so the gradient of their sum holds the gradient of each.
        return jax.grad(lambda x: _chosen("saliency", net.apply(params, x), labels).sum())(images)

    return jnp.max(jnp.abs(jax.jit(slope)(params, images)), axis=-1)


def grad_cam(watched: Net, params: Params, images: Any, labels: Any, layer: str) -> Array:
    """g[n, i, j] = max(0, sum over c of w[n, c] a[n, i, j, c]), w[n, c] the mean slope of the channel.

    The slope is d z_n / d a[n, i, j, c], the mean is over i and j; a is what the layer gives and z_n the
    logit of the n-th label: bright is where those channels are active that raise the logit.

    Args:
        watched: A Net from images to what every layer gives by its name, the logits [N, K] last, such as
            `vgg16(features=True)`, without remat.
        params: Its parameters.
        images: Array [N, H, W, C]; bytes are taken as floats.
        labels: Integers [N] in 0..K-1.
        layer: A layer that gives [N, h, w, C], such as the last convolution (static).

    Returns:
        Float array [N, h, w], at least 0.

    Raises:
        ConfigError: If there is no such layer, or the shapes do not fit.

    Source: Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391
    """
    images, labels = _checked("grad_cam", images, labels)

    def cam(params: Params, images: Array) -> Array:
        activation, after = cut(watched, params, images, layer)
        slope = jax.grad(lambda a: _chosen("grad_cam", after(a), labels).sum())(activation)
        weights = jnp.mean(slope, axis=(1, 2), keepdims=True)
        return jax.nn.relu(jnp.sum(weights * activation, axis=-1))

    return jax.jit(cam)(params, images)


def cut(watched: Net, params: Params, images: Array, layer: str) -> tuple[Array, Callable[[Array], Array]]:
    """What a layer gives, and the function from there to the last output.

    The net is one function from the images on. It is traced, and the equation that makes the layer's output
    is taken out of the trace, so that the output becomes an argument.

    Raises:
        ConfigError: If there is no such layer of maps, or its output is made together with others.
    """
    names: list[str] = []

    def traced(params: Params, images: Array) -> dict[str, Array]:
        found = watched.apply(params, images)
        names[:] = found  # in the order of the layers, which a pytree does not keep
        return found

    closed, shapes = jax.make_jaxpr(traced, return_shape=True)(params, images)
    maps = [name for name in names if len(shapes[name].shape) == 4]
    if layer not in maps:
        raise ConfigError(f"layer wants one of {', '.join(maps)}, got {layer!r}")
    program = closed.jaxpr
    outputs = dict(zip(sorted(names), program.outvars, strict=True))
    value = outputs[layer]
    makers = [equation for equation in program.eqns if value in equation.outvars]
    if len(makers) != 1 or len(makers[0].outvars) != 1:
        raise ConfigError(f"{layer} cannot be cut out of the net: watch a net without remat")
    rest = program.replace(
        invars=[*program.invars, value],
        outvars=[outputs[names[-1]]],
        eqns=[equation for equation in program.eqns if equation is not makers[0]],
        debug_info=program.debug_info.with_unknown_names(),
    )
    run = core.jaxpr_as_fun(core.ClosedJaxpr(rest, closed.consts))
    given = jax.tree.leaves((params, images))
    return watched.apply(params, images)[layer], lambda a: run(*given, a)[0]


def _chosen(name: str, logits: Array, labels: Array) -> Array:
    if logits.ndim != 2 or len(logits) != len(labels):
        raise ConfigError(f"{name} wants logits [N, K] of {len(labels)} images, got {logits.shape}")
    return jnp.sum(jnp.where(labels[:, None] == jnp.arange(logits.shape[1])[None, :], logits, 0), axis=1)


def _checked(name: str, images: Any, labels: Any) -> tuple[Array, Array]:
    images, labels = jnp.asarray(images), jnp.asarray(labels)
    if images.ndim != 4 or labels.shape != images.shape[:1]:
        raise ConfigError(
            f"{name} wants images [N, H, W, C] and labels [N], got {images.shape} and {labels.shape}"
        )
    return images.astype(jnp.float32), labels
