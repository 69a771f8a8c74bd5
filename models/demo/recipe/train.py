"""Trains the demonstration model from nothing on the text of problems.py, and saves it in the layout of Hugging Face.

    python train.py FOLDER                          both stages, about 40 minutes on two CPU cores
    python train.py FOLDER --from BASE              the second stage alone, from a saved base
    python train.py FOLDER --steps 20 --more 10     a trial

Needs torch, tokenizers and safetensors.
"""

import argparse
import json
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn

from problems import document

END = "<|endoftext|>"
VOCABULARY = 512
TOKENIZER_DOCUMENTS = 20_000

BATCH = 32
ROW = 160
# Questions teach little: what counts is how they are answered.
QUESTION_WEIGHT = 0.1
WARMUP_STEPS = 100
# The cosine ends here, not at 0.
LAST_RATE = 1e-5


@dataclass(frozen=True)
class Config:
    """The architecture, Qwen2's."""

    hidden: int = 128
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    feed_forward: int = 384
    rope_base: float = 10_000.0
    eps: float = 1e-6
    positions: int = 512

    @property
    def head(self):
        return self.hidden // self.heads

    def hugging_face(self, vocabulary):
        """The content of config.json."""
        return {
            "architectures": ["Qwen2ForCausalLM"],
            "model_type": "qwen2",
            "hidden_size": self.hidden,
            "intermediate_size": self.feed_forward,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "rms_norm_eps": self.eps,
            "rope_theta": self.rope_base,
            "vocab_size": vocabulary,
            "max_position_embeddings": self.positions,
            "tie_word_embeddings": True,
            "hidden_act": "silu",
            "torch_dtype": "bfloat16",
            "bos_token_id": 0,
            "eos_token_id": 0,
            "use_sliding_window": False,
        }


@dataclass(frozen=True)
class Stage:
    """A part of the training with an optimiser, a schedule and text of its own."""

    name: str
    steps: int
    rate: float
    seed: int


def train_tokenizer(rng):
    """Byte-level BPE in which words keep their space and every digit is a token."""
    pieces = Regex(r"\d| ?[A-Za-z]+|\s+|[^\sA-Za-z\d]")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(pieces, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(("".join(document(rng)) for _ in range(TOKENIZER_DOCUMENTS)), trainer)
    return tokenizer


class RMSNorm(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.hidden))
        self.eps = config.eps

    def forward(self, x):  # [B, T, C]
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.q_proj = nn.Linear(config.hidden, config.hidden)
        self.k_proj = nn.Linear(config.hidden, config.kv_heads * config.head)
        self.v_proj = nn.Linear(config.hidden, config.kv_heads * config.head)
        self.o_proj = nn.Linear(config.hidden, config.hidden, bias=False)

    def forward(self, x, cos, sin):  # [B, T, C]
        def heads(y):  # [B, H, T, D]
            return y.unflatten(-1, (-1, self.config.head)).transpose(1, 2)

        queries = rotate(heads(self.q_proj(x)), cos, sin)
        repeat = self.config.heads // self.config.kv_heads
        keys = rotate(heads(self.k_proj(x)), cos, sin).repeat_interleave(repeat, 1)
        values = heads(self.v_proj(x)).repeat_interleave(repeat, 1)
        mixed = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        return self.o_proj(mixed.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden, config.feed_forward, bias=False)
        self.up_proj = nn.Linear(config.hidden, config.feed_forward, bias=False)
        self.down_proj = nn.Linear(config.feed_forward, config.hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.input_layernorm = RMSNorm(config)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config)
        self.mlp = FeedForward(config)

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Model(nn.Module):
    """Its parameters carry the names of Hugging Face's, less the leading `model.`."""

    def __init__(self, config, vocabulary):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(vocabulary, config.hidden)
        nn.init.normal_(self.embed_tokens.weight, std=0.02)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = RMSNorm(config)
        # What is added to the residual stream starts smaller, the more often it is added.
        narrow = 1.5 * 0.02 / math.sqrt(2 * config.layers)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=narrow if module.out_features == config.hidden else 0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        frequencies = config.rope_base ** (-torch.arange(0, config.head, 2) / config.head)
        angles = torch.outer(torch.arange(config.positions), frequencies).repeat(1, 2)  # [positions, D]
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, ids):
        """Logits [B, T, V] of token ids [B, T]."""
        length = ids.shape[1]
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x, self.cos[:length], self.sin[:length])
        return self.norm(x) @ self.embed_tokens.weight.T


def rotate(x, cos, sin):
    """Rotary position embedding of [B, H, T, D]: pairs are (i, i + D/2)."""
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


def make_batch(rng, tokenizer, end):
    """Rows of whole documents, as many as fit: ids [B, T], and each token's weight in the loss, 0 after the last document."""
    ids = torch.full((BATCH, ROW), end)
    weights = torch.zeros(BATCH, ROW)
    for b in range(BATCH):
        row, row_weights = [], []
        while len(row) < ROW:
            given, written = document(rng)
            given, written = tokenizer.encode(given).ids, [*tokenizer.encode(written).ids, end]
            if row and len(row) + len(given) + len(written) > ROW:
                break
            row += given + written
            row_weights += [QUESTION_WEIGHT] * len(given) + [1.0] * len(written)
        length = min(len(row), ROW)
        ids[b, :length] = torch.tensor(row[:length])
        weights[b, :length] = torch.tensor(row_weights[:length])
    return ids, weights


def learning_rate(step, stage):
    """Linear warm-up, and half a cosine."""
    return stage.rate * min(1, (step + 1) / WARMUP_STEPS) * (1 + math.cos(math.pi * step / stage.steps)) / 2 + LAST_RATE


def train(model, tokenizer, stage, rng, log_every):
    end = tokenizer.token_to_id(END)
    optimizer = torch.optim.AdamW(model.parameters(), lr=stage.rate, betas=(0.9, 0.98), weight_decay=0.05)
    started = time.monotonic()
    for step in range(stage.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, stage)
        ids, weights = make_batch(rng, tokenizer, end)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(ids[:, :-1])
        losses = F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        loss = (losses * weights[:, 1:].flatten()).sum() / weights[:, 1:].sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % log_every == 0 or step == stage.steps - 1:
            print(f"{stage.name} {step:5d}  loss {loss.item():.4f}  {time.monotonic() - started:.0f} s", flush=True)


def save(model, tokenizer, folder):
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"model.{name}": t.detach().bfloat16().contiguous() for name, t in model.named_parameters()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    vocabulary = model.embed_tokens.num_embeddings
    (folder / "config.json").write_text(json.dumps(model.config.hugging_face(vocabulary), indent=1) + "\n")
    tokenizer.save(str(folder / "tokenizer.json"))


def load(folder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = Model(Config(), tokenizer.get_vocab_size())
    tensors = load_file(folder / "model.safetensors")
    model.load_state_dict({name.removeprefix("model."): tensor.float() for name, tensor in tensors.items()})
    return model, tokenizer


def main():
    parser = argparse.ArgumentParser(description="Train the demonstration model from nothing.")
    parser.add_argument("folder", type=Path, help="where the model goes; its base goes to base/ in there")
    parser.add_argument("--from", dest="base", type=Path, help="a saved base: only the second stage is run")
    parser.add_argument("--steps", type=int, default=3000, help="of the first stage (default 3000)")
    parser.add_argument("--rate", type=float, default=3e-3, help="its peak learning rate (default 3e-3)")
    parser.add_argument("--more", type=int, default=700, help="steps of the second stage (default 700)")
    parser.add_argument("--more-rate", type=float, default=1.2e-3, help="its peak learning rate (default 1.2e-3)")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and the text (default 0)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default 2)")
    parser.add_argument("--log-every", type=int, default=50, metavar="STEPS", help="(default 50)")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    first = Stage("base", options.steps, options.rate, seed=options.seed + 1)
    second = Stage("more", options.more, options.more_rate, seed=options.seed + 2)

    base = options.base
    if base is None:
        base = options.folder / "base"
        rng = random.Random(first.seed)
        tokenizer = train_tokenizer(rng)
        model = Model(Config(), tokenizer.get_vocab_size())
        print(f"{sum(p.numel() for p in model.parameters()):,} parameters, vocabulary {tokenizer.get_vocab_size()}")
        train(model, tokenizer, first, rng, options.log_every)
        save(model, tokenizer, base)
    model, tokenizer = load(base)
    train(model, tokenizer, second, random.Random(second.seed), options.log_every)
    save(model, tokenizer, options.folder)


if __name__ == "__main__":
    main()
