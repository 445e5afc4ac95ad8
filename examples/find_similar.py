"""Find the pictures of a folder that are like one of yours, changed as a sentence says.

python examples/find_similar.py FOLDER PICTURE [SENTENCE …] [--recipe NAME]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from twinlens import Collection, Hit, TwinlensError


def opened(folder: Path, recipe: str) -> Collection:
    """Open the collection beside a folder of pictures, or make it."""
    place = folder.with_name(f"{folder.name}-collection")
    return Collection.open(place) if Collection.exists(place) else Collection.create(place, recipe=recipe)


def line(hit: Hit) -> str:
    """Describe an answer in a line."""
    return f"{hit.rank}. {hit.score:.3f} {hit.path} {hit.caption}".rstrip()


def main() -> int:
    """Index the folder, which takes only what is new, and print the answers to each sentence."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("sentences", nargs="*", default=[""])
    parser.add_argument("--recipe", default="auto")
    given = parser.parse_args()
    try:
        with opened(given.folder.resolve(), given.recipe) as collection:
            report = collection.add(given.folder)
            print(f"{len(collection)} pictures, {report.added} of them new, {report.failed} cannot be read")
            queries = [{"image": given.picture, "text": sentence} for sentence in given.sentences]
            for sentence, hits in zip(given.sentences, collection.search_many(queries, k=5), strict=True):
                print(sentence or "alike", *map(line, hits), sep="\n")
    except TwinlensError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
