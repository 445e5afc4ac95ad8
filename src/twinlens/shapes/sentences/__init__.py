"""Sentences about scenes: a grammar that draws each sentence together with a meaning that executes on any scene."""

from twinlens.reading.table import Table
from twinlens.shapes.sentences.families import FAMILIES
from twinlens.shapes.sentences.grammar import Sentence, truths
from twinlens.shapes.sentences.sampling import (
    INFORMATIVE,
    informative_sentences,
    is_informative,
    random_sentence,
    share_true,
)

__all__ = [
    "FAMILIES",
    "INFORMATIVE",
    "Sentence",
    "Table",
    "informative_sentences",
    "is_informative",
    "random_sentence",
    "share_true",
    "truths",
]
