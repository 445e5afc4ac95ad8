"""Other wordings of a sentence that mean the same, of words as `reading.words.words` splits them."""

from __future__ import annotations

import re

import numpy as np

_KIND = r"((?:\w+ ){0,7}?\w+)"
_TABLE = """
there is => there is | there is | there is | the picture shows | one can see | we see | \
in this picture there is | it shows
not touching the edge => not touching any edge | not touching a wall | that does not touch the wall | \
away from the wall | away from the edge | that keep off the edge | which keep off the wall | off the edge | \
not at the edge
touching the edge => touching the wall | touching an edge | touching a wall | at the edge | \
closely touching the edge | against the wall | that is touching the wall | that touch the wall
touching the corner => closely touching a corner | in a corner of a box | in the corner
touching the (left|right|top|bottom) edge => closely touching the \\1 edge | touching the \\1 wall | \
touching the \\1 of a box | at the \\1 side
directly above => right on top of | right above | stacked on | on top of
directly below => right below | right under
somewhere above (an? (?:\\w+ )*?(?:item|square|circle|triangle)) => above \\1 | higher than \\1
somewhere below (an? (?:\\w+ )*?(?:item|square|circle|triangle)) => below \\1 | lower than \\1 | under \\1
exactly (one|two|three|four|five|six|seven) => only \\1 | just \\1 | precisely \\1 | \\1 | \\1
at least (two|three|four|five|six|seven) => \\1 or more | no fewer than \\1 | not less than \\1 | at the least \\1
at most (one|two|three|four|five|six|seven) => no more than \\1 | \\1 or fewer | up to \\1 | not more than \\1
^all KIND is item not of (yellow|black|blue) color => none of the \\1 is \\2 | not one of the \\1 is \\2
^all KIND is item not of (small|medium|large) size => none of the \\1 is \\2 | not one of the \\1 is \\2
^all KIND is item not of (square|circle|triangle) shape => none of the \\1 is a \\2 | not one of the \\1 is a \\2
^all KIND is item not touching => none of the \\1 is touching | none of the \\1 touch | not one of the \\1 touch | \
all \\1 keep off
^all KIND is item touching => every \\1 touch | each \\1 touch | all \\1 touch | all \\1 is touching
^all KIND is item (above|below|higher than|lower than) => all \\1 lie \\2 | every \\1 lie \\2 | each \\1 is \\2
^all KIND is item not => none of the \\1 is | not one of the \\1 is
^all KIND is item of (\\w+) (?:color|size) => every \\1 is \\2 | each \\1 is \\2 | all \\1 is \\2 | all \\1 is \\2
^all KIND is item => every \\1 is | each \\1 is | all \\1 is | the \\1 is all
^all KIND is => every \\1 is | each \\1 is | all of the \\1 is | any \\1 is
each (box|tower) has => every \\1 has | all the \\1 has | every one of the \\1 has | in each \\1 there is
none of the (box|tower) has => not one of the \\1 has | not a single \\1 has | in none of the \\1 is there
there is (at least|exactly) (one|two|three) (box|tower) with => \\1 \\2 \\3 has | \\1 \\2 of the \\3 has
there is a (box|tower) with => a \\1 has | at least one \\1 has | at least one of the \\1 has | \
one can find a \\1 with | there is at least one \\1 with
there is no KIND \\. => none of the item is a \\1 . | there is not a \\1 . | the picture is without \\1 .
there is more KIND than KIND \\. => there is fewer \\2 than \\1 . | there is less \\2 than \\1 .
without => that does not has | without
with only => with nothing but | with just
has only => has nothing but | has just
either => |
or else => or
and also => and | and
it is not true that => it is false that | it is not the case that | it is wrong that
of the same (color|shape|size) => all of the same \\1 | which share their \\1 | that has the same \\1
of exactly one color => of only one color | of a single color | of one color only
of exactly three (color|shape) => of all three \\1 | of three different \\1
in the second place from the base => as the second block from the base | second from the base
in the third place from the base => as the third block from the base | third from the base
at the (top|base) => as its \\1 | on the \\1 | at the very \\1
with a (yellow|black|blue) block at the (top|base) => with a \\1 \\2 | whose \\2 is \\1
\\ba => at least one | one or more | a | a | a
item => object | thing | item | item
box => grey box | grey square | box | box
block => brick | block | block | block
large => big | huge | large
small => little | tiny | small | small
has => holding | contain | has
"""
_REWORDINGS = [
    (re.compile(rf"(?<!\S){left.replace('KIND', _KIND)}(?!\S)"), [one.strip() for one in right.split("|")])
    for left, right in (line.split(" => ") for line in _TABLE.strip().splitlines())
]
_SHARE = 0.6
"""Share of the places where another wording is taken."""
_LOST_SHARE = 0.15
"""Share of sentences that lose an article or a word like it."""
_SMALL_WORDS = re.compile(r"(?<!\S)(?:the|a|an|of|is) ")


def reworded(words: list[str], rng: np.random.Generator) -> list[str]:
    """Say the same in other words, drawn at random."""
    text = f"{' '.join(words)} ."
    for pattern, wordings in _REWORDINGS:
        if pattern.search(text) and rng.random() < _SHARE:
            text = pattern.sub(wordings[int(rng.integers(len(wordings)))], text)
    if rng.random() < _LOST_SHARE:
        places = [found.span() for found in _SMALL_WORDS.finditer(text)]
        if places:
            start, end = places[int(rng.integers(len(places)))]
            text = text[:start] + text[end:]
    return [word for word in text.split() if word != "."]
