"""A phone's picture, stored sideways, with its caption in every format that is read, each as its description has it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pytest
from PIL import Image
from pyarrow import parquet

from tests.pictures import ALONE, shard

WORDS = "two boats at night"
UPRIGHT = Image.fromarray(np.repeat(np.repeat(np.array([[[250, 0, 0]], [[0, 0, 250]]], np.uint8), 16, 0), 24, 1))
"""24 wide, 32 high: red above blue."""


def phone(description: str = "", **how) -> bytes:
    """The picture as a phone that was held upright stores it: turned by 90°, EXIF orientation 6 (EXIF 2.3, 4.6.4)."""
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    if description:
        exif[0x010E] = description
    UPRIGHT.transpose(Image.Transpose.ROTATE_90).save(buffer, "JPEG", exif=exif, quality=95, **how)
    return buffer.getvalue()


def table_csv(folder: Path) -> None:
    (folder / "metadata.csv").write_text(f"file_name,text,year\na.jpg,{WORDS},2020\n")


def table_jsonl(folder: Path) -> None:
    (folder / "metadata.jsonl").write_text(json.dumps({"file_name": "a.jpg", "text": WORDS, "year": 2020}) + "\n")


def table_parquet(folder: Path) -> None:
    parquet.write_table(
        arrow.table({"file_name": ["a.jpg"], "text": [WORDS], "year": [2020]}), folder / "metadata.parquet"
    )


def sidecar_text(folder: Path) -> None:
    (folder / "a.txt").write_text(WORDS + "\n")


def sidecar_json(folder: Path) -> None:
    (folder / "a.json").write_text(json.dumps({"caption": WORDS, "year": 2020}))


def exif_description(folder: Path) -> None:
    (folder / "a.jpg").write_bytes(phone(WORDS))


def xmp(folder: Path) -> None:
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
        f'<rdf:li xml:lang="x-default">{WORDS}</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF>'
        "</x:xmpmeta>"
    )
    (folder / "a.jpg").write_bytes(phone(xmp=packet.encode()))


def iptc(folder: Path) -> None:
    """IIM record 2, data set 120, in a Photoshop resource 0x0404 of an APP13 segment."""
    record = b"\x1c\x02\x78" + len(WORDS).to_bytes(2, "big") + WORDS.encode()
    block = b"8BIM\x04\x04\x00\x00" + len(record).to_bytes(4, "big") + record + b"\0" * (len(record) % 2)
    segment = b"Photoshop 3.0\0" + block
    data = phone()
    end = 4 + int.from_bytes(data[4:6], "big")  # behind the first segment, as Photoshop puts it
    (folder / "a.jpg").write_bytes(
        data[:end] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + data[end:]
    )


def webdataset(folder: Path) -> None:
    (folder / "a.jpg").unlink()
    fields = json.dumps({"caption": WORDS, "year": 2020})
    shard(folder / "00000.tar", {"000000000.jpg": phone(), "000000000.txt": WORDS, "000000000.json": fields})


WITH_FIELDS = (table_csv, table_jsonl, table_parquet, sidecar_json, webdataset)


@pytest.mark.parametrize("write", [*WITH_FIELDS, sidecar_text, exif_description, xmp, iptc], ids=lambda f: f.__name__)
def test_a_phones_picture_is_upright_and_has_its_words(collection, tmp_path, write):
    folder = tmp_path.resolve() / "phone"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(phone())
    write(folder)
    collection.add(folder, options=ALONE)
    (hit,) = collection.search(UPRIGHT, WORDS, where="year = 2020" if write in WITH_FIELDS else None)
    entry = collection.entry(hit.sample.id)
    assert (entry.caption, entry.width, entry.height) == (WORDS, 24, 32)
    assert hit.score > 0.99  # the picture stored sideways is that which stands upright, words and all


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_a_table_elsewhere_has_its_words(collection, tmp_path, ending):
    folder, table = tmp_path.resolve() / "phone", tmp_path / f"captions.{ending}"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(phone())
    row = {"path": "phone/a.jpg", "caption": WORDS, "year": 2020}
    if ending == "parquet":
        parquet.write_table(arrow.Table.from_pylist([row]), table)
    elif ending == "jsonl":
        table.write_text(json.dumps(row))
    else:
        mark = {"csv": ",", "tsv": "\t"}[ending]
        table.write_text(f"{mark.join(row)}\n{mark.join(map(str, row.values()))}\n")
    collection.add(folder, captions=[table], options=ALONE)
    (hit,) = collection.search(UPRIGHT, WORDS, where="year = 2020")
    assert hit.sample.text == WORDS and hit.score > 0.99
