"""Any detector in an ONNX file, run by onnxruntime."""
