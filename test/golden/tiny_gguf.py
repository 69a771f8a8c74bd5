"""Tiny GGUF files as llama.cpp's converter writes them, in five storage types, and the logits of their weights."""
import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType, TokenType
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

from reference import forward, load, save_json, save_tensors
from tiny_models import case, weights

TYPES = ['F32', 'F16', 'Q8_0', 'Q4_0', 'Q4_1']
TOKENS = 23
MERGES = ['Ġ t', 'Ġt h', 'Ġth e', 'i n', 'Ġ a', 'e r', 'o n', 'r e', 'h e', 'l l', 'Ġ 1', 'o r']
SPECIAL = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']
EOS, BOS = 2, 1
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
TEXTS = ['the tin on the hill', 'another 1234 there, or here?', ' two  spaces\nand a line', '<|im_start|>user\nhello<|im_end|>\n',
         "it's over: 1+1=11", 'Zürich 日本 🙂']

# Hugging Face name -> GGUF name.
NAMES = {
    'model.embed_tokens': 'token_embd', 'model.norm': 'output_norm', 'lm_head': 'output',
    'input_layernorm': 'attn_norm', 'post_attention_layernorm': 'ffn_norm',
    'self_attn.q_proj': 'attn_q', 'self_attn.k_proj': 'attn_k', 'self_attn.v_proj': 'attn_v',
    'self_attn.o_proj': 'attn_output', 'mlp.gate_proj': 'ffn_gate', 'mlp.up_proj': 'ffn_up', 'mlp.down_proj': 'ffn_down',
}


def gguf_name(name):
    name = name.removesuffix('.weight')
    if not name.startswith('model.layers.'):
        return f'{NAMES[name]}.weight'
    _, _, layer, rest = name.split('.', 3)
    return f'blk.{layer}.{NAMES[rest]}.weight'


def vocabulary():
    """All bytes, the merges' results, the special tokens first: a byte-level BPE as SmolLM2's, in miniature."""
    tokens = SPECIAL + sorted(pre_tokenizers.ByteLevel.alphabet()) + [merge.replace(' ', '') for merge in MERGES]
    types = [TokenType.CONTROL] * len(SPECIAL) + [TokenType.NORMAL] * (len(tokens) - len(SPECIAL))
    return tokens, types


def smollm_tokenizer(tokens, merges, specials):
    """The tokenizer that `tokenizer.ggml.pre = smollm` names: digits one by one, then GPT-2's pattern.

    Built by hand because transformers' conversion of a gpt2 tokenizer from GGUF ignores `pre` and keeps digits together.
    """
    tok = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=[tuple(m.split(' ')) for m in merges]))
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)])
    tok.decoder = decoders.ByteLevel(add_prefix_space=True, trim_offsets=True, use_regex=True)
    tok.add_special_tokens(specials)
    return tok


def permute(weight, heads):
    """LlamaModel.permute of llama.cpp's convert_hf_to_gguf.py: rotated halves become adjacent pairs."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def unpermute(weight, heads):
    return weight.reshape(heads, weight.shape[0] // heads // 2, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def heads_of(name, config):
    """How many heads' rows of this tensor are permuted; none for all but q and k."""
    return {'self_attn.q_proj': config['num_attention_heads'], 'self_attn.k_proj': config['num_key_value_heads']}.get(
        '.'.join(name.split('.')[3:5]), 0)


def header(path, kind, config):
    """A writer that has everything but the tensors."""
    writer = gguf.GGUFWriter(path, 'llama')
    writer.add_name('tiny')
    writer.add_block_count(config['num_hidden_layers'])
    writer.add_context_length(config['max_position_embeddings'])
    writer.add_embedding_length(config['hidden_size'])
    writer.add_feed_forward_length(config['intermediate_size'])
    writer.add_head_count(config['num_attention_heads'])
    writer.add_head_count_kv(config['num_key_value_heads'])
    writer.add_rope_freq_base(config['rope_theta'])
    writer.add_rope_dimension_count(config['hidden_size'] // config['num_attention_heads'])
    writer.add_layer_norm_rms_eps(config['rms_norm_eps'])
    writer.add_file_type(int(gguf.LlamaFileType[{'F32': 'ALL_F32'}.get(kind, f'MOSTLY_{kind}')]))
    writer.add_vocab_size(config['vocab_size'])
    tokens, types = vocabulary()
    writer.add_tokenizer_model('gpt2')
    writer.add_tokenizer_pre('smollm')
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_chat_template(CHAT_TEMPLATE)
    return writer


def write(path, kind, config, tensors):
    """Writes the file and returns the weights as a reader sees them: dequantised, in Hugging Face's order of rows."""
    writer = header(path, kind, config)
    seen = {}
    for name, tensor in tensors.items():
        data = tensor.numpy()
        heads = heads_of(name, config)
        stored_kind = GGMLQuantizationType[kind if data.ndim == 2 else 'F32']  # vectors stay f32, as llama.cpp's do
        stored = gguf.quants.quantize(np.ascontiguousarray(permute(data, heads) if heads else data), stored_kind)
        writer.add_tensor(gguf_name(name), stored, raw_dtype=stored_kind)
        read = gguf.quants.dequantize(stored, stored_kind)
        seen[name] = torch.from_numpy(np.ascontiguousarray(unpermute(read, heads) if heads else read)).float()
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return seen


def dump(args):
    folder = args.out / 'gguf'
    folder.mkdir(parents=True, exist_ok=True)
    tokens, _ = vocabulary()
    config = case('llama', 'f32', True, 4, 2, 16, 64, 96, TOKENS, 0.2, rms_norm_eps=1e-5, vocab_size=len(tokens),
                  num_hidden_layers=2, bos_token_id=BOS, eos_token_id=EOS)['config']
    generator = torch.Generator().manual_seed(60)
    made = weights(config, 'f32', 0.2, generator)
    ids = torch.randint(len(tokens), (TOKENS,), generator=generator)
    out = {'ids': ids.int()}
    for kind in TYPES:
        seen = write(folder / f'tiny-{kind}.gguf', kind, config, made)
        model = LlamaForCausalLM(LlamaConfig(**config, attn_implementation='eager')).eval().requires_grad_(False)
        model.load_state_dict({'lm_head.weight': seen['model.embed_tokens.weight'], **seen})
        logits, _ = forward(model, ids)
        again, _ = forward(load(folder, gguf_file=f'tiny-{kind}.gguf'), ids)  # transformers' own reading of the file
        torch.testing.assert_close(again, logits, rtol=0, atol=1e-5)
        out[f'logits.{kind}'] = logits
        change = (logits - out['logits.F32']).norm() / out['logits.F32'].norm()
        print(f'  {kind}: logits differ from F32 by {change:.1e}, {(folder / f"tiny-{kind}.gguf").stat().st_size} bytes')
    save_tensors(args.out / 'gguf.safetensors', out)

    tok = smollm_tokenizer(tokens, MERGES, SPECIAL)
    encodings = [{'text': text, 'ids': tok.encode(text, add_special_tokens=False).ids} for text in TEXTS]
    for e in encodings:
        assert tok.decode(e['ids'], skip_special_tokens=False) == e['text'], e
    save_json(args.out / 'gguf.json', encodings)
