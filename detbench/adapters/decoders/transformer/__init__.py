"""Decoders of DETR and its successors, which need no NMS."""
