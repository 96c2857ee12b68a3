"""Networks: one noun a file."""
