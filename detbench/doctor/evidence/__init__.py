"""Evidence: how a finding is proved, by fitting boxes to objects and by scoring again."""
