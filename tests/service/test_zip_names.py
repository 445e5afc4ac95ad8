"""Names in a ZIP of hits, which may be unpacked on any system."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from twinlens.collection.store import Entry
from twinlens.service.routes.export import _name, _Ranked


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/pictures/a.jpg", "0007-a.jpg"),
        ("/pictures/..\\..\\b.jpg", "0007-.._.._b.jpg"),
        ("/pictures/C:\\b.jpg", "0007-C:_b.jpg"),
        ("/shard.tar/sub/CON", "0007-CON"),
        ("/clips/a.mp4/00-01-23.500", "0007-00-01-23.500"),
    ],
)
def test_a_name_begins_with_the_rank_and_leads_nowhere(path, name):
    found = _name(_Ranked(7, Entry(Path(path), b"", 1, 1)))
    assert found == name
    for pure in (PureWindowsPath(found), PurePosixPath(found)):
        assert len(pure.parts) == 1 and not pure.is_absolute() and not pure.drive and not pure.is_reserved()
