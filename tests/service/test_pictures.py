"""Pictures by their ids: records, files, thumbnails, exports, duplicates, fields; nothing else of the disk."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from tests.mean_color import MeanColor
from tests.pictures import ALONE, png
from twinlens.collection import Collection
from twinlens.collection.items import Item


def of_name(client, name):
    hits = client.post("/search", json={"text": "red", "k": 12}).json()["hits"]
    return next(hit["id"] for hit in hits if hit["name"] == name)


def test_a_record_and_the_file_itself(client, pictures):
    record = client.get(f"/pictures/{of_name(client, 'blue-2.png')}").json()
    assert (record["width"], record["height"], record["caption"]) == (8, 6, "blue")
    assert record["metadata"]["color"] == "blue" and record["folder"] == str(pictures) and len(record["hash"]) == 40
    file = client.get(f"/pictures/{record['id']}/file")
    assert file.content == (pictures / "blue-2.png").read_bytes() and file.headers["content-type"] == "image/png"


@pytest.mark.parametrize("written", ["0{}", "{}%0A", "%0A{}", "%20{}", "+{}"])
def test_an_id_is_compared_as_it_is_written(reader, written):
    known = of_name(reader, "red-1.png")
    full_width = "".join(chr(ord("\uff10") + int(digit)) for digit in known)
    for name in (written.format(known), quote(full_width)):
        assert reader.get(f"/pictures/{name}").status_code == 404
        assert reader.get(f"/thumbs/{name}").status_code == 404


@pytest.mark.parametrize(
    "path", ["/", "/health", "/ready", "/collections", "/thumbs/{}", "/pictures/{}", "/pictures/{}/file"]
)
def test_head_tells_what_get_would(reader, path):
    address = path.format(of_name(reader, "red-1.png"))
    asked, read = reader.head(address), reader.get(address)
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["content-length"] == read.headers["content-length"] == str(len(read.content))
    assert f'route="{path.replace("{}", "{entry_id:path}")}",status="200"}}' in reader.get("/metrics").text


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/search", "POST"),
        ("/health", "GET, HEAD"),
        ("/pictures/1", "DELETE, GET, HEAD"),
        ("/web/app.css", "GET, HEAD"),
    ],
)
def test_another_method_is_refused_with_those_that_are_taken(reader, path, methods):
    response = reader.put(path)
    assert response.status_code == 405 and response.headers["allow"] == methods
    assert response.json()["error"].endswith(f"it takes {methods}")


@pytest.mark.parametrize("size", ["x", "1", "9" * 5000, ""])
def test_another_size_of_thumbnails_is_refused(reader, size):
    response = reader.get("/thumbs/1", params={"size": size})
    assert (response.status_code, response.json()) == (400, {"error": "size: wants 240 or 480"})


@pytest.mark.parametrize("size", [240, 480])
def test_thumbnails_are_small_and_not_sent_twice(client, pictures, size):
    Image.new("RGB", (2000, 900), "red").save(pictures / "large.jpg")
    with Collection.open(pictures.parent / "shades", load=MeanColor.load) as other:
        other.add(pictures, options=ALONE)
    thumb = client.get(f"/thumbs/{of_name(client, 'large.jpg')}", params={"size": size})
    assert Image.open(io.BytesIO(thumb.content)).size == (size, round(size * 0.45))
    again = client.get(thumb.request.url, headers={"if-none-match": thumb.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("kind", ["TIFF", "BMP"])
def test_a_format_that_browsers_lack_becomes_one_that_they_show(served, tmp_path, kind):
    with Collection.create(tmp_path / "odd", MeanColor(), load=MeanColor.load) as made:
        Image.new("RGB", (30, 20), "teal").save(tmp_path / f"a.{kind.lower()}", kind)
        made.add(tmp_path / f"a.{kind.lower()}", options=ALONE)
    client = served(collections=(tmp_path / "odd",))
    file = client.get("/pictures/1/file")
    assert file.headers["content-type"] == "image/jpeg" and Image.open(io.BytesIO(file.content)).size == (30, 20)


@pytest.mark.parametrize("how", ["changed", "linked", "gone"])
def test_only_what_was_indexed_is_sent(client, pictures, tmp_path, how):
    name = of_name(client, "red-3.png")
    path, secret = pictures / "red-3.png", tmp_path / "secret.png"
    secret.write_bytes(png(9))
    path.unlink()
    if how == "changed":
        path.write_bytes(png(8))
    elif how == "linked":
        path.symlink_to(secret)
    for address in (f"/pictures/{name}/file", f"/thumbs/{name}?size=480"):
        response = client.get(address)
        assert response.status_code == 404 and "index its folder again" in response.json()["error"]


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/x", "/etc/passwd", "1%00", "-1", "1e3", "9" * 30, "é", " "],
)
def test_an_id_is_no_path(reader, name):
    for address in (f"/pictures/{name}", f"/pictures/{name}/file", f"/thumbs/{name}", f"/similar/{name}"):
        assert reader.get(address).status_code in (400, 404)
    assert reader.get(f"/web/{name}").status_code in (400, 404)


def test_items_are_found_by_their_ids_whatever_these_hold(served, tmp_path):
    with Collection.create(tmp_path / "items", MeanColor(), load=MeanColor.load) as made:
        for n, name in enumerate(("a/b", "ü & ?", "file")):
            made.add(Item(name, png(n), "red"), options=ALONE)
    client = served(collections=(tmp_path / "items",))
    for hit in client.post("/search", json={"text": "red"}).json()["hits"]:
        name = quote(hit["id"], safe="")
        assert client.get(f"/pictures/{name}").json()["id"] == hit["id"]
        assert client.get(f"/thumbs/{name}").status_code == client.get(f"/pictures/{name}/file").status_code == 200


def test_answers_are_exported_in_every_form(client, pictures):
    found = client.post("/search", json={"text": "red", "k": 3}).json()
    ids = [hit["id"] for hit in found["hits"]]
    ask = lambda form, **more: client.get("/export", params={"search": found["search"], "format": form, **more})  # noqa: E731
    assert ask("paths").text.splitlines() == [hit["path"] for hit in found["hits"]]
    assert len(ask("csv").text.splitlines()) == 4 and ask("csv").text.startswith("rank,id,name,path")
    assert [record["id"] for record in ask("json").json()] == ids
    archive = zipfile.ZipFile(io.BytesIO(ask("zip", ids=ids[:2]).content))
    assert archive.testzip() is None and len(archive.namelist()) == 2
    first = archive.namelist()[0]
    assert archive.read(first) == (pictures / first[5:]).read_bytes()
    assert "attachment" in ask("zip").headers["content-disposition"]
    assert ask("csv", ids=["999"]).status_code == 404 and client.get("/export?search=x").status_code == 404


def test_pictures_are_exported_by_their_ids_alone_in_their_order(reader):
    ids = [hit["id"] for hit in reader.post("/search", json={"text": "red", "k": 3}).json()["hits"]][::-1]
    found = reader.get("/export", params={"ids": [*ids, ids[0]], "format": "json"}).json()
    assert [(record["rank"], record["id"]) for record in found] == list(enumerate(ids, 1))
    assert reader.get("/export", params={"ids": ["999"]}).status_code == 404
    assert reader.get("/export").json()["error"] == "an export needs the id of a search, or ids of pictures"


def test_a_zip_tells_of_pictures_that_are_gone(client, pictures):
    found = client.post("/search", json={"text": "red", "k": 2}).json()
    Path(found["hits"][0]["path"]).unlink()
    data = client.get("/export", params={"search": found["search"], "format": "zip"}).content
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert len(archive.namelist()) == 2 and b"index its folder again" in archive.read("missing.txt")


def test_duplicates_come_in_groups(reader):
    groups = reader.get("/duplicates", params={"at": 0.99}).json()["groups"]
    assert groups and all(len(group) > 1 for group in groups) and groups[0][0]["name"].endswith(".png")
    assert reader.get("/duplicates", params={"at": 2}).status_code == 400


def test_fields_tell_their_values_and_histograms(client, pictures):
    found = client.get("/fields").json()
    assert found["folders"] == [{"folder": str(pictures), "count": 12}]
    fields = {field["name"]: field for field in found["fields"]}
    assert fields["color"]["kind"] == "text"
    assert {value["value"]: value["count"] for value in fields["color"]["values"]} == {"red": 4, "green": 4, "blue": 4}
    assert sum(bar["count"] for bar in fields["shade"]["histogram"] or [{"count": 12}]) == 12


def test_collections_tell_their_model_and_examples(served, folder):
    (folder / "examples.json").write_text(json.dumps([{"text": "red", "image": None}, "no example"]))
    (found,) = served().get("/collections").json()["collections"]
    assert (found["name"], found["pictures"], found["progress"]) == ("shades", 12, None)
    assert found["model"] == {"recipe": "mean-color", "digest": "0" * 16, "reads_words": True}
    assert found["examples"] == [{"text": "red", "image": None}] and "color" in found["fields"]


def test_collections_of_one_name_are_told_apart(served, folder, tmp_path):
    (tmp_path / "other").mkdir()
    with Collection.create(tmp_path / "other" / "shades", MeanColor(), load=MeanColor.load) as made:
        made.add(Item("x", png(1), "red"), options=ALONE)
    client = served(collections=(folder, tmp_path / "other" / "shades"))
    assert [one["name"] for one in client.get("/collections").json()["collections"]] == ["shades", "shades-2"]
    found = client.post("/search", json={"text": "red", "collection": "shades-2"}).json()
    assert [hit["id"] for hit in found["hits"]] == ["x"]
