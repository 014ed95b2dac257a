"""Doctor: what is wrong with ground truth or detections, with proof and a fix."""
