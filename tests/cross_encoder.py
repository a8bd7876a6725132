"""A cross-encoder small enough to be made in a test: real files, real arithmetic, no training.

It counts the words that a question and a text have in common, as pairs of equal tokens in the two
segments, and says twice that number less three.
"""

import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

MODEL = "Xenova/ms-marco-MiniLM-L-6-v2"  # its name, for fastembed knows where its files lie
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_MAX_TOKENS = 64


def make_cross_encoder(folder: Path, words: str) -> Path:
    """The files of a model that knows these words, in this folder."""
    (folder / "onnx").mkdir(parents=True)
    onnx.save(_network(), str(folder / "onnx" / "model.onnx"))
    vocabulary = {word: n for n, word in enumerate((*_SPECIAL, *sorted(set(words.split()))))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"model_max_length": _MAX_TOKENS, "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "config.json").write_text(json.dumps({"pad_token_id": 0}))
    return folder


def _network() -> onnx.ModelProto:
    def whole(name: str, *values: int) -> onnx.TensorProto:
        return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)

    def number(name: str, value: float) -> onnx.TensorProto:
        return helper.make_tensor(name, TensorProto.FLOAT, [1], [value])

    constants = [
        *(whole("last", 2), whole("middle", 1), whole("both", 1, 2), whole("special", 3)),
        *(whole("one", 1), whole("zero", 0), number("twice", 2.0), number("three", 3.0)),
    ]
    node = helper.make_node
    nodes = [
        node("Greater", ["input_ids", "special"], ["words"]),
        node("Equal", ["token_type_ids", "zero"], ["first"]),
        node("Equal", ["token_type_ids", "one"], ["second"]),
        node("And", ["words", "first"], ["asked"]),
        node("And", ["words", "second"], ["told"]),
        node("Unsqueeze", ["asked", "last"], ["rows"]),
        node("Unsqueeze", ["told", "middle"], ["columns"]),
        node("And", ["rows", "columns"], ["across"]),
        node("Unsqueeze", ["input_ids", "last"], ["down_ids"]),
        node("Unsqueeze", ["input_ids", "middle"], ["along_ids"]),
        node("Equal", ["down_ids", "along_ids"], ["same"]),
        node("And", ["same", "across"], ["shared"]),
        node("Cast", ["shared"], ["counted"], to=TensorProto.FLOAT),
        node("ReduceSum", ["counted", "both"], ["sum"], keepdims=0),
        node("Mul", ["sum", "twice"], ["doubled"]),
        node("Sub", ["doubled", "three"], ["flat"]),
        node("Unsqueeze", ["flat", "middle"], ["logits"]),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])
    graph = helper.make_graph(nodes, "words in common", inputs, [output], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
