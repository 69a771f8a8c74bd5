import { qkNorm, qkNormBackward } from '../../src/kernels/qk_norm.ts';
import * as reference from '../reference/qk_norm.ts';
import type { Heads } from '../reference/rope.ts';
import { type KernelCase, randomSource } from './case.ts';
import { ODD } from './shapes.ts';

const QWEN3 = { heads: 16, kvHeads: 8, headDim: 128 };

export function cases(): KernelCase[] {
  const shapes = [
    { n: 0, heads: 2, kvHeads: 1, headDim: 8 },
    ...ODD.map((n) => ({ n, heads: 2, kvHeads: 1, headDim: 8 })),
    ...[1, 2, 6, 10, 80, 128, 260].map((headDim) => ({ n: 5, heads: 3, kvHeads: 1, headDim })),
    { n: 3, heads: 3, kvHeads: 3, headDim: 16 },
  ];
  const large = { n: 2, heads: 2, kvHeads: 2, headDim: 64 };
  return [
    ...shapes.flatMap((o) => [forwardCase(o), backwardCase(o)]),
    forwardCase(large, 0, ' zeros'),
    forwardCase(large, 1e15, ' large'),
  ];
}

export function benchCases(): KernelCase[] {
  return [64, 1024].flatMap((n) => [forwardCase({ n, ...QWEN3 }), backwardCase({ n, ...QWEN3 })]);
}

function describeShape(o: Heads): string {
  return `N=${o.n} H=${o.heads} Hkv=${o.kvHeads} D=${o.headDim}`;
}

function forwardCase(heads: Heads, size = 1, note = ''): KernelCase {
  const random = randomSource(heads.n * 1009 + heads.headDim);
  const o = { ...heads, eps: 1e-6 };
  const columns = (o.heads + 2 * o.kvHeads) * o.headDim;
  return {
    kernel: 'qk_norm_forward',
    shape: describeShape(o) + note,
    inputs: { weight: { data: random.array(2 * o.headDim, 2), shape: [2 * o.headDim] } },
    outputs: { qkv: { shape: [o.n, columns], initial: random.array(o.n * columns, size) } },
    run: (rec, t) => qkNorm(rec, t as never, o),
    reference: (t) => ({ qkv: reference.qkNorm(t.qkv as Float64Array, t.weight as Float64Array, o) }),
    tolerance: { relative: 2e-6, absolute: 0 },
  };
}

function backwardCase(heads: Heads): KernelCase {
  const random = randomSource(heads.n * 2003 + heads.headDim);
  const o = { ...heads, eps: 1e-6 };
  const columns = (o.heads + 2 * o.kvHeads) * o.headDim;
  return {
    kernel: 'qk_norm_backward',
    shape: describeShape(o),
    inputs: {
      inp: { data: random.array(o.n * columns), shape: [o.n, columns] },
      weight: { data: random.array(2 * o.headDim, 2), shape: [2 * o.headDim] },
    },
    outputs: { dqkv: { shape: [o.n, columns], initial: random.array(o.n * columns) } },
    run: (rec, t) => qkNormBackward(rec, t as never, o),
    reference: (t) => ({
      dqkv: reference.qkNormBackward(t.inp as Float64Array, t.weight as Float64Array, t.dqkv as Float64Array, o),
    }),
    tolerance: { relative: 4e-6, absolute: 0 },
  };
}
