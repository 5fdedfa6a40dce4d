"""The three products of a convolution, each of which has the other two as its gradients.

With y = x * f (the convolution), the gradient of sum(dy (x * f)) in x is a product of f and dy, and the
one in f a product of x and dy. Each of the three is linear in both of its arguments, so the gradients of
one are the two others, to any order:

    product            in its first argument     in its second argument
    y  = outputs(x, f)     inputs(f, dy)             weights(x, dy)
    dx = inputs(f, dy)     weights(dx, dy)           outputs(dx, f)
    df = weights(x, dy)    inputs(df, dy)            outputs(x, df)

On a CPU each is computed in the form of `conv_forms` for its shapes, and for a population whose members
have filters of their own one member after another: as one convolution in groups it takes two to three
times as long. Other devices keep XLA's own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import jax
from jax.custom_batching import custom_vmap

from nnjax.layers.conv_forms import (
    MOST_GROUPS_APART,
    Geometry,
    apart,
    convolve,
    input_gradient,
    weight_gradient,
)
from nnjax.types import Array

Shape = tuple[int, ...]
Product = Callable[[Array, Array], Array]


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def outputs(x: Array, filters: Array, geometry: Geometry) -> Array:
    """y [N, h, w, O] of x [N, H, W, C] and filters [kh, kw, C / G, O]."""
    return _outputs(geometry)(x, filters)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def inputs(filters: Array, dy: Array, image: Shape, geometry: Geometry) -> Array:
    """dx [N, *image], image = (H, W, C)."""
    return _inputs(image, geometry)(filters, dy)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def weights(x: Array, dy: Array, shape: Shape, geometry: Geometry) -> Array:
    """The gradient in filters of `shape`."""
    return _weights(shape, geometry)(x, dy)


# The forward rules call the products themselves, so that they can be differentiated once more.
outputs.defvjp(
    lambda x, f, geometry: (outputs(x, f, geometry), (x, f)),
    lambda geometry, kept, dy: (
        inputs(kept[1], dy, kept[0].shape[1:], geometry),
        weights(kept[0], dy, kept[1].shape, geometry),
    ),
)
inputs.defvjp(
    lambda f, dy, image, geometry: (inputs(f, dy, image, geometry), (f, dy)),
    lambda image, geometry, kept, dx: (
        weights(dx, kept[1], kept[0].shape, geometry),
        outputs(dx, kept[0], geometry),
    ),
)
weights.defvjp(
    lambda x, dy, shape, geometry: (weights(x, dy, shape, geometry), (x, dy)),
    lambda shape, geometry, kept, df: (
        inputs(df, kept[1], kept[0].shape[1:], geometry),
        outputs(kept[0], df, geometry),
    ),
)


@lru_cache(maxsize=1024)
def _outputs(geometry: Geometry) -> Product:
    xla = partial(convolve, geometry=geometry)
    form = apart(convolve, geometry) if geometry.groups > 1 else None
    return _batched(_chosen(form, xla, geometry), xla, shared=1)


@lru_cache(maxsize=1024)
def _inputs(image: Shape, geometry: Geometry) -> Product:
    def xla(filters: Array, dy: Array) -> Array:
        x = jax.ShapeDtypeStruct((dy.shape[0], *image), dy.dtype)
        return jax.linear_transpose(lambda x: convolve(x, filters, geometry), x)(dy)[0]

    form = apart(lambda f, dy, alone: input_gradient(image, f, dy, alone), geometry)
    return _batched(_chosen(form, xla, geometry), xla, shared=0)


@lru_cache(maxsize=1024)
def _weights(shape: Shape, geometry: Geometry) -> Product:
    def xla(x: Array, dy: Array) -> Array:
        filters = jax.ShapeDtypeStruct(shape, dy.dtype)
        return jax.linear_transpose(lambda f: convolve(x, f, geometry), filters)(dy)[0]

    part = (*shape[:3], shape[3] // geometry.groups)
    form = apart(lambda x, dy, alone: weight_gradient(x, part, dy, alone), geometry)
    return _batched(_chosen(form, xla, geometry), xla, shared=None)


def _chosen(form: Product | None, xla: Product, geometry: Geometry) -> Product:
    """`form` on CPUs, `xla` elsewhere; decided when the program is lowered for a platform."""
    if form is None or geometry.groups > MOST_GROUPS_APART:
        return xla
    return lambda a, b: jax.lax.platform_dependent(a, b, cpu=form, default=xla)


def _batched(product: Product, xla: Product, shared: int | None) -> Product:
    """`product` with a rule for vmap.

    Args:
        product: Of one member.
        xla: The same in XLA's own form, which other devices batch as XLA does.
        shared: Which argument all members may have in common, so that their examples are simply more
            examples; None if there is none.
    """
    batched = custom_vmap(product)

    @batched.def_vmap
    def rule(members: int, in_batched: list[bool], a: Array, b: Array) -> tuple[Array, bool]:
        if shared is not None and not in_batched[shared]:
            own = b if shared == 0 else a
            joined = own.reshape(members * own.shape[1], *own.shape[2:])
            found = batched(a, joined) if shared == 0 else batched(joined, b)
            return found.reshape(members, -1, *found.shape[1:]), True
        axes = tuple(0 if there else None for there in in_batched)

        def in_turn(a: Array, b: Array) -> Array:
            def one(i: Array) -> Array:
                return batched(*(v[i] if there else v for v, there in zip((a, b), in_batched, strict=True)))

            return jax.lax.map(one, jax.numpy.arange(members))

        return jax.lax.platform_dependent(a, b, cpu=in_turn, default=jax.vmap(xla, in_axes=axes)), True

    return batched
