"""Decoders: turn a model's raw outputs into boxes, scores and classes, whatever runs the model.

Each decoder is one layout of outputs, in a folder per family:

- `yolo`: YOLOv1 to YOLOv11, YOLOX
- `dense`: other heads with anchors or grid points (SSD, RetinaNet, NanoDet, FastestDet)
- `transformer`: DETR and its successors
- `with_nms`: exports that suppress duplicate boxes inside the model

To add a layout (an "ONNX head"):

1. Add a file to a family with a frozen dataclass that follows the `Decoder` protocol of
   `decoder.py`. Its fields are the layout's options, which a spec sets: `onnx:m.onnx,stride=16`.
   `dense/fastestdet.py` is a short example.
2. Add a row to `DECODERS` in `table.py`.
3. Compare it with a plain loop in `tests/adapters/decoders`, and add a row to
   `docs/running-models.md`.
"""
