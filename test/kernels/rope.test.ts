import { expect, it } from 'vitest';
import { ropeTable } from '../../src/kernels/rope.ts';
import { randomSource } from '../cases/case.ts';
import { cases } from '../cases/rope.ts';
import { centralDifferences, largestDifference } from '../reference/differences.ts';
import { rope } from '../reference/rope.ts';
import { testDeviceOfOtherKind } from '../setup/device.ts';
import { describeCases } from './driver.ts';

describeCases('rope', cases());
describeCases('rope as on the other kind of adapter', cases(), testDeviceOfOtherKind);

it('rope: turning back is the backward pass, by finite differences of the forward reference', () => {
  const random = randomSource(1);
  const o = { n: 3, heads: 2, kvHeads: 1, headDim: 8 };
  const qkv = Float64Array.from(random.array(96));
  const dout = Float64Array.from(random.array(96));
  const positions = Float64Array.of(0, 7, 30);
  const table = Float64Array.from(ropeTable(31, 8, 10000));
  const want = centralDifferences((x) => rope(x, positions, table, o), qkv, dout);
  expect(largestDifference(rope(dout, positions, table, { ...o, inverse: true }), want)).toBeLessThan(1e-8);
});

it('ropeTable holds cos and sin of position * theta^(-2i/D)', () => {
  const table = ropeTable(2048, 64, 10000);
  for (const position of [0, 1, 17, 2047]) {
    for (const i of [0, 1, 15, 31]) {
      const angle = position * 10000 ** (-i / 32);
      // An f32 angle of about 2000 is known to 1e-4.
      expect(table[(position * 32 + i) * 2]).toBeCloseTo(Math.cos(angle), 3);
      expect(table[(position * 32 + i) * 2 + 1]).toBeCloseTo(Math.sin(angle), 3);
    }
  }
});

it('ropeTable scales low frequencies as Llama 3.1 does, leaves high ones and blends between', () => {
  const scaling = {
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  } as const;
  const plain = ropeTable(2, 128, 500000);
  const scaled = ropeTable(2, 128, 500000, scaling);
  const angle = (table: Float32Array, i: number) =>
    Math.atan2(table[128 + 2 * i + 1] as number, table[128 + 2 * i] as number);
  expect(angle(scaled, 0)).toBe(angle(plain, 0));
  expect(angle(scaled, 63) / angle(plain, 63)).toBeCloseTo(1 / 8, 4);
  const blended = angle(scaled, 32) / angle(plain, 32);
  expect(blended).toBeGreaterThan(1 / 8);
  expect(blended).toBeLessThan(1);
});

it('ropeTable divides every frequency where scaling is linear: position 4 then has the angles of position 1', () => {
  const plain = ropeTable(2, 16, 10000);
  const scaled = ropeTable(5, 16, 10000, { rope_type: 'linear', factor: 4 });
  expect(scaled.subarray(4 * 16, 5 * 16)).toEqual(plain.subarray(16, 32));
});
