import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/gpu/errors.ts';
import { type ModelConfig, parseConfig } from '../../src/model/config.ts';
import { FAMILIES } from '../../src/model/families/index.ts';
import { contextLength } from '../../src/model/model.ts';
import { stopTokenIds } from '../../src/model/stop_tokens.ts';
import { expectedTensors } from '../../src/model/weight_table.ts';
import { newerSpelling, REAL_CONFIGS } from './real_configs.ts';

const parse = (json: object): ModelConfig => parseConfig(json, 'm/config.json');
const real = (name: keyof typeof REAL_CONFIGS): ModelConfig => parse(REAL_CONFIGS[name]);

const PLAIN = { attention_bias: false, o_proj_bias: false, mlp_bias: false, qk_norm: false };
const LLAMA3 = {
  rope_type: 'llama3',
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

/** What each published model is, and how many parameters its card or its files count. */
const MODELS: [keyof typeof REAL_CONFIGS, Partial<ModelConfig>, number][] = [
  [
    'Qwen/Qwen2.5-1.5B',
    { ...PLAIN, attention_bias: true, head_dim: 128, rope_theta: 1e6, eos_token_id: [151643] },
    1_543_714_304,
  ],
  [
    'Qwen/Qwen2.5-Math-1.5B',
    { ...PLAIN, attention_bias: true, head_dim: 128, rope_theta: 10000, max_position_embeddings: 4096 },
    1_543_714_304,
  ],
  ['Qwen/Qwen3-0.6B', { ...PLAIN, qk_norm: true, head_dim: 128, rope_theta: 1e6 }, 596_049_920],
  ['meta-llama/Llama-2-7b-hf', { ...PLAIN, head_dim: 128, rope_theta: 10000 }, 6_738_415_616],
  [
    'meta-llama/Llama-3.1-8B',
    { ...PLAIN, head_dim: 128, rope_theta: 5e5, rope_scaling: { ...LLAMA3, factor: 8 } as never },
    8_030_261_248,
  ],
  [
    'meta-llama/Llama-3.2-1B',
    { ...PLAIN, head_dim: 64, rope_theta: 5e5, rope_scaling: { ...LLAMA3, factor: 32 } as never },
    1_235_814_400,
  ],
  ['HuggingFaceTB/SmolLM2-135M', { ...PLAIN, head_dim: 64, rope_theta: 1e5 }, 134_515_008],
  ['mistralai/Mistral-7B-v0.1', { ...PLAIN, head_dim: 128, rope_theta: 1e4, sliding_window: 4096 }, 7_241_732_096],
  ['mistralai/Mistral-7B-v0.3', { ...PLAIN, head_dim: 128, rope_theta: 1e6 }, 7_248_023_552],
];

describe.each(MODELS)('%s', (name, what, parameters) => {
  it('is read as what it is, with as many parameters as it was published with', () => {
    const config = real(name);
    expect(config).toMatchObject(what);
    expect(Object.keys(config).filter((key) => key === 'rope_scaling' || key === 'sliding_window')).toEqual(
      Object.keys(what).filter((key) => key === 'rope_scaling' || key === 'sliding_window'),
    );
    let total = 0;
    for (const shape of expectedTensors(config).values()) total += shape.reduce((a, b) => a * b, 1);
    expect(total).toBe(parameters);
  });

  it('is the same in the spelling of transformers 5', () => {
    expect(parse(newerSpelling(REAL_CONFIGS[name]))).toEqual(real(name));
  });
});

describe('a family', () => {
  it('has the defaults of transformers where config.json is silent', () => {
    const least = {
      hidden_size: 512,
      intermediate_size: 8,
      num_hidden_layers: 2,
      num_attention_heads: 64,
      vocab_size: 9,
    };
    const of = (model_type: string, more = {}) => parse({ ...least, model_type, ...more });
    expect(of('llama')).toMatchObject({ num_key_value_heads: 64, head_dim: 8, max_position_embeddings: 2048 });
    expect(of('llama')).toMatchObject({ bos_token_id: 1, eos_token_id: [2], rms_norm_eps: 1e-6, rope_theta: 10000 });
    expect(of('qwen2')).toMatchObject({ num_key_value_heads: 32, head_dim: 8, max_position_embeddings: 32768 });
    expect(of('qwen2').eos_token_id).toEqual([]);
    expect(of('qwen3')).toMatchObject({ num_key_value_heads: 32, head_dim: 128, max_position_embeddings: 32768 });
    expect(of('mistral')).toMatchObject({ num_key_value_heads: 8, head_dim: 8, max_position_embeddings: 131072 });
    expect(of('mistral').sliding_window).toBe(4096);
    expect(of('mistral', { num_key_value_heads: null }).num_key_value_heads).toBe(64);
  });

  it('names itself once, in config.json and in GGUF', () => {
    expect(new Set(FAMILIES.map((family) => family.model_type)).size).toBe(FAMILIES.length);
    const ggufs = FAMILIES.flatMap(({ gguf }) => (gguf ? [gguf.architecture] : []));
    expect(new Set(ggufs).size).toBe(ggufs.length);
  });

  it('is refused as a classifier or a reward model', () => {
    const json = { ...REAL_CONFIGS['Qwen/Qwen2.5-Math-1.5B'], architectures: ['Qwen2ForRewardModel'] };
    expect(() => parse(json)).toThrow(UserError);
    expect(() => parse(json)).toThrow(
      /architectures is \["Qwen2ForRewardModel"\]\. Supported for qwen2: Qwen2ForCausalLM/,
    );
  });
});

describe('biases', () => {
  it('belong to q, k, v and o of a Llama or a Qwen3 with attention_bias, to q, k, v of every Qwen2', () => {
    const biases = (name: keyof typeof REAL_CONFIGS, more: object) =>
      [...expectedTensors(parse({ ...REAL_CONFIGS[name], ...more })).keys()]
        .filter((tensor) => tensor.startsWith('model.layers.1.') && tensor.endsWith('.bias'))
        .map((tensor) => tensor.split('.').at(-2));
    const all = ['q_proj', 'k_proj', 'v_proj', 'o_proj'];
    expect(biases('meta-llama/Llama-3.2-1B', {})).toEqual([]);
    expect(biases('meta-llama/Llama-3.2-1B', { attention_bias: true })).toEqual(all);
    expect(biases('meta-llama/Llama-3.2-1B', { mlp_bias: true })).toEqual(['gate_proj', 'up_proj', 'down_proj']);
    expect(biases('Qwen/Qwen3-0.6B', { attention_bias: true })).toEqual(all);
    expect(biases('Qwen/Qwen2.5-1.5B', {})).toEqual(['q_proj', 'k_proj', 'v_proj']);
  });
});

describe('a sliding window', () => {
  it('is no obstacle as long as the context fits in it', () => {
    const config = real('mistralai/Mistral-7B-v0.1');
    expect(contextLength(config)).toBe(4096);
    expect(contextLength(config, 100)).toBe(100);
  });

  it('is refused, with the way out, where the context is longer', () => {
    const config = real('mistralai/Mistral-7B-v0.1');
    expect(() => contextLength(config, 4097)).toThrow(UserError);
    expect(() => contextLength(config, 4097)).toThrow(
      /sliding_window is 4096, and the context 4097 tokens.* to 4096\.$/,
    );
  });

  it('of a Qwen2 counts where it is switched on and a layer has it', () => {
    const window = (more: object) => parse({ ...REAL_CONFIGS['Qwen/Qwen2.5-1.5B'], ...more }).sliding_window;
    const on = { use_sliding_window: true, sliding_window: 16 };
    expect(window({ sliding_window: 16 })).toBeUndefined();
    expect(window(on)).toBeUndefined();
    expect(window({ ...on, max_window_layers: 27 })).toBe(16);
    expect(window({ ...on, layer_types: ['full_attention', 'sliding_attention'] })).toBe(16);
    expect(window({ ...on, max_window_layers: 0, sliding_window: null })).toBeUndefined();
  });
});

describe('stop tokens', () => {
  const special = (content: string, id: number) => ({ content, id, special: true });
  const stops = (config: ModelConfig, added_tokens: object[]) =>
    stopTokenIds(config, { json: { added_tokens }, where: 't' });

  it('end the turn of a Qwen2.5 base model as its template does, though its eos_token_id is another', () => {
    const added = [special('<|endoftext|>', 151643), special('<|im_start|>', 151644), special('<|im_end|>', 151645)];
    expect(stops(real('Qwen/Qwen2.5-1.5B'), added)).toEqual([151643, 151645]);
  });

  it('are <|eot_id|> and <|end_of_text|> for a Llama 3, each once', () => {
    const added = [special('<|end_of_text|>', 128001), special('<|eot_id|>', 128009)];
    expect(stops(real('meta-llama/Llama-3.2-1B'), added)).toEqual([128001, 128009]);
  });

  it('are neither words of the vocabulary, nor tokens that the model has no row for, nor invented', () => {
    const config = real('HuggingFaceTB/SmolLM2-135M');
    expect(stops(config, [{ content: '<|im_end|>', id: 2, special: false }, special('<|eot_id|>', 49152)])).toEqual([
      0,
    ]);
    expect(stopTokenIds(config)).toEqual([0]);
    expect(stopTokenIds(config, { json: { added_tokens: [null] }, where: 't' })).toEqual([0]);
  });
});
