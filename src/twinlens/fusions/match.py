"""Match: pictures of which a sentence is likely to be true, those like the query's picture first."""

from __future__ import annotations

from twinlens.fusions._directions import Directions


class Match(Directions):
    """q = L2(t) + w L2(x), t the direction of the sentence among facts (encoder `facts`), w = `picture_weight`.

    The inner product of t with a picture's facts is the ridge regression of the sentence's truth. Vectors and scores
    are those of the frame: v = [L2(q); L2(x); a], and the score is q·y, standardised over the gallery.
    """
