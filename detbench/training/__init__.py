"""Training: what trains a detector, and the callbacks that score one during training."""
