"""ONNX: runs detectors in ONNX files with onnxruntime."""
