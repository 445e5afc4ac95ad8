"""A network for sentences that the grammar does not read: words → the meaning that they most likely have. NumPy only.

It reads a sentence in both directions and writes a meaning symbol by symbol (`reading.programs`), each time attending
to the words (Bahdanau et al. 2015; Luong et al. 2015, "Effective approaches to attention-based neural machine
translation"). Only symbols that may stand there are written, so that a guess is always a meaning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twinlens.reading.grammar.parse import VOCABULARY
from twinlens.reading.grammar.spelling import normalise
from twinlens.reading.meanings import Meaning
from twinlens.reading.programs import MEANING, SLOTS, Slots, after, fits, meaning_of

Array = NDArray[np.float32]
PADDING, UNKNOWN, START, STOP = range(4)
"""Numbers of what is no known word; known words are numbered after them."""
FIRST_WORD = 4
_VERBS = {"touch", "touches"}
MOST_SYMBOLS = 48
"""Longest row that is written; longer ones are no sentences of this world."""


class Sizes(NamedTuple):
    """Sizes of a network: most words and symbols, width of their embeddings E, and of a reader's state H."""

    vocabulary: int
    symbols: int
    embedding: int
    hidden: int

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the weights by name; those of two axes are stored as whole numbers."""
        e, h = self.embedding, self.hidden
        recurrent = {
            f"{name}_{part}": shape
            for name, state in (("forward", h), ("backward", h), ("writer", 2 * h))
            for part, shape in _recurrent(e, state).items()
        }
        return {
            "words": (FIRST_WORD + self.vocabulary, e),
            "symbols": (1 + self.symbols, e),
            "slots": (len(SLOTS), e),
            **recurrent,
            "first": (2 * h, 2 * h),
            "first_bias": (2 * h,),
            "attention": (2 * h, 2 * h),
            "joint": (4 * h, 2 * h),
            "joint_bias": (2 * h,),
            "next": (2 * h, 1 + self.symbols),
            "next_bias": (1 + self.symbols,),
        }


@dataclass(frozen=True)
class WordNetwork:
    """A reader of words and a writer of symbols, gated recurrent units (GRU) both.

    words, symbols: those that are known; weights: by the names and shapes of `Sizes.shapes`. With r the readers'
    states of the words (L, 2H) and s the writer's state (2H,): a = softmax(s A rᵀ), the next symbol is the likeliest
    of tanh([s; a r] J + j) N + n among those that fit the innermost open slot.
    """

    words: tuple[str, ...]
    symbols: tuple[str, ...]
    weights: Mapping[str, Array]

    def __call__(self, sentence: str) -> Meaning | None:
        """Guess the meaning of a sentence; None where no word is known, or no end is found."""
        numbers = self.numbers(words(sentence))
        if max(numbers) < FIRST_WORD:
            return None
        read = self._read(numbers)
        state = np.tanh(read.mean(axis=0) @ self.weights["first"] + self.weights["first_bias"])
        row, symbol = list[str](), 0
        slots: Slots = (MEANING,)
        while slots and len(row) < MOST_SYMBOLS:
            symbol, state = self._written(symbol, slots, state, read)
            row.append(self.symbols[symbol - 1])
            slots = after(slots, row[-1])
        return meaning_of(row)

    def numbers(self, of_words: Sequence[str]) -> list[int]:
        """Number the words of a sentence, between START and STOP."""
        return [START, *(self._numbers.get(word, UNKNOWN) for word in of_words), STOP]

    def _read(self, numbers: Sequence[int]) -> Array:
        """Read the words in both directions: (L, 2H)."""
        embedded = self.weights["words"][list(numbers)]
        return np.concatenate(
            [self._states("forward", embedded), self._states("backward", embedded[::-1])[::-1]], axis=1
        )

    def _states(self, name: str, embedded: Array) -> Array:
        """Return the states of a recurrent unit after each of its inputs (L, E): (L, H)."""
        state = np.zeros(len(self.weights[f"{name}_state"]), dtype=np.float32)
        found = []
        for inputs in self._inputs(name, embedded):
            state = self._step(name, inputs, state)
            found.append(state)
        return np.stack(found)

    def _inputs(self, name: str, embedded: Array) -> Array:
        """Return what each input (…, E) adds to the gates and the candidate of a unit with states of H: (…, 3H)."""
        return np.asarray(embedded @ self.weights[f"{name}_input"] + self.weights[f"{name}_input_bias"])

    def _step(self, name: str, inputs: Array, state: Array) -> Array:
        """Return the next state of a gated recurrent unit (Cho et al. 2014), gates in torch's order."""
        kept = state @ self.weights[f"{name}_state"] + self.weights[f"{name}_state_bias"]
        size = len(state)
        gates = 1 / (1 + np.exp(-(inputs[: 2 * size] + kept[: 2 * size])))
        candidate = np.tanh(inputs[2 * size :] + gates[:size] * kept[2 * size :])
        return np.asarray(candidate + gates[size:] * (state - candidate), dtype=np.float32)

    def _written(self, before: int, slots: Slots, state: Array, read: Array) -> tuple[int, Array]:
        """Choose the next symbol, from the one before (0 at first) and the slots to fill; return the next state too."""
        given = self.weights["symbols"][before] + self.weights["slots"][SLOTS.index(slots[-1])]
        state = self._step("writer", self._inputs("writer", given), state)
        scores = read @ (state @ self.weights["attention"])
        attention = np.exp(scores - scores.max())
        seen = attention @ read / attention.sum()
        joint = np.tanh(np.concatenate([state, seen]) @ self.weights["joint"] + self.weights["joint_bias"])
        chances = joint @ self.weights["next"] + self.weights["next_bias"]
        allowed = self._allowed[slots[-1]]
        return int(allowed[chances[allowed].argmax()]), state

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, start=FIRST_WORD)}

    @cached_property
    def _allowed(self) -> dict[str, NDArray[np.int64]]:
        """Numbers of the symbols that fit each slot."""
        return {
            slot: np.array([number for number, symbol in enumerate(self.symbols, start=1) if fits(symbol, slot)])
            for slot in SLOTS
        }


def words(sentence: str) -> list[str]:
    """Split a sentence into words, those that the grammar knows in its form, others and verbs in the singular."""
    return [word for token in re.findall(r"[a-z]+|\d+", sentence.lower()) for word in _forms(token)]


def _forms(token: str) -> list[str]:
    # "None of the circles touch a wall" is about all circles, and those "touching a wall" are some of them.
    known = None if token in _VERBS else normalise(token, VOCABULARY)
    return known or [re.sub("(?<=[a-z]{3})s$|(?<=ch)es$", "", token)]


def _recurrent(given: int, state: int) -> dict[str, tuple[int, ...]]:
    return {
        "input": (given, 3 * state),
        "input_bias": (3 * state,),
        "state": (state, 3 * state),
        "state_bias": (3 * state,),
    }
