from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from twinlens.core.types import TwinlensError
from twinlens.datasets import nlvr
from twinlens.media import images

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "nlvr"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason=f"the NLVR pictures are not at {REAL}")
COLOURS = {"Yellow": (255, 255, 0), "Black": (0, 0, 0), "#0099ff": (0, 153, 255)}


def item(x, color="Black"):
    return {"x_loc": x, "y_loc": 80, "type": "square", "color": color, "size": 20}


A, B, C = [item(0), item(40)], [item(10, "Yellow")], [item(70, "#0099ff")]
ROWS = [
    # identifier, sentence, label, boxes; the scene of 3-0 is that of 1-0 with boxes and items in another order
    ("1-0", "There is a black square", "true", [A, B, C]),
    ("2-0", "there is a BLACK square", "true", [A, B, B]),
    ("2-1", "there is a BLACK square", "false", [B, B, C]),
    ("3-0", "There are two towers", "true", [C, A[::-1], B]),
    ("4-0", "Nothing else has this", "true", [A, A, A]),
    ("5-0", "Judgements both ways", "true", [A, A, C]),
    ("5-1", "Judgements both ways", "false", [C, A, A]),
    ("5-2", "Judgements both ways", "true", [B, C, C]),
    ("5-3", "Judgements both ways", "true", [C, C, C]),
]


def write(root, rows=ROWS, split="dev"):
    folder = root / split / "images" / "3"
    folder.mkdir(parents=True)
    lines = []
    for identifier, sentence, label, boxes in rows:
        entry = {"identifier": identifier, "sentence": sentence, "label": label, "structured_rep": boxes}
        lines.append(json.dumps(entry))
        for k in range(6):
            Image.new("RGBA", (4, 1)).save(folder / f"{split}-{identifier}-{k}.png")
    (root / split / f"{split}.json").write_text("\n".join(lines) + "\n")
    return root


def asked(dataset, identifier):
    return next(query for query in dataset.queries if query.id == f"query-{identifier}")


def rows_of(ids):
    return {"-".join(i.split("-")[1:3]) for i in ids}


def test_a_scene_is_the_same_in_any_order(tmp_path):
    scenes = {row.identifier: row.scene for row in nlvr.rows(write(tmp_path), "dev")}
    assert scenes["1-0"] == scenes["3-0"] and scenes["5-0"] == scenes["5-1"]
    assert len(set(scenes.values())) == len(ROWS) - 2


def test_items_are_the_same_wherever_they_stand(tmp_path):
    items = {row.identifier: row.items for row in nlvr.rows(write(tmp_path), "dev")}
    assert items["1-0"] == items["3-0"] and len(set(items.values())) == len(ROWS) - 2
    moved = [item(55), item(33, "Yellow")], [item(2, "#0099ff")], [item(9)]
    root = write(tmp_path / "other", [("1-0", "a", "true", [A, B, C]), ("1-1", "a", "false", moved)])
    assert len({row.items for row in nlvr.rows(root, "dev")}) == 1
    assert len({row.scene for row in nlvr.rows(root, "dev")}) == 2
    for protocol in nlvr.PROTOCOLS:
        data = nlvr.load(root, "dev", protocol=protocol)
        assert {entry.id for entry in data.gallery} <= set(data.siblings) and len(set(data.siblings.values())) == 1


def test_queries_and_entries_have_the_items_of_their_pictures(tmp_path):
    root = write(tmp_path)
    items = {row.identifier: row.items for row in nlvr.rows(root, "dev")}
    for protocol in nlvr.PROTOCOLS:
        data = nlvr.load(root, "dev", protocol=protocol)
        for sample in (*data.queries, *data.gallery):
            assert data.siblings[sample.id] == items["-".join(sample.id.split("-")[1:3])]


def test_any_folder_in_the_layout_is_a_split(tmp_path):
    """Rows need no field `directory`, and pictures may lie in any folder below `images`."""
    root = write(tmp_path, split="hidden")
    deeper = root / "hidden" / "images" / "a" / "b"
    deeper.parent.mkdir()
    (root / "hidden" / "images" / "3").rename(deeper)
    data = nlvr.load(root, "hidden")
    assert len(data.gallery) == len(ROWS) - 2 and all(entry.image.parent == deeper for entry in data.gallery)


def test_grounded_judgements(tmp_path):
    data = nlvr.load(write(tmp_path), "dev")
    assert len(data.gallery) == len(ROWS) - 2 and all(entry.text == "" for entry in data.gallery)
    # 3-0 has no other scene with its sentence, 4-0 neither; 5-0 and 5-1 contradict each other
    assert {query.id for query in data.queries} == {"query-1-0", "query-2-0", "query-5-2", "query-5-3"}
    assert rows_of(data.relevant["query-1-0"]) == {"2-0"}
    assert rows_of(data.rejected["query-1-0"]) == {"2-1"}
    assert rows_of(data.ignore["query-1-0"]) <= {"1-0", "3-0"} and len(data.ignore["query-1-0"]) == 1
    assert rows_of(data.relevant["query-5-2"]) == {"5-3"} and not data.rejected["query-5-2"]
    assert data.judged_only
    assert asked(data, "2-0").text == "there is a BLACK square"


def test_a_query_shows_its_scene_as_the_gallery_does(tmp_path):
    data = nlvr.load(write(tmp_path), "dev")
    pictures = {entry.id: entry.image for entry in data.gallery}
    for query in data.queries:
        (own,) = data.ignore[query.id]
        assert query.image == pictures[own]


def test_groups_join_presentation_sentence_and_scene(tmp_path):
    """No two scenes of `ROWS` show the same items, so that both protocols have the same groups."""
    for protocol in nlvr.PROTOCOLS:
        data = nlvr.load(write(tmp_path / protocol), "dev", protocol=protocol)
        ids = {sample.id for sample in (*data.queries, *data.gallery)}
        assert ids == set(data.groups)
        members = {}
        for i, group in data.groups.items():
            members.setdefault(group, set()).update(
                rows_of([i.removeprefix("query")]) if "query" in i else rows_of([i])
            )
        assert len(members) == 3


def test_papers_groups_join_items_as_well(tmp_path):
    rows = [("1-0", "a", "true", [A, B, C]), ("2-0", "b", "true", [[*A, *B], C, []]), ("3-0", "c", "true", [A, A, C])]
    data = nlvr.load(write(tmp_path / "paper", rows), "dev", protocol="paper")
    assert len(set(data.groups.values())) == 2
    assert data.groups["dev-1-0-0"] == data.groups["dev-2-0-3"] != data.groups["dev-3-0-0"]
    assert rows_of(data.ignore["dev-1-0-0"]) == {"1-0", "2-0"}
    grounded = nlvr.load(write(tmp_path / "grounded", rows), "dev")
    assert len(set(grounded.groups.values())) == 3


def test_paper_takes_every_picture_with_its_sentence(tmp_path):
    data = nlvr.load(write(tmp_path), "dev", protocol="paper")
    assert data.queries == data.gallery and len(data.gallery) == 6 * len(ROWS)
    assert rows_of(data.relevant["dev-1-0-0"]) == {"1-0", "2-0", "2-1"}
    assert len(data.relevant["dev-1-0-0"]) == 17 and "dev-1-0-0" not in data.relevant["dev-1-0-0"]
    assert rows_of(data.ignore["dev-1-0-0"]) == {"1-0", "3-0"} and len(data.ignore["dev-1-0-0"]) == 12


def test_the_seed_draws_the_pictures(tmp_path):
    root = write(tmp_path)
    drawn = [nlvr.load(root, "dev", seed=seed).gallery for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_order_of_the_file_is_gone(tmp_path):
    forward = nlvr.load(write(tmp_path / "a"), "dev")
    backward = nlvr.load(write(tmp_path / "b", ROWS[::-1]), "dev")
    assert [entry.id for entry in forward.gallery] == [entry.id for entry in backward.gallery]
    assert [query.id for query in forward.queries] == [query.id for query in backward.queries]


def test_items_stand_where_picture_k_shows_them(tmp_path):
    row = nlvr.rows(write(tmp_path), "dev")[0]
    assert [box for _, box in row.items_in(0)] == [
        (0, 80, 20, 100),
        (40, 80, 60, 100),
        (160, 80, 180, 100),
        (370, 80, 390, 100),
    ]
    assert [(i.color, box[0]) for i, box in row.items_in(4)] == [
        ("#0099ff", 70),
        ("Black", 150),
        ("Black", 190),
        ("Yellow", 310),
    ]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda root: (root / "dev" / "dev.json").unlink(), r"dev\.json is missing"),
        (lambda root: (root / "dev" / "dev.json").write_text(""), "is empty"),
        (lambda root: (root / "dev" / "dev.json").write_text("{\n"), "line 1: not valid JSON"),
        (lambda root: (root / "dev" / "dev.json").write_text('\n{"sentence": "a"}\n'), "line 2: not a row of NLVR"),
        (lambda root: next(root.rglob("*-2-1-4.png")).unlink(), r"line 3: there is no picture dev-2-1-4\.png"),
    ],
)
def test_faults_are_one_line(tmp_path, spoil, reason):
    root = write(tmp_path)
    spoil(root)
    with pytest.raises(TwinlensError, match=reason) as caught:
        nlvr.load(root, "dev")
    assert "\n" not in str(caught.value)


def test_bad_values_name_their_line(tmp_path):
    root = write(tmp_path, [("1-0", "a", "perhaps", [A, B, C])])
    with pytest.raises(TwinlensError, match=r"line 1: not a row of NLVR \(KeyError: 'perhaps'\)"):
        nlvr.rows(root, "dev")


def test_unknown_options_name_the_known_ones(tmp_path):
    with pytest.raises(TwinlensError, match="grounded, paper"):
        nlvr.load(tmp_path, "dev", protocol="edits")
    with pytest.raises(TwinlensError, match="train, dev, test"):
        nlvr.load(tmp_path, "val")
    with pytest.raises(TwinlensError, match="--root"):
        nlvr.load(None, "dev")


def test_expected_files_are_all_there_or_named(tmp_path):
    root = write(tmp_path)
    lacking = [path for path in nlvr.expected_files(root) if not path.exists()]
    assert lacking == [root / "train" / "train.json", root / "test" / "test.json"]
    gone = next(root.rglob("*-2-1-4.png"))
    gone.unlink()
    assert root / "dev" / "images" / gone.name in set(nlvr.expected_files(root))


@needs_real
@pytest.mark.parametrize(
    ("split", "rows", "sentences", "scenes", "queries"), [("dev", 989, 248, 972, 513), ("test", 990, 246, 974, 528)]
)
def test_real_counts(split, rows, sentences, scenes, queries):
    annotated = nlvr.rows(REAL, split)
    assert (len(annotated), len({row.key for row in annotated})) == (rows, sentences)
    paper = nlvr.load(REAL, split, protocol="paper")
    assert len(paper.gallery) == 6 * rows
    grounded = nlvr.load(REAL, split)
    assert (len(grounded.gallery), len(grounded.queries)) == (scenes, queries)
    assert len(set(grounded.groups.values())) == 233
    assert len(set(paper.groups.values())) == {"dev": 95, "test": 82}[split]


@needs_real
@pytest.mark.parametrize(
    ("split", "presentations", "third_as_first", "second_as_second", "matched"),
    [("dev", 267, 233, 226, 548), ("test", 266, 234, 219, 485)],
)
def test_real_presentations_show_the_same_items_twice(split, presentations, third_as_first, second_as_second, matched):
    scenes = {}
    for row in nlvr.rows(REAL, split):
        number, _, place = row.identifier.partition("-")
        scenes.setdefault(number, {})[place] = row.items
    pairs = [[places.get(a, a) == places.get(b, b) for a, b in ("03", "12")] for places in scenes.values()]
    assert (len(scenes), *np.sum(pairs, axis=0)) == (presentations, third_as_first, second_as_second)
    data = nlvr.load(REAL, split)
    items = [
        ([data.siblings[entry] for entry in data.relevant[query.id]], data.siblings[entry_false])
        for query in data.queries
        for entry_false in data.rejected[query.id]
    ]
    assert sum(true.count(false) for true, false in items) == matched


@needs_real
def test_real_pictures_show_the_boxes_in_lexicographic_order():
    """Of the six orders, the one that ORDERS[k] names explains the colours of picture k best."""
    for row in nlvr.rows(REAL, "dev")[::45]:
        if len({str(box) for box in row.boxes}) < 3:
            continue
        for k in range(6):
            pixels = np.asarray(images.load(row.pictures[k]), dtype=int)
            faults = {}
            for order in permutations(range(3)):
                centres = [
                    (pixels[i.y + i.size // 2, 150 * place + i.x + i.size // 2], COLOURS[i.color])
                    for place, box in enumerate(order)
                    for i in row.boxes[box]
                ]
                faults[order] = sum(np.abs(seen - wanted).max() > 40 for seen, wanted in centres)
            assert faults[nlvr.ORDERS[k]] == 0 and list(faults.values()).count(0) >= 1
            assert faults[nlvr.ORDERS[k]] == min(faults.values())


@needs_real
def test_drawn_things_fill_their_boxes():
    """The picture outside all item boxes is bare, and the middle of each box has its item's colour."""
    for row in nlvr.rows(REAL, "test")[::60]:
        for k in (0, 3):
            pixels = np.array(images.load(row.pictures[k]), dtype=int)
            for _, (left, upper, right, lower) in row.items_in(k):
                pixels[max(upper - 1, 0) : lower + 1, max(left - 1, 0) : right + 1] = 211
            bare = np.abs(pixels - 211).max(-1) > 60
            bare[:, 100:150] = bare[:, 250:300] = False  # the grey between the boxes
            assert bare.sum() == 0
