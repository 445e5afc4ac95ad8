"""`twinlens embed`: files that NumPy and Arrow read back as the collection or the dataset has them."""

from __future__ import annotations

import itertools
import json
import re
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from twinlens.collection import Collection
from twinlens.datasets import shapes
from twinlens.models.composer import Composer
from twinlens.report.vector_files import TEXTS, Rows, writer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "embedding.md"
EDITS = ["shapes", "--protocol", "edits", "--data", "scenes=20", "--model", "compact"]


def column(file, table, name):
    text, at = file[f"{table}_{name}_utf8"].tobytes(), file[f"{table}_{name}_offsets"]
    return [text[start:end].decode() for start, end in itertools.pairwise(at)]


def test_a_collections_stored_vectors_are_written(indexed, tmp_path):
    with Collection.open(tmp_path / "twinlens-collection") as collection:
        entries, vectors = collection.entries_with_vectors()
        digest = collection.generation.digest
    assert indexed("embed", "twinlens-collection", "--out", "v.npz")[0] == 0
    file = np.load(tmp_path / "v.npz", allow_pickle=False)
    assert (file["entries_vectors"] == vectors).all() and file["entries_vectors"].dtype == np.float32
    assert column(file, "entries", "ids") == [entry.id for entry in entries]
    assert column(file, "entries", "paths") == [str(entry.path) for entry in entries]
    assert column(file, "entries", "captions") == [entry.caption for entry in entries]
    years = [json.loads(text)["year"] for text in column(file, "entries", "metadata")]
    assert years == [entry.metadata["year"] for entry in entries]
    about = json.loads(str(file["about"]))
    assert about["model"]["digest"] == digest and about["tables"] == {"entries": len(entries)}


def test_parquet_has_the_same(indexed, tmp_path):
    for name in ("v.npz", "v.parquet"):
        assert indexed("embed", "twinlens-collection", "--out", name)[0] == 0
    file, table = np.load(tmp_path / "v.npz"), pq.read_table(tmp_path / "v.parquet")
    assert set(table["table"].to_pylist()) == {"entries"}
    assert (np.array(table["vector"].to_pylist(), dtype=np.float32) == file["entries_vectors"]).all()
    for name in TEXTS:
        assert table[name].to_pylist() == column(file, "entries", name)
    assert json.loads(table.schema.metadata[b"twinlens"]) == json.loads(str(file["about"]))


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_a_dataset_has_its_composed_queries_and_its_gallery(run, tmp_path, ending):
    code, out, error = run("embed", *EDITS, "--out", f"v.{ending}", "--json")
    assert code == 0, error
    about = json.loads(out)
    dataset = shapes.load(None, "test", protocol="edits", scenes=20)
    composer = Composer.load("compact")
    assert about["model"]["digest"] == composer.digest
    assert about["tables"] == {"queries": len(dataset.queries), "gallery": len(dataset.gallery)}
    for name, samples in (("queries", dataset.queries), ("gallery", dataset.gallery)):
        if ending == "npz":
            file = np.load(tmp_path / "v.npz")
            vectors, found = file[f"{name}_vectors"], {text: column(file, name, text) for text in TEXTS}
        else:
            table = pq.read_table(tmp_path / "v.parquet", filters=[("table", "=", name)])
            vectors, found = np.array(table["vector"].to_pylist()), {text: table[text].to_pylist() for text in TEXTS}
        assert found["ids"] == [sample.id for sample in samples]
        assert found["captions"] == [sample.text for sample in samples]
        assert vectors == pytest.approx(composer.embed(samples), abs=1e-4)
        answers = {query: sorted(ids) for query, ids in dataset.relevant.items()} if name == "queries" else {}
        assert [json.loads(text or "null") for text in found["relevant"]] == [answers.get(id_) for id_ in found["ids"]]


def test_the_page_reads_both_kinds(indexed, tmp_path):
    for name in ("vectors.npz", "vectors.parquet"):
        assert indexed("embed", "twinlens-collection", "--out", name)[0] == 0
    npz, parquet = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    first, second = {}, {}
    exec(compile(npz, "embedding.md", "exec"), first)
    exec(compile(parquet, "embedding.md", "exec"), second)
    assert first["ids"] == second["ids"] and len(first["ids"]) == 3
    assert (first["vectors"] == second["vectors"]).all()


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_a_file_is_kept_unless_forced_and_equal_content_gives_equal_bytes(indexed, tmp_path, ending):
    target = tmp_path / f"v.{ending}"
    assert indexed("embed", "twinlens-collection", "--out", target)[0] == 0
    before = target.read_bytes()
    code, _, error = indexed("embed", "twinlens-collection", "--out", target)
    assert code == 2 and f"{target} is there already; name another file, or add --force" in error
    assert indexed("embed", "twinlens-collection", "--out", target, "--force")[0] == 0
    assert target.read_bytes() == before


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_link_is_kept_and_a_folder_that_is_missing_is_told(indexed, tmp_path, force):
    (tmp_path / "there.npz").write_text("the one before")
    for name, target in (("link.npz", "there.npz"), ("dangling.npz", "nowhere.npz")):
        (tmp_path / name).symlink_to(target)
        code, _, error = indexed("embed", "twinlens-collection", "--out", name, *force)
        assert code == 2 and error == f"twinlens: {name} is a link to {target}; name that file, or another one\n"
        assert (tmp_path / name).is_symlink()
    assert (tmp_path / "there.npz").read_text() == "the one before"
    code, _, error = indexed("embed", "twinlens-collection", "--out", "new/v.npz", *force)
    assert code == 2 and error == "twinlens: there is no folder new; make it, or name a file elsewhere\n"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_a_full_disk_leaves_what_was_there(tmp_path, ending):
    (tmp_path / f"v.{ending}").write_text("the one before")

    def batches():
        yield Rows(np.zeros((1, 2), np.float32), {name: ["a"] for name in TEXTS})
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), writer(tmp_path / f"v.{ending}", {}, force=True) as file:
        file.table("entries", 2, 2, batches())
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the one before"]


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_a_stopped_run_leaves_what_was_there(run, tmp_path, monkeypatch, ending):
    (tmp_path / f"v.{ending}").write_text("the one before")
    embed = Composer.embed_prepared
    calls = []

    def stopped(self, prepared):
        calls.append(len(prepared))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return embed(self, prepared)

    monkeypatch.setattr(Composer, "embed_prepared", stopped)
    code, _, error = run("embed", *EDITS, "--runtime", "torch", "--out", f"v.{ending}", "--force")
    assert (code, len(calls)) == (130, 3), error
    assert [(p.name, p.read_text()) for p in tmp_path.glob("v.*")] == [(f"v.{ending}", "the one before")]


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_memory_holds_a_batch(tmp_path, ending):
    count, dim, size = 20_000, 256, 500

    def batches():
        for start in range(0, count, size):
            texts = {name: [f"{name} {n}" for n in range(start, start + size)] for name in TEXTS}
            yield Rows(np.full((size, dim), start, dtype=np.float32), texts)

    path = tmp_path / f"v.{ending}"
    tracemalloc.start()
    with writer(path, {}) as file:
        file.table("entries", count, dim, batches())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4e6 < count * dim * 4 / 5
    if ending == "npz":
        assert zipfile.ZipFile(path).testzip() is None
        assert column(np.load(path), "entries", "ids")[-1] == f"ids {count - 1}"
    else:
        assert pq.read_metadata(path).num_rows == count


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["twinlens-collection", "--out", "v.csv"], "its name must end in .npz or .parquet"),
        (["twinlens-collection", "--out", "v.npz", "--model", "compact"], "--model is for datasets"),
        (["twinlens-collection", "--out", "v.npz", "--split", "val"], "--split is for datasets"),
        (["pictures", "--out", "v.npz"], "pictures holds no collection"),
        (["shapes", "--out", "v.npz"], "say which model embeds the dataset"),
        (["nowhere", "--out", "v.npz", "--model", "compact"], "unknown dataset 'nowhere'"),
        (["shapes", "--out", "v.csv", "--model", "compact"], "its name must end in .npz or .parquet"),
    ],
)
def test_mistakes_are_one_line(indexed, tmp_path, arguments, line):
    code, _, error = indexed("embed", *arguments)
    assert code == 2 and line in error and error.count("\n") == 1
    assert not list(tmp_path.glob("v.*"))


def test_the_extra_is_named_where_arrow_is_missing(indexed, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    code, _, error = indexed("embed", "twinlens-collection", "--out", "v.parquet")
    assert code == 2 and "pip install 'twinlens[parquet]'" in error
