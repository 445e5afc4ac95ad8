"""Saying a meaning: the sentence that `parse` reads as it."""

from __future__ import annotations

from itertools import pairwise

from twinlens.reading.grammar.contents import is_only, is_open, may_share
from twinlens.reading.grammar.parse import parse
from twinlens.reading.grammar.values import only_there
from twinlens.reading.grammar.wording import WORDS, amount, attribute_words, counted, has_tail, name, speechless
from twinlens.reading.meanings import (
    Alike,
    And,
    Boxes,
    Compare,
    Count,
    EachBox,
    Every,
    Kind,
    Meaning,
    Or,
    Palette,
    Sharing,
    Untrue,
    Variety,
)

FEATURES = {"height": "height", "base": "base color", "top": "top color", "second": "second color", "colours": "color"}


def say(meaning: Meaning) -> str:
    """Write a meaning as a sentence. Raises TwinlensError where no sentence is read as it."""
    words = _clause(meaning)
    sentence = f"{words[0].upper()}{words[1:]}."
    if parse(sentence) != meaning:
        raise speechless(meaning)
    return sentence


def _clause(meaning: Meaning) -> str:
    """Word a statement about the whole picture."""
    match meaning:
        case Boxes(thing, has, number):
            words, plural = amount(number)
            return f"there {'are' if plural else 'is'} {words} {_things(thing, plural)}{_with(has)}"
        case EachBox(thing, Untrue(has)):
            return f"none of the {_things(thing, True)} has {_content(has)}"
        case EachBox(thing, has):
            return f"each {thing} has {_content(has)}"
        case Sharing(thing, feature, number):
            return f"there are {amount(number)[0]} {_things(thing, True)} with the same {FEATURES[feature]}"
        case Every(kind, are):
            return f"all {_name(kind)} are {_name(are)}"
        case Count(_, number):
            return f"there {'are' if amount(number)[1] else 'is'} {_content(meaning)}"
    return _joined(meaning)


def _joined(meaning: Meaning) -> str:
    """Word a conjunction, disjunction or negation, and what is said of boxes and pictures alike."""
    match meaning:
        case And(parts) if len(parts) > 1:
            return ", and also ".join(_clause(part) for part in parts)
        case Or((one, other)):
            return f"either {_clause(one)}, or else {_clause(other)}"
        case Untrue(And() | Or() as statement):
            return f"it is not the case that {_clause(statement)}"
        case Untrue(statement):
            return f"it is not true that {_clause(statement)}"
    return f"there are {_content(meaning)}"


def _content(meaning: Meaning) -> str:
    """Word the contents of a box, after "with" or "has"."""
    match meaning:
        case Count(kind, number):
            return counted(number, kind, _content)
        case Every(kind, are):
            said_alone = only_there(are) == meaning
            return f"only {_name(are)}" if said_alone else f"{_name(kind)}, all of them {_name(are)}"
        case Compare(more, less):
            # "More circles than squares touching the edge" leaves open whether the circles touch it as well.
            return f"more {_name(more)} than {'there are ' if has_tail(less) else ''}{_name(less)}"
        case Variety(attribute, kind, number):
            return f"{_name(kind)} of {attribute_words(number, attribute)}"
        case Palette(attribute, (one, other), kind):
            return f"{_name(kind)} of only {one} and {other} {WORDS[attribute]}"
        case Alike(attribute, kind, number):
            return f"{counted(number, kind, _content)} of the same {WORDS[attribute]}"
    return _joined_content(meaning)


def _joined_content(meaning: Meaning) -> str:
    match meaning:
        case And(parts) if len(parts) > 1:
            apart = any(is_open(part) or is_only(part) for part in parts) or any(
                isinstance(other, Alike) or may_share(one, other) for one, other in pairwise(parts)
            )
            return _content(parts[0]) + "".join(_next_content(part, apart) for part in parts[1:])
        case Or((one, other)):
            return f"either {_content(one)} or else {_content(other)}"
        case Untrue(And() as statement):
            return f"without both {_content(statement)}"
        case Untrue(statement):
            return f"without {_content(statement)}"
    raise speechless(meaning)


def _next_content(part: Meaning, apart: bool) -> str:
    """Word a further part; "two circles and squares, all of them blue" would leave open whether the circles are."""
    if isinstance(part, Every) and only_there(part.are) != part:
        return f", and in it {_clause(part)}"
    return f"{', and having' if apart else ' and'} {_content(part)}"


def _with(has: Meaning) -> str:
    """Word the content of boxes after their name; of boxes with anything there is nothing to say."""
    if has == And(()):
        return ""
    words = _content(has)
    return f" {words}" if words.startswith("without ") else f" with {words}"


def _name(kind: Kind) -> str:
    return name(kind, _content)


def _things(thing: str, plural: bool) -> str:
    return f"{thing}{('es' if thing == 'box' else 's') if plural else ''}"
