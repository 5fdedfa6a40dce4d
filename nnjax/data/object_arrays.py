"""Arrays of arrays in a .npz file, read without pickle.

numpy writes an array of Python objects as a pickle, and unpickling runs whatever the file says. Some
published sets are in that form all the same. What such a file needs is small: numbers, bytes, tuples, and the
few names by which numpy rebuilds an array. So the instructions are followed here: the names are compared with
what is expected, nothing is ever looked up, imported or called, and anything else is refused.
"""

from __future__ import annotations

import os
import pickletools
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnjax.data.limits import check_file, check_unpacked
from nnjax.errors import DamagedError

RECONSTRUCT = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")
ENCODE = "_codecs encode"  # how Python 3 writes bytes for Python 2
NAMES = {*RECONSTRUCT, "numpy ndarray", "numpy dtype", ENCODE}
NUMBERS = re.compile(r"[biuf][1248]")
MAX_INSTRUCTIONS = 2_000_000
MAX_BYTES = 256 * 2**20
MARK = object()


class Name(NamedTuple):
    """A global name that the file mentions; it stays a text."""

    text: str


class Made:
    """What a call would make: an array or an element type, with the state that is set on it later."""

    def __init__(self, what: str, arguments: tuple) -> None:
        self.what = what
        self.arguments = arguments
        self.state: Any = None


class _Refused(Exception):
    pass


def read_object_arrays(path: str | os.PathLike) -> dict[str, list[np.ndarray]]:
    """Reads a .npz file whose arrays are lists of plain arrays.

    Args:
        path: The file.

    Returns:
        The name of each array of objects to the arrays of numbers in it.

    Raises:
        DataError: If there is no such file.
        DamagedError: If it is damaged, claims to unpack to too much, or holds anything but arrays of numbers.
    """
    path = check_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            check_unpacked(path, sum(member.file_size for member in members))
            return {
                member.filename.removesuffix(".npy"): _objects(path, member.filename, archive.read(member))
                for member in members
            }
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DamagedError(f"{path}: not a sound .npz file ({error})") from None


def _objects(path: Path, member: str, content: bytes) -> list[np.ndarray]:
    header = re.match(rb"\x93NUMPY\x01\x00(..)", content, re.DOTALL)
    if not header:
        raise DamagedError(f"{path}: {member!r} in it is not an array (.npy)")
    start = 10 + int.from_bytes(header[1], "little")
    try:
        made = _interpret(content[start:])
        arrays, size = [], 0
        for one in _elements(made):  # one array may be named many times, so what comes out is counted
            arrays.append(_array(one))
            size += arrays[-1].nbytes
            if size > MAX_BYTES:
                raise _Refused(f"more than {MAX_BYTES:,} bytes of arrays")
        return arrays
    except (_Refused, ValueError, IndexError, TypeError, KeyError, StopIteration) as error:
        raise DamagedError(f"{path}: {member!r} in it is not a list of arrays of numbers ({error})") from None


def _interpret(program: bytes) -> Any:
    """Follows the few instructions that data need, on a stack of values; nothing else happens."""
    stack: list[Any] = []
    memory: dict[Any, Any] = {}
    for count, (instruction, argument, _) in enumerate(pickletools.genops(program)):
        name = instruction.name
        if count > MAX_INSTRUCTIONS:
            raise _Refused("too many instructions")
        if name == "STOP":
            return stack.pop()
        if name in ("BINPUT", "LONG_BINPUT"):
            memory[argument] = stack[-1]
        elif name == "MEMOIZE":
            memory[len(memory)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memory[argument])
        elif name in CONSTANTS:
            stack.append(argument if CONSTANTS[name] is ... else CONSTANTS[name])
        elif name in STEPS:
            STEPS[name](stack, argument)
        elif name not in ("PROTO", "FRAME"):
            raise _Refused(f"the instruction {name}")
    raise _Refused("it ends too early")


# What pushes one value: the instruction's own argument (...), or always the same.
CONSTANTS: dict[str, Any] = {
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "BINBYTES", "BINBYTES8", "SHORT_BINBYTES"), ...),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE"), ...),
    **{"NONE": None, "NEWFALSE": False, "NEWTRUE": True, "EMPTY_TUPLE": (), "MARK": MARK},
}


def _name(stack: list, argument: Any) -> None:
    if argument not in NAMES:
        raise _Refused(f"it names {argument!r}")
    stack.append(Name(argument))


def _tuple(stack: list, size: int) -> None:
    items = [stack.pop() for _ in range(size)]
    stack.append(tuple(items[::-1]))


def _marked(stack: list) -> list:
    """What lies above the last mark, in order; the mark goes too."""
    place = len(stack) - 1 - next(place for place, item in enumerate(reversed(stack)) if item is MARK)
    items = stack[place + 1 :]
    del stack[place:]
    return items


def _append(stack: list, items: list) -> None:
    if not isinstance(stack[-1], list):
        raise _Refused("it adds to something that is no list")
    stack[-1].extend(items)


def _reduce(stack: list, _: Any) -> None:
    """A call. Three are known: two are noted down and not made, one is the bytes of a text."""
    arguments, called = stack.pop(), stack.pop()
    if called == Name(ENCODE) and isinstance(arguments, tuple) and isinstance(arguments[0], str):
        stack.append(arguments[0].encode("latin-1"))
        return
    if not isinstance(called, Name) or called.text == "numpy ndarray" or not isinstance(arguments, tuple):
        raise _Refused(f"it calls {called}")
    stack.append(Made("dtype" if called.text == "numpy dtype" else "array", arguments))


def _build(stack: list, _: Any) -> None:
    state = stack.pop()
    if not isinstance(stack[-1], Made) or stack[-1].state is not None:
        raise _Refused("it changes something that is no new array")
    stack[-1].state = state


STEPS: dict[str, Any] = {
    "GLOBAL": _name,
    "STACK_GLOBAL": lambda stack, _: _name(stack, " ".join(reversed([str(stack.pop()), str(stack.pop())]))),
    "BINSTRING": lambda stack, argument: stack.append(argument.encode("latin-1")),
    "SHORT_BINSTRING": lambda stack, argument: stack.append(argument.encode("latin-1")),
    "EMPTY_LIST": lambda stack, _: stack.append([]),
    "TUPLE1": lambda stack, _: _tuple(stack, 1),
    "TUPLE2": lambda stack, _: _tuple(stack, 2),
    "TUPLE3": lambda stack, _: _tuple(stack, 3),
    "TUPLE": lambda stack, _: stack.append(tuple(_marked(stack))),
    "APPENDS": lambda stack, _: _append(stack, _marked(stack)),
    "APPEND": lambda stack, _: _append(stack, [stack.pop()]),
    "REDUCE": _reduce,
    "BUILD": _build,
}


def _elements(made: Any) -> list[Any]:
    """The N elements of an array of objects [N]."""
    _, shape, element, _, elements = _state(made, "array", 5)
    kind = _text(_state_of_type(element)[0])
    if kind[:1] != "O" or not isinstance(elements, list) or tuple(shape) != (len(elements),):
        raise _Refused(f"wanted a list of arrays, got {kind} of shape {shape}")
    return elements


def _array(made: Any) -> np.ndarray:
    """An array of numbers, on the bytes of the file."""
    _, shape, element, fortran, content = _state(made, "array", 5)
    kind, order = _state_of_type(element)
    if not NUMBERS.fullmatch(_text(kind)) or _text(order) not in "<>|=" or not isinstance(content, bytes):
        raise _Refused(f"an array of {kind!r:.20}")
    values = np.frombuffer(content, np.dtype(_text(order).replace("|", "=") + _text(kind)))
    array = values.reshape(shape, order="F" if fortran else "C")
    return array.astype(array.dtype.newbyteorder("="))


def _state(made: Any, what: str, size: int) -> tuple:
    if not isinstance(made, Made) or made.what != what:
        raise _Refused(f"wanted an {what}, got {type(made).__name__}")
    if not isinstance(made.state, tuple) or len(made.state) != size:
        raise _Refused(f"an {what} without content")
    return made.state


def _state_of_type(made: Any) -> tuple[Any, Any]:
    """The letter and size of an element type, and its byte order."""
    if not isinstance(made, Made) or made.what != "dtype" or not isinstance(made.state, tuple):
        raise _Refused("an array without a type")
    return made.arguments[0], made.state[1]


def _text(value: Any) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else str(value)
