"""The report: one HTML file that holds a run, and works without a network or a server."""
