"""Pretraining of encoders for drawn scenes.

`python -m twinlens.training.pretraining --out DIR` makes the model `towers` that the package ships. All scenes are of
the split "train".
"""
