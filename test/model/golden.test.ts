import { describe, expect, it } from 'vitest';
import { openFile, openFolder } from '#platform';
import { dumpTensors, plainPass } from '../../src/eval/dump.ts';
import type { Device } from '../../src/gpu/device.ts';
import { loadModel, type Model } from '../../src/model/model.ts';
import { openModelSource } from '../../src/model/source.ts';
import { testDevice } from '../setup/device.ts';
import { golden, largestError, relativeError } from '../setup/golden.ts';

const CASES = [
  'qwen2-f32-tied-gqa1',
  'qwen2-bf16-untied-gqa3',
  'qwen2-f16-tied-gqa8',
  'llama-f32-untied-gqa8',
  'llama-bf16-tied-gqa3',
  'llama-f16-untied-gqa1',
  'llama-bf16-untied-headdim',
  'llama-bf16-tied-rope3',
  'llama-f16-tied-linear',
  'llama-bf16-untied-biases',
  'qwen3-bf16-tied-headdim',
  'qwen3-f32-untied-biases',
  'mistral-bf16-untied-window',
  'mistral-f16-tied-headdim',
];

/** llama's has biases, whose rows are permuted as its weights' are. */
const GGUF_CASES = ['qwen2-F16', 'qwen3-F32', 'llama-F16'];

const open = async (path: string, device: Device): Promise<Model> => {
  const source = await openModelSource(await (path.endsWith('.gguf') ? openFile : openFolder)(path));
  const model = await loadModel(device, source);
  await source.close();
  return model;
};

/** Types mixed as in Q4_K_M: q, k, v of one layer in two types, of the other in three. */
const MIXED = 'test/golden/gguf/tiny-mixed.gguf';
/** Bytes: every matrix of this model but one takes more, no activation does. */
const [CUT, SMALL_BINDING] = ['llama-f16-untied-gqa1', 2 ** 13] as const;

describe.each<[string, string, number?]>([
  ...CASES.map((name): [string, string] => [name, `test/golden/models/${name}`]),
  ...GGUF_CASES.map((name): [string, string] => [`gguf-${name}`, `test/golden/gguf/${name}.gguf`]),
  ['demo', 'models/demo'],
  ['gguf-mixed', MIXED],
  [CUT, `test/golden/models/${CUT}`, SMALL_BINDING],
])('%s against transformers', (name, path, maxBinding) => {
  it(
    maxBinding
      ? `computes the same in bindings of ${maxBinding} bytes`
      : 'computes its logits, every resid_post, the loss and every steering gradient',
    async () => {
      const device = maxBinding ? await testDevice({ maxBinding }) : await testDevice();
      const before = device.arena.live().length;
      const want = await golden(name);
      const ids = want.ids('ids');
      const model = await open(path, device);
      const parts = [model.lm_head, model.layers[0]?.gate_up_proj].map((matrix) => matrix?.parts.length);
      expect(parts).toEqual(maxBinding ? [2, 3] : [1, 1]);
      const { num_hidden_layers: layers, hidden_size: c } = model.config;
      const steering = { tensor: device.upload(want.f32('steering'), [layers, c], 'f32', 'steering'), scale: 1 };
      const got = new Map((await dumpTensors(model, ids, steering)).map((t) => [t.name, t.data as Float32Array]));
      for (const key of [
        'logits',
        ...Array.from({ length: layers }, (_, l) => `resid_post.${l}`),
        'logprobs',
        'loss',
      ]) {
        expect(relativeError(got.get(key) as Float32Array, want.f32(key)), key).toBeLessThan(2e-5);
      }
      const gradient = got.get('grad.steering') as Float32Array;
      for (let l = 0; l < layers; l++) {
        const at = (all: Float32Array) => all.subarray(l * c, (l + 1) * c);
        expect(relativeError(at(gradient), at(want.f32('grad.steering'))), `grad.steering of layer ${l}`).toBeLessThan(
          1e-4,
        );
      }
      const base = await plainPass(model, ids);
      expect(largestError(base.logits, want.f32('logits_base'))).toBeLessThan(1e-3);
      device.arena.free(steering.tensor);
      model.dispose();
      expect(device.arena.live().length).toBe(before);
    },
  );
});
