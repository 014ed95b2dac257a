"""detbench's own YOLO, a small YOLOv2-like detector: the model, its loss, and its adapter.

`detbench.training.yolo` trains it.
"""
