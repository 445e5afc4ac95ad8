"""The first use of everything that a search needs, so that the first query is as fast as later ones."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image

from twinlens.collection.model import Model
from twinlens.collection.search.records import Hits
from twinlens.collection.search.request import SearchRequest
from twinlens.core.types import Sample, TwinlensError
from twinlens.media.sources import EncodedPicture

SIZE = (224, 224)
"""Pixels of the picture that is searched for."""
WORDS = "a picture"


def warm_up(model: Model, answer: Callable[[SearchRequest], Hits]) -> bool:
    """Answer a search by words and one by a picture, and embed both together; return True if words find something.

    Raises TwinlensError where the model cannot be loaded. A search that this model or collection does not answer, such
    as words where there are no captions, is passed over; its networks run even so.
    """
    file = io.BytesIO()
    Image.new("RGB", SIZE, "gray").save(file, "JPEG")
    picture = EncodedPicture(file.getvalue())  # so that decoders are loaded too
    reads_words = False
    for image, text in ((None, WORDS), (picture, "")):
        try:
            found = answer(SearchRequest.of(image, text))
        except TwinlensError:
            model.embed([Sample("warm-up", image, text)])
            continue
        reads_words = reads_words or (image is None and len(found) > 0)
    model.embed([Sample("warm-up", picture, WORDS)])  # what joins both sides; the search is the same
    return reads_words
