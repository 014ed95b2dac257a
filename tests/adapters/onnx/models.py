"""Tiny ONNX models for tests: they return constants, one copy per image of the batch."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "uint8": TensorProto.UINT8}


def save_model(
    path,
    outputs,
    shape=(1, 3, 96, 160),
    *,
    dtype="float32",
    properties=None,
    open_outputs=False,
    batched=True,
    extra_input=None,
):
    """Write a model with one image input that returns constants.

    Args:
        path: the file to write.
        outputs: values by name, without the batch axis if `batched`.
        shape: of the input `images`; None for open sides.
        dtype: of the input.
        properties: custom metadata.
        open_outputs: leave the shapes of the outputs undeclared.
        batched: return one copy of the values per image; else the values themselves.
        extra_input: name of a second input.
    """
    sides = [side if side else f"side{axis}" for axis, side in enumerate(shape)]
    inputs = [helper.make_tensor_value_info("images", TYPES[dtype], sides)]
    if extra_input:
        inputs.append(helper.make_tensor_value_info(extra_input, TensorProto.INT64, [1, 2]))
    weights = [constant("one", [1]), constant("zero", [0])]
    nodes = [
        helper.make_node("Shape", ["images"], ["shape"]),
        helper.make_node("Slice", ["shape", "zero", "one"], ["batch"]),
    ]
    declared = []
    for name, values in outputs.items():
        if batched:
            weights.append(numpy_helper.from_array(values[None], f"{name}.value"))
            weights.append(constant(f"{name}.rest", values.shape))
            nodes += expand(name)
        else:
            weights.append(numpy_helper.from_array(values, f"{name}.value"))
            nodes.append(helper.make_node("Identity", [f"{name}.value"], [name]))
        sides = [shape[0] or "batch", *values.shape] if batched else list(values.shape)
        if open_outputs:
            sides = [f"{name}.{axis}" for axis in range(len(sides))]
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        declared.append(helper.make_tensor_value_info(name, kind, sides))
    return save_graph(path, nodes, inputs, declared, weights, properties or {})


def expand(name):
    """Return nodes that repeat `name.value` once per image of the batch."""
    return [
        helper.make_node("Concat", ["batch", f"{name}.rest"], [f"{name}.shape"], axis=0),
        helper.make_node("Expand", [f"{name}.value", f"{name}.shape"], [name]),
    ]


def save_selecting(path, boxes, shape):
    """Write a model that scales boxes (n, 4) from 0–1 to its input `orig_target_sizes`."""
    labels = np.arange(1, len(boxes) + 1)
    scores = np.linspace(0.9, 0.8, len(boxes), dtype=np.float32)
    weights = [
        numpy_helper.from_array(labels[None], "labels.value"),
        numpy_helper.from_array(scores[None], "scores.value"),
        numpy_helper.from_array(boxes[None], "boxes.value"),
        constant("axis", [1]),
        constant("zero", [0]),
    ]
    nodes = [
        helper.make_node("Cast", ["orig_target_sizes"], ["sizes"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["sizes", "sizes"], ["scale"], axis=1),
        helper.make_node("Unsqueeze", ["scale", "axis"], ["scales"]),
        helper.make_node("Mul", ["boxes.value", "scales"], ["boxes"]),
        helper.make_node("Shape", ["orig_target_sizes"], ["both"]),
        helper.make_node("Slice", ["both", "zero", "axis"], ["batch"]),
        helper.make_node("Concat", ["batch", "axis"], ["rows"], axis=0),
        helper.make_node("Expand", ["labels.value", "rows"], ["labels"]),
        helper.make_node("Expand", ["scores.value", "rows"], ["scores"]),
    ]
    sides = [side or "batch" for side in shape]
    inputs = [
        helper.make_tensor_value_info("images", TensorProto.FLOAT, sides),
        helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, ["batch", 2]),
    ]
    kinds = {"labels": TensorProto.INT64, "boxes": TensorProto.FLOAT, "scores": TensorProto.FLOAT}
    outputs = [helper.make_tensor_value_info(name, kind, None) for name, kind in kinds.items()]
    return save_graph(path, nodes, inputs, outputs, weights)


def save_masked(path, rows, mask):
    """Write a model that returns `rows` (n, 6) times the minimum of its input `pixel_mask`."""
    nodes = [
        helper.make_node("Cast", ["pixel_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMin", ["mask"], ["minimum"], axes=[1, 2], keepdims=1),
        helper.make_node("Mul", ["minimum", "value"], ["rows"]),
    ]
    sides = [side or f"side{axis}" for axis, side in enumerate(mask)]
    inputs = [
        helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 96, 160]),
        helper.make_tensor_value_info("pixel_mask", TensorProto.INT64, sides),
    ]
    outputs = [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["batch", *rows.shape])]
    return save_graph(path, nodes, inputs, outputs, [numpy_helper.from_array(rows[None], "value")])


def constant(name, numbers):
    return numpy_helper.from_array(np.array(numbers, np.int64), name)


def save_graph(path, nodes, inputs, outputs, weights, properties=()):
    model = helper.make_model(
        helper.make_graph(nodes, "test", inputs, outputs, weights),
        opset_imports=[helper.make_opsetid("", 17)],
        producer_name="detbench tests",
        ir_version=9,
    )
    helper.set_model_props(model, dict(properties))
    onnx.save(model, path)
    return path


ROWS = [[10, 20, 30, 40, 0.9, 1], [50, 10, 70, 30, 0.8, 2], [0, 0, 0, 0, 0.0, 0]]
"""x1, y1, x2, y2, score, class; the last row is padding."""


def end2end(dtype=np.float32):
    """Return outputs of the `end2end` layout: two detections and a row of padding."""
    return {"rows": np.array(ROWS, dtype)}
