"""Texts in picture files that describe no picture: of cameras, of programs, of templates, and the file's own name."""

from __future__ import annotations

import re

from twinlens.media import formats

WORDS = frozenset(
    {"camera", "dcim", "default", "digital", "dsc", "exif", "gimp", "jpeg", "kodak", "konica", "minolta", "olympus"}
    | {"picture", "samsung", "screenshot", "sony", "untitled", "created", "with", "nikon", "canon", "image", "still"}
    | {"the", "panasonic", "fujifilm", "casio", "pentax", "ricoh", "photo", "jpg", "png", "file", "img"}
)
"""Words that cameras and programs write into every file; a text of these alone describes nothing."""
_MADE = "created|made|edited|processed|generated|drawn|produced|exported|saved|shot|scanned|optimi[sz]ed|compressed"
_PROGRAMS = (
    r"gimp|photoshop|lightroom|illustrator|inkscape|krita|paint|vsco|snapseed|canva|figma|matplotlib|ffmpeg|picasa|"
    r"image ?magick|graphicsmagick|jpeg|jpegmini|accusoft|acdsee|irfanview|xnview|blender|midjourney|firefly|procreate|"
    r"google|instagram|facebook|whatsapp|snapchat|picsart|darktable|rawtherapee|affinity|sketch\b|corel|hugin|iphone|"
    r"android|samsung|nikon|canon|olympus|sony|apple|microsoft|windows|macos|qt|gnuplot|r software"
)
_REST = (
    r"([^a-z]*|.{0,30}\d.{0,30}|"
    r".{0,20}\b(app|editor|elements|for|gimp|mac|photos|photoshop|pro|software|studio|version)\b.{0,40})"
)
"""Words after a program's name: a version, a product or a system; not "made with apple cider"."""
PATTERNS: dict[str, tuple[str, ...]] = {
    "cameras fill ImageDescription with their make or a code of the scene": (
        r"(olympus|minolta|konica minolta|kodak|samsung|nikon|canon|casio|pentax).{0,12}(digital|still).{0,12}camera.*",
        r"(cof|edf|sdr|dav|hdr|hdrpl|norm|oznor|mde|rptfbmf?|ptrmf?|rbtmf?|fbtmf?|binary|dcim|gedc\w*)",
        r"<.{0,40}(digimax|kenox|samsung).{0,60}>",
        r"exif[_ ]jpe?g[_ ]picture",
        r"\w+_vga|qrf|nor|btf|burst|cosmosrc|photoshot",
    ),
    "programs sign what they write": (
        rf"({_MADE}) (with|by|in|using|from) (the |adobe |a |an )?({_PROGRAMS})\b{_REST}",
        r"creator: gd-jpeg.*",
        r"(lead technologies|intel\(r\) jpeg library|ulead systems|handmade software|xv version|lavc\d|ffmpeg).*",
        r"(adobe )?(photoshop|imageready|illustrator|lightroom|fireworks)[\d. cs]*",
        r"(image ?magick|graphicsmagick|inkscape|paint\.net|microsoft office|screen ?(shot|capture))",
        r"file (source|written by).{0,60}",
        r"picasa( ?\d[\d.]*)?",
        rf"image ({_MADE}) (with|by|in|using|from) (the |adobe |a |an )?({_PROGRAMS})\b{_REST}",
        r"ascii|charset=.{0,30}|unicode",
    ),
    "templates, forms and empty values": (
        r"x-default|null|none|nil|n/?a|nan|undefined|unknown|\(null\)|no (title|description|caption)",
        r"title|description|caption|comments?|user ?comments?|keywords?|subject|document|new document",
        r"(your|enter|type|add|write|insert) (a |an |your |the )?(title|description|caption|text|comment)s?( here)?",
        r"lorem ipsum.*|(untitled|unbenannt|sans titre|sin título|senza titolo)[\s\-_]*\d*",
    ),
    "numbers of a file, not words on a picture": (
        r"(img|dsc[fn]?|dscn|p|pict|image|photo|mvi|vid|pxl|gopr|dji|screenshot)[\W_]*\d[\d\W_]*(wa\d+)?",
        r"[0-9a-f]{16,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    ),
}
"""Reason → what a whole text, in lower case, matches."""
_PATTERN = re.compile("|".join(f"(?:{pattern})" for patterns in PATTERNS.values() for pattern in patterns))
_PATH = re.compile(r"(?:[a-z]:|file:|~|\.\.?)?[\\/].*|[^\s\\/]+[\\/].*")
"""A path from a root, or from a folder of one word, such as DCIM\\100MEDIA\\DJI_0001.JPG."""
_LONGEST = 120
"""Characters; no boilerplate that is known has more."""


def is_boilerplate(text: str, name: str) -> bool:
    """Return True if a text from within a file of some name describes no picture."""
    plain = " ".join(text.casefold().split())
    if WORDS.issuperset(re.findall(r"[^\W\d_]+", plain)):
        return True
    if plain in (name.casefold(), name.casefold().rpartition(".")[0]):
        return True
    if formats.of_name(plain) is not None:
        if _PATH.fullmatch(plain):
            return True
        plain = plain.rpartition(".")[0]
    return len(plain) <= _LONGEST and _PATTERN.fullmatch(plain.rstrip(".! ")) is not None
