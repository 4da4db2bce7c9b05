"""Weights -> the files of a sentence-transformers folder: tensors, tokenizer and settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rag.errors import ModelError
from rag.weights.file import Shape, Weights

PROMPTS = {"query": "query: ", "document": "passage: "}
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_SPECIAL = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "mask_token": "<mask>",
}


def write_contents(folder: Path, weights: Weights) -> None:
    """Fills an empty folder in the form that sentence-transformers saves and loads."""
    from safetensors.numpy import save_file

    save_file(weights.tensors, folder / "model.safetensors", metadata={"format": "pt"})
    write_tokenizer(folder / "tokenizer.json", weights.pieces)
    (folder / "1_Pooling").mkdir()
    for name, content in _configuration(weights.shape).items():
        write_json(folder / name, content)


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _configuration(shape: Shape) -> dict[str, Any]:
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    return {
        "config.json": _bert_configuration(shape),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",  # takes tokenizer.json as it stands
            "model_max_length": shape.positions,
            **_SPECIAL,
        },
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(modules)
        ],
        "sentence_bert_config.json": {
            "max_seq_length": shape.positions,
            "do_lower_case": False,
            "model_args": {"add_pooling_layer": False},  # BERT's own pooler is not used, and its weights not there
        },
        "1_Pooling/config.json": {"word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": True},
        "config_sentence_transformers.json": {
            "prompts": PROMPTS,
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }


def _bert_configuration(shape: Shape) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.feed_forward,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.token_types,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "torch_dtype": "float32",
    }


def write_tokenizer(path: Path, pieces: list[tuple[str, float]]) -> None:
    """XLM-RoBERTa's tokenizer: the pieces stand in the order of its ids, special tokens included."""
    assembled(pieces, normaliser(normalisation_table())).save(str(path), pretty=False)


def assembled(pieces: list[tuple[str, float]], normalised: Any) -> Any:
    """The tokenizer of these pieces, of which the first four are special, the unknown one the last of them."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalised
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens([*SPECIALS[:-1], AddedToken(SPECIALS[-1], lstrip=True, special=True)])
    return tokenizer


def normaliser(table: bytes) -> Any:
    """sentencepiece's normal form, out of its compiled nmt_nfkc table."""
    from tokenizers import Regex, normalizers

    return normalizers.Sequence(
        [
            normalizers.Replace("\u200d", " "),  # as in XLM-R's day; sentencepiece now keeps the zero-width joiner
            normalizers.Precompiled(table),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Strip(),  # sentencepiece drops white space at both ends
        ]
    )


def normalisation_table() -> bytes:
    """The compiled nmt_nfkc table, out of sentencepiece's normaliser specification (field 2 of a protobuf message)."""
    from sentencepiece import SentencePieceNormalizer

    specification: bytes = SentencePieceNormalizer(rule_name="nmt_nfkc").serialized_normalizer_spec()
    at = 0
    while at < len(specification):
        key, at = _varint(specification, at)
        length, at = _varint(specification, at)
        if key == 2 << 3 | 2:  # field 2, length-delimited: precompiled_charsmap
            return specification[at : at + length]
        at += length if key & 7 == 2 else 0  # of a varint field, `length` was the value
    raise ModelError("the installed sentencepiece has no nmt_nfkc table: run 'pip install sentencepiece==0.2.3'")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while data[at] & 128:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1
