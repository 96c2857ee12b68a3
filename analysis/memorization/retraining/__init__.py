"""Training a run again on other parts of its data, and what that tells of its examples."""
