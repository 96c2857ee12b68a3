"""Kills, full disks and other mishaps, too long for every test run: ``pytest -m chaos``."""
