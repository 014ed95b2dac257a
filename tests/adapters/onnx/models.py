"""Tiny ONNX models made for tests: they take images and give constants, one copy per image of the batch."""

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
    """Write a model with an input `images` of `shape` (None: any) that gives `outputs`, by name and without the batch axis.

    `open_outputs` leaves their shapes undeclared; `batched=False` gives them as they are, whatever the batch.
    """
    inputs = [
        helper.make_tensor_value_info(
            "images",
            TYPES[dtype],
            [side if side else f"side{axis}" for axis, side in enumerate(shape)],
        )
    ]
    if extra_input:
        inputs.append(helper.make_tensor_value_info(extra_input, TensorProto.INT64, [1, 2]))
    nodes, weights = (
        [],
        [
            numpy_helper.from_array(np.array([1], np.int64), "one"),
            numpy_helper.from_array(np.array([0], np.int64), "zero"),
        ],
    )
    nodes += [
        helper.make_node("Shape", ["images"], ["shape"]),
        helper.make_node("Slice", ["shape", "zero", "one"], ["batch"]),
    ]
    declared = []
    for name, values in outputs.items():
        weights.append(
            numpy_helper.from_array(values[None] if batched else values, f"{name}.value")
        )
        if batched:
            weights.append(
                numpy_helper.from_array(np.array(values.shape, np.int64), f"{name}.rest")
            )
            nodes.append(
                helper.make_node("Concat", ["batch", f"{name}.rest"], [f"{name}.shape"], axis=0)
            )
            nodes.append(helper.make_node("Expand", [f"{name}.value", f"{name}.shape"], [name]))
        else:
            nodes.append(helper.make_node("Identity", [f"{name}.value"], [name]))
        sides = [shape[0] or "batch", *values.shape] if batched else list(values.shape)
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        declared.append(
            helper.make_tensor_value_info(
                name, kind, [f"{name}.{i}" for i in range(len(sides))] if open_outputs else sides
            )
        )
    model = helper.make_model(
        helper.make_graph(nodes, "made", inputs, declared, weights),
        opset_imports=[helper.make_opsetid("", 17)],
        producer_name="detbench tests",
        ir_version=9,
    )
    helper.set_model_props(model, properties or {})
    onnx.save(model, path)
    return path


def save_selecting(path, boxes, shape):
    """Write a model with inputs `images` and `orig_target_sizes` that scales normalized boxes (n, 4) to that size, image by image."""
    one = {
        "labels": np.arange(1, len(boxes) + 1)[None],
        "scores": np.linspace(0.9, 0.8, len(boxes), dtype=np.float32)[None],
    }
    weights = [numpy_helper.from_array(values, f"{name}.value") for name, values in one.items()]
    weights += [
        numpy_helper.from_array(boxes[None], "boxes.value"),
        numpy_helper.from_array(np.array([1], np.int64), "axis"),
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
    weights.append(numpy_helper.from_array(np.array([0], np.int64), "zero"))
    inputs = [
        helper.make_tensor_value_info(
            "images", TensorProto.FLOAT, [side or "batch" for side in shape]
        ),
        helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, ["batch", 2]),
    ]
    kinds = {"labels": TensorProto.INT64, "boxes": TensorProto.FLOAT, "scores": TensorProto.FLOAT}
    outputs = [helper.make_tensor_value_info(name, kind, None) for name, kind in kinds.items()]
    graph = helper.make_graph(nodes, "made", inputs, outputs, weights)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path
    )
    return path


def save_masked(path, found, mask):
    """Write a model with inputs `images` and `pixel_mask` of shape `mask` that gives `found` (n, 6) times the mask's least value."""
    nodes = [
        helper.make_node("Cast", ["pixel_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMin", ["mask"], ["least"], axes=[1, 2], keepdims=1),
        helper.make_node("Mul", ["least", "value"], ["found"]),
    ]
    inputs = [
        helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 96, 160]),
        helper.make_tensor_value_info(
            "pixel_mask",
            TensorProto.INT64,
            [side or f"side{axis}" for axis, side in enumerate(mask)],
        ),
    ]
    outputs = [helper.make_tensor_value_info("found", TensorProto.FLOAT, ["batch", *found.shape])]
    graph = helper.make_graph(
        nodes, "made", inputs, outputs, [numpy_helper.from_array(found[None], "value")]
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path
    )
    return path
