import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differenceOf } from '../../bench/generation.ts';
import { onnxModel } from '../../bench/onnx_graph.ts';
import { PeerProcess } from '../../bench/peer_process.ts';

/** A peer that answers as the real ones do, and prints as libraries do. */
const SCRIPT = `
import { serve } from ${JSON.stringify(new URL('../../bench/peers/serve.mjs', import.meta.url).href)};
console.log('a line of a library');
await serve(async ({ model }) => {
  if (model === 'missing') throw new Error('there is no such model');
  return {
    info: { impl: 'peer', dtype: 'f32', versions: 'peer 1.0' },
    logits: async (ids) => ids.map((id) => id / 2),
    generate: async (ids, count) => ({ tokens: ids, prefillMs: 1.5, tokenMs: new Array(count).fill(2) }),
  };
});`;

describe('a peer in a process of its own', () => {
  let peer: PeerProcess;
  beforeAll(() => {
    const folder = mkdtempSync(join(tmpdir(), 'trimtab-peer-'));
    writeFileSync(join(folder, 'peer.mjs'), SCRIPT);
    peer = new PeerProcess(folder, 'peer.mjs');
  });
  afterAll(() => peer.close());

  it('hands on why a model does not open, and can be asked again', async () => {
    await expect(peer.open({ model: 'missing' })).rejects.toThrow('there is no such model');
    expect(await peer.open({ model: 'm' })).toMatchObject({ info: { impl: 'peer', versions: 'peer 1.0' } });
  });

  it('answers with logits and with a timed continuation', async () => {
    expect(await peer.logits([1, 3])).toEqual(Float32Array.of(0.5, 1.5));
    expect(await peer.generate([7, 8, 9], 2)).toEqual({ tokens: [7, 8, 9], prefillMs: 1.5, tokenMs: [2, 2] });
  });
});

describe('what a peer gives', () => {
  it('is compared by the largest difference over the largest value', () => {
    const reference = Float32Array.of(1, -4, 2);
    expect(differenceOf(Float32Array.of(1, -4, 2), reference)).toBe(0);
    expect(differenceOf(Float32Array.of(1, -3, 2), reference)).toBe(0.25);
    expect(differenceOf(Float32Array.of(1, Number.NaN, 2), reference)).toBeNaN();
    expect(differenceOf(Float32Array.of(1), reference)).toBeNaN();
  });
});

describe('an ONNX graph', () => {
  it('has the bytes that onnx.proto3 prescribes', () => {
    const bytes = onnxModel({
      nodes: [{ op: 'Softmax', inputs: ['x'], outputs: ['y'], ints: { axis: -1 } }],
      constants: [],
      inputs: { x: [300] },
      outputs: { y: [300] },
    });
    const hex = Buffer.from(bytes).toString('hex');
    expect(hex.startsWith('0808')).toBe(true); // ir_version 8
    // axis = -1 is ten bytes of varint; the attribute's type is INT.
    expect(hex).toContain(`${Buffer.from('axis').toString('hex')}18ffffffffffffffffff01a00102`);
    // 300 as a varint in a dimension.
    expect(hex).toContain('08ac02');
    expect(hex.endsWith(`42110a0d${Buffer.from('com.microsoft').toString('hex')}1001`)).toBe(true);
  });
});
