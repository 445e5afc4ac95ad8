"""WordPiece tokenisation, trained on a corpus or read from a checkpoint, to a fixed number of ids per text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from twinlens.core.types import Arrays, TwinlensError

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
FILE = "tokenizer.json"


def learn(texts: Iterable[str], size: int) -> Tokenizer:
    """Train a lower-casing WordPiece tokenizer of at most `size` entries, as BERT's (Devlin et al. 2019).

    Training is deterministic: the library numbers single letters in the order of a hash table, which changes from call
    to call and decides ties between merges, so they are passed in order as special tokens, a role they lose afterwards.
    If `size` is too small for all letters, words with the rarest ones become [UNK].
    """
    texts = [text for text in texts if text]
    learner = _bare(models.WordPiece(unk_token="[UNK]"))
    counts = Counter(letter for text in texts for word, _ in _words(learner, text) for letter in word)
    common = sorted(counts, key=lambda letter: (-counts[letter], letter))[: (size - len(SPECIAL)) // 2]
    ordered = [*SPECIAL, *sorted(common), *(f"##{letter}" for letter in sorted(common))]
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=ordered, show_progress=False)
    learner.train_from_iterator(texts, trainer=trainer)
    vocabulary = {token: number for token, number in learner.get_vocab().items() if number < size}
    tokenizer = _bare(models.WordPiece(vocabulary, unk_token="[UNK]"))
    ends = [(token, SPECIAL.index(token)) for token in ("[SEP]", "[CLS]")]
    tokenizer.post_processor = processors.BertProcessing(*ends)
    return tokenizer


def save(tokenizer: Tokenizer, path: Path) -> None:
    """Write a tokenizer. Raises OSError; the library's own writer raises a bare Exception where the disk is full."""
    path.write_bytes(tokenizer.to_str(pretty=True).encode("utf-8"))


def _bare(model: models.WordPiece) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _words(tokenizer: Tokenizer, text: str) -> list[tuple[str, tuple[int, int]]]:
    words: list[tuple[str, tuple[int, int]]] = tokenizer.pre_tokenizer.pre_tokenize_str(
        tokenizer.normalizer.normalize_str(text)
    )
    return words


def load(folder: Path) -> Tokenizer:
    """Read `tokenizer.json` from a folder. Raises TwinlensError if it is missing or not a tokenizer."""
    path = folder / FILE
    if not path.is_file():
        raise TwinlensError(f"the model folder lacks {path.name} (looked in {folder}); copy the whole folder again")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception for every malformed file
        raise TwinlensError(f"{path} is not a tokenizer file: {error}") from error


def encode(tokenizer: Any, text: str, length: int, *, pad: int | None = None) -> Arrays:
    """Encode a text, cut or padded to `length`: words (L,) int64, words_mask (L,) bool, text_present ().

    pad: the padding id, by default that of [PAD]. The empty text, that of a picture alone, is [CLS] [SEP].
    """
    encoding = tokenizer.encode(text)
    ids, count = encoding.ids, min(len(encoding.ids), length)
    words = np.full(length, tokenizer.token_to_id("[PAD]") or 0 if pad is None else pad, dtype=np.int64)
    words[:count] = ids[:count]
    if len(ids) > length:
        words[length - 1] = ids[-1]  # a cut sentence still ends with [SEP]
    return {"words": words, "words_mask": np.arange(length) < count, "text_present": np.asarray(bool(text.strip()))}


def is_longer(tokenizer: Any, text: str, length: int) -> bool:
    """Return True if `encode` cuts a text to the length."""
    return len(text) >= length - 1 and len(tokenizer.encode(text).ids) > length
