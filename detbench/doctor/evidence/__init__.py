"""Evidence: how a finding is proven, by fitting boxes to objects and by scoring again."""
