"""Checkpoints by Hugging Face hub name or local folder; safetensors only, no remote code.

A model folder stores a checkpoint's architecture, not its location: `keep` writes it, `kept` replaces the checkpoint in
the options by that folder, and `model` builds the network from it, whose weights the model folder holds.

The composer imports this module for every model, so transformers, which takes seconds, is imported only when needed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar, cast

from safetensors import SafetensorError
from tokenizers import Tokenizer

from twinlens.core import packaged
from twinlens.core.types import TwinlensError

T = TypeVar("T")
ARCHITECTURE = "architecture.json"
OFFLINE_RECIPES = ("compact", "offline", "paper", "paper-grid", "paper-minilm")
"""Shipped recipes that need no download."""
INSTALL_OFFLINE = "install with: pip install 'twinlens[offline]'"
"""Cure in errors about a missing package of the extra `offline`."""

_FILES = (
    "config.json, model.safetensors (converted, where there is only pytorch_model.bin) and tokenizer.json, for a "
    "detector preprocessor_config.json"
)
_WHOLE = ("config.json", "model.safetensors")
_UNREADABLE: tuple[type[Exception], ...] = (OSError, ValueError, KeyError, ImportError, SafetensorError)
_PATIENCE = 5.0  # seconds until a hub that does not answer counts as out of reach
for _variable in ("HF_HUB_DISABLE_TELEMETRY", "DISABLE_SAFETENSORS_CONVERSION"):
    # Read as these libraries are imported. Without the second one transformers has a service of the hub convert a
    # checkpoint, and takes weights from it that the checkpoint's owner has not approved.
    os.environ.setdefault(_variable, "1")


def model(name: str, *, auto: Any = None, new: str = "pooler", revision: str | None = None, **options: Any) -> Any:
    """Load a network in float32 by hub name or folder, with a class of transformers (`AutoModel` by default).

    new: a regular expression for weights that the checkpoint may lack or have in another shape; these are random.
    revision: the branch, tag or commit of a hub checkpoint; None: a package's, else the one that is cached, else the
    newest. `options` go to `from_pretrained`. For a folder that `keep` wrote, all weights are random. Raises
    TwinlensError with what to download, where to put it, and which recipes need no download; if the checkpoint lacks
    other weights; and for a package's files that are not the published ones.
    """
    import torch
    from transformers import AutoModel

    auto = auto or AutoModel
    if is_kept(name):
        return getattr(auto, "from_config", auto)(config(name))
    options = {"use_safetensors": True, "dtype": torch.float32, "output_loading_info": True, **options}
    network, info = _fetch(name, lambda place, **where: auto.from_pretrained(place, **options, **where), revision)
    missing = {*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])}
    if lacking := sorted(key for key in missing if not re.search(new, key)):
        kind = type(network).__name__
        raise TwinlensError(f"the checkpoint {name!r} is no {kind}: it lacks {lacking[0]}; choose another")
    return network


def image_processor(name: str, revision: str | None = None) -> Any:
    """Load the image processor of a checkpoint. Raises TwinlensError as `model` does."""
    from transformers import AutoImageProcessor

    return _fetch(name, AutoImageProcessor.from_pretrained, revision)


def padding(name: str, revision: str | None = None) -> int:
    """Return the id of a checkpoint's padding token. Raises TwinlensError as `model` does."""
    return int(_tokenizer(name, revision).pad_token_id or 0)


def _tokenizer(name: str, revision: str | None = None) -> Any:
    from transformers import AutoTokenizer

    return _fetch(name, AutoTokenizer.from_pretrained, revision)


def tokenizer(name: str, revision: str | None = None) -> Tokenizer:
    """Load a checkpoint's tokenizer, without truncation and padding. Raises TwinlensError as `model` does."""
    backend = getattr(_tokenizer(name, revision), "backend_tokenizer", None)
    if backend is None:
        raise TwinlensError(f"the checkpoint {name!r} has no tokenizer of the fast kind; choose another")
    backend.no_padding()
    backend.no_truncation()
    return cast("Tokenizer", backend)


def chat(name: str, revision: str | None = None) -> Callable[[list[Any]], str]:
    """Return what writes messages as a checkpoint's prompt, by its chat template, which transformers runs in a sandbox.

    Raises TwinlensError as `model` does, and where the checkpoint has no such template.
    """
    found = _tokenizer(name, revision)
    if not found.chat_template:
        raise TwinlensError(f"the checkpoint {name!r} has no chat template; choose another")
    return partial(found.apply_chat_template, add_generation_prompt=True, tokenize=False)


def standard(name: str, revision: str | None = None) -> tuple[list[float], list[float]]:
    """Return the mean and deviation per colour (of 0 to 1) that standardise a checkpoint's pictures; (0, 1) for none.

    Raises TwinlensError as `model` does.
    """
    processor = image_processor(name, revision)
    return (list(processor.image_mean), list(processor.image_std)) if processor.do_normalize else ([0.0] * 3, [1.0] * 3)


def config(name: str, revision: str | None = None) -> Any:
    """Load the configuration of a checkpoint or of a folder that `keep` wrote. Raises TwinlensError as `model` does."""
    from transformers import AutoConfig

    if is_kept(name):
        return AutoConfig.for_model(**kept_architecture(name))
    return _fetch(name, AutoConfig.from_pretrained, revision)


def keep(architecture: Mapping[str, Any], folder: Path) -> None:
    """Write a network's architecture, its constructor's arguments as JSON, to rebuild it without the checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ARCHITECTURE).write_text(json.dumps(dict(architecture), indent=2) + "\n", encoding="utf-8")


def is_kept(name: str) -> bool:
    """Return True if the name is a folder that `keep` wrote."""
    return (Path(name) / ARCHITECTURE).is_file()


def kept_architecture(name: str) -> dict[str, Any]:
    """Read the architecture that `keep` wrote. Raises TwinlensError if the file is damaged."""
    path = Path(name) / ARCHITECTURE
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise TwinlensError(f"{path} cannot be read: {error}; copy the whole model folder again") from error


def kept(options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Replace, in a variant's options, each checkpoint by `folder`/<option> if `keep` wrote that folder.

    Options that are tables (a visual encoder and its own options) are replaced recursively.
    """
    return {key: _kept(value, folder / key) for key, value in options.items()}


def _kept(value: Any, place: Path) -> Any:
    if isinstance(value, Mapping):
        return kept(value, place)
    return str(place) if is_kept(str(place)) else value


def is_missing(name: str, revision: str | None = None) -> bool:
    """Return True if a hub checkpoint ("owner/name") is neither in an installed package nor in the local cache."""
    from huggingface_hub import try_to_load_from_cache

    if not is_repository(name):
        return False
    if revision is None and packaged.located(name) != name:
        return False
    # An uncached file gives None; a file known to be absent from the hub gives a marker.
    return not all(isinstance(try_to_load_from_cache(name, file, revision=revision), str) for file in _WHOLE)


def is_repository(name: str) -> bool:
    """Return True if a name is a repository's at the hub, "owner/name", and no folder's."""
    return re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name) is not None and not Path(name).exists()


def listing(name: str, revision: str | None = None) -> frozenset[str]:
    """Return the names of a repository's files. Raises TwinlensError where the hub does not answer within seconds."""
    from huggingface_hub import HfApi

    def ask() -> frozenset[str]:
        found = HfApi().model_info(name, revision=revision, timeout=_PATIENCE)
        return frozenset(file.rfilename for file in found.siblings or ())

    try:
        return _within(_PATIENCE, ask)
    except Exception as error:  # whatever a proxy, a firewall or a missing network does to a request
        raise TwinlensError(f"cannot reach the checkpoint {name!r} at the hub: {_line(error)}") from error


def download(name: str, file: str, revision: str | None = None) -> Path:
    """Fetch a repository's file into the hub's cache, with its bar. Raises TwinlensError."""
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(name, file, revision=revision))
    except Exception as error:  # as above
        raise TwinlensError(f"cannot fetch {file} of the checkpoint {name!r}: {_line(error)}; try again") from error


def within_reach(name: str, revision: str | None = None) -> bool:
    """Return True if a checkpoint is on this machine, or the hub confirms within seconds that it has it."""
    if not is_missing(name, revision):
        return True
    try:
        _ask_hub(name, revision)
    except Exception:  # whatever a proxy, a firewall or a missing network does to a request
        return False
    return True


def _ask_hub(name: str, revision: str | None) -> None:
    from huggingface_hub import HfApi

    _within(_PATIENCE, lambda: HfApi().model_info(name, revision=revision, timeout=_PATIENCE))


def _fetch(name: str, load: Callable[..., Any], revision: str | None) -> Any:
    """Load from this machine first, so that an unreachable hub costs no retries and a rerun gets the same weights."""
    which = {} if revision is None else {"revision": revision}
    if which and Path(name).is_dir():
        raise TwinlensError(f"{name} is a folder, which has no revision {revision!r}; leave the option out")
    place = name if which else packaged.checked(name)
    with _quiet():
        try:
            return load(place, local_files_only=True, **which)
        except _UNREADABLE as error:
            if Path(name).is_dir():
                raise TwinlensError(f"the folder {name} is no checkpoint: {_line(error)}; it holds {_FILES}") from error
            if Path(name).is_absolute() or name.startswith((".", "~")):
                raise TwinlensError(f"there is no folder {name}; give a folder that holds {_FILES}") from error
        return _download(name, load, revision)


def _download(name: str, load: Callable[..., Any], revision: str | None) -> Any:
    from huggingface_hub.errors import HfHubHTTPError

    # The client's HTTP library depends on its version; the client's error derives from that library's own.
    network = cast("tuple[type[Exception], ...]", HfHubHTTPError.__bases__)
    faults: tuple[type[Exception], ...] = (*network, *_UNREADABLE)
    try:
        _ask_hub(name, revision)
        return load(name) if revision is None else load(name, revision=revision)
    except faults as error:
        instead = f"{INSTALL_OFFLINE}, or " if name in packaged.CHECKPOINTS else ""
        which = "" if revision is None else f" in the revision {revision!r}"
        raise TwinlensError(
            f"cannot fetch the checkpoint {name!r}{which}: {_line(error)}; {instead}download {_FILES} from "
            f"https://huggingface.co/{name} into a folder and give that folder as the name, or use a recipe that needs "
            f"no download: {', '.join(OFFLINE_RECIPES)}"
        ) from error


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Wait at most some seconds for a call, since no client's timeout covers the system's DNS look-up.

    Raises what the call raises, and TimeoutError.
    """
    future = Future[T]()
    Thread(target=_run, args=(future, call), daemon=True).start()
    return future.result(seconds)


def _run(future: Future[T], call: Callable[[], T]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # raised again by whoever waits
        future.set_exception(error)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence transformers' bars and reports; `model` checks for missing weights itself."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _line(error: Exception) -> str:
    """Return the first line of an error, or its type if it has no text."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
