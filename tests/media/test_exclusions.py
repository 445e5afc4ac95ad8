"""What is left out below folders: trash, thumbnails, what twinlens wrote, and what the user excludes."""

from __future__ import annotations

import struct
from collections import Counter

import pytest

from tests.pictures import draw
from twinlens.core.types import TwinlensError
from twinlens.media import finding
from twinlens.media.exclusions import Rules


def made(root, *names):
    for n, name in enumerate(names):
        draw((root / name).with_suffix(".png"), n).rename(root / name)
    return root


def found(root, rules) -> list[str]:
    return [path.relative_to(root).as_posix() for path in finding.find(root, rules=rules)]


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        *((name, "in the trash") for name in ("#recycle", "@Recycle", "$RECYCLE.BIN", ".Trash-1000", ".Trashes")),
        *((name, "in folders of thumbnails") for name in ("@eaDir", ".thumbnails", "Thumbs", "a.lrdata")),
        ("My.photoslibrary/resources", "in folders of thumbnails"),
        ("System Volume Information", "of the system"),
    ],
)
def test_folders_of_systems_are_left_out_and_counted(tmp_path, folder, reason):
    root, rules = made(tmp_path, "a.jpg", f"sub/{folder}/deep/b.jpg", f"sub/{folder}/c.jpg"), Rules()
    assert found(root, rules) == ["a.jpg"] and rules.counts == {reason: 2}
    assert rules.excludes(root / "sub" / folder / "deep" / "b.jpg") and not rules.excludes(root / "a.jpg")


def test_the_folder_that_is_named_is_taken(tmp_path):
    root = made(tmp_path / "thumbs", "a.jpg", "originals/b.jpg")
    assert found(root, Rules()) == ["a.jpg", "originals/b.jpg"]


def test_folders_that_are_marked_as_ours_are_left_out(tmp_path):
    root = made(tmp_path, "a.jpg", "c/b.jpg")
    (root / "c" / "mark").touch()
    rules = Rules(ours=["mark"])
    assert found(root, rules) == ["a.jpg"] and rules.counts == {"in collections of twinlens": 1}


def test_rules_of_gitignore(tmp_path):
    root = made(
        tmp_path, "a.jpg", "a.gif", "keep.gif", "sub/b.jpg", "sub/c.jpg", "sub/x/d.jpg", "shots/e.jpg", "z/shots.jpg"
    )
    (root / ".twinlensignore").write_text("# comment\n*.gif\n!keep.gif\n/shots/\nb.jpg\n")
    (root / "sub" / ".twinlensignore").write_text("!b.jpg\n/x\n")
    rules = Rules()
    assert found(root, rules) == ["a.jpg", "keep.gif", "sub/b.jpg", "sub/c.jpg", "z/shots.jpg"]
    assert rules.counts == {"excluded": 3}


@pytest.mark.parametrize(
    ("rules", "taken"),
    [
        ("a/**\n!a/keep.png", ["a/keep.png", "x.png"]),
        ("a/**\n!a/b/\n!a/b/x.png", ["a/b/x.png", "x.png"]),
        ("a/**\na/*\n!*.png", ["a/keep.png", "a/x.png", "x.png"]),
        ("a/**\n!*.png\n!a", ["a/keep.png", "a/x.png", "x.png"]),
        ("a/**/\n!a", ["a/keep.png", "a/x.png", "x.png"]),
        ("**/b/**", ["a/keep.png", "a/x.png", "x.png"]),
        ("?\n!a", ["a/keep.png", "a/x.png", "x.png"]),
        *((rules, ["x.png"]) for rules in ("a/**", "/a/**", "a\n!a/**", "!a/**\na", "/*\n!x.png\n!a/**", "*/")),
        *((rules, []) for rules in ("**", "/**", "*", "/*\n!a/**", "**\n!a/**\na", "!a/**\n**")),
        *(
            (rules, ["a/b/x.png", "a/keep.png", "a/x.png", "x.png"])
            for rules in ("**\n!**", "b/**", "a/**\n!a/**", "/")
        ),
    ],
)
def test_a_folder_is_left_out_only_by_a_rule_that_matches_it(tmp_path, rules, taken):
    root = made(tmp_path, "other.png", *(f"in/{name}" for name in ("x.png", "a/keep.png", "a/x.png", "a/b/x.png")))
    (root / "in" / ".twinlensignore").write_text(rules)
    assert found(root, Rules()) == [*(f"in/{name}" for name in taken), "other.png"]


def test_the_command_line_wins(tmp_path):
    root = made(tmp_path, "a.jpg", "b.gif", "sub/c.gif")
    (root / "sub" / ".twinlensignore").write_text("!*.gif\n")
    assert found(root, Rules(["*.gif"])) == ["a.jpg"]
    assert found(root, Rules(["sub/", "/b.*"])) == ["a.jpg"]


def test_a_rule_that_is_too_dear_leaves_the_others_in_force(tmp_path):
    root = made(tmp_path, "a.jpg", "sub/b.jpg", "c.png")
    (root / ".twinlensignore").write_text("# **** my own ****\n*a*b*c*d*\nsub/\n")
    rules = Rules()
    assert found(root, rules) == ["a.jpg", "c.png"]
    assert len(rules.faults) == 1 and "this rule is not used: a pattern with more than 3 stars" in rules.faults[0]


def test_rules_that_cannot_be_read_are_one_line(tmp_path):
    root = made(tmp_path, "a.jpg")
    (root / ".twinlensignore").write_bytes(b"\xff\xfe\xff")
    rules = Rules()
    assert found(root, rules) == ["a.jpg"]
    assert len(rules.faults) == 1 and ".twinlensignore: its rules are not used" in rules.faults[0]
    (root / ".twinlensignore").rename(tmp_path.parent / "rules")
    (root / ".twinlensignore").symlink_to(tmp_path.parent / "rules")
    rules = Rules()
    assert found(root, rules) == ["a.jpg"] and "it is a link" in rules.faults[0]
    for pattern in ("!", "*a" * 20, "**/" * 20):
        with pytest.raises(TwinlensError, match="--exclude has a pattern"):
            Rules([pattern])


def test_pictures_by_content_alone_are_counted_by_kind(tmp_path):
    root = made(tmp_path, "a.jpg", "b.dat", "c", "d.txt")
    (root / "e.bin").write_bytes(b"BM no picture" * 9)
    passed = Counter()
    assert finding.find(root, passed=passed) == [root / "a.jpg"]
    assert passed == {"PNG named .dat": 1, "PNG named without an ending": 1}
    (line,) = finding.describe(passed)
    assert line == (
        "passed over 1 PNG named .dat, 1 PNG named without an ending: their content is that of pictures, and their"
        " names are not; give them the ending of their kind"
    )


def test_live_photos_count_once(tmp_path):
    root = made(tmp_path, "IMG_1.jpg")
    (root / "IMG_1.MOV").write_bytes(movie(2.9))
    rules, passed = Rules(), Counter()
    assert finding.find(root, rules=rules, passed=passed) == [root / "IMG_1.jpg"]
    assert rules.counts == {"moving halves of live photos": 1} and not passed


def test_a_long_video_beside_a_picture_of_its_name_is_one_of_its_own(tmp_path):
    root = made(tmp_path, "DSC_5.jpg", "DSC_6.jpg", "DSC_7.jpg")
    (root / "DSC_5.MOV").write_bytes(movie(61))
    (root / "DSC_6.MOV").write_bytes(movie(61, version=1))
    (root / "DSC_7.MOV").write_bytes(b"\0\0\0\x14ftypqt  ")  # cut off: its length is not known
    rules, passed = Rules(), Counter()
    pictures = finding.find(root, rules=rules, passed=passed)
    # Where nothing decodes videos, they are counted among those passed over.
    assert passed[".mov"] + sum(path.suffix == ".MOV" for path in pictures) == 3 and not rules.counts


def movie(seconds: float, version: int = 0) -> bytes:
    """A QuickTime file as phones write it: the media first, with a size of 64 bits, and the header last."""
    wide = ">QQIQ" if version else ">IIII"
    times = struct.pack(wide, 0, 0, 600, round(600 * seconds))
    header = box(b"mvhd", bytes([version, 0, 0, 0]) + times + bytes(80))
    media = struct.pack(">I4sQ", 1, b"mdat", 16 + 5000) + bytes(5000)
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"wide", b"") + media + box(b"moov", box(b"udta", b"x") + header)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content
