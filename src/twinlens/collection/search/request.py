"""A search request: what every door (Python, command line, receipt, service) fills in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from twinlens.core import suggestions
from twinlens.core.arguments import GIVEN, as_count, as_number, as_switch, as_text, check_picture, shown
from twinlens.core.counting import counted
from twinlens.core.types import GivenPicture, Picture, TwinlensError

Pictures: TypeAlias = "GivenPicture | Sequence[GivenPicture] | None"
Texts: TypeAlias = "str | Sequence[str] | None"
JSON_NAMES = {"images": "image", "texts": "text"}
"""Fields whose names in JSON are those of the arguments of `Collection.search`."""


@dataclass(frozen=True)
class SearchRequest:
    """Pictures and sentences to look for, and how to answer.

    Without weights the model composes every picture with every sentence, and the mean of the results is searched for:
    one picture and one sentence are exactly what it was trained on. With weights, one per picture and then one per
    sentence, each is embedded alone and the weighted sum is searched for. balance: from 0, the pictures alone, by .5,
    what the model composes, to 1, the sentences alone; towards an end, the score of that side alone is mixed into that
    of the composed query. without: sentences, unlike: ids of entries, that count against an answer. where: a condition
    on the metadata (see `filters`), applied before ranking, so that k answers come back if so many meet it. distinct:
    a cosine; of pictures at least so near to each other the best stands for the others. rerank: NAME or NAME:N, a stage
    that reorders the first N (see `rerank`). within: folders, of which one must hold the answers. near: latitude and
    longitude in degrees, and kilometres. with_self: the query's own picture may answer too: entries with the content or
    the path of a picture that is searched for. negative_weight: that of each of `without` and `unlike`, 0 or more; None
    for the usual one (see `query.embed`).

    Raises TwinlensError for a request that cannot be answered, whatever the collection.
    """

    images: tuple[Picture, ...] = ()
    texts: tuple[str, ...] = ()
    k: int = 10
    where: str | None = None
    without: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    weights: tuple[float, ...] | None = None
    distinct: float | None = None
    rerank: str | None = None
    within: tuple[str, ...] = ()
    near: tuple[float, float, float] | None = None
    with_self: bool = False
    negative_weight: float | None = None
    balance: float | None = None

    def __post_init__(self) -> None:
        self._check_query()
        self._settle("k", as_count("k", self.k))
        if self.distinct is not None:
            self._settle("distinct", as_number("distinct", self.distinct))
            if not -1 <= self.distinct <= 1:
                raise TwinlensError(f"distinct wants a cosine, from -1 to 1, not {self.distinct:g}")
        self._check_filters()
        for entry in self.unlike:
            as_text("unlike, which takes the ids of hits,", entry)

    def _check_filters(self) -> None:
        for name in ("where", "rerank"):
            if getattr(self, name) is not None:
                as_text(name, getattr(self, name))
        for folder in self.within:
            as_text("within, which takes folders,", folder)
        if self.near is not None:
            self._settle("near", _place(self.near))
        if self.negative_weight is not None:
            self._settle("negative_weight", as_number("negative_weight", self.negative_weight))
            if self.negative_weight < 0:
                raise TwinlensError(f"negative_weight wants 0 or more, not {self.negative_weight:g}")
        as_switch("with_self", self.with_self)

    def _check_query(self) -> None:
        if not self.images and not self.texts:
            raise TwinlensError("a query needs a picture, a text, or both")
        for image in self.images:
            check_picture(image, GIVEN)
        for text in (*self.texts, *self.without):
            as_text("a text of a query", text)
        parts = len(self.images) + len(self.texts)
        if self.weights is not None and len(self.weights) != parts:
            has = f"{counted(len(self.images), 'picture')} and {counted(len(self.texts), 'text')}"
            raise TwinlensError(f"the query has {has}, but {counted(len(self.weights), 'weight')}")
        if self.weights is not None:
            self._settle("weights", tuple(as_number("a weight", weight) for weight in self.weights))
        if self.balance is not None:
            self._check_balance(self.balance)
        self._check_without()

    def _check_balance(self, balance: object) -> None:
        self._settle("balance", value := as_number("balance", balance))
        if not 0 <= value <= 1:
            raise TwinlensError(f"balance wants 0 (the picture alone) to 1 (the words alone), not {value:g}")
        if not self.images or not self.texts:
            raise TwinlensError("balance is between a picture and a text; give both, or leave balance out")
        if self.weights is not None:
            raise TwinlensError("balance and weights both say how much a side counts; leave one out")

    def _check_without(self) -> None:
        """Raise TwinlensError where nothing is searched for but words to be kept away from."""
        weights = [1.0] * len(self.texts) if self.weights is None else self.weights[len(self.images) :]
        wanted = [text for text, weight in zip(self.texts, weights, strict=True) if weight > 0]
        away = {_words(text) for text in self.without}
        if wanted and not self.images and all(_words(text) in away for text in wanted):
            both = f"{shown(wanted[0])} is searched for and in `without` too, where they cancel each other out"
            raise TwinlensError(f"{both}; leave it out of one, or add what to look for")

    def _settle(self, name: str, value: object) -> None:
        """Set a field to its checked value: Python's own number in place of NumPy's, which JSON lacks."""
        object.__setattr__(self, name, value)

    @classmethod
    def of(cls, image: Pictures = None, text: Texts = "", k: int = 10, **options: Any) -> SearchRequest:
        """Build a request from what people pass: one or several, paths as text, None and empty sentences left out.

        Raises TwinlensError as the class does, and TypeError for an unknown option.
        """
        for name in options:
            if name not in OPTIONS:
                raise TypeError(suggestions.unknown("option of search", name, ["image", "text", "k", *OPTIONS]))
        for name in ("without", "unlike"):
            if name in options:
                options[name] = _texts(name, options[name])
        if (given := options.pop("within", None)) is not None:
            listed = [given] if isinstance(given, str | os.PathLike) else _several("within", given)
            options["within"] = tuple(os.fspath(one) if isinstance(one, os.PathLike) else one for one in listed)
        if options.get("weights") is not None:
            options["weights"] = tuple(_several("weights", options["weights"]))
        return cls(_pictures(image), () if text is None else _texts("text", text), k, **options)

    @property
    def is_filtered(self) -> bool:
        """Return True if not every entry may answer."""
        return self.where is not None or self.near is not None or bool(self.within)

    @property
    def filter_key(self) -> tuple[object, ...]:
        """Return what is equal for requests whose answers come from the same entries."""
        return self.where, self.near, self.within

    def to_json(self) -> dict[str, Any]:
        """Return the arguments of `of`; pictures stay as they are."""
        values = {JSON_NAMES.get(f.name, f.name): getattr(self, f.name) for f in fields(self)}
        for name in ("rerank", "within", "near", "balance"):  # receipts of earlier versions have no such keys
            if values[name] in (None, ()):
                del values[name]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SearchRequest:
        """Read the JSON of `to_json`. Raises TypeError for an unknown option.

        Receipts of earlier versions have neither `with_self` nor `negative_weight`: the query's own picture was among
        their answers, and negatives weighed as much as the query.
        """
        return cls.of(**{"with_self": True, "negative_weight": 1.0, **values})


OPTIONS = tuple(f.name for f in fields(SearchRequest) if f.name not in (*JSON_NAMES, "k"))
"""Names of the keyword arguments of `SearchRequest.of`."""


def _pictures(given: Pictures) -> tuple[Picture, ...]:
    if given is None:
        return ()
    from twinlens.media import memory  # for searches by words alone

    if isinstance(given, str | bytes | bytearray | memoryview) or not isinstance(given, Sequence):
        given = [given]
    return tuple(map(memory.as_picture, given))


def _words(text: str) -> str:
    """Return a sentence as it is compared: without case and the width of spaces."""
    return " ".join(text.casefold().split())


def _texts(name: str, given: Texts) -> tuple[str, ...]:
    listed = [as_text(name, text).strip() for text in _several(name, given)]
    return tuple(text for text in listed if text)


# Checks: each returns the value, or raises TwinlensError with what to pass instead.


def _place(given: object) -> tuple[float, float, float]:
    """Check latitude and longitude in degrees, and a distance in kilometres."""
    values = [as_number("near", value) for value in _several("near", given)]
    if len(values) != 3 or abs(values[0]) > 90 or abs(values[1]) > 180 or values[2] <= 0:
        raise TwinlensError(f"near wants latitude, longitude (degrees) and kilometres above 0, not {shown(given)}")
    return values[0], values[1], values[2]


def _several(name: str, given: object) -> list[object]:
    """Check one text, or several values of any kind."""
    if isinstance(given, str):
        return [given]
    if given is None or isinstance(given, bytes | bytearray | Mapping) or not isinstance(given, Iterable):
        how = "leave it out" if given is None else "give one, or a list"
        raise TwinlensError(f"{name} cannot be {shown(given)}; {how}")
    return list(given)
