"""Foundations of every package: shared types, suggestions, variants, recipes, checkpoints, progress, atomic files."""
