"""The default base model's recipe: a small multilingual encoder that needs no download.

The tokenizer is learnt from the pretraining corpus and falls back to bytes, so it reads any script. This
module has the model, the tokenizer and the parts of the loss; `pretraining.py` has the training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import BPE
from torch import Tensor
from transformers import PreTrainedTokenizerFast, RobertaConfig

from study.streams import stream
from study.trial.models.loading import seeded

if TYPE_CHECKING:  # the modelling code takes seconds to import, and a driver never runs a model
    from transformers import RobertaForMaskedLM

__all__ = ["bag_of_words_loss", "build_tokenizer", "encoder_config", "mask_tokens", "new_encoder"]

VOCABULARY = 8000
MAX_LENGTH = 128
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")  # ids 0 to 4; RoBERTa's positions depend on pad = 1
IGNORED = -100  # the label that cross entropy skips


def build_tokenizer(texts: Sequence[str], vocabulary: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """Byte-level BPE of at most `vocabulary` tokens, learnt from `texts`; same texts, same tokenizer.

    Texts are first put into Unicode's composed form (NFC), since the same Yoruba or Vietnamese word occurs in
    several forms; apart from that, decoding gives the text back. Source: Sennrich, Haddow and Birch 2016
    (arXiv 1508.07909), on bytes as in GPT-2.
    """
    tokenizer = Tokenizer(BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[AddedToken(t, lstrip=t == "<mask>", special=True) for t in SPECIAL],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    start, end = SPECIAL[0], SPECIAL[2]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} {end} $B {end}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (start, end)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=MAX_LENGTH,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
    )


def encoder_config(vocabulary: int = VOCABULARY) -> RobertaConfig:
    """A RoBERTa of 4 layers x 128: 4 heads of 32, feed-forward layers of 512, texts of up to 128 tokens."""
    start, pad, end = 0, 1, 2
    return RobertaConfig(
        vocab_size=vocabulary,
        num_hidden_layers=4,
        hidden_size=128,
        num_attention_heads=4,
        intermediate_size=512,
        max_position_embeddings=MAX_LENGTH + 2,  # positions count from the pad id + 1
        type_vocab_size=1,
        # In so short a pretraining, embeddings that are tied to the output learn little besides the frequency
        # of tokens, and there is nothing to regularise.
        tie_word_embeddings=False,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        bos_token_id=start,
        pad_token_id=pad,
        eos_token_id=end,
    )


def new_encoder(tokenizer: PreTrainedTokenizerFast, seed: int) -> RobertaForMaskedLM:
    """The encoder of `encoder_config` for `tokenizer`, drawn from the stream (seed, "encoder")."""
    from transformers import RobertaForMaskedLM

    with seeded(stream(seed, "encoder")):
        return RobertaForMaskedLM(encoder_config(len(tokenizer)))


def mask_tokens(
    ids: Tensor, attention: Tensor, tokenizer: PreTrainedTokenizerFast, seed: int, share: float = 0.15
) -> tuple[Tensor, Tensor]:
    """Corrupt a batch for the masked-LM loss: (inputs, labels), both [B x L] int64 like `ids`.

    Each token that is neither special nor padding (attention 0) is chosen with probability `share`. At least
    one token of each text is chosen, so that short texts count too and every batch has a loss. Of the chosen
    tokens, 80% become the mask token, 10% become a random token that is not special, and 10% stay. labels has
    the ids of the chosen tokens, and -100 elsewhere. All draws come from `seed`: give each step its own
    stream. Source: Devlin et al.
    2019 (arXiv 1810.04805).
    """
    generator = torch.Generator().manual_seed(seed)
    special = torch.tensor(sorted(tokenizer.all_special_ids))
    open_ = (attention != 0) & ~torch.isin(ids, special)
    draws = torch.rand(ids.shape, generator=generator).masked_fill(~open_, 2.0)
    chosen = open_ & ((draws < share) | (draws == draws.min(dim=1, keepdim=True).values))
    fate = torch.rand(ids.shape, generator=generator)
    ordinary = torch.arange(len(tokenizer))
    ordinary = ordinary[~torch.isin(ordinary, special)]
    replacement = ordinary[torch.randint(len(ordinary), ids.shape, generator=generator)]
    inputs = torch.where(chosen & (fate < 0.8), tokenizer.mask_token_id, ids)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), replacement, inputs)
    return inputs, torch.where(chosen, ids, IGNORED)


def bag_of_words_loss(logits: Tensor, ids: Tensor, counted: Tensor) -> Tensor:
    """How badly each text's logits predict which tokens the text has; a scalar, in nats a token.

    -mean_(b, l counted) log softmax(logits_b)[ids_bl] for logits [B x V] from the state of each text's first
    token, its ids [B x L] and a mask of the tokens that count [B x L]. A classifier reads the first token's
    state, and a masked LM of so few steps leaves that state without content. Source: Ma et al. 2024 (arXiv
    2401.11248).
    """
    log_p = torch.log_softmax(logits, dim=-1).gather(1, ids)
    return -log_p[counted].mean()
