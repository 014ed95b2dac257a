"""Our own YOLO: an anchor-grid detector in the manner of YOLOv2, its loss, its training, and the adapter that runs it."""
