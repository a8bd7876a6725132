"""A BERT encoder's published weights as an ONNX graph of standard operators.

Inputs are `input_ids`, `attention_mask` and `token_type_ids`, int64 of (batch, sequence); output is
`last_hidden_state`, float32 of (batch, sequence, hidden). Pooling is left to who runs it.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Weights = Mapping[str, NDArray[np.float32]]

OPSET = 20  # the first with Gelu; onnxruntime runs it since 1.17
IR_VERSION = 9  # of the same age
EPSILON = 1e-12  # BERT's own, in every layer norm
_MASKED = -10_000.0  # added to a score before the softmax, whose exponential is then 0


def read_safetensors(data: bytes) -> Weights:
    """The float32 tensors of a safetensors file, as views into `data`.

    Eight bytes of header length, a JSON header, raw tensors
    (https://huggingface.co/docs/safetensors#format). Tensors of other types are left out: BERT's
    only one is the list of its positions.
    """
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    return {
        name: np.frombuffer(
            data, "<f4", math.prod(entry["shape"]), start + entry["data_offsets"][0]
        ).reshape(entry["shape"])
        for name, entry in header.items()
        if entry.get("dtype") == "F32"
    }


def bert_graph(weights: Weights, *, layers: int, heads: int) -> onnx.ModelProto:
    """The encoder, with weights named as `transformers.BertModel` names them."""
    graph = _Graph(weights)
    positions = graph.node(
        "Slice",
        graph.weight("embeddings.position_embeddings.weight"),
        graph.integers(0),
        graph.node("Shape", "input_ids", start=1, end=2),
    )
    words = graph.node("Gather", graph.weight("embeddings.word_embeddings.weight"), "input_ids")
    types = graph.node(
        "Gather", graph.weight("embeddings.token_type_embeddings.weight"), "token_type_ids"
    )
    hidden = graph.node("Add", graph.node("Add", words, types), positions)
    hidden = graph.norm(hidden, "embeddings.LayerNorm")
    mask = _mask(graph)
    for layer in range(layers):
        name = f"encoder.layer.{layer}"
        attended = _attention(graph, hidden, mask, f"{name}.attention.self", heads)
        attended = graph.dense(attended, f"{name}.attention.output.dense")
        hidden = graph.norm(
            graph.node("Add", attended, hidden), f"{name}.attention.output.LayerNorm"
        )
        inner = graph.node("Gelu", graph.dense(hidden, f"{name}.intermediate.dense"))
        inner = graph.dense(inner, f"{name}.output.dense")
        hidden = graph.norm(graph.node("Add", inner, hidden), f"{name}.output.LayerNorm")
    return graph.model(hidden)


def _mask(graph: "_Graph") -> str:
    """(batch, 1, 1, sequence): 0 where there is a token, `_MASKED` where there is padding."""
    present = graph.node("Unsqueeze", "attention_mask", graph.integers(1, 2))
    absent = graph.node("Sub", graph.integers(1), present)
    return graph.node(
        "Mul", graph.node("Cast", absent, to=TensorProto.FLOAT), graph.number(_MASKED)
    )


def _attention(graph: "_Graph", hidden: str, mask: str, name: str, heads: int) -> str:
    width = graph.width // heads
    split = graph.integers(0, 0, heads, width)

    def project(part: str, order: list[int]) -> str:
        flat = graph.node("Reshape", graph.dense(hidden, f"{name}.{part}"), split)
        return graph.node("Transpose", flat, perm=order)

    query = project("query", [0, 2, 1, 3])
    key = project("key", [0, 2, 3, 1])
    value = project("value", [0, 2, 1, 3])
    scores = graph.node("MatMul", query, key)
    scores = graph.node("Div", scores, graph.number(math.sqrt(width)))
    shares = graph.node("Softmax", graph.node("Add", scores, mask), axis=-1)
    mixed = graph.node("Transpose", graph.node("MatMul", shares, value), perm=[0, 2, 1, 3])
    return graph.node("Reshape", mixed, graph.integers(0, 0, graph.width))


class _Graph:
    """A graph in the making: each method adds to it and returns the name of what it added."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self.width = weights["embeddings.word_embeddings.weight"].shape[1]

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401  an operator's own
        name = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def constant(self, values: NDArray[Any]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def number(self, value: float) -> str:
        return self.constant(np.array([value], np.float32))

    def weight(self, name: str) -> str:
        return self.constant(self._weights[name])

    def dense(self, inputs: str, name: str) -> str:
        matrix = self.constant(self._weights[f"{name}.weight"].T)
        return self.node("Add", self.node("MatMul", inputs, matrix), self.weight(f"{name}.bias"))

    def norm(self, inputs: str, name: str) -> str:
        scale, shift = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.node("LayerNormalization", inputs, scale, shift, axis=-1, epsilon=EPSILON)

    def model(self, output: str) -> onnx.ModelProto:
        self._nodes.append(helper.make_node("Identity", [output], ["last_hidden_state"]))
        shape = ["batch", "sequence"]
        graph = helper.make_graph(
            self._nodes,
            "bert",
            [
                helper.make_tensor_value_info(name, TensorProto.INT64, shape)
                for name in ("input_ids", "attention_mask", "token_type_ids")
            ],
            [
                helper.make_tensor_value_info(
                    "last_hidden_state", TensorProto.FLOAT, [*shape, self.width]
                )
            ],
            self._constants,
        )
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
