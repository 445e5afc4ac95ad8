"""Arguments that choose a dataset and a recipe, and loading them."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from twinlens.commands import _common
from twinlens.core import variants
from twinlens.core.types import Dataset, TwinlensError

if TYPE_CHECKING:
    import argparse
    from types import ModuleType

    from twinlens.core.recipe import Recipe

PRECISIONS = ("float32", "bfloat16")


def add_dataset(parser: argparse.ArgumentParser, *, split: str) -> None:
    """Add the arguments that choose a dataset; `split` is the default."""
    parser.add_argument("--dataset", default="shapes", metavar="NAME", help="default: shapes, drawn on the spot")
    add_dataset_options(parser, split=split)


def add_dataset_options(parser: argparse._ActionsContainer, *, split: str) -> None:
    """Add the arguments of a dataset that is named otherwise; `split` is the default."""
    parser.add_argument("--root", type=Path, metavar="DIR", help="the dataset's folder in its original layout")
    parser.add_argument("--split", default=split, metavar="NAME", help=f"default: {split}")
    parser.add_argument("--protocol", metavar="NAME", help="default: the dataset's first; an unknown name lists them")
    parser.add_argument(
        "--data", action="append", default=[], metavar="KEY=VALUE", help="an option of the dataset, such as scenes=500"
    )


def add_recipe(parser: argparse.ArgumentParser, help_line: str) -> None:
    """Add the arguments that choose a recipe and its training."""
    parser.add_argument("--recipe", default="compact", metavar="NAME", help=help_line)
    parser.add_argument("--checkpoint", metavar="NAME", help="another CLIP or SigLIP for --recipe clip, another"
                        " Qwen3-VL-Embedding for universal, by its name at the hub or its folder")  # fmt: skip
    parser.add_argument("--epochs", type=int, metavar="N", help="instead of the recipe's number")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="reproduces a run (default: 0)")
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda or mps")
    parser.add_argument("--precision", choices=PRECISIONS, help="train in these numbers instead of the recipe's"
                        " (float32 unless it says otherwise)")  # fmt: skip
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a value of the recipe, such as"
                        " training.learning_rate=0.001 or fusion.name=tirg; may be repeated")  # fmt: skip
    _common.add_plugins(parser)


def recipe_of(args: argparse.Namespace) -> Recipe:
    """Read the recipe, with `--checkpoint`, `--set`, `--epochs` and `--precision` in it."""
    from twinlens.core.overrides import with_overrides
    from twinlens.core.recipe import find_recipe
    from twinlens.models import checkpoints

    checkpoints.check_folder(args.checkpoint)
    recipe = with_overrides(checkpoints.with_checkpoint(find_recipe(args.recipe), args.checkpoint), args.set)
    if args.epochs is not None and args.epochs < 1:
        raise TwinlensError("--epochs wants a number from 1 on")
    given = {name: getattr(args, name) for name in ("epochs", "precision") if getattr(args, name) is not None}
    return recipe.model_copy(update={"training": recipe.training.model_copy(update=given)})


def check_measured(args: argparse.Namespace) -> None:
    """Raise TwinlensError for a model or recipe that cannot be had, before the dataset is read or drawn."""
    from twinlens.models import shipped

    if args.protocol == "paper" and args.model:
        raise TwinlensError("protocol paper trains on every split anew: give --recipe instead of --model")
    if args.protocol == "paper" and args.repeats < 2:
        raise TwinlensError("--repeats wants at least 2: one repeat has no interval")
    if args.model:
        shipped.located(args.model)
    else:
        recipe_of(args)


def load_dataset(args: argparse.Namespace) -> tuple[ModuleType, Dataset]:
    """Load the dataset's file and the dataset. Raises TwinlensError for a name, folder, protocol or option it lacks."""
    module = dataset_file(args)
    return module, load_split(args, args.split)


def dataset_file(args: argparse.Namespace) -> ModuleType:
    """Load the dataset's file, or the plug-in of that name; choose the protocol where none is named."""
    from twinlens.core import plugins

    args.dataset = plugins.use("datasets", args.dataset)
    module = variants.load("datasets", args.dataset)
    args.protocol = args.protocol or module.PROTOCOLS[0]
    return module


def load_split(args: argparse.Namespace, split: str) -> Dataset:
    """Load another split of the same dataset under the same protocol and options.

    Pictures of datasets that are downloaded must all be there, before any network is built. Raises TwinlensError.
    """
    from twinlens.datasets._files import check_on_disk

    options = _options(args)
    dataset: Dataset = variants.call(
        "datasets", args.dataset, "load", args.root, split, protocol=args.protocol, **options
    )
    if hasattr(variants.load("datasets", args.dataset), "expected_files"):
        check_on_disk(dataset, args.dataset)
    return dataset


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """Read `--data` as the dataset's loader annotates its parameters. Raises TwinlensError for another value."""
    pairs = [text.partition("=") for text in args.data]
    if bad := [key for key, equals, _ in pairs if not equals]:
        raise TwinlensError(f"--data wants KEY=VALUE, not {bad[0]!r}")
    if any(key == "protocol" for key, _, _ in pairs):
        raise TwinlensError("--data names no protocol; --protocol does")
    hints: dict[str, Any] = {}
    with suppress(AttributeError, NameError):  # a plug-in without a loader, which is told later, or with other notes
        hints = get_type_hints(variants.load("datasets", args.dataset).load)
    return {key: _value(key, text, hints[key]) if key in hints else _json(text) for key, _, text in pairs}


def _value(key: str, text: str, hint: Any) -> Any:
    from pydantic import TypeAdapter, ValidationError

    from twinlens.core import faults

    adapter: TypeAdapter[Any] = TypeAdapter(hint)
    with suppress(ValidationError):
        return adapter.validate_json(text, strict=True)
    try:
        return adapter.validate_python(text)
    except ValidationError as error:
        raise TwinlensError(f"--data {key} {faults.in_words(error.errors()[0])}") from error


def _json(text: str) -> Any:
    """Read numbers, true and false as JSON has them; everything else is a string."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
