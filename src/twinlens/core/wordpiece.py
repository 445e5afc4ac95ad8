"""WordPiece tokenisation, trained on a corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


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
