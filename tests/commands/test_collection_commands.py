from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests import toy
from tests.pictures import answer
from twinlens.models.composer import WEIGHTS, Composer


def test_index_tells_what_it_did(run, pictures, model):
    code, out, _ = run("index", pictures, "--model", model)
    assert code == 0
    assert "3 pictures found" in out and "3 pictures: 3 added" in out
    again = answer(run, "index", pictures)
    assert (again["unchanged"], again["added"], again["pictures"]) == (3, 0, 3)


def test_a_later_run_with_workers_takes_what_is_new(indexed, pictures, tmp_path):
    """In a process of its own, which has not loaded the model for anything else."""
    toy.draw(("red", "green", "blue")).save(pictures / "new.png")
    command = [sys.executable, "-m", "twinlens", "index", str(pictures), "--workers", "1", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert (told["added"], told["unchanged"], told["failures"]) == (1, 3, {})


def test_a_bad_picture_among_good_ones_is_listed(run, pictures, model):
    (pictures / "text.png").write_text("no picture")
    (pictures / "drawing.svg").write_text("of a format that is not read")
    code, out, _ = run("index", pictures, "--model", model, "--workers", 0)
    assert code == 0
    assert "3 added, 1 failed" in out and "passed over 1 .svg" in out
    assert "text.png" in str(answer(run, "info")["failures"])  # the table folds a long path
    told = answer(run, "index", pictures)
    assert (told["skipped"], told["failed"]) == (1, 0)
    told = answer(run, "index", pictures, "--retry")
    assert list(told["failures"].values()) == [[str(pictures / "text.png")]]


def test_search_by_both_lenses(indexed, pictures):
    told = answer(indexed, "search", "--image", pictures / "blue.png", "--text", "a blue tile", "--with-self", "-k", 2)
    assert [hit["rank"] for hit in told["hits"]] == [1, 2]
    assert told["hits"][0]["path"] == str(pictures / "blue.png")
    assert told["hits"][0]["score"] == pytest.approx(1, abs=1e-5)
    assert told["hits"][0]["metadata"] == {"year": 2020} and told["hits"][0]["caption"] == "a blue tile"
    code, out, _ = indexed("search", "--text", "a red tile")
    assert code == 0 and "a red tile" in out and "score" in out


def test_search_writes_the_grid_and_the_page(indexed, pictures, tmp_path):
    told = answer(
        indexed,
        "search",
        "--image",
        pictures / "red.png",
        "--text",
        "blue",
        "--with-self",
        "--out",
        tmp_path / "new" / "r",
    )
    grid, page = map(Path, told["files"])
    with Image.open(grid) as drawn:
        assert drawn.width > 300
    assert (
        "a red tile" in page.read_text(encoding="utf-8")
        and "http" not in page.read_text(encoding="utf-8").split("<body")[1]
    )


def test_json_alone_draws_nothing(indexed, tmp_path):
    assert answer(indexed, "search", "--text", "a red tile")["files"] == []
    assert not (tmp_path / "twinlens-results").exists()
    assert indexed("search", "--text", "a red tile", "--json=told.json")[0] == 0
    assert (tmp_path / "twinlens-results" / "result.html").is_file()


def test_the_page_tells_what_else_was_asked(indexed, tmp_path):
    narrowed = ("--without", "people", "--unlike", "1", "--where", "year >= 2000", "--in", "pictures")
    assert indexed("search", "--text", "a red tile", *narrowed, "--out", "out")[0] == 0
    page = (tmp_path / "out" / "result.html").read_text(encoding="utf-8")
    assert all(note in page for note in ("without: people", "unlike: 1", "where: year &gt;= 2000", "in: pictures"))
    assert "file:///" in page and "The score is the cosine" in page


def test_every_option_of_search(indexed, pictures):
    red = answer(indexed, "search", "--text", "red", "--where", "year < 2019")["hits"]
    assert [hit["metadata"]["year"] for hit in red] == [2018]
    unlike = answer(indexed, "search", "--text", "red", "--unlike", red[0]["id"], "--without", "blue tile")["hits"]
    assert red[0]["id"] not in [hit["id"] for hit in unlike] and len(unlike) == 2
    several = ("--image", pictures / "red.png", "--image", pictures / "blue.png", "--text", "red", "--with-self")
    assert len(answer(indexed, "search", *several, "--weight", 1, "--weight", 0.5, "--weight", 2)["hits"]) == 3
    both = ("--image", pictures / "red.png", "--text", "blue", "--with-self", "-k", 1)
    first = [answer(indexed, "search", *both, "--balance", b)["hits"][0]["path"] for b in (0, 1)]
    assert [Path(path).stem for path in first] == ["red", "blue"]
    assert len(answer(indexed, "search", *several, "--distinct", "-1")["hits"]) == 1
    assert indexed("search", "--text", "red", "--where", "year > 3000")[1] == "no picture meets the condition\n"
    code, out, err = indexed("search", "--text", "red", "--where", "width > 3 and not (has yaer or year < 3)")
    assert (code, out) == (
        2,
        "",
    ) and "unknown field 'yaer' (did you mean 'year'?); known: year, folder, latitude, path, " in err
    code, _, err = indexed("search", "--text", "red", "--distinct", 2)
    assert code == 2 and "distinct wants a cosine, from -1 to 1, not 2" in err


def test_captions_from_a_table_elsewhere(run, pictures, model, tmp_path):
    (pictures / "metadata.csv").unlink()
    (tmp_path / "c.jsonl").write_text('{"path": "pictures/red.png", "caption": "crimson"}\n')
    run("index", pictures, "--model", model, "--captions", tmp_path / "c.jsonl")
    assert "crimson" in [hit["caption"] for hit in answer(run, "search", "--text", "red")["hits"]]


def test_another_model_is_taken_over(indexed, pictures, model, tmp_path):
    before = answer(indexed, "info")["model"]["digest"]
    other = Composer.build(toy.recipe(), seed=5)
    other.fit(toy.edits().queries)
    other.save(tmp_path / "other")
    told = answer(indexed, "index", pictures, "--model", tmp_path / "other")
    assert told["unchanged"] == 3
    assert answer(indexed, "info")["model"]["digest"] == other.digest != before
    assert answer(indexed, "verify")["ok"]


def test_a_model_that_ships_is_named(run, pictures):
    code, _, _ = run("index", "pictures", "--model", "compact")
    assert code == 0 and json.loads(run("info", "--json")[1])["model"]["recipe"] == "compact"


def test_info_verify_and_repair(indexed, pictures, tmp_path):
    told = answer(indexed, "info")
    assert (told["pictures"], told["failed"], told["model"]["recipe"], told["building"]) == (3, 0, "toy", None)
    assert "pictures that can be found" in indexed("info")[1]
    assert "is whole: 3 pictures" in indexed("verify")[1]
    (matrix,) = (tmp_path / "twinlens-collection" / "cache").glob("vectors-*.f32")
    matrix.write_bytes(b"\0" * matrix.stat().st_size)
    code, out, err = indexed("verify")
    assert code == 2 and "has damage" in out and "has 1 problem; mend it with: twinlens repair" in err
    told = answer(indexed, "repair")
    assert told["left"] == [] and "rebuilt the matrix file" in told["done"][0]
    assert indexed("verify")[0] == 0


def test_a_repair_that_cannot_mend_everything_says_so(indexed, tmp_path, model):
    (folder,) = (tmp_path / "twinlens-collection" / "model").iterdir()
    folder.rename(tmp_path / "away")
    code, out, err = indexed("repair")
    assert code == 2 and "nothing could be mended" in out and "still wrong: the model folder" in out
    assert "still has 1 problem that" in err and err.count("\n") == 1
    code, out, _ = indexed("repair", "--json")
    assert code == 2 and "is missing; put a copy of the model back" in json.loads(out)["left"][0]
    code, out, _ = indexed("repair", "--model", model)
    assert code == 0 and "put the model" in out
    assert "there was nothing to mend" in indexed("repair")[1]


def test_ctrl_c_writes_the_result_and_exits_with_130(run, pictures, model, monkeypatch):
    def stop(composer, batch):
        raise KeyboardInterrupt

    run("index", pictures / "red.png", "--model", model)
    monkeypatch.setattr(Composer, "forward", stop)
    code, out, err = run("index", pictures, "--workers", 0, "--runtime", "torch", "--json")
    assert code == 130 and json.loads(out)["stopped"] is True
    assert err.strip().endswith("stopped; run the same command again to go on")


def header_of(width: int, height: int) -> bytes:
    """A tiny PNG that says it is this large."""
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"\0" * 100))
    packed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def text(path: Path) -> None:
    path.with_suffix(".png").write_text("no picture")


def truncated(path: Path) -> None:
    Image.effect_noise((60, 60), 50).save(path.with_suffix(".jpg"))
    os.truncate(path.with_suffix(".jpg"), 700)


def huge(path: Path) -> None:
    path.with_suffix(".png").write_bytes(header_of(60_000, 60_000))


@pytest.mark.parametrize(("spoil", "line"), [(text, "no picture"), (truncated, "truncated"), (huge, "pixels")])
def test_nothing_but_a_bad_picture_is_a_mistake(run, model, tmp_path, spoil, line):
    (tmp_path / "bad").mkdir()
    spoil(tmp_path / "bad" / "x")
    code, _, err = run("index", "bad", "--model", model, "--json")
    assert code == 2 and "no picture could be read" in err.splitlines()[-1] and line in err.splitlines()[-1]


@pytest.mark.parametrize("spoil", [text, truncated, huge])
def test_a_bad_picture_as_query_is_a_mistake(indexed, tmp_path, spoil):
    spoil(tmp_path / "x")
    (bad,) = tmp_path.glob("x.*")
    code, _, err = indexed("search", "--image", bad)
    assert code == 2 and str(bad) in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["index", "nowhere"], "there is no folder"),
        (["index", "empty"], "there are no pictures in"),
        (["index", "pictures", "--model", "broken"], f"lacks {WEIGHTS}"),
        (["index", "pictures", "--model", "nowhere"], "no such model folder"),
        (["index", "pictures", "--recipe", "compat"], "did you mean 'compact'?"),
        (["index", "pictures", "--workers", "-1"], "--workers wants a number from 0 on"),
        (["index", "pictures", "--seconds", "0"], "want numbers above 0"),
        (["index", "pictures", "--captions", "none.csv"], "none.csv"),
        (["search", "--text", "red"], "there is no collection in"),
        (["search"], "give --image FILE, --text SENTENCE, or both"),
        (["search", "--image", "none.png"], "no such picture"),
        (["info"], "there is no collection in"),
        (["verify"], "there is no collection in"),
        (["repair"], "there is no collection in"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing_behind(run, pictures, model, tmp_path, arguments, line):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "recipe.toml").write_text((model / "recipe.toml").read_text())
    code, _, err = run(*arguments)
    assert code == 2 and line in err and err.count("\n") == 1
    assert not (tmp_path / "twinlens-collection").exists()


def test_the_way_to_run_can_be_chosen_and_is_told(run, pictures, model):
    plain = answer(run, "index", pictures, "--model", model, "--workers", 0, "--runtime", "torch")
    assert plain["runtime"] == {"mode": "torch", "networks": {}}
    hits = answer(run, "search", "--text", "a red tile", "--runtime", "torch")["hits"]
    fast = answer(run, "index", pictures, "--workers", 0, "--runtime", "onnx", "--collection", "fast", "--model", model)
    assert fast["runtime"]["networks"]["visualbert"]["runs"] == "onnx"
    again = answer(run, "search", "--text", "a red tile", "--collection", "fast")["hits"]
    assert [(hit["id"], round(hit["score"], 4)) for hit in again] == [(h["id"], round(h["score"], 4)) for h in hits]
    code, out, _ = run("info", "--collection", "fast")
    assert code == 0 and "visualbert: " in out
    assert answer(run, "info", "--collection", "fast")["runtime"]["machine"]


def test_an_unknown_runtime_is_one_line(run, indexed):
    code, _, err = run("search", "--text", "red", "--runtime", "fpga")
    assert code == 2
    assert "unknown runtime 'fpga'; known: auto, bf16, onnx, torch" in err
