"""Comparison of fusions under the same encoders, data, budget and seeds.

A finished run, one fusion with one seed, is a small file named by the content of all that decides it; it is read
instead of run again. Features of frozen encoders are computed once for all runs (see `training.feature_cache`).
"""
