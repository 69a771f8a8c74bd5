"""A GGUF file that mixes types as the K_M files do, what its weights compute, and blocks of every type."""
import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Q
from transformers import LlamaConfig, LlamaForCausalLM

from reference import forward, load, model_tensors, save_tensors, shape, worst_error
from tiny_gguf import BOS, EOS, gguf_name, header, heads_of, permute, unpermute, vocabulary
from tiny_models import case, weights

# Bytes of a block's f16 numbers: scales first, minima after them.
HALVES = {Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q8_0: [0], Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208]}
QUANTISABLE = [Q.Q8_0, Q.BF16]
ROWS, COLUMNS = 6, 512
TOKENS = 7

# Layer 0 as Q4_K_M has it (v and down in more bits), layer 1 worse mixed: q, k, v of two types and of three.
KINDS = {
    'embed_tokens': [Q.Q6_K],
    'q_proj': [Q.Q4_K, Q.Q8_0], 'k_proj': [Q.Q4_K, Q.BF16], 'v_proj': [Q.Q6_K, Q.Q4_K], 'o_proj': [Q.Q4_K, Q.Q8_0],
    'gate_proj': [Q.Q4_K, Q.Q8_0], 'up_proj': [Q.Q4_K, Q.Q4_K], 'down_proj': [Q.Q6_K, Q.BF16],
}


def random_blocks(kind, rows, columns, rng, std=None):
    """Raw rows of a type that the gguf package cannot quantise: every bit random but the scales. With `std` they are
    chosen so that the numbers have about that deviation and a mean near 0."""
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    raw = rng.integers(0, 256, (rows, columns // elements, size), dtype=np.uint8)
    for i, at in enumerate(HALVES[kind]):
        if std is None:
            scale = rng.uniform(-0.02, 0.02, raw.shape[:2])
        else:
            # A number is d * scale * q - dmin * min, 6-bit scales and minima (Q4_K, Q5_K), or d * scale * q, 8-bit ones (Q6_K).
            d = {Q.Q4_K: std / 170, Q.Q5_K: std / 350, Q.Q6_K: std / 1350}[kind] * rng.uniform(0.8, 1.2, raw.shape[:2])
            scale = d * [1, 15.5 if kind == Q.Q5_K else 7.5][i]
        raw[:, :, at:at + 2] = scale.astype(np.float16)[..., None].view(np.uint8)
    return raw.reshape(rows, -1)


def dump_blocks(args):
    rng = np.random.default_rng(71)
    out = {}
    for kind in HALVES:
        raw = random_blocks(kind, ROWS, COLUMNS, rng)
        out[f'blocks.{kind.name}'] = torch.from_numpy(raw)
        out[f'values.{kind.name}'] = torch.from_numpy(gguf.quants.dequantize(raw, kind))
    save_tensors(args.out / 'gguf-blocks.safetensors', out)


def dump(args):
    dump_blocks(args)
    path = args.out / 'gguf' / 'tiny-mixed.gguf'
    config = case('llama', 'f32', True, 4, 2, 64, 256, 256, TOKENS, 0.08, rms_norm_eps=1e-5, vocab_size=len(vocabulary()[0]),
                  num_hidden_layers=2, bos_token_id=BOS, eos_token_id=EOS)['config']
    generator, rng = torch.Generator().manual_seed(61), np.random.default_rng(61)
    writer = header(path, 'Q4_K_M', config)
    seen = {}
    for name, tensor in weights(config, 'f32', 0.08, generator).items():
        data = tensor.numpy()
        kinds = KINDS.get(name.split('.')[-2])
        if kinds is None:
            kind, stored = Q.F32, data
        else:
            kind = kinds[int(name.split('.')[2]) % len(kinds)] if len(kinds) > 1 else kinds[0]
            heads = heads_of(name, config)
            if kind in QUANTISABLE:
                stored = gguf.quants.quantize(np.ascontiguousarray(permute(data, heads) if heads else data), kind)
            else:
                stored = random_blocks(kind, *data.shape, rng, std=data.std())
        writer.add_tensor(gguf_name(name), stored, raw_dtype=kind)
        read = gguf.quants.dequantize(stored, kind)
        heads = heads_of(name, config)
        seen[name] = torch.from_numpy(np.ascontiguousarray(unpermute(read, heads) if heads else read)).float()
        if kind != Q.F32:
            print(f'  {name}: {kind.name}, mean {float(seen[name].mean()):.4f}, deviation {float(seen[name].std()):.4f}')
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    model = LlamaForCausalLM(LlamaConfig(**config, attn_implementation='eager')).eval().requires_grad_(False)
    model.load_state_dict({'lm_head.weight': seen['model.embed_tokens.weight'], **seen})
    ids = torch.randint(config['vocab_size'], (TOKENS,), generator=generator)
    logits, _ = forward(model, ids)
    again, _ = forward(load(args.out / 'gguf', gguf_file=path.name), ids)  # transformers' own reading of the file
    torch.testing.assert_close(again, logits, rtol=0, atol=1e-5)
    steering = 0.3 * torch.randn(*shape(model), generator=generator)
    tensors = model_tensors(model, ids, steering)
    error = worst_error(tensors, model_tensors(model.double(), ids, steering.double()))
    save_tensors(args.out / 'gguf-mixed.safetensors', tensors)
    print(f'  loss {float(tensors["loss"]):.4f}, largest logit {float(tensors["logits"].abs().max()):.2f}, '
          f'from f64 {error[0]:.1e} ({error[1]}), {path.stat().st_size} bytes')
