import { beforeAll, describe, expect, it } from 'vitest';
import { openFile } from '#platform';
import { UserError } from '../../src/gpu/errors.ts';
import { memoryFile, type RandomAccess } from '../../src/model/files.ts';
import { unpermuteRows } from '../../src/model/gguf_types.ts';
import { weightBytes } from '../../src/model/model.ts';
import { openModelSource } from '../../src/model/source.ts';
import { Tokenizer } from '../../src/model/tokenizer.ts';
import { checkTensors } from '../../src/model/weight_table.ts';
import { dequantise } from '../reference/quants.ts';
import { repositoryPath } from '../setup/files.ts';

/**
 * SHA-256 of all tensors end to end, sorted by their names in the file, as the Python package gguf reads them (0.19, f32
 * but for F16) with the rows of q and k put back in Hugging Face's order.
 */
const DIGESTS = {
  F32: 'ff3134e78b2775ffaf8cb0896ee3b785ec43c5de18af12edc91a1c9018087a09',
  F16: '4c5ba152189a80711702f7c1b9446f6eb4838db9f63d444a1ce715bce67c60ab',
  Q8_0: '0a325f0f0a107ef8234a4ce538bc61e632f23d93d42c367cd65609e8b275a088',
  Q4_0: '572fbda5fa74457d8daf35d3b0f58c87a96a3ba70b1efa411fdd1c2df7121453',
  Q4_1: '1dcfcd98145b3b3d30087f4a631fee983d30ea0a5f72f0cc0066f061d6bfb409',
};

/** Hugging Face's names in the order of the file's own. */
const LAYER = [
  'self_attn.k_proj',
  'input_layernorm',
  'self_attn.o_proj',
  'self_attn.q_proj',
  'self_attn.v_proj',
  'mlp.down_proj',
  'mlp.gate_proj',
  'post_attention_layernorm',
  'mlp.up_proj',
];
const ORDER = [0, 1]
  .flatMap((l) => LAYER.map((name) => `model.layers.${l}.${name}.weight`))
  .concat('model.norm.weight', 'model.embed_tokens.weight');

const fixture = (kind: string): Promise<RandomAccess> => openFile(repositoryPath(`test/golden/gguf/tiny-${kind}.gguf`));

const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer);

/** Where the text first stands. */
function indexOf(bytes: Uint8Array, text: string): number {
  const [first, ...rest] = new TextEncoder().encode(text);
  for (let at = bytes.indexOf(first as number); at >= 0; at = bytes.indexOf(first as number, at + 1)) {
    if (rest.every((byte, i) => bytes[at + 1 + i] === byte)) {
      return at;
    }
  }
  throw new Error(`the fixture has no ${text}`);
}

/** The fixture with one more F32 vector at its end. */
function withTensor(file: Uint8Array, name: string, data: Float32Array): Uint8Array {
  const last = 'output_norm.weight';
  const infosEnd = indexOf(file, last) + last.length + 4 + 8 + 4 + 8; // dims, size, type, offset
  const weights = file.subarray(Math.ceil(infosEnd / 32) * 32);
  const info = new Uint8Array(8 + name.length + 24);
  const view = new DataView(info.buffer);
  view.setUint32(0, name.length, true);
  info.set(new TextEncoder().encode(name), 8);
  view.setUint32(8 + name.length, 1, true);
  view.setUint32(8 + name.length + 4, data.length, true);
  const offset = Math.ceil(weights.length / 32) * 32;
  view.setUint32(8 + name.length + 16, offset, true);
  const start = Math.ceil((infosEnd + info.length) / 32) * 32;
  const out = new Uint8Array(start + offset + data.byteLength);
  out.set(file.subarray(0, infosEnd));
  out.set(info, infosEnd);
  out.set(weights, start);
  out.set(new Uint8Array(data.buffer), start + offset);
  const count = new DataView(out.buffer);
  count.setUint32(8, count.getUint32(8, true) + 1, true);
  return out;
}

describe('GGUF', () => {
  it.each(Object.entries(DIGESTS))(
    'reads %s to the bits of the reference reader, in the order of rows of Hugging Face',
    async (kind, digest) => {
      const source = await openModelSource(await fixture(kind));
      checkTensors(source);
      const parts: Uint8Array[] = [];
      for (const name of ORDER) {
        const { shape, dtype } = source.tensors.get(name) as { shape: readonly number[]; dtype: string };
        expect(dtype).toBe(shape.length === 2 ? kind.toLowerCase() : 'f32');
        const stored = await source.read(name);
        parts.push(dtype.startsWith('q') ? bytesOf(Float32Array.from(dequantise(stored, dtype))) : stored);
      }
      const all = await new Blob(parts as BlobPart[]).arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', all));
      expect([...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('')).toBe(digest);
      await source.close();
    },
  );

  it('has the configuration of the file, with a tied head where there is no output.weight', async () => {
    const source = await openModelSource(await fixture('Q4_0'));
    expect(source.config).toMatchObject({
      model_type: 'llama',
      hidden_size: 64,
      intermediate_size: 96,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 16,
      rope_theta: 10000,
      vocab_size: 271,
      tie_word_embeddings: true,
      attention_bias: false,
      eos_token_id: [2],
      bos_token_id: 1,
    });
    expect(source.config.rms_norm_eps).toBeCloseTo(1e-5, 10);
    await source.close();
  });

  it("reads Llama 3's rope_scaling back out of the divisors that llama.cpp's converter makes of it", async () => {
    const file = await fixture('F32');
    const factor = 32;
    const divisors = Float32Array.from({ length: 8 }, (_, i) => {
      const wavelength = 2 * Math.PI * 10000 ** (i / 8);
      const smooth = (8192 / wavelength - 1) / (4 - 1);
      return wavelength < 8192 / 4 ? 1 : wavelength > 8192 ? factor : 1 / ((1 - smooth) / factor + smooth);
    });
    expect(new Set(divisors).size).toBe(3);
    const bytes = withTensor(await file.read(0, file.size), 'rope_freqs.weight', divisors);
    const source = await openModelSource(memoryFile('llama3.gguf', bytes));
    checkTensors(source);
    expect(source.config.rope_scaling).toEqual({
      rope_type: 'llama3',
      factor,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    });
    await file.close();
  });

  it('reads any rows of a permuted matrix as it reads all of them', async () => {
    const source = await openModelSource(await fixture('Q8_0'));
    const name = 'model.layers.1.self_attn.q_proj.weight';
    const all = await source.read(name);
    const rowBytes = all.length / 64;
    for (const [first, count] of [
      [0, 16],
      [3, 10],
      [15, 34],
      [63, 1],
    ] as const) {
      expect(await source.read(name, { first, count })).toEqual(
        all.slice(first * rowBytes, (first + count) * rowBytes),
      );
    }
    await source.close();
  });

  it('keeps its blocks: another type of weights is refused before anything is loaded', async () => {
    const source = await openModelSource(await fixture('Q4_1'));
    expect(() => weightBytes(source, { dtype: 'f16' })).toThrow(UserError);
    expect(() => weightBytes(source, { dtype: 'f16' })).toThrow(
      /tiny-Q4_1\.gguf: tensor model\.embed_tokens\.weight is stored as Q4_1, which is kept as it is: leave out dtype f16/,
    );
    await source.close();
  });

  it('reads version 2 as it reads version 3', async () => {
    const file = await fixture('Q4_0');
    const bytes = await file.read(0, file.size);
    bytes[4] = 2;
    const [two, three] = await Promise.all([openModelSource(memoryFile('v2.gguf', bytes)), openModelSource(file)]);
    checkTensors(two);
    expect([...two.tensors.keys()]).toEqual([...three.tensors.keys()]);
    expect(await two.read(ORDER[0] as string)).toEqual(await three.read(ORDER[0] as string));
    await file.close();
  });

  it('takes neighbouring pairs of rows apart, head by head', () => {
    // Rows of two bytes; row r of the file is [r, r].
    const rows = Uint8Array.from({ length: 16 }, (_, i) => i >> 1);
    expect([...unpermuteRows(rows, 2, 4)].filter((_, i) => i % 2 === 0)).toEqual([0, 2, 1, 3, 4, 6, 5, 7]);
  });
});

describe('a bad GGUF file', () => {
  let good: Uint8Array;
  beforeAll(async () => {
    const file = await fixture('F32');
    good = await file.read(0, file.size);
    await file.close();
  });

  /** A copy with a u32 or a text in another place. */
  function patch(at: number, value: number | string): Uint8Array {
    const bytes = good.slice();
    if (typeof value === 'string') {
      bytes.set(new TextEncoder().encode(value), at);
    } else {
      new DataView(bytes.buffer).setUint32(at, value, true);
    }
    return bytes;
  }

  /** A key's value follows it and its u32 type; a text comes after its u64 length. */
  const numberOf = (key: string) => indexOf(good, key) + key.length + 4;
  const textOf = (key: string) => numberOf(key) + 8;
  const typeOf = (tensor: string, dims: number) => indexOf(good, tensor) + tensor.length + 4 + 8 * dims;

  it.each<[string, () => Uint8Array, RegExp]>([
    ['of nothing', () => new Uint8Array(), /is not a GGUF file: it begins with nothing/],
    ['with another magic number', () => patch(0, 'GGML'), /begins with 47 47 4d 4c, not with 47 47 55 46/],
    ['of an unknown version', () => patch(4, 9), /unsupported version "9"/],
    ['that ends after its magic number', () => good.subarray(0, 4), /is truncated|cannot be read/],
    ['that ends in its metadata', () => good.subarray(0, 1000), /is truncated|cannot be read/],
    ['that ends among its tensor names', () => good.subarray(0, indexOf(good, 'blk.1.ffn_up.weight')), /is truncated/],
    [
      'that ends in its weights',
      () => good.subarray(0, good.length - 1),
      /is truncated: tensor .* ends at byte \d+, the file at \d+/,
    ],
    [
      'of another architecture',
      () => patch(textOf('general.architecture'), 'gemma'),
      /architecture "gemma".*Supported in GGUF: qwen2, qwen3, llama/,
    ],
    [
      'of an unsupported quantisation',
      () => patch(typeOf('blk.0.attn_q.weight', 2), 10),
      /blk\.0\.attn_q\.weight is quantised as Q2_K.*Supported: F32, F16, BF16, Q4_0, .*, Q6_K/,
    ],
    [
      'of a row that its blocks do not divide',
      () => patch(typeOf('blk.0.attn_q.weight', 2), 12),
      /blk\.0\.attn_q\.weight has rows of 64, no multiple of Q4_K's blocks of 256/,
    ],
    [
      'of a quantised vector',
      () => patch(typeOf('blk.0.attn_norm.weight', 1), 8),
      /blk\.0\.attn_norm\.weight is a vector quantised as Q8_0\. Supported for vectors: F32, F16, BF16/,
    ],
    ['of a quantisation from the future', () => patch(typeOf('blk.0.attn_q.weight', 2), 999), /quantised as type 999/],
    [
      'with a tensor of another shape',
      () => patch(numberOf('llama.feed_forward_length'), 95),
      /has the shape \[96, 64\], the configuration asks for \[95, 64\]/,
    ],
    ['with a layer too few', () => patch(numberOf('llama.block_count'), 3), /tensor model\.layers\.2\..* is missing/],
    [
      'with a tensor missing',
      () => patch(indexOf(good, 'blk.1.ffn_up.weight'), 'blk.1.ffn_ex'),
      /tensor model\.layers\.1\.mlp\.up_proj\.weight \[96, 64\] is missing/,
    ],
    [
      'with a tensor that no llama has',
      () => withTensor(good, 'blk.0.attn_q_norm.weight', new Float32Array(16)),
      /tensor model\.layers\.0\.self_attn\.q_norm\.weight \[16\] is not part of a llama/,
    ],
    [
      'with one bias of several',
      () => withTensor(good, 'blk.0.attn_q.bias', new Float32Array(64)),
      /tensor model\.layers\.0\.self_attn\.k_proj\.bias \[32\] is missing/,
    ],
    [
      'with rotary frequencies stretched in its own way',
      () => withTensor(good, 'rope_freqs.weight', new Float32Array(8).fill(2)),
      /rope_freqs\.weight stretches.*Supported: none, Llama 3's/,
    ],
    [
      'without a needed key',
      () => patch(indexOf(good, 'llama.block_count'), 'llama.block_c0unt'),
      /llama\.block_count is missing/,
    ],
  ])('%s is refused in a message that names it', async (_name, bytes, message) => {
    const load = async () => checkTensors(await openModelSource(memoryFile('bad.gguf', bytes())));
    await expect(load()).rejects.toThrow(UserError);
    await expect(load()).rejects.toThrow(message);
    await expect(load()).rejects.toThrow(/^bad\.gguf/);
  });

  it.each([
    [
      'pre',
      'tokenizer.ggml.pre',
      'tekken',
      /tokenizer\.ggml\.pre is "tekken"\. Supported: default, gpt-2, smollm, llama-bpe/,
    ],
    ['model', 'tokenizer.ggml.model', 'bert', /tokenizer\.ggml\.model is "bert"\. Supported: gpt2/],
  ])(
    'with an unsupported tokenizer (%s) gives weights, and says so when text is to be encoded',
    async (_name, key, value, message) => {
      const source = await openModelSource(memoryFile('odd.gguf', patch(textOf(key), value)));
      checkTensors(source);
      expect(() => Tokenizer.fromSource(source)).toThrow(message);
    },
  );
});

describe('offsets in a GGUF file', () => {
  const moved = async (to: bigint) => {
    const file = await fixture('F32');
    const bytes = new Uint8Array(await file.read(0, file.size));
    const name = 'output_norm.weight';
    const at = indexOf(bytes, name) + name.length + 4 + 8 + 4; // dims, size, type
    new DataView(bytes.buffer).setBigUint64(at, to, true);
    return openModelSource(memoryFile('moved.gguf', bytes));
  };

  it.each([0n, 1n, 33n])('that lie in another tensor or at an odd place are refused: %s', async (to) => {
    await expect(moved(to)).rejects.toThrow(/moved\.gguf: tensor \S+ begins at byte \d+, inside another tensor/);
  });
});
