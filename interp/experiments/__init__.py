"""Experiments of several stages: sweeps of which later ones begin where earlier ones ended."""
