"""Tiny ONNX models made for tests: they take images and give constants, one copy per image of the batch."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "uint8": TensorProto.UINT8}


def save_model(
    path, outputs, shape=(1, 3, 96, 160), *, dtype="float32", properties=None, open_outputs=False, batched=True, extra_input=None
):
    """Write a model with an input `images` of `shape` (None: any) that gives `outputs`, by name and without the batch axis.

    `open_outputs` leaves their shapes undeclared; `batched=False` gives them as they are, whatever the batch.
    """
    inputs = [helper.make_tensor_value_info("images", TYPES[dtype], [side if side else f"side{axis}" for axis, side in enumerate(shape)])]
    if extra_input:
        inputs.append(helper.make_tensor_value_info(extra_input, TensorProto.INT64, [1, 2]))
    nodes, weights = [], [numpy_helper.from_array(np.array([1], np.int64), "one"), numpy_helper.from_array(np.array([0], np.int64), "zero")]
    nodes += [helper.make_node("Shape", ["images"], ["shape"]), helper.make_node("Slice", ["shape", "zero", "one"], ["batch"])]
    declared = []
    for name, values in outputs.items():
        weights.append(numpy_helper.from_array(values[None] if batched else values, f"{name}.value"))
        if batched:
            weights.append(numpy_helper.from_array(np.array(values.shape, np.int64), f"{name}.rest"))
            nodes.append(helper.make_node("Concat", ["batch", f"{name}.rest"], [f"{name}.shape"], axis=0))
            nodes.append(helper.make_node("Expand", [f"{name}.value", f"{name}.shape"], [name]))
        else:
            nodes.append(helper.make_node("Identity", [f"{name}.value"], [name]))
        sides = [shape[0] or "batch", *values.shape] if batched else list(values.shape)
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        declared.append(helper.make_tensor_value_info(name, kind, [f"{name}.{i}" for i in range(len(sides))] if open_outputs else sides))
    model = helper.make_model(
        helper.make_graph(nodes, "made", inputs, declared, weights),
        opset_imports=[helper.make_opsetid("", 17)],
        producer_name="detbench tests",
        ir_version=9,
    )
    helper.set_model_props(model, properties or {})
    onnx.save(model, path)
    return path
