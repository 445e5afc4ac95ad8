"""Quantifiers over boxes or towers with a trait; each docstring has an example."""

from __future__ import annotations

from twinlens.reading.table import some as any_of
from twinlens.shapes.sentences.grammar import Meaning, Speaker, Trait


def some(say: Speaker, thing: str, trait: Trait, among: Meaning) -> tuple[str, Meaning]:
    """Claim at least one: "There is a box with two black items"."""
    text = say.pick(
        f"There is a {thing} with {trait.words}.",
        f"There is at least one {thing} with {trait.words}.",
        f"At least one {thing} has {trait.words}.",
        f"At least one of the {_many(thing)} contains {trait.words}.",
    )
    return text, lambda t: any_of(among(t) & trait.boxes(t), 1)


def exactly(say: Speaker, thing: str, trait: Trait, among: Meaning) -> tuple[str, Meaning]:
    """Claim an exact number: "Exactly two boxes have a blue circle"."""
    number = say.between(1, 2)
    things, has = (thing, "has") if number == 1 else (_many(thing), "have")
    text = say.pick(
        f"There {'is' if number == 1 else 'are'} exactly {say.number(number)} {things} with {trait.words}.",
        f"Exactly {say.number(number)} {things} {has} {trait.words}.",
        f"Only {say.number(number)} of the {_many(thing)} {has} {trait.words}.",
    )
    return text, lambda t: (among(t) & trait.boxes(t)).sum(1) == number


def two_or_more(say: Speaker, thing: str, trait: Trait, among: Meaning) -> tuple[str, Meaning]:
    """Claim two or more: "At least two of the boxes have a blue circle"."""
    text = say.pick(
        f"There are at least {say.number(2)} {_many(thing)} with {trait.words}.",
        f"At least {say.number(2)} of the {_many(thing)} have {trait.words}.",
    )
    return text, lambda t: (among(t) & trait.boxes(t)).sum(1) >= 2


def every(say: Speaker, thing: str, trait: Trait, among: Meaning) -> tuple[str, Meaning]:
    """Claim all: "Each box has at least one black item"."""
    text = say.pick(
        f"Each {thing} has {trait.words}.",
        f"Every {thing} contains {trait.words}.",
        f"All the {_many(thing)} have {trait.words}.",
    )
    return text, lambda t: any_of(among(t), 1) & ~any_of(among(t) & ~trait.boxes(t), 1)


def none(say: Speaker, thing: str, trait: Trait, among: Meaning) -> tuple[str, Meaning]:
    """Claim none: "None of the boxes has a yellow item"."""
    text = say.pick(
        f"None of the {_many(thing)} has {trait.words}.",
        f"None of the {_many(thing)} contains {trait.words}.",
        f"Not one of the {_many(thing)} has {trait.words}.",
    )
    return text, lambda t: any_of(among(t), 1) & ~any_of(among(t) & trait.boxes(t), 1)


def _many(thing: str) -> str:
    return f"{thing}es" if thing.endswith("x") else f"{thing}s"
