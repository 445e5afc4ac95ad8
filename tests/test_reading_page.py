"""docs/reading.md, followed word by word: its tables, its snippet, and the construct that it adds."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from twinlens.reading import meanings
from twinlens.reading.grammar.parse import parse
from twinlens.reading.meanings.records import CLASSES
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import random_scene

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
TABLE = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE)
UNREAD = re.findall(r"^- (.+)$", PAGE.split("**Not read**")[1].split("\n## ")[0], re.MULTILINE)
SNIPPET, CONDITION, TABLES, RULE, CASE, STRATEGY = re.findall(
    r"^```(?:python|text)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE
)
SENTENCE = "There is a small black triangle near a yellow circle."
CHECK = f"""
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import meaning_strategies
from twinlens.reading.execution import Execution
from twinlens.reading.meanings import SOME, Count, Not
from twinlens.reading.meanings.conditions import Near
from twinlens.reading.table import Table
from twinlens.reading.grammar.ambiguity import is_open
from twinlens.reading.grammar.parse import parse
from twinlens.reading.grammar.say import say
from twinlens.reading.meanings.records import from_json, to_json
from twinlens.reading.world import Item

meaning = parse({SENTENCE!r})
assert parse(say(meaning)) == meaning == from_json(to_json(meaning))
circle, box = Item("circle", "yellow", 20, 40, 40), Item("triangle", "black", 10, 68, 45)
assert meaning.true_of(((circle, box), (), ()))
assert not meaning.true_of(((circle, box._replace(x=80)), (), ()))
scenes = [((circle, box), (), ()), ((circle, box._replace(x=80)), (), ())]
assert Execution(Table.of(scenes)).truth(meaning).tolist() == [True, False]

kinds = meaning_strategies.simple_kinds
nears = st.builds(Near, kinds)
several = st.builds(lambda kind, near, more: Count(kind.that(near, *more), SOME), kinds, nears, st.lists(
    meaning_strategies.negated, max_size=2))


@settings(max_examples=400, deadline=None, phases=[Phase.generate], derandomize=True)
@given(st.one_of(several, st.builds(lambda kind, near: Count(kind.that(Not(near)), SOME), kinds, nears)).filter(
    lambda meaning: not is_open(meaning)))
def test_near(meaning):
    assert parse(say(meaning)) == meaning


@settings(max_examples=400, deadline=None, phases=[Phase.generate], derandomize=True)
@given(meaning_strategies.meanings)
def test_all(meaning):
    assert parse(say(meaning)) == meaning


test_near()
test_all()
assert find(meaning_strategies.relations, lambda relation: isinstance(relation, Near))
print(say(meaning))
"""


def test_the_tables_show_every_part_of_meanings():
    assert {name for name, _ in TABLE} == set(CLASSES) - {"Kind", "Number"}


@pytest.mark.parametrize(("name", "sentence"), TABLE)
def test_a_sentence_of_the_tables_is_read_as_it_says(name, sentence):
    meaning = parse(sentence)
    assert meaning is not None
    assert f"{getattr(meanings, name).__name__}(" in repr(meaning)


@pytest.mark.parametrize("sentence", UNREAD)
def test_what_the_page_calls_unread_is_unread(sentence):
    assert parse(sentence) is None


def test_the_snippet_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw(random_scene(np.random.default_rng(0))).save("scene.png")
    exec(compile(SNIPPET, "reading.md", "exec"), {})
    said, truth = capsys.readouterr().out.splitlines()
    assert f"# {said}" in SNIPPET and truth in ("True", "False")


def insert(file: Path, before: str, text: str) -> None:
    """Put text before the first place of some other text, or at the end."""
    content = file.read_text("utf-8")
    place = content.index(before) if before else len(content)
    file.write_text(f"{content[:place]}{text}{content[place:]}", encoding="utf-8")


def test_the_added_construct_is_read_said_and_kept(tmp_path):
    for room in ("core", "reading"):
        shutil.copytree(ROOT / "src" / "twinlens" / room, tmp_path / "twinlens" / room)
    for name in ("__init__.py", "version.py"):
        shutil.copy(ROOT / "src" / "twinlens" / name, tmp_path / "twinlens")
    reading = tmp_path / "twinlens" / "reading"
    imports = "from twinlens.reading.meanings.conditions import Near\n"
    insert(reading / "meanings" / "conditions.py", "", f"\n\n{CONDITION}")
    insert(reading / "execution.py", '        raise TypeError(f"no execution of {type(condition)', TABLES)
    insert(reading / "execution.py", "from twinlens.reading.meanings import", imports)
    insert(reading / "grammar" / "conditions.py", "]\n\nRULES", RULE)
    insert(reading / "grammar" / "wording.py", "    raise speechless(condition)", CASE)
    for name in ("conditions", "wording"):
        insert(reading / "grammar" / f"{name}.py", "from twinlens.reading.meanings import", imports)
    strategies = tmp_path / "meaning_strategies.py"
    shutil.copy(ROOT / "tests" / "reading" / strategies.name, strategies)
    insert(strategies, "    st.builds(Touching, simple_kinds),", STRATEGY)
    insert(strategies, "from twinlens.reading.meanings import", imports)
    done = subprocess.run(
        [sys.executable, "-c", CHECK], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.stdout == f"{SENTENCE}\n", done.stderr
