"""Training: the trainer of detbench's own YOLO, and callbacks that score any Keras model."""
