"""Measurements with intervals, beside the baselines that every table carries."""
