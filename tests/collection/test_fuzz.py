"""Damaged files of every kind: the answer is that of the whole collection, or one line; and what is left is saved.

TWINLENS_DAMAGED=1000 damages each kind so often; `-rP` shows how many were answered and how many refused.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

import pytest

from tests import toy
from tests.damage import damaged
from tests.pictures import ALONE
from tests.repairs import answers, load, mend, root_page, row_bytes, same, verify
from twinlens.collection import Collection, SearchRequest, receipts
from twinlens.collection.store import DATABASE
from twinlens.core.types import TwinlensError
from twinlens.models.composer import Composer

DAMAGED = int(os.environ.get("TWINLENS_DAMAGED", "40"))
PAGE = 32768


@pytest.fixture
def folder(collection):
    folder = collection.folder
    collection.close()
    return folder


def one_line(error: TwinlensError) -> None:
    assert str(error) and "\n" not in str(error)


def test_a_damaged_matrix_index_changes_no_answer(folder):
    before, path, rng = answers(folder), folder / "cache" / "matrix.json", random.Random(1)
    whole = path.read_bytes()
    for _ in range(DAMAGED):
        path.write_bytes(damaged(whole, rng))
        assert answers(folder) == before


def test_a_damaged_matrix_gives_no_wrong_score(folder):
    """Its body is not read in full before a search: an entry may be missed, but none is given another score."""
    before, rng, whole_answers = {line[0]: line for line in answers(folder)}, random.Random(2), 0
    paths = [path for path in (folder / "cache").iterdir() if path.suffix != ".json"]
    for turn in range(DAMAGED):
        path = paths[turn % len(paths)]
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, rng))
        found = answers(folder)
        assert all(before[line[0]] == line for line in found)
        assert [line[1] for line in found] == sorted((line[1] for line in found), reverse=True)
        path.write_bytes(whole)
        whole_answers += len(found) == len(before)
    print(f"all entries found: {whole_answers} of {DAMAGED}; no score was wrong")


@pytest.mark.parametrize("cached", [True, False])
def test_a_damaged_database_answers_right_or_not_at_all(folder, tmp_path, cached):
    before, path, rng = answers(folder), folder / DATABASE, random.Random(3)
    whole, told = path.read_bytes(), 0
    if not cached:
        shutil.rmtree(folder / "cache")
    copy = tmp_path / "copy"
    for turn in range(DAMAGED):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        (copy / DATABASE).write_bytes(damaged(whole, rng))
        try:
            assert answers(copy) == before, turn
        except TwinlensError as error:
            one_line(error)
            told += 1
    assert told > DAMAGED / 10
    print(f"refused in one line: {told} of {DAMAGED}; the rest was answered right")


def test_a_repair_restores_every_row_that_the_file_still_has(folder, pictures, tmp_path):
    before, path, rng = answers(folder), folder / DATABASE, random.Random(4)
    whole, rows = path.read_bytes(), row_bytes(folder)
    entries, *others = (root_page(folder, name) for name in ("entry", "vector", "generation", "entry_check"))
    copy, saved, refused = tmp_path / "copy", 0, 0
    for turn in range(DAMAGED):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        spoiled = damaged(whole, rng)
        (copy / DATABASE).write_bytes(spoiled)
        changed = {
            n + 1
            for n in range(len(whole) // PAGE)
            if spoiled[n * PAGE : (n + 1) * PAGE] != whole[n * PAGE : (n + 1) * PAGE]
        }
        still_there = {picture for picture, row in rows.items() if row in spoiled}
        try:
            mend(copy)
        except TwinlensError as error:
            one_line(error)
            assert not still_there or "has version" in str(error), turn
            refused += 1
            continue
        with Collection.open(copy, load=load) as collection:
            assert set(row_bytes(copy)) >= still_there, turn
            info = collection.info()
            known = info.pictures + info.failed + info.lacking
            assert known == 12 or entries in changed
            if not changed & {entries, *others}:
                assert info.pictures == 12
            saved += info.pictures
            collection.add(pictures, options=ALONE)
        if not {entries, others[-1]} <= changed:  # else an entry may name no file, and nothing tells that it is damaged
            assert verify(copy) == []
        assert same(answers(copy)) == same(before)
    assert saved > 6 * DAMAGED
    mean = saved / (DAMAGED - refused)
    print(
        f"refused in one line: {refused} of {DAMAGED}; of the others' 12 entries {mean:.2f} saved before indexing again"
    )


def test_a_damaged_receipt_is_replayed_or_refused(folder, pictures):
    rng, refused = random.Random(5), 0
    with Collection.open(folder, load=load) as collection:
        request = SearchRequest.of([pictures / "red-0.png"], ["red"], 3, where="shade >= 0")
        _, receipt = receipts.search(collection, request)
        whole, path = json.dumps(receipt, indent=2).encode(), folder.parent / "r"
        for turn in range(DAMAGED):
            path.write_bytes(damaged(whole, rng))
            try:
                replay = receipts.replay(collection, receipts.read(path))
                assert replay.same and replay.changes == (), turn
            except TwinlensError as error:
                one_line(error)
                refused += 1
    print(f"refused in one line: {refused} of {DAMAGED}; the rest was replayed with the same answer")


def test_a_damaged_model_answers_right_or_not_at_all(tmp_path):
    rng, pictures = random.Random(6), tmp_path.resolve() / "pictures"
    pictures.mkdir()
    for n, color in enumerate(toy.COLOURS):
        toy.draw((color, "red", "green")).save(pictures / f"{n}.png")
    composer = Composer.build(toy.recipe())
    composer.fit(toy.edits().queries)
    composer.eval()
    folder = tmp_path / "c"
    with Collection.create(folder, composer) as collection:
        collection.add(pictures, options=ALONE)
    model = folder / "model" / composer.digest
    files = sorted(path for path in model.rglob("*") if path.is_file())
    before, told = found(folder), 0
    for turn in range(DAMAGED):
        path = files[turn % len(files)]
        whole = path.read_bytes()
        spoil(path, damaged(whole, rng), rng)
        try:
            assert found(folder) == before, (turn, path)
        except TwinlensError as error:
            one_line(error)
            told += 1
        restore(path, whole)
    assert told > DAMAGED / 3
    assert found(folder) == before
    print(f"refused in one line: {told} of {DAMAGED}; the rest was answered right")


def found(folder: Path) -> list[tuple]:
    with Collection.open(folder) as collection:
        hits = collection.search(text="the left tile is red", k=5)
        return [(hit.sample.id, hit.score) for hit in hits]


def spoil(path: Path, data: bytes, rng: random.Random) -> None:
    """Write damaged bytes in place of a file, or put something else there."""
    path.unlink()
    match rng.randrange(12):
        case 0:
            pass
        case 1:
            path.mkdir()
        case 2:
            path.symlink_to(path.parent / "nowhere")
        case 3:
            path.touch()
        case _:
            path.write_bytes(data)


def restore(path: Path, data: bytes) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(data)
