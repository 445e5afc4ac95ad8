from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twinlens.groups import connect


def test_entries_are_joined_through_others():
    groups = connect({"a": [1], "b": [2], "c": [2, 1], "d": [3], "e": []})
    assert groups == {"a": "a", "b": "a", "c": "a", "d": "d", "e": "e"}


def test_nothing_to_group():
    assert connect({}) == {}


@given(st.dictionaries(st.text(max_size=3), st.lists(st.integers(0, 8), max_size=4), max_size=12))
def test_groups_are_the_finest_that_keep_sharers_together(keys):
    groups = connect(keys)
    assert groups.keys() == keys.keys()
    for a in keys:
        for b in keys:
            if set(keys[a]) & set(keys[b]):
                assert groups[a] == groups[b]
    for name in set(groups.values()):  # no group falls into two halves that share nothing
        members = [entry for entry in keys if groups[entry] == name]
        reached, seen = set(keys[members[0]]), {members[0]}
        while more := [m for m in members if m not in seen and reached & set(keys[m])]:
            seen.update(more)
            reached.update(*(keys[m] for m in more))
        assert seen == set(members)
