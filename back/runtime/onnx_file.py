"""What a network's ONNX file may hold, looked up before any engine reads it: layers and their weights, nothing else.

No loops and no branches (a loop of 2^40 steps is a file of a few hundred bytes), no data outside the file (whose path
would be read from this machine's disk), no operators that an engine would need code of somebody else's for.

The file is protocol-buffers wire format (protobuf.dev, "Encoding"; onnx.proto has the field numbers). Only its
skeleton is walked: weights are stepped over, not read, which takes 20 ms for a network of a thousand nodes.
"""

from collections.abc import Iterator

from back.runtime.errors import UserError

MAX_PARTS = 1_000_000  # fields that are looked at: some 100,000 nodes

_OUR_DOMAINS = (b"", b"ai.onnx")
_CONTROL_FLOW = (b"If", b"Loop", b"Scan", b"SequenceMap")
_NODE_TYPE, _NODE_DOMAIN, _DATA_LOCATION = ("node", 4), ("node", 7), ("tensor", 14)

# (message, field number) -> the message that the field holds.
_INSIDE = {
    ("model", 7): "graph",
    ("graph", 1): "node",
    ("graph", 5): "tensor",
    ("graph", 15): "sparse tensor",
    ("node", 5): "attribute",
    ("attribute", 5): "tensor",
    ("attribute", 10): "tensor",
    ("attribute", 22): "sparse tensor",
    ("attribute", 23): "sparse tensor",
    ("sparse tensor", 1): "tensor",
    ("sparse tensor", 2): "tensor",
}
_REFUSED = {
    ("model", 20): "instructions for training",
    ("model", 25): "functions of its own",
    ("attribute", 6): "a graph inside an operator, as loops and branches have",
    ("attribute", 11): "graphs inside an operator, as loops and branches have",
    ("tensor", 13): "weights outside the file",
}


class NetworkError(UserError):
    """An ONNX file that must not be loaded: says what it holds."""


def check_network(onnx: bytes) -> None:
    """Look through a model's ONNX file.

    Raises:
        NetworkError: no ONNX file, or one with control flow, external data, functions or operators of other domains.
    """
    left = MAX_PARTS
    waiting = [("model", memoryview(onnx))]
    graphs = 0
    while waiting:
        kind, message = waiting.pop()
        graphs += kind == "graph"
        for number, value in _fields(message):
            left -= 1
            if left < 0:
                raise NetworkError(f"it has more than {MAX_PARTS:,} parts")
            place = (kind, number)
            if isinstance(value, int):
                if place == _DATA_LOCATION and value != 0:
                    raise NetworkError(f"it has {_REFUSED['tensor', 13]}")
            elif place in _INSIDE:
                waiting.append((_INSIDE[place], value))
            elif place in _REFUSED:
                raise NetworkError(f"it has {_REFUSED[place]}")
            elif place == _NODE_TYPE and value in _CONTROL_FLOW:
                raise NetworkError(f"it has the operator {bytes(value).decode()}: loops and branches are not run")
            elif place == _NODE_DOMAIN and value not in _OUR_DOMAINS:
                shown = bytes(value[:60]).decode("utf-8", "backslashreplace")
                raise NetworkError(f"it has operators of the domain {shown!r}: only ONNX's own are run")
    if graphs != 1:
        raise NetworkError("it is no ONNX file")


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field: an integer for a varint, bytes for what has a length, 0 for fixed sizes."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == 0:
            value, at = _varint(message, at)
            yield number, value
        elif wire_type == 2:
            length, at = _varint(message, at)
            if length > end - at:
                raise NetworkError("it is cut off, or no ONNX file")
            yield number, message[at : at + length]
            at += length
        elif wire_type in (1, 5):
            at += 8 if wire_type == 1 else 4
            if at > end:
                raise NetworkError("it is cut off, or no ONNX file")
            yield number, 0
        else:  # groups, which ONNX never had
            raise NetworkError("it is damaged, or no ONNX file")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The integer at a place, and the place after it."""
    value = shift = 0
    for byte in message[at : at + 10]:
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise NetworkError("it is cut off, or no ONNX file")
