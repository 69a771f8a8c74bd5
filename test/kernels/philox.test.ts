import { describe, expect, it } from 'vitest';
import { defineKernel, foldGrid } from '../../src/gpu/kernel.ts';
import { philox4x32 } from '../../src/gpu/philox.ts';
import { randomSource } from '../cases/case.ts';
import vectors from '../golden/philox.json';
import { testDevice } from '../setup/device.ts';

const kernel = defineKernel({
  name: 'philox_words',
  source: `@compute @workgroup_size(WG)
fn philox_words(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.n) { words[id.x] = philox4x32(counters[id.x], keys[id.x]); }
}`,
  entry: 'philox_words',
  include: ['philox'],
  bindings: { counters: 'read array<vec4u>', keys: 'read array<vec2u>', words: 'read_write array<vec4u>' },
  params: { n: 'u32' },
  constants: { WG: 64 },
  workgroup: 64,
  cost: ({ n }) => ({ flops: 0, bytes: 40 * n }),
});

const device = await testDevice();

async function wordsOf(inputs: readonly { counter: readonly number[]; key: readonly number[] }[]): Promise<number[][]> {
  const n = inputs.length;
  const counters = device.upload(Uint32Array.from(inputs.flatMap((x) => x.counter)), [n, 4]);
  const keys = device.upload(Uint32Array.from(inputs.flatMap((x) => x.key)), [n, 2]);
  const words = device.arena.alloc([n, 4], 'u32', 'words');
  const rec = device.recorder();
  rec.dispatch(kernel, { counters, keys, words }, { n }, foldGrid(Math.ceil(n / 64)));
  rec.submit();
  const got = await device.readU32(words);
  for (const tensor of [counters, keys, words]) device.arena.free(tensor);
  return inputs.map((_, i) => Array.from(got.subarray(4 * i, 4 * i + 4)));
}

describe('Philox 4x32-10 in WGSL', () => {
  it('gives the words that Random123 publishes', async () => {
    expect(await wordsOf(vectors)).toEqual(vectors.map((x) => x.result));
  });

  it('gives the words of the host implementation on 5,000 random counters and keys', async () => {
    const random = randomSource(77);
    const word = () => random.integer(2 ** 32);
    const inputs = Array.from({ length: 5000 }, () => ({
      counter: [word(), word(), word(), word()] as [number, number, number, number],
      key: [word(), word()] as [number, number],
    }));
    expect(await wordsOf(inputs)).toEqual(inputs.map((x) => Array.from(philox4x32(x.counter, x.key))));
  });
});
