"""The table of picture formats, endings, first bytes, decoder, extra and limits, and opening by it.

One row decides all of a format. Formats of an extra that is not installed are passed over, counted, and named.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import PurePath
from typing import BinaryIO, NamedTuple

from PIL import Image, UnidentifiedImageError

from twinlens.media import moments
from twinlens.media.mending import DAMAGE, without_texts

MAX_BYTES = 512 * 2**20
HEAD = 32
"""First bytes of a file that tell its format."""


class Format(NamedTuple):
    """A row. starts: (offset, bytes) of which one is at the file's beginning; none where the ending must tell.

    pillow: the names by which Pillow opens it. needs: a feature of Pillow. module: the package that decodes, or adds
    the format to Pillow; extra: the extra of twinlens that installs it. decoder: a file of `decoders`, "" for Pillow.
    is_read: False for pictures that nothing here decodes.
    """

    name: str
    endings: tuple[str, ...]
    starts: tuple[tuple[int, bytes], ...] = ()
    pillow: tuple[str, ...] = ()
    needs: str = ""
    module: str = ""
    extra: str = ""
    decoder: str = ""
    is_read: bool = True
    max_bytes: int = MAX_BYTES


def _brands(*brands: bytes) -> tuple[tuple[int, bytes], ...]:
    """Return the beginnings of ISO media files (ISO/IEC 14496-12) of some brands."""
    return tuple((4, b"ftyp" + brand) for brand in brands)


TABLE = (
    Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), ((0, b"\xff\xd8\xff"),), ("JPEG",)),
    Format("PNG", (".png", ".apng"), ((0, b"\x89PNG\r\n\x1a\n"),), ("PNG",)),
    Format("WebP", (".webp",), ((8, b"WEBP"),), ("WEBP",)),
    Format("GIF", (".gif",), ((0, b"GIF87a"), (0, b"GIF89a")), ("GIF",)),
    Format("BMP", (".bmp", ".dib"), (), ("BMP", "DIB")),  # two letters tell too little
    # The raw formats of most cameras begin as TIFF does: of these the ending tells.
    Format(
        "raw",
        (".arw", ".cr2", ".cr3", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".srw"),
        ((0, b"FUJIFILMCCD-RAW"), (0, b"IIU\0"), (0, b"IIRO"), (0, b"IIRS"), *_brands(b"crx ")),
        module="rawpy",
        extra="raw",
        decoder="raw",
    ),
    Format("TIFF", (".tif", ".tiff"), ((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")), ("TIFF",)),
    Format("AVIF", (".avif",), _brands(b"avif", b"avis"), ("AVIF",), needs="avif"),
    Format(
        "JPEG 2000",
        (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
        ((0, b"\0\0\0\x0cjP  "), (0, b"\xff\x4f\xff\x51")),
        ("JPEG2000",),
        needs="jpg_2000",
    ),
    Format("PSD", (".psd",), ((0, b"8BPS\0\x01"),), ("PSD",)),
    Format(
        "HEIC",
        (".heic", ".heif", ".hif"),
        _brands(b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"),
        ("HEIF",),
        module="pillow_heif",
        extra="heif",
    ),
    Format(
        "JPEG XL",
        (".jxl",),
        ((0, b"\xff\x0a"), (0, b"\0\0\0\x0cJXL \r\n\x87\n")),
        ("JXL",),
        module="pillow_jxl",
        extra="jxl",
    ),
    Format(
        "video",
        moments.ENDINGS,
        (
            *_brands(b"isom", b"iso2", b"mp41", b"mp42", b"avc1", b"qt  ", b"M4V ", b"3gp"),
            (0, b"\x1aE\xdf\xa3"),
            (8, b"AVI "),
        ),
        module="av",
        extra="video",
        decoder="video",
        max_bytes=2**40,
    ),
    Format("SVG", (".svg", ".svgz"), ((0, b"<svg"),), is_read=False),
    Format("Photoshop's large format", (".psb",), ((0, b"8BPS\0\x02"),), is_read=False),
    Format("GIMP", (".xcf",), ((0, b"gimp xcf"),), is_read=False),
    # A letter and a digit, zeros, and nothing at all: of these the ending tells.
    Format("Netpbm", (".pbm", ".pgm", ".ppm", ".pnm", ".pam"), is_read=False),
    Format("icon", (".ico",), is_read=False),
    Format("Targa", (".tga",), is_read=False),
)
_BY_ENDING: Mapping[str, Format] = {ending: row for row in TABLE for ending in row.endings}


@lru_cache(maxsize=64)
def is_installed(row: Format) -> bool:
    """Return True if what decodes a format is there."""
    if not row.is_read or (row.needs and not _has_feature(row.needs)):
        return False
    return not row.module or find_spec(row.module) is not None


def _has_feature(name: str) -> bool:
    """Ask Pillow for one of its own parts; for the answer it loads that part's library."""
    from PIL import features

    return features.check(name) is True


def of_name(name: str) -> Format | None:
    """Return the format of a file by the ending of its name."""
    return _BY_ENDING.get(PurePath(name).suffix.lower())


def of_content(head: bytes, name: str = "") -> Format | None:
    """Return the format of a file by its first `HEAD` bytes; where these are those of several, by its ending too."""
    named = of_name(name)
    if named is not None and named.decoder == "raw" and head[:4] in (b"II*\0", b"MM\0*"):
        return named
    known = next((row for row in TABLE if any(head[at:].startswith(start) for at, start in row.starts)), None)
    # Containers of videos have more beginnings than a table holds.
    return named if known is None and named is not None and named.decoder == "video" else known


def endings() -> frozenset[str]:
    """Return the endings, in lower case, of the formats that can be read here."""
    return frozenset(ending for ending, row in _BY_ENDING.items() if is_installed(row))


def max_bytes(name: str) -> int:
    """Return the limit of a file's bytes by the ending of its name."""
    row = of_name(name)
    return MAX_BYTES if row is None else row.max_bytes


def cure(row: Format) -> str:
    """Return the advice by which files of a format can be read."""
    if row.extra:
        return f"install what reads it: pip install 'twinlens[{row.extra}]'"
    return "such pictures are not read, convert them to JPEG or PNG"


@cache
def pillow_names() -> tuple[str, ...]:
    """Return Pillow's names of the formats that it reads on its own."""
    return tuple(name for row in TABLE if is_installed(row) and not row.module for name in row.pillow)


def cures(passed: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for the files that were passed over, by the ends of their names: a line for every cure."""
    by_cure: dict[str, list[str]] = {}
    for ending, count in sorted(passed.items()):
        by_cure.setdefault(_cure(ending), []).append(f"{count:,} {ending}")
    yield from (f"passed over {', '.join(counts)}: {cure}" for cure, counts in by_cure.items())


def _cure(ending: str) -> str:
    row = _BY_ENDING.get(ending)
    if row is None:
        return "their content is that of pictures, and their names are not; give them the ending of their kind"
    return cure(row)


class MissingDecoder(OSError):  # noqa: N818 - it names what is missing
    """A picture of a known format that nothing here decodes; the message says what would."""


def open_image(file: BinaryIO, name: str = "") -> Image.Image:
    """Open a picture of a format of the table; the pixels of most are read later.

    name: the file's, where the content alone does not tell the format, or the path of a moment of a video. A PNG whose
    texts or profile are damaged, or longer than Pillow reads, is opened without them. Raises one of `DAMAGE`, of which
    MissingDecoder and UnidentifiedImageError, and DecompressionBombError as Pillow does.
    """
    row = _row(file, name)
    if row is not None and (row.module or not row.is_read):
        return _open_by(row, file, name)
    try:
        # A format that is known by its first bytes needs no look whether the others can be read here.
        return Image.open(file, formats=pillow_names() if row is None or row.needs else row.pillow)
    except DAMAGE:
        bare = without_texts(file)
        if bare is None:
            raise
        return bare


def times(file: BinaryIO, name: str) -> tuple[float, ...]:
    """Return the times in seconds of a video's moments; none where a file is no video, or cannot be read here.

    Raises OSError where it is damaged.
    """
    row = _row(file, name)
    if row is None or row.decoder != "video" or not is_installed(row):
        return ()
    found: tuple[float, ...] = importlib.import_module("twinlens.media.decoders.video").times(file)
    return found


def is_video(file: BinaryIO, name: str) -> bool:
    """Return True if a file is a video by its first bytes, and where these are unknown by its name."""
    row = _row(file, name)
    return row is not None and row.decoder == "video"


def _row(file: BinaryIO, name: str) -> Format | None:
    file.seek(0)
    within = moments.split(name)
    row = of_content(file.read(HEAD), str(within[0]) if within else name)
    file.seek(0)
    return row


def _open_by(row: Format, file: BinaryIO, name: str) -> Image.Image:
    """Open a picture by the decoder of its format, which is loaded now."""
    if not is_installed(row):
        raise MissingDecoder(f"is {row.name}: {cure(row)}")
    if row.decoder:
        opened: Image.Image = importlib.import_module(f"twinlens.media.decoders.{row.decoder}").open_picture(file, name)
        return opened
    plugin = importlib.import_module(row.module)
    if hasattr(plugin, "register_heif_opener"):
        plugin.register_heif_opener()
    try:
        return Image.open(file, formats=row.pillow)
    except UnidentifiedImageError as error:
        raise OSError(f"it begins as {row.name} and goes on as none") from error
