"""Sentences that stand for captions where a collection has few: the prior for the spread of a query's scores."""

from __future__ import annotations

from twinlens.collection.model import Model
from twinlens.collection.store import Vectors
from twinlens.core.types import Sample

SENTENCES = (
    "a dog runs along a beach",
    "two children play football in a park",
    "a red car parked in front of a house",
    "a plate with bread, cheese and tomatoes",
    "a city street at night in the rain",
    "a woman reads a newspaper in a cafe",
    "snow on the mountains above a lake",
    "a cat sleeps on a chair",
    "a group of people at a wedding",
    "a boat in a harbour at sunset",
    "an old church with a tower",
    "a bicycle leans against a wall",
    "flowers in a vase on a table",
    "a man plays the guitar on a stage",
    "a train arrives at a station",
    "a bird sits on a branch",
    "a map of a country",
    "a drawing of a smiling face",
    "a kitchen with a white refrigerator",
    "a baby in a blue hat",
    "cows on a green meadow",
    "an aeroplane in the sky",
    "a computer on a desk",
    "a sign with an arrow",
    "a bridge over a river",
    "a birthday cake with candles",
    "a soldier in uniform",
    "fish in an aquarium",
    "a forest path in autumn",
    "a glass of wine",
    "a yellow square and two black circles",
    "a portrait of an old man",
)
"""Captions of unrelated pictures, none of them from a dataset."""


def reference(model: Model) -> Vectors:
    """Embed the sentences as entries without a picture: (R, D)."""
    return model.embed([Sample(f"reference-{n}", None, text) for n, text in enumerate(SENTENCES)])
