"""Decoders of dense heads with anchors or grid points, other than YOLO's."""
