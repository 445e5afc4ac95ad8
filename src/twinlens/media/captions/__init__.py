"""Captions and metadata of pictures: from tables, files beside the pictures, and the pictures themselves.

The first source that has a text or a field wins: tables that the user names; `metadata.csv`, `metadata.jsonl` or
`metadata.parquet` in a picture's folder or one above it (Hugging Face's ImageFolder: a `file_name` relative to the
table, any other columns); `a.json` or `a.jpg.json` beside `a.jpg`, or Google Takeout's name for it; `a.txt` or
`a.jpg.txt`; `a.xmp` or `a.jpg.xmp`; and last the file's own IPTC, XMP, EXIF or PNG text. In a tar shard the files of
one sample share their name up to the first dot (WebDataset), so that `a.json` and `a.txt` belong to `a.left.jpg` too.
Several texts of one source are joined, so that each can be found.
"""

from __future__ import annotations

from twinlens.media.captions.beside import Captions
from twinlens.media.captions.inside import inside
from twinlens.media.captions.matching import unmatched
from twinlens.media.captions.records import Caption, given_caption
from twinlens.media.captions.tables import read_table

__all__ = ["Caption", "Captions", "given_caption", "inside", "read_table", "unmatched"]
