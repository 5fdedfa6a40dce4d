"""The convolution in two dimensions: the same small window of weights at every place of an image."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.layers.conv_forms import Geometry
from nnjax.layers.conv_products import outputs
from nnjax.layers.initializers import Initializer, he_normal
from nnjax.layers.window import Padding, Pair, output_size, pads, pair
from nnjax.types import Array, Key, Params


def conv2d_init(
    key: Key,
    window: Pair,
    channels_in: int,
    channels_out: int,
    groups: int = 1,
    bias: bool = True,
    initializer: Initializer = he_normal,
) -> Params:
    """Parameters of a convolution: drawn filters, bias 0.

    Args:
        key: A key of `jax.random.key`.
        window: (kh, kw) or one number for both (static).
        channels_in: C (static).
        channels_out: O (static).
        groups: G; C and O must be multiples of it (static).
        bias: Whether there is one (static).
        initializer: `initializer(key, (kh, kw, C / G, O)) -> filters` (static).

    Returns:
        {"filters": [kh, kw, C / G, O], "bias": [O]}, float32.

    Raises:
        ConfigError: If a size is not a positive integer, or C or O is no multiple of G.

    >>> import jax
    >>> params = conv2d_init(jax.random.key(0), 3, channels_in=1, channels_out=32)
    >>> {name: leaf.shape for name, leaf in params.items()}
    {'filters': (3, 3, 1, 32), 'bias': (32,)}
    """
    kh, kw = pair("window", window)
    for name, size in (("channels_in", channels_in), ("channels_out", channels_out), ("groups", groups)):
        if size != int(size) or size < 1:
            raise ConfigError(f"{name} must be a positive integer, got {size!r}")
    if channels_in % groups or channels_out % groups:
        raise ConfigError(
            f"channels_in C and channels_out O must be multiples of groups G, "
            f"got C = {channels_in}, O = {channels_out}, G = {groups}"
        )
    filters = initializer(key, (kh, kw, channels_in // groups, channels_out))
    return {"filters": filters} | ({"bias": jnp.zeros(channels_out)} if bias else {})


def conv2d(
    params: Params,
    x: Array,
    stride: Pair = 1,
    padding: Padding = "VALID",
    dilation: Pair = 1,
    groups: int = 1,
) -> Array:
    """y[n, i, j, o] = b[o] + sum over a, b, c of x[n, i s + a d - p, j s + b d - p, c] filters[a, b, c, o].

    That is the cross-correlation which the field calls a convolution; outside the image x is 0. The
    gradients are exact; on a CPU they are computed in forms that are fast inside compiled loops as well,
    other devices keep XLA's own. Forward-mode differentiation is not defined, reverse-mode of any order is.

    Args:
        params: {"filters": [kh, kw, C / G, O], "bias": [O]}; the bias may be missing.
        x: Array [N, H, W, C]; integers are taken as floats.
        stride: s, pixels, a number or (vertical, horizontal) (static).
        padding: "VALID" (none), "SAME" (output size ceil(H / s)) or ((above, below), (left, right)),
            pixels (static).
        dilation: d, pixels between neighbours of the window, a number or a pair (static).
        groups: G: output channels of the g-th part see input channels of the g-th part only (static).

    Returns:
        Float array [N, h, w, O], h = floor((H + padding - (kh - 1) d - 1) / s) + 1, and w alike.

    Raises:
        ConfigError: If the shapes do not fit, or the window does not fit into the padded image.

    >>> ramp = jnp.arange(16.0).reshape(1, 4, 4, 1)
    >>> params = {"filters": jnp.array([-1.0, 1.0]).reshape(1, 2, 1, 1), "bias": jnp.array([0.5])}
    >>> conv2d(params, ramp)[0, :, :, 0].tolist()[0]
    [1.5, 1.5, 1.5]

    Source: LeCun et al. 1989, "Backpropagation applied to handwritten zip code recognition",
    https://doi.org/10.1162/neco.1989.1.4.541
    """
    filters = params["filters"]
    strides, dilations = pair("stride", stride), pair("dilation", dilation)
    _check(x, filters, params.get("bias"), groups)
    padded = pads("conv2d", padding, x.shape[1:3], filters.shape[:2], strides, dilations)
    for i in range(2):
        output_size("conv2d", x.shape, filters.shape, i, padded[i], strides[i], dilations[i])
    dtype = jnp.result_type(x, filters)
    geometry = Geometry(strides, padded, dilations, groups)
    y: Any = outputs(x.astype(dtype), filters.astype(dtype), geometry)
    return y + params["bias"].reshape(1, 1, 1, -1) if "bias" in params else y


def _check(x: Array, filters: Array, bias: Array | None, groups: int) -> None:
    if filters.ndim != 4:
        raise ConfigError(f"conv2d wants filters [kh, kw, C / G, O], got {filters.shape}")
    if x.ndim != 4:
        raise ConfigError(f"conv2d wants x [N, H, W, C], got {x.shape}")
    if groups != int(groups) or groups < 1:
        raise ConfigError(f"groups must be a positive integer, got {groups!r}")
    if x.shape[3] != filters.shape[2] * groups:
        raise ConfigError(
            f"conv2d wants x [N, H, W, C] with C = {filters.shape[2] * groups} "
            f"(filters {filters.shape}, groups {groups}), got x {x.shape}"
        )
    if filters.shape[3] % groups:
        raise ConfigError(
            f"conv2d wants filters [kh, kw, C / G, O] with O a multiple of G = {groups}, got {filters.shape}"
        )
    if bias is not None and bias.shape != filters.shape[3:]:
        raise ConfigError(f"conv2d wants bias [O] with O = {filters.shape[3]}, got {bias.shape}")
