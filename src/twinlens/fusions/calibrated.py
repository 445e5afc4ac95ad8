"""Late fusion with z-scores: pictures compared with pictures, texts with texts, the standardised scores added."""

from __future__ import annotations

from twinlens.fusions._separate_sides import SeparateSides


class Calibrated(SeparateSides):
    """v = [L2(x); L2(t); a; b] / √2, training-free; a is 1 where the picture is missing, b where the text is, else 0.

    The score of a query (x, t) and an entry (y, c) is z(x·y) + z(t·c), where z is the score in standard deviations from
    its mean over the gallery (late fusion with z-scores: Jain et al. 2005, "Score normalization in multimodal biometric
    systems"). A side that the query lacks adds nothing; an entry is scored by those comparisons whose side it has, at
    one scale, so that it is neither preferred nor penalised (see `calibration`). The towers may have spaces of their
    own. Where they share one (CLIP, SigLIP: `shared`), a text is compared with pictures too: (z(t·y) + z(t·c)) / √2,
    where there are captions. The last `named` channels of the picture's vector are a point in the texts' space, made of
    the names of its classes: a block of their own, which texts are compared with too, with a quarter of the weight. On
    clip art with titles a quarter raises the mean average precision a little, equal weights do not (docs/methods.md).
    Blocks have unit length, and all vectors the same.

    Scoring is one inner product for all entries that have the same sides. The option `dim` is not used: the width is
    that of both sides and 2.
    """

    def __init__(self, *, image_dim: int, text_dim: int, dim: int, shared: bool = False, named: int = 0) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim, shared=shared, named=named)
