"""Export of a composer as a folder that runs without torch."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from twinlens.core import checksums
from twinlens.core.plugin_names import short
from twinlens.core.progress import track
from twinlens.core.types import TwinlensError
from twinlens.encoders import Encoder
from twinlens.models.composer import PROVENANCE, RECIPE, Composer
from twinlens.models.exported.about import FILE, About
from twinlens.models.exported.computed import ComputedTower, computing
from twinlens.models.exported.exported import ExportedModel, link_or_copy
from twinlens.models.exported.precision import Precision, reduce
from twinlens.models.runtime.export import export, preparations, quiet
from twinlens.models.runtime.parts import Onnx, Preparations
from twinlens.models.runtime.reference import EXACT, Reference
from twinlens.preparation.facts import TENSORS

SAMPLES = 16
"""Synthetic samples on which the export is compared with the composer."""
INSTALL = "install with: pip install 'twinlens[export]'"


def write(
    composer: Composer,
    folder: Path,
    *,
    precision: Precision = "float32",
    beside: bool = False,
    towers: ExportedModel | None = None,
    progress: bool = False,
) -> float:
    """Write an export into a new or empty folder, or beside a model's own files; return the least cosine to torch.

    towers: an export in this precision of a model with the same encoders, whose graphs of these are taken over.
    Raises TwinlensError where a part cannot be exported, or its vectors are not the composer's; nothing stays then.
    """
    if precision not in get_args(Precision):
        raise TwinlensError(f"the precision is {', '.join(get_args(Precision))}, not {precision!r}")
    if not beside and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TwinlensError(f"{folder} is there already; give a new folder")
    draft = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    try:
        draft.mkdir(parents=True)
        cosine = _fill(composer, draft, precision, towers, progress=progress)
        if beside:
            for name in (RECIPE, PROVENANCE):
                (draft / name).unlink()  # the model has its own
            for repeated in draft.rglob(TENSORS):
                repeated.unlink()  # its weights have them
            shutil.copytree(draft, folder, dirs_exist_ok=True)
            checksums.write(folder)
        else:
            checksums.write(draft)
            draft.replace(folder)
    except OSError as error:
        raise TwinlensError(f"cannot write the model to {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return cosine


@contextmanager
def exported_like(serving: object, composer: Composer, *, progress: bool = False) -> Iterator[Composer | ExportedModel]:
    """Yield an export with its weights beside it where an export serves, in a folder that lasts as long as the body.

    composer: has the encoders of the one that serves. It is yielded itself where another model serves, and where it
    cannot be exported.
    """
    if not isinstance(serving, ExportedModel):
        yield composer
        return
    with TemporaryDirectory(prefix="twinlens-") as made:
        folder = Path(made) / "model"
        composer.save(folder)
        try:
            write(composer, folder, beside=True, towers=serving, progress=progress)
            model: Composer | ExportedModel = ExportedModel.load(folder)
        except (TwinlensError, ModuleNotFoundError):
            model = composer
        yield model


def _fill(
    composer: Composer, folder: Path, precision: Precision, given: ExportedModel | None, *, progress: bool
) -> float:
    """Write all files of an export; return the least cosine to torch. Raises TwinlensError if that is too small."""
    prepares, reference = _prepares(composer), Reference(composer, SAMPLES)
    prepares.save(folder)
    computed = {
        tower.name: ComputedTower(one, tower)
        for tower in reference.towers
        if (one := computing(prepares.of(tower.encoder))) is not None
    }
    files = _files(reference, computed)
    graphs = {name: folder / file for name, file in files.items()}
    taken = _take_over(given, reference, graphs) if given and given.about.precision == precision else set()
    left = {name: path for name, path in graphs.items() if name not in taken}
    _export(reference, left, precision, progress=progress)
    cosine = reference.cosine({**computed, **{name: Onnx(path) for name, path in graphs.items()}})
    least = EXACT["onnx" if precision == "float32" else "bf16"]
    if cosine < least:
        raise TwinlensError(f"in {precision} the vectors differ from plain torch's (cosine {cosine:.5f}, not {least})")
    about = About(
        digest=_digest(composer, precision),
        dim=composer.dim,
        encoders=tuple(part.name for part in composer.recipe.encoders),
        channels=tuple(composer.channels),
        towers=tuple(reference.towers),
        graphs=files,
        preparations=tuple(prepares.to_json()),
        trims=reference.trims,
        precision=precision,
    )
    _write_texts(composer, folder, about)
    return cosine


def _write_texts(composer: Composer, folder: Path, about: About) -> None:
    (folder / FILE).write_text(json.dumps(about.to_json(), indent=1) + "\n", encoding="utf-8")
    (folder / RECIPE).write_text(composer.recipe.to_toml(), encoding="utf-8")
    (folder / PROVENANCE).write_text(json.dumps(composer.provenance, indent=2) + "\n", encoding="utf-8")


def _files(reference: Reference, computed: Collection[str]) -> dict[str, str]:
    """Name the graph of each part that no preparation computes; those of towers are in their encoder's folder."""
    encoders = {tower.name: tower.encoder for tower in reference.towers}
    return {
        name: f"encoder-{encoders[name]}/model.onnx" if name in encoders else f"{name}.onnx"
        for name in reference.plain
        if name not in computed
    }


def _take_over(given: ExportedModel, reference: Reference, files: Mapping[str, Path]) -> set[str]:
    """Copy the graphs of equal towers from another export, but for those of other programs; return their names."""
    graphs = given.about.graphs.keys() - given.about.adapters.keys()
    taken = {tower.name for tower in reference.towers if tower in given.about.towers} & graphs & files.keys()
    for name in taken:
        files[name].parent.mkdir(exist_ok=True)
        link_or_copy(given.folder / given.about.graphs[name], files[name])
    return taken


def _export(reference: Reference, files: Mapping[str, Path], precision: Precision, *, progress: bool) -> None:
    """Write the graphs, those of towers in a precision. Raises TwinlensError for a part that cannot be exported."""
    for name in track(files, "exporting", len(files), unit="networks", progress=progress):
        inputs = {key: array[:3] for key, array in reference.arrays[name].items()}
        if why := export(reference.plain[name], inputs, files[name]):
            raise TwinlensError(f"the network {name} of the model cannot be exported: {why}")
        if not name.startswith("head"):
            with quiet():
                reduce(files[name], precision)


def _prepares(composer: Composer) -> Preparations:
    if composer.own_similarity is not None:
        raise TwinlensError(f"the fusion {short(composer.recipe.fusion.name)} composes scores, which no graph does")
    prepares, pictures = preparations(composer)
    if prepares is None or not pictures:
        pairs = zip(composer.recipe.encoders, composer.encoders, strict=True)
        names = [part.name for part, made in pairs if isinstance(made, Encoder) and not made.preparations()]
        raise TwinlensError(f"the encoder {names[0]} prepares pictures by itself, and cannot be exported")
    return prepares


def _digest(composer: Composer, precision: Precision) -> str:
    """Return the composer's digest, or another one for vectors that differ from its own in their third digit."""
    if precision == "float32":
        return composer.digest
    return hashlib.blake2b(f"{composer.digest} {precision}".encode(), digest_size=16).hexdigest()
