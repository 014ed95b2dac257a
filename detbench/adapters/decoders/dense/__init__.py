"""Decoders of dense heads with anchors or grid points, except YOLO's."""
