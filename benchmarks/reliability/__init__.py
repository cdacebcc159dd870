"""The full counts of the reliability suite."""
