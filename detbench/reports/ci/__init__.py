"""CI: the gate's verdicts as GitHub annotations, JUnit XML and Markdown."""
