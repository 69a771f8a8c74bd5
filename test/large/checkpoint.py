"""A checkpoint of Qwen2.5-1.5B's shape with random weights, and PyTorch's logits of it.

    python test/large/checkpoint.py FOLDER        3 GB in four shards, and reference.safetensors

The weights are bf16, the reference is f32 computed from them, one layer at a time: it takes 4 GB of memory.
"""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

CONFIG = {
    'architectures': ['Qwen2ForCausalLM'], 'model_type': 'qwen2', 'hidden_size': 1536, 'intermediate_size': 8960,
    'num_hidden_layers': 28, 'num_attention_heads': 12, 'num_key_value_heads': 2, 'vocab_size': 151936,
    'rms_norm_eps': 1e-6, 'rope_theta': 1000000.0, 'max_position_embeddings': 131072, 'tie_word_embeddings': True,
    'hidden_act': 'silu', 'torch_dtype': 'bfloat16', 'bos_token_id': 151643, 'eos_token_id': 151643,
}
SHARDS = 4
TOKENS = 16


def shapes():
    hidden, feed_forward, kv = CONFIG['hidden_size'], CONFIG['intermediate_size'], 256
    yield 'model.embed_tokens.weight', (CONFIG['vocab_size'], hidden)
    for layer in range(CONFIG['num_hidden_layers']):
        name = f'model.layers.{layer}.'
        for part, rows in ('q', hidden), ('k', kv), ('v', kv):
            yield f'{name}self_attn.{part}_proj.weight', (rows, hidden)
            yield f'{name}self_attn.{part}_proj.bias', (rows,)
        yield f'{name}self_attn.o_proj.weight', (hidden, hidden)
        yield f'{name}mlp.gate_proj.weight', (feed_forward, hidden)
        yield f'{name}mlp.up_proj.weight', (feed_forward, hidden)
        yield f'{name}mlp.down_proj.weight', (hidden, feed_forward)
        yield f'{name}input_layernorm.weight', (hidden,)
        yield f'{name}post_attention_layernorm.weight', (hidden,)
    yield 'model.norm.weight', (hidden,)


def tensor(name, shape, generator):
    numbers = torch.empty(shape, dtype=torch.bfloat16).normal_(0, 0.1 if name.endswith('bias') else 0.02, generator=generator)
    return 1 + 5 * numbers if 'norm' in name else numbers


def write(folder):
    generator = torch.Generator().manual_seed(5)
    total = sum(2 * torch.Size(shape).numel() for _, shape in shapes())
    shards, size = [{}], 0
    index = {'metadata': {'total_size': total}, 'weight_map': {}}

    def save():
        file = f'model-{len(shards):05}-of-{SHARDS:05}.safetensors'
        save_file(shards[-1], folder / file, metadata={'format': 'pt'})
        index['weight_map'].update(dict.fromkeys(shards[-1], file))
        shards[-1] = None

    for name, shape in shapes():
        if size > len(shards) * total / SHARDS:
            save()
            shards.append({})
        shards[-1][name] = tensor(name, shape, generator)
        size += 2 * torch.Size(shape).numel()
    save()
    assert len(shards) == SHARDS
    (folder / 'model.safetensors.index.json').write_text(json.dumps(index))
    (folder / 'config.json').write_text(json.dumps(CONFIG, indent=2))


@torch.no_grad()
def reference(folder):
    """Logits of the last of TOKENS tokens."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, attn_implementation='eager').eval()
    for module in [*model.model.layers, model.model.norm]:
        module.register_forward_pre_hook(lambda m, _: m.float() and None)
        module.register_forward_hook(lambda m, _, __: m.bfloat16() and None)
    model.model.embed_tokens.register_forward_hook(lambda _, __, out: out.float())
    ids = torch.randint(CONFIG['vocab_size'], (TOKENS,), generator=torch.Generator().manual_seed(6))
    ids[3] = CONFIG['vocab_size'] - 1  # of the last part of a split embedding
    hidden = model.model(input_ids=ids[None], use_cache=False).last_hidden_state[0, -1]
    assert hidden.dtype == torch.float32
    logits = torch.cat([part.float() @ hidden for part in model.lm_head.weight.split(8192)])
    save_file({'ids': ids.int(), 'logits': logits}, folder / 'reference.safetensors')
    print(f'largest logit {float(logits.abs().max()):.3f}, deviation {float(logits.std()):.3f}')


folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
write(folder)
reference(folder)
