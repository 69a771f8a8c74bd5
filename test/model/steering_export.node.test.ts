import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gguf } from '@huggingface/gguf';
import { afterAll, describe, expect, it } from 'vitest';
import { parseSafetensors } from '../../src/model/safetensors.ts';
import type { SteeringFile } from '../../src/model/steering.ts';
import { encodeControlVector, encodeDownProjBiases, encodePeftAdapter } from '../../src/model/steering_export.ts';

const folder = mkdtempSync(join(tmpdir(), 'trimtab-export-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Four layers of five numbers; the third is zero. */
const file: SteeringFile = {
  vectors: Float32Array.from({ length: 20 }, (_, i) => (Math.floor(i / 5) === 2 ? 0 : i + 1)),
  numLayers: 4,
  hiddenSize: 5,
  metadata: { model: 'abc' },
};
const scaled = (l: number) => Array.from(file.vectors.subarray(5 * l, 5 * l + 5), (x) => x * 0.5);
const options = { architecture: 'qwen2', where: 'v.safetensors' };

describe('biases for transformers', () => {
  it('are named after down_proj, scaled, and leave layers of zeros out', () => {
    const { tensors, metadata } = parseSafetensors(encodeDownProjBiases(file, 0.5));
    expect([...tensors.keys()].sort()).toEqual([0, 1, 3].map((l) => `model.layers.${l}.mlp.down_proj.bias`));
    for (const l of [0, 1, 3]) {
      const bias = tensors.get(`model.layers.${l}.mlp.down_proj.bias`);
      expect(bias?.shape).toEqual([5]);
      expect(Array.from(bias?.data as Float32Array)).toEqual(scaled(l));
    }
    expect(metadata).toEqual({ format: 'pt', trimtab_model: 'abc' });
  });
});

describe('a PEFT adapter', () => {
  it('has a bias of [1, C] for every down_proj, and says what it is', () => {
    const adapter = encodePeftAdapter(file, 0.5, 'owner/name');
    expect(JSON.parse(adapter['adapter_config.json'])).toMatchObject({
      peft_type: 'BEFT',
      base_model_name_or_path: 'owner/name',
      target_modules: ['down_proj'],
    });
    const { tensors } = parseSafetensors(adapter['adapter_model.safetensors']);
    expect(tensors.size).toBe(4);
    const bias = tensors.get('base_model.model.model.layers.3.mlp.down_proj.beft_bias');
    expect(bias?.shape).toEqual([1, 5]);
    expect(Array.from(bias?.data as Float32Array)).toEqual(scaled(3));
  });
});

describe('a control vector for llama.cpp', () => {
  it('is a GGUF file that its own reader reads, with a direction for each layer but the first', async () => {
    const path = join(folder, 'control.gguf');
    const bytes = await encodeControlVector(file, 0.5, { ...options, dropLayer0: true });
    writeFileSync(path, bytes);
    const { metadata, tensorInfos, tensorDataOffset } = await gguf(path, { allowLocalFile: true });
    expect(metadata).toMatchObject({
      version: 3,
      'general.architecture': 'controlvector',
      'controlvector.model_hint': 'qwen2',
      'controlvector.layer_count': 4,
    });
    expect(tensorInfos.map(({ name }) => name)).toEqual(['direction.1', 'direction.3']);
    for (const { name, shape, dtype, offset } of tensorInfos) {
      expect(shape.map(Number)).toEqual([5]);
      expect(dtype).toBe(0);
      const at = Number(tensorDataOffset + offset);
      expect(at % 32).toBe(0);
      expect(Array.from(new Float32Array(bytes.buffer.slice(at, at + 20)))).toEqual(scaled(Number(name.split('.')[1])));
    }
  });

  it('is refused for a vector of the first layer, unless that is dropped, and where nothing is left', async () => {
    await expect(encodeControlVector(file, 1, { ...options, dropLayer0: false })).rejects.toThrow(/--drop-layer-0/);
    await expect(
      encodeControlVector({ ...file, vectors: new Float32Array(20) }, 1, { ...options, dropLayer0: false }),
    ).rejects.toThrow(/nothing to export/);
  });
});
