import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/gpu/errors.ts';
import { parseConfig } from '../../src/model/config.ts';

const QWEN2 = {
  model_type: 'qwen2',
  hidden_size: 128,
  intermediate_size: 384,
  num_hidden_layers: 6,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  vocab_size: 512,
  max_position_embeddings: 512,
  tie_word_embeddings: true,
  hidden_act: 'silu',
  torch_dtype: 'bfloat16',
  bos_token_id: 0,
  eos_token_id: 0,
  sliding_window: 16,
  use_sliding_window: false,
};
const LLAMA = { ...QWEN2, model_type: 'llama' };
const LLAMA3 = {
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
  rope_type: 'llama3',
};

const parse = (json: unknown, generation?: unknown) => parseConfig(json, 'm/config.json', generation);

describe('config.json', () => {
  it('reads a Qwen2, whose q, k and v have a bias', () => {
    expect(parse(QWEN2)).toEqual({
      model_type: 'qwen2',
      hidden_size: 128,
      intermediate_size: 384,
      num_hidden_layers: 6,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 32,
      rms_norm_eps: 1e-6,
      rope_theta: 10000,
      vocab_size: 512,
      max_position_embeddings: 512,
      tie_word_embeddings: true,
      attention_bias: true,
      o_proj_bias: false,
      mlp_bias: false,
      qk_norm: false,
      eos_token_id: [0],
      bos_token_id: 0,
      torch_dtype: 'bfloat16',
    });
    expect(parse(LLAMA).attention_bias).toBe(false);
  });

  it('reads the older and the newer spelling of one configuration alike', () => {
    const { rope_theta: _theta, torch_dtype: _dtype, ...rest } = LLAMA;
    const older = { ...rest, rope_theta: 5e5, rope_scaling: { ...LLAMA3 }, torch_dtype: 'float16' };
    const newer = { ...rest, rope_parameters: { ...LLAMA3, rope_theta: 5e5 }, dtype: 'float16', rope_scaling: null };
    expect(parse(newer)).toEqual(parse(older));
    expect(parse(older)).toMatchObject({ rope_theta: 5e5, rope_scaling: LLAMA3, torch_dtype: 'float16' });
  });

  it('takes null as absent, and falls back as transformers does', () => {
    const config = parse({
      ...LLAMA,
      num_key_value_heads: null,
      head_dim: null,
      rope_theta: null,
      eos_token_id: null,
      rope_scaling: null,
    });
    expect(config).toMatchObject({ num_key_value_heads: 4, head_dim: 32, rope_theta: 10000, eos_token_id: [] });
  });

  it('takes a head_dim of its own, and the end tokens of generation_config.json before its own', () => {
    expect(parse({ ...LLAMA, hidden_size: 130, head_dim: 64 }).head_dim).toBe(64);
    expect(parse(QWEN2, { eos_token_id: [5, 7] }).eos_token_id).toEqual([5, 7]);
    expect(parse(QWEN2, { max_length: 20 }).eos_token_id).toEqual([0]);
  });

  it.each([
    [{ ...QWEN2, model_type: 'gemma2' }, /model_type is "gemma2".*Supported: qwen2, qwen3, llama, mistral\.$/],
    [{ ...QWEN2, model_type: undefined }, /model_type is missing/],
    [{ ...QWEN2, hidden_act: 'gelu' }, /hidden_act is "gelu"\. Supported: silu/],
    [{ ...QWEN2, architectures: 'Qwen2ForTokenClassification' }, /architectures is \["Qwen2ForTokenClassification"\]/],
    [{ ...QWEN2, use_mrope: true }, /use_mrope is true/],
    [{ ...QWEN2, layer_types: ['full_attention', 'sliding_attention'] }, /layer_types has "sliding_attention"/],
    [{ ...LLAMA, layer_types: ['linear_attention'] }, /layer_types has "linear_attention"\. Supported: full_attention/],
    [{ ...LLAMA, layer_types: [3] }, /layer_types has 3; a list of texts is expected/],
    [{ ...LLAMA, attention_bias: 1 }, /attention_bias is 1; true or false/],
    ...['yarn', 'dynamic', 'longrope'].map((type) => [
      { ...LLAMA, rope_scaling: { type, factor: 2 } },
      new RegExp(`rope_scaling\\.rope_type is "${type}"\\. Supported: default, linear, llama3\\. If it was added`),
    ]),
    [{ ...LLAMA, rope_scaling: { type: 'linear' } }, /rope_scaling\.factor is missing/],
    [{ ...LLAMA, rope_scaling: LLAMA3, rope_parameters: LLAMA3 }, /rope_scaling is given beside rope_parameters/],
    [
      { ...LLAMA, rope_parameters: { full_attention: { rope_theta: 1e4 } } },
      /rope_parameters\.full_attention is given: rotary embeddings that differ between layers/,
    ],
    [{ ...LLAMA, rope_parameters: { partial_rotary_factor: 0.5 } }, /rope_parameters\.partial_rotary_factor is 0\.5/],
    [{ ...LLAMA, rope_scaling: { rope_type: 'llama3', factor: 8 } }, /rope_scaling\.low_freq_factor is missing/],
    [{ ...LLAMA, partial_rotary_factor: 0.5 }, /partial_rotary_factor/],
    [{ ...QWEN2, quantization_config: { quant_method: 'gptq' } }, /quantization_config says "gptq"/],
    [{ ...QWEN2, hidden_size: 0 }, /hidden_size is 0; a positive whole number is expected/],
    [{ ...QWEN2, hidden_size: '128' }, /hidden_size is "128"/],
    [{ ...QWEN2, intermediate_size: undefined }, /intermediate_size is missing/],
    [{ ...QWEN2, hidden_size: 130 }, /hidden_size is 130, no multiple of num_attention_heads 4/],
    [{ ...QWEN2, num_key_value_heads: 3 }, /num_key_value_heads is 3, which does not divide num_attention_heads 4/],
    [{ ...QWEN2, head_dim: 31 }, /head_dim is 31; rotary embeddings need an even one/],
    [{ ...QWEN2, rms_norm_eps: -1 }, /rms_norm_eps is -1/],
    [{ ...QWEN2, tie_word_embeddings: 'yes' }, /tie_word_embeddings is "yes"; true or false/],
    [{ ...QWEN2, eos_token_id: [1, 512] }, /eos_token_id has 512; a token below vocab_size 512/],
    [[], /a JSON object is expected/],
  ] as [object, RegExp][])('refuses %j', (json, message) => {
    expect(() => parse(json)).toThrow(UserError);
    expect(() => parse(json)).toThrow(message);
    expect(() => parse(json)).toThrow(/^m\/config\.json: /);
  });
});
