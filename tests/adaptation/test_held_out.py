from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from twinlens.adaptation.held_out import HeldOut, extend, first_threshold, group_ranks
from twinlens.collection.store import Entry


def known(count: int, first: int = 1) -> SimpleNamespace:
    """As much of a collection as ranks are made of: pictures whose content is their number, from row `first` on."""
    entries = [Entry(Path(f"/p/{n}.png"), b"%d" % n, 0, 0, row=first + n) for n in range(count)]
    return SimpleNamespace(entries=entries, at={str(entry.row): n for n, entry in enumerate(entries)})


def pairs(some: SimpleNamespace) -> dict[str, str]:
    """Groups of two pictures."""
    return {str(entry.row): f"g{n // 2}" for n, entry in enumerate(some.entries)}


def chosen(some: SimpleNamespace, groups: dict[str, str]) -> HeldOut:
    ranks = group_ranks(some, groups)
    return extend(HeldOut(first_threshold(ranks, groups, groups)), ranks, groups)


@pytest.mark.parametrize(("groups", "held"), [(1, 0), (30, 15), (40, 20), (150, 75), (300, 100), (1000, 200)])
def test_a_fifth_is_held_out_or_more_of_few(groups, held):
    some = known(2 * groups)
    part = chosen(some, pairs(some))
    assert len(part.held) == 2 * held and len(part.held) + len(part.trained) == 2 * groups
    assert {pairs(some)[entry] for entry in part.held}.isdisjoint(pairs(some)[entry] for entry in part.trained)


def test_the_part_is_that_of_the_content_and_not_of_rows_or_names():
    one, other = known(100), known(100, first=700)
    rows = {one.entries[one.at[entry]].hash for entry in chosen(one, pairs(one)).held}
    assert rows == {other.entries[other.at[entry]].hash for entry in chosen(other, pairs(other)).held}


def test_groups_keep_their_side_when_pictures_come_and_go():
    small, large = known(100), known(400)
    before = chosen(small, pairs(small))
    groups = pairs(large) | {str(400 - n): f"g{n}" for n in range(20)}  # twenty new pictures join groups that are there
    after = extend(before, group_ranks(large, groups), groups)
    assert before.held <= after.held and before.trained <= after.trained and after.threshold == before.threshold
    assert len(after.held) + len(after.trained) == 400 and len(after.held) > len(before.held) + 60
    sides = {groups[entry] for entry in after.held}
    assert all((groups[entry] in sides) == (entry in after.held) for entry in groups)
    fewer = {entry: group for entry, group in groups.items() if int(entry) % 3}
    assert extend(after, group_ranks(large, fewer), fewer).held == after.held & fewer.keys()


def test_a_group_that_new_pictures_join_to_another_is_trained_on():
    some = known(100)
    part, groups = chosen(some, pairs(some)), pairs(some)
    one, other = (groups[min(ids)] for ids in (part.held, part.trained))
    joined = {entry: other if group == one else group for entry, group in groups.items()}
    after = extend(part, group_ranks(some, joined), joined)
    assert len(after.held) == len(part.held) - 2 and after.trained >= part.trained


def test_a_group_larger_than_a_fifth_is_trained_on():
    some = known(100)
    groups = {entry: "large" if int(entry) <= 30 else f"g{entry}" for entry in some.at}
    part = extend(HeldOut(1.0), group_ranks(some, groups), groups)
    assert part.trained == {str(row) for row in range(1, 31)}
