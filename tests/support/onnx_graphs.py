"""ONNX files of a few hundred bytes, written by hand: what model files do, without their weights.

A message of protobuf is a row of fields: (number << 3 | wire type), then a varint (wire type 0) or
a length and bytes (2). The numbers are those of onnx.proto3.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

FLOAT, FLOAT16, INT64, DOUBLE = 1, 10, 7, 11
Side = int | str  # px, or the name of a side of any size


class Node(NamedTuple):
    """One operation; attributes are ints, lists of ints, or texts."""

    kind: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: dict[str, int | list[int] | str] = {}


class Value(NamedTuple):
    """An input or output."""

    name: str
    shape: Sequence[Side]
    kind: int = FLOAT


class Constant(NamedTuple):
    """Numbers that the file holds."""

    name: str
    shape: Sequence[int]
    numbers: Sequence[float]
    kind: int = FLOAT


def model(
    nodes: Sequence[Node],
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    constants: Sequence[Constant] = (),
) -> bytes:
    """The file: opset 11, as exports of model files in the wild have it."""
    graph = b"".join(
        [
            *(_bytes(1, _node(node)) for node in nodes),
            _bytes(2, b"g"),
            *(_bytes(5, _constant(constant)) for constant in constants),
            *(_bytes(11, _value(value)) for value in inputs),
            *(_bytes(12, _value(value)) for value in outputs),
        ]
    )
    return _number(1, 7) + _bytes(7, graph) + _bytes(8, _bytes(1, b"") + _number(2, 11))


def enlarger(scale: int, side: Side = "s", channels: int = 3, kind: int = FLOAT) -> bytes:
    """Each pixel to a block of `scale` x `scale`."""
    nodes = [
        Node(
            "Resize",
            ["input", "roi", "scales"],
            ["output"],
            {
                "mode": "nearest",
                "coordinate_transformation_mode": "asymmetric",
                "nearest_mode": "floor",
            },
        )
    ]
    out: Side = side * scale if isinstance(side, int) else "t"
    across: Side = side if isinstance(side, int) else "w"
    out_across: Side = out if isinstance(out, int) else "u"
    return model(
        nodes,
        [Value("input", (1, channels, side, across), kind)],
        [Value("output", (1, channels, out, out_across), kind)],
        [Constant("roi", (0,), ()), Constant("scales", (4,), (1, 1, scale, scale))],
    )


def negative(side: Side, kind: int = FLOAT, weight: bool = False) -> bytes:
    """Every value with its sign turned: of a picture in -1..1 its negative."""
    across: Side = side if isinstance(side, int) else "w"
    shape = (1, 3, side, across)
    inputs = [Value("input", shape, kind)]
    if weight:
        inputs.append(Value("weight", (1,), DOUBLE))
    outputs = [Value("output", shape, kind), Value("second", shape, kind)]
    nodes = [Node("Neg", ["input"], ["output"]), Node("Identity", ["input"], ["second"])]
    return model(nodes, inputs, outputs)


def detector(boxes: Sequence[float], points: Sequence[float]) -> bytes:
    """YuNet's outputs: a face in each cell of 8 x 8 px that is magenta, elsewhere none.

    `boxes` (4) and `points` (10) are what each cell says of its face.
    """
    nodes, constants, outputs = [], [], []
    for stride in (8, 16, 32):
        pool: dict[str, int | list[int] | str] = {
            "kernel_shape": [stride, stride],
            "strides": [stride, stride],
        }
        nodes.append(Node("AveragePool", ["input"], [f"p{stride}"], pool))
        scale = 1 / 255 if stride == 8 else 0.0
        magenta = (scale / 2, -scale, scale / 2)
        for name, weights, biases in (
            ("cls", magenta, (0.0,)),
            ("obj", magenta, (0.0,)),
            ("bbox", (0.0,) * 12, boxes),
            ("kps", (0.0,) * 30, points),
        ):
            key, count = f"{name}_{stride}", len(biases)
            constants.append(Constant(f"w{key}", (count, 3, 1, 1), weights))
            constants.append(Constant(f"b{key}", (count,), biases))
            constants.append(Constant(f"s{key}", (3,), (1, -1, count), INT64))
            nodes.append(Node("Conv", [f"p{stride}", f"w{key}", f"b{key}"], [f"c{key}"]))
            nodes.append(Node("Transpose", [f"c{key}"], [f"t{key}"], {"perm": [0, 2, 3, 1]}))
            nodes.append(Node("Reshape", [f"t{key}", f"s{key}"], [key]))
            outputs.append(Value(key, (1, "n", count)))
    return model(nodes, [Value("input", (1, 3, "h", "w"))], outputs, constants)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _node(node: Node) -> bytes:
    parts = [_bytes(1, name.encode()) for name in node.inputs]
    parts += [_bytes(2, name.encode()) for name in node.outputs]
    parts.append(_bytes(4, node.kind.encode()))
    for name, value in node.attributes.items():
        named = _bytes(1, name.encode())
        if isinstance(value, int):
            named += _number(3, value) + _number(20, 2)
        elif isinstance(value, str):
            named += _bytes(4, value.encode()) + _number(20, 3)
        else:
            named += b"".join(_number(8, each) for each in value) + _number(20, 7)
        parts.append(_bytes(5, named))
    return b"".join(parts)


def _constant(constant: Constant) -> bytes:
    code = "q" if constant.kind == INT64 else "f"
    numbers: list[float] = list(constant.numbers)
    if constant.kind == INT64:
        numbers = [int(number) for number in numbers]
    raw = struct.pack(f"<{len(numbers)}{code}", *numbers)
    dims = b"".join(_number(1, side) for side in constant.shape)
    return dims + _number(2, constant.kind) + _bytes(8, constant.name.encode()) + _bytes(9, raw)


def _value(value: Value) -> bytes:
    dims = b"".join(
        _bytes(1, _number(1, side) if isinstance(side, int) else _bytes(2, side.encode()))
        for side in value.shape
    )
    tensor = _number(1, value.kind) + _bytes(2, dims)
    return _bytes(1, value.name.encode()) + _bytes(2, _bytes(1, tensor))
