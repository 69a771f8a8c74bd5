"""Tiny GGUF files of each architecture, as llama.cpp's converter writes them, and what transformers computes from their weights."""
import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from reference import forward, load, model_tensors, save_tensors, shape
from tiny_gguf import MERGES, NAMES, heads_of, permute, vocabulary
from tiny_models import case, weights

TOKENS = 23
BOS, EOS = 1, 2
NAMES = NAMES | {'self_attn.q_norm': 'attn_q_norm', 'self_attn.k_norm': 'attn_k_norm'}
VOCAB = len(vocabulary()[0])


def small(family, tied, hidden, **extra):
    return case(family, 'f32', tied, 4, 2, 16, hidden, 64, TOKENS, 0.2, vocab_size=VOCAB,
                num_hidden_layers=2, bos_token_id=BOS, eos_token_id=EOS, **extra)['config']


# Architecture and storage of matrices; vectors are F32, as llama.cpp's are.
CASES = {
    'qwen2-F16': ('F16', small('qwen2', True, 64, rope_theta=1e6)),
    'qwen3-F32': ('F32', small('qwen3', False, 48, rope_theta=1e6)),
    # q's and k's biases are permuted with their rows.
    'llama-F16': ('F16', small('llama', False, 64, attention_bias=True, mlp_bias=True)),
}


def gguf_name(name):
    stem, kind = name.rsplit('.', 1)
    if not stem.startswith('model.layers.'):
        return f'{NAMES[stem]}.{kind}'
    _, _, layer, rest = stem.split('.', 3)
    return f'blk.{layer}.{NAMES[rest]}.{kind}'


def write(path, kind, config, tensors):
    """Writes the file and returns the weights as stored, in Hugging Face's order of rows."""
    family = config['model_type']
    writer = gguf.GGUFWriter(path, family)
    writer.add_name('tiny')
    writer.add_block_count(config['num_hidden_layers'])
    writer.add_context_length(config['max_position_embeddings'])
    writer.add_embedding_length(config['hidden_size'])
    writer.add_feed_forward_length(config['intermediate_size'])
    writer.add_head_count(config['num_attention_heads'])
    writer.add_head_count_kv(config['num_key_value_heads'])
    if 'head_dim' in config:
        writer.add_key_length(config['head_dim'])
        writer.add_value_length(config['head_dim'])
    writer.add_rope_freq_base(config['rope_theta'])
    writer.add_layer_norm_rms_eps(config['rms_norm_eps'])
    tokens, types = vocabulary()
    writer.add_tokenizer_model('gpt2')
    writer.add_tokenizer_pre({'llama': 'smollm'}.get(family, 'qwen2'))
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    seen = {}
    for name, tensor in tensors.items():
        data = tensor.numpy().astype(np.float16 if kind == 'F16' and tensor.ndim == 2 else np.float32)
        heads = heads_of(name, config) if family == 'llama' else 0
        stored = np.ascontiguousarray(permute(data, heads) if heads else data)
        writer.add_tensor(gguf_name(name), stored)
        seen[name] = torch.from_numpy(data).float()
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return seen


def dump(args):
    folder = args.out / 'gguf'
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, (kind, config)) in enumerate(CASES.items(), start=70):
        generator = torch.Generator().manual_seed(seed)
        seen = write(folder / f'{name}.gguf', kind, config, weights(config, 'f32', 0.2, generator))
        model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[config['model_type']](**config), attn_implementation='eager')
        tied = {'lm_head.weight': seen['model.embed_tokens.weight']} if config['tie_word_embeddings'] else {}
        model.eval().requires_grad_(False).load_state_dict({**tied, **seen})
        ids = torch.randint(VOCAB, (TOKENS,), generator=generator)
        if config['model_type'] != 'llama':  # transformers reads no biases from a llama's file
            # The configuration is given: transformers reads no head_dim from a qwen3's file.
            again, _ = forward(load(folder, gguf_file=f'{name}.gguf', config=model.config), ids)
            torch.testing.assert_close(again, forward(model, ids)[0], rtol=0, atol=1e-5)
        tensors = model_tensors(model, ids, 0.3 * torch.randn(*shape(model), generator=generator))
        save_tensors(args.out / f'gguf-{name}.safetensors', tensors)
        print(f'  {name}: loss {float(tensors["loss"]):.4f}, {(folder / f"{name}.gguf").stat().st_size} bytes')
