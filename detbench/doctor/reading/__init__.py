"""Reading: ground truth and detections as their files hold them, mistakes included."""
