"""Pretraining of encoders for drawn scenes.

`python -m twinlens.training.pretraining towers --out DIR` makes the model `towers` that the package ships, and
`reading` the model `reading`. All scenes are of the split "train".
"""
