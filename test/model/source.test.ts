import { describe, expect, it } from 'vitest';
import { openFolder } from '#platform';
import { UserError } from '../../src/gpu/errors.ts';
import { memoryFile } from '../../src/model/files.ts';
import { writeSafetensors } from '../../src/model/safetensors.ts';
import { openModelSource } from '../../src/model/source.ts';
import { checkTensors } from '../../src/model/weight_table.ts';
import { memoryFolder, repositoryPath } from '../setup/files.ts';
import { TINY_CONFIG, TINY_TOKENIZER, type TinyOptions, tinyModel } from './tiny_model.ts';

const open = (options?: TinyOptions) => openModelSource(memoryFolder('m', tinyModel(options)));

/** Opening and checking together: what happens before anything is uploaded. */
async function load(options?: TinyOptions): Promise<void> {
  checkTensors(await open(options));
}

const DOWN = 'model.layers.1.mlp.down_proj.weight';

describe('a Hugging Face folder', () => {
  it('gives the stored bytes of each tensor, under its name', async () => {
    const row = Uint16Array.from({ length: 8 }, (_, i) => i);
    const source = await open({
      edit: (all) => all.map((t) => (t.name === 'model.norm.weight' ? { ...t, dtype: 'BF16', data: row } : t)),
    });
    expect(source.tensors.get('model.norm.weight')).toMatchObject({ dtype: 'bf16', shape: [8] });
    const bytes = await source.read('model.norm.weight');
    expect(new Uint16Array(bytes.buffer, bytes.byteOffset, 8)).toEqual(row);
    expect(source.generation.eos_token_id).toEqual([5]);
  });

  it('ends a text at the stop tokens of its family too, where its tokenizer has them', async () => {
    const added_tokens = [...TINY_TOKENIZER.added_tokens, { id: 4, content: '<|im_end|>', special: true }];
    const { config, generation } = await open({ files: { 'tokenizer.json': { ...TINY_TOKENIZER, added_tokens } } });
    expect(generation.eos_token_id).toEqual([5, 4]);
    expect(config.eos_token_id).toEqual([5]);
  });

  it('opens every tiny model and the demonstration model', async () => {
    const models = [
      'qwen2-f32-tied-gqa1',
      'qwen2-bf16-untied-gqa3',
      'qwen2-f16-tied-gqa8',
      'llama-bf16-untied-headdim',
      'llama-bf16-tied-rope3',
      'llama-bf16-untied-biases',
      'qwen3-bf16-tied-headdim',
      'qwen3-f32-untied-biases',
      'mistral-bf16-untied-window',
    ];
    for (const path of [...models.map((name) => `test/golden/models/${name}`), 'models/demo']) {
      const source = await openModelSource(await openFolder(repositoryPath(path)));
      expect(() => checkTensors(source)).not.toThrow();
      await source.close();
    }
  });

  it('reads the shards that an index names, as if they were one file', async () => {
    let shards: Record<string, Uint8Array> = {};
    const whole = tinyModel({
      edit: (all) => {
        shards = {
          'a.safetensors': writeSafetensors(all.slice(0, 5)),
          'b.safetensors': writeSafetensors(all.slice(5)),
        };
        return all;
      },
    });
    const weight_map = { x: 'a.safetensors', y: 'b.safetensors' };
    const files = { 'model.safetensors': null, 'model.safetensors.index.json': { weight_map }, ...shards };
    const source = await open({ files });
    expect([...source.tensors.keys()].sort()).toEqual(
      [...(await openModelSource(memoryFolder('m', whole))).tensors.keys()].sort(),
    );
    expect(await source.read(DOWN)).toEqual(new Uint8Array(8 * 12 * 4));
    await expect(open({ files: { ...files, 'b.safetensors': null } })).rejects.toThrow(
      /has no b\.safetensors, which its .*index\.json names/,
    );
    const of3 = { weight_map: { x: 'model-1-of-3.safetensors', y: 'model-3-of-3.safetensors' } };
    await expect(open({ files: { ...files, 'model.safetensors.index.json': of3 } })).rejects.toThrow(
      /index\.json names no tensor of model-2-of-3\.safetensors, though model-1-of-3\.safetensors is one of 3/,
    );
  });

  it('has one identity wherever it lies, and another when a weight or the configuration changes', async () => {
    const { identity } = await open();
    expect(identity).toMatch(/^[0-9a-f]{64}$/);
    expect((await openModelSource(memoryFolder('elsewhere', tinyModel()))).identity).toBe(identity);
    const changed = (all: Parameters<NonNullable<TinyOptions['edit']>>[0]) =>
      all.map((t) => (t.name === DOWN ? { ...t, data: new Float32Array(96).fill(1) } : t));
    expect((await open({ edit: changed })).identity).not.toBe(identity);
    expect((await open({ config: { rope_theta: 5e5 } })).identity).not.toBe(identity);
  });

  it('has another identity when the last row of any one tensor changes', async () => {
    const { identity, tensors } = await open();
    for (const name of tensors.keys()) {
      const changed = (all: Parameters<NonNullable<TinyOptions['edit']>>[0]) =>
        all.map((t) => {
          if (t.name !== name) return t;
          const data = new Float32Array(t.data as Float32Array);
          data[data.length - 1] = 1;
          return { ...t, data };
        });
      expect((await open({ edit: changed })).identity, name).not.toBe(identity);
    }
  });

  it('refuses more layers than there are tensors before it counts them all', async () => {
    const source = await open({ files: { 'config.json': { ...TINY_CONFIG, num_hidden_layers: 1e9 } } });
    expect(() => checkTensors(source)).toThrow(/is of 1000000000 layers, and there are \d+ tensors in all/);
  });

  it('ignores what follows from other tensors: a tied head, stored rotary frequencies', async () => {
    await load({
      edit: (all) => [
        ...all,
        { name: 'lm_head.weight', dtype: 'F32', shape: [6, 8], data: new Float32Array(48) },
        { name: 'model.layers.0.self_attn.rotary_emb.inv_freq', dtype: 'F32', shape: [2], data: new Float32Array(2) },
      ],
    });
  });

  it.each<[string, TinyOptions, RegExp]>([
    ['no config.json', { files: { 'config.json': null } }, /m has no config\.json/],
    ['a broken config.json', { files: { 'config.json': '{"model_type": ' } }, /m\/config\.json is not valid JSON/],
    [
      'an unsupported architecture',
      { files: { 'config.json': { model_type: 'phi3' } } },
      /"phi3".*Supported: qwen2, qwen3, llama, mistral/,
    ],
    ['no weights', { files: { 'model.safetensors': null } }, /neither model\.safetensors nor/],
    [
      'a missing tensor',
      { edit: (all) => all.filter((t) => t.name !== DOWN) },
      /m\/model\.safetensors: tensor .*1\.mlp\.down_proj\.weight \[8, 12\] is missing/,
    ],
    [
      'a tensor of another shape',
      { edit: (all) => all.map((t) => (t.name === DOWN ? { ...t, shape: [12, 8] } : t)) },
      /m\/model\.safetensors: tensor model\.layers\.1\.mlp\.down_proj\.weight has the shape \[12, 8\], the configuration asks for \[8, 12\]/,
    ],
    [
      'a tensor of an unsupported type',
      { edit: (all) => all.map((t) => (t.name === DOWN ? { ...t, dtype: 'I32' } : t)) },
      /down_proj\.weight is I32\. Supported: F32, F16, BF16/,
    ],
    [
      'biases that the configuration does not know',
      {
        edit: (all) => [
          ...all,
          { name: 'model.layers.0.self_attn.q_proj.bias', dtype: 'F32', shape: [8], data: new Float32Array(8) },
        ],
      },
      /q_proj\.bias \[8\] is not part of a llama/,
    ],
    [
      'a head that is not tied and not there',
      { edit: (all) => all.filter((t) => t.name !== 'lm_head.weight'), config: { tie_word_embeddings: false } },
      /lm_head\.weight \[6, 8\] is missing.*set tie_word_embeddings/,
    ],
  ])('is refused for %s', async (_name, options, message) => {
    await expect(load(options)).rejects.toThrow(UserError);
    await expect(load(options)).rejects.toThrow(message);
  });

  it('is refused for truncated weights', async () => {
    const files = tinyModel();
    files.set('model.safetensors', (files.get('model.safetensors') as Uint8Array).subarray(0, -100));
    await expect(openModelSource(memoryFolder('m', files))).rejects.toThrow(/m\/model\.safetensors is truncated/);
  });

  it('is what to give in place of a weight file', async () => {
    const weights = tinyModel().get('model.safetensors') as Uint8Array;
    await expect(openModelSource(memoryFile('model.safetensors', weights))).rejects.toThrow(
      /is not a GGUF file.*give the folder/,
    );
  });
});
