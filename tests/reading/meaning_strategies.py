"""Meanings of every kind, for property tests: all that `say` has words for."""

from __future__ import annotations

from hypothesis import strategies as st

from twinlens.reading.grammar.ambiguity import is_open
from twinlens.reading.meanings import (
    Alike,
    And,
    At,
    AtEdge,
    Between,
    Boxes,
    Compare,
    Count,
    EachBox,
    Either,
    Every,
    Is,
    IsBlock,
    Kind,
    Not,
    Number,
    Or,
    Over,
    Palette,
    Sharing,
    Touching,
    Under,
    Untrue,
    Variety,
    Within,
    exactly,
)
from twinlens.reading.meanings.conditions import ATTRIBUTES, PLACES, SIDES
from twinlens.reading.meanings.statements import FEATURES
from twinlens.reading.world import COLOURS, SHAPES, SIZES

VALUES = {"colour": tuple(COLOURS), "shape": SHAPES, "size": tuple(SIZES)}
numbers = st.one_of(
    st.builds(exactly, st.integers(0, 9)),
    st.builds(Number, st.integers(0, 9)),
    st.builds(Number, st.just(0), st.integers(0, 9)),
    st.integers(1, 8).flatmap(lambda low: st.builds(Number, st.just(low), st.integers(low, 9))),
)
numbers_of_many = numbers.filter(lambda number: number.at_least != 1)
"""Of things with the same value, which are two or more, or none."""
attributes = st.sampled_from(sorted(ATTRIBUTES))
colours = st.builds(Is, st.just("colour"), st.sampled_from(VALUES["colour"]))
two_colours = st.permutations(VALUES["colour"]).map(
    lambda names: Either((Is("colour", names[0]), Is("colour", names[1])))
)
sizes = st.builds(Is, st.just("size"), st.sampled_from(VALUES["size"]))
shapes = st.builds(Is, st.just("shape"), st.sampled_from(VALUES["shape"]))
names = st.tuples(
    st.one_of(st.just(()), st.tuples(colours), st.tuples(two_colours)),
    st.one_of(st.just(()), st.tuples(sizes)),
    st.one_of(st.just(()), st.tuples(shapes)),
    st.one_of(st.just(()), st.just((IsBlock(),))),
).map(lambda parts: Kind(sum(parts, ())))
simple = st.one_of(st.builds(AtEdge, st.sampled_from(sorted(SIDES))), st.builds(At, st.sampled_from(sorted(PLACES))))
negated = st.builds(Not, st.one_of(simple, colours, sizes, shapes, two_colours))
simple_kinds = st.builds(lambda kind, tail: kind.that(*tail), names, st.lists(st.one_of(simple, negated), max_size=2))


relations = st.one_of(
    st.builds(Over, simple_kinds, st.booleans()),
    st.builds(Under, simple_kinds, st.booleans()),
    st.builds(Touching, simple_kinds),
    st.builds(lambda kind, alike: Between(kind, kind, alike), simple_kinds, st.booleans()),
    st.builds(Between, simple_kinds, simple_kinds),
    st.builds(lambda one, other: Either((one, other)), st.one_of(simple, shapes, sizes), simple),
)
related_kinds = st.builds(
    lambda kind, relation: kind.that(relation), simple_kinds, st.one_of(relations, st.builds(Not, relations))
)
kinds = st.one_of(simple_kinds, related_kinds)
counts = st.builds(Count, kinds, numbers)
palettes = attributes.flatmap(
    lambda what: st.builds(
        lambda values, kind: Palette(what, tuple(values[:2]), kind), st.permutations(VALUES[what]), simple_kinds
    )
)
of_items = st.one_of(
    counts,
    st.builds(Every, simple_kinds, simple_kinds),
    st.builds(Compare, simple_kinds, simple_kinds),
    st.builds(Variety, attributes, simple_kinds, numbers),
    st.builds(Alike, attributes, simple_kinds, numbers_of_many),
    palettes,
)
two_or_more = st.lists(of_items, min_size=2, max_size=3).map(lambda parts: And(tuple(parts)))
contents = st.one_of(
    of_items,
    two_or_more,
    st.builds(Untrue, st.one_of(of_items, two_or_more)),
    st.builds(lambda one, other: Or((one, other)), of_items, of_items),
)
within = st.builds(lambda kind, has: Count(kind.that(Within(has)), Number(1)), simple_kinds, contents)
of_boxes = st.one_of(
    st.builds(Boxes, st.sampled_from(("box", "tower")), st.one_of(contents, st.just(And(()))), numbers),
    st.builds(EachBox, st.sampled_from(("box", "tower")), contents),
    st.builds(Sharing, st.sampled_from(("box", "tower")), st.sampled_from(sorted(FEATURES)), numbers_of_many),
)
clauses = st.one_of(of_items, of_boxes, within)
meanings = st.one_of(
    clauses,
    st.lists(st.one_of(of_items, of_boxes), min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
    st.builds(lambda one, other: Or((one, other)), clauses, clauses),
    st.builds(Untrue, clauses),
    st.builds(lambda one, other: Untrue(And((one, other))), of_items, of_boxes),
).filter(lambda meaning: not is_open(meaning))
"""Meanings that `say` writes and `parse` reads as the same."""
