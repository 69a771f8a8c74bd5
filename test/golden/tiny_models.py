"""Tiny random Hugging Face folders under models/, and <case>.safetensors with what transformers computes from each."""
import json

import torch

from reference import load, model_tensors, save_tensors, shape, worst_error

VOCAB = 131  # odd: no tile of the vocabulary, and no 4x4 block, divides it

DTYPES = {'f32': torch.float32, 'f16': torch.float16, 'bf16': torch.bfloat16}


def case(family, dtype, tied, heads, kv_heads, head_dim, hidden, feed_forward, tokens, std, **extra):
    return {'dtype': dtype, 'tokens': tokens, 'std': std, 'config': {
        'architectures': [f'{family.capitalize()}ForCausalLM'],
        'model_type': family, 'hidden_size': hidden, 'intermediate_size': feed_forward, 'num_hidden_layers': 3,
        'num_attention_heads': heads, 'num_key_value_heads': kv_heads, 'vocab_size': VOCAB,
        **({} if heads * head_dim == hidden else {'head_dim': head_dim}),
        'rms_norm_eps': 1e-6, 'rope_theta': 10000.0, 'max_position_embeddings': 128, 'tie_word_embeddings': tied,
        'hidden_act': 'silu', 'torch_dtype': {'f32': 'float32', 'f16': 'float16', 'bf16': 'bfloat16'}[dtype],
        'bos_token_id': 0, 'eos_token_id': 0, **extra,
    }}


def newer(spec):
    """The same case with config.json as transformers 5 spells it."""
    config = dict(spec['config'])
    scaling = config.pop('rope_scaling', {'rope_type': 'default'})
    config['rope_parameters'] = {'rope_theta': config.pop('rope_theta'), **scaling}
    config['dtype'] = config.pop('torch_dtype')
    return {**spec, 'config': config}


# Names: family, dtype, head, query heads per key head (or what else is special).
CASES = {
    'qwen2-f32-tied-gqa1': case('qwen2', 'f32', True, 4, 4, 8, 32, 96, 23, 0.25),
    # Qwen2's own files carry a window that is switched off; 65 tokens would show it if it were not.
    'qwen2-bf16-untied-gqa3': case('qwen2', 'bf16', False, 6, 2, 8, 48, 96, 65, 0.2, rope_theta=1e6,
                                   sliding_window=16, max_window_layers=3, use_sliding_window=False),
    'qwen2-f16-tied-gqa8': case('qwen2', 'f16', True, 8, 1, 8, 64, 96, 23, 0.2),
    'llama-f32-untied-gqa8': case('llama', 'f32', False, 8, 1, 8, 64, 64, 19, 0.2, rms_norm_eps=1e-5),
    'llama-bf16-tied-gqa3': case('llama', 'bf16', True, 3, 1, 16, 48, 96, 23, 0.2),
    'llama-f16-untied-gqa1': case('llama', 'f16', False, 6, 6, 8, 48, 100, 5, 0.2),
    'llama-bf16-untied-headdim': case('llama', 'bf16', False, 4, 2, 16, 48, 92, 23, 0.2),
    # Llama 3.1's stretched rotary frequencies, scaled so that the three bands all occur among eight frequencies.
    'llama-bf16-tied-rope3': case('llama', 'bf16', True, 4, 2, 16, 64, 96, 65, 0.2, rope_theta=1000.0, rope_scaling={
        'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0,
        'original_max_position_embeddings': 64}),
    # From here on the heads are those of one model: each further shape of heads compiles its own kernels.
    'llama-f16-tied-linear': case('llama', 'f16', True, 4, 2, 16, 64, 64, 65, 0.2,
                                  rope_scaling={'type': 'linear', 'factor': 4.0}),
    # A llama with every bias there is.
    'llama-bf16-untied-biases': newer(case('llama', 'bf16', False, 4, 2, 16, 64, 64, 23, 0.2, attention_bias=True,
                                           mlp_bias=True)),
    # head_dim is not hidden_size / heads, in Qwen3 always.
    'qwen3-bf16-tied-headdim': case('qwen3', 'bf16', True, 4, 2, 16, 48, 96, 23, 0.2, rope_theta=1e6,
                                    attention_bias=False, sliding_window=None, use_sliding_window=False),
    'qwen3-f32-untied-biases': newer(case('qwen3', 'f32', False, 4, 2, 16, 32, 48, 19, 0.25, attention_bias=True,
                                          layer_types=['full_attention'] * 3)),
    # The window holds the longest sequence there can be.
    'mistral-bf16-untied-window': case('mistral', 'bf16', False, 4, 2, 16, 64, 64, 65, 0.2, rms_norm_eps=1e-5,
                                       sliding_window=128),
    'mistral-f16-tied-headdim': newer(case('mistral', 'f16', True, 4, 2, 16, 48, 64, 23, 0.2, rope_theta=1e6,
                                           sliding_window=None)),
}


def weights(config, dtype, std, generator):
    """Names and shapes as Hugging Face has them; Qwen2 has biases on q, k and v, Qwen3 norms on the heads of q and k."""
    def normal(*size, mean=0.0, std=std):
        return (mean + std * torch.randn(*size, generator=generator)).to(DTYPES[dtype])

    hidden, feed_forward = config['hidden_size'], config['intermediate_size']
    heads, kv_heads = config['num_attention_heads'], config['num_key_value_heads']
    head_dim = config.get('head_dim', hidden // heads)
    out = {'model.embed_tokens.weight': normal(config['vocab_size'], hidden, std=0.3)}
    attention_bias, mlp_bias = config.get('attention_bias'), config.get('mlp_bias')
    for i in range(config['num_hidden_layers']):
        layer = f'model.layers.{i}.'

        def linear(name, rows, columns, bias):
            out[f'{layer}{name}.weight'] = normal(rows, columns)
            if bias:
                out[f'{layer}{name}.bias'] = normal(rows, std=0.3)

        for name, rows in ('q', heads * head_dim), ('k', kv_heads * head_dim), ('v', kv_heads * head_dim):
            linear(f'self_attn.{name}_proj', rows, hidden, attention_bias or config['model_type'] == 'qwen2')
        linear('self_attn.o_proj', hidden, heads * head_dim, attention_bias)
        linear('mlp.gate_proj', feed_forward, hidden, mlp_bias)
        linear('mlp.up_proj', feed_forward, hidden, mlp_bias)
        linear('mlp.down_proj', hidden, feed_forward, mlp_bias)
        out[f'{layer}input_layernorm.weight'] = normal(hidden, mean=1.0, std=0.2)
        out[f'{layer}post_attention_layernorm.weight'] = normal(hidden, mean=1.0, std=0.2)
        if config['model_type'] == 'qwen3':
            out[f'{layer}self_attn.q_norm.weight'] = normal(head_dim, mean=1.0, std=0.4)
            out[f'{layer}self_attn.k_norm.weight'] = normal(head_dim, mean=1.0, std=0.4)
    out['model.norm.weight'] = normal(hidden, mean=1.0, std=0.2)
    if not config['tie_word_embeddings']:
        out['lm_head.weight'] = normal(config['vocab_size'], hidden, std=0.3)
    return out


def write_model(folder, config, tensors):
    save_tensors(folder / 'model.safetensors', tensors)
    (folder / 'config.json').write_text(json.dumps(config, indent=2) + '\n')


def dump(args):
    for seed, (name, spec) in enumerate(CASES.items(), start=1):
        generator = torch.Generator().manual_seed(seed)
        folder = args.out / 'models' / name
        stored = weights(spec['config'], spec['dtype'], spec['std'], generator)
        write_model(folder, spec['config'], stored)
        model = load(folder)
        for key, value in stored.items():
            assert torch.equal(model.get_parameter(key), value.float()), f'{name}: {key} was not loaded as stored'
        ids = torch.randint(VOCAB, (spec['tokens'],), generator=generator)
        ids[-1] = VOCAB - 1  # the last row of the odd vocabulary is a target
        steering = 0.3 * torch.randn(*shape(model), generator=generator)
        tensors = model_tensors(model, ids, steering)
        error = worst_error(tensors, model_tensors(load(folder, torch.float64), ids, steering.double()))
        save_tensors(args.out / f'{name}.safetensors', tensors)
        print(f'  {name}: loss {float(tensors["loss"]):.4f}, |grad| {float(tensors["grad.steering"].norm()):.4f}, '
              f'largest logit {float(tensors["logits"].abs().max()):.2f}, from f64 {error[0]:.1e} ({error[1]})')
