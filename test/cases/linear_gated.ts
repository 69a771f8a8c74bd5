import type { WeightType } from '../../src/gpu/blocks.ts';
import type { Capabilities } from '../../src/gpu/device.ts';
import { linearGated } from '../../src/kernels/linear.ts';
import { LINEAR_VARIANTS, type LinearVariant } from '../../src/kernels/linear_variants.ts';
import * as reference from '../reference/linear.ts';
import { swiglu } from '../reference/swiglu.ts';
import { type KernelCase, randomSource } from './case.ts';
import { weightInput } from './weights.ts';

export interface GatedCase {
  readonly m: number;
  readonly f: number;
  readonly k: number;
  readonly dtype?: WeightType;
  readonly bias?: boolean;
  readonly variant?: LinearVariant;
}

/** Rows of one tile and of several, numbers of blocks that are no multiple of what a lane or a workgroup owns. */
const SHAPES: readonly GatedCase[] = [
  ...[1, 3, 5, 9, 17, 63, 65].map((m) => ({ m, f: 36, k: 20 })),
  { m: 0, f: 8, k: 8 },
  { m: 1, f: 4, k: 4 },
  { m: 1, f: 68, k: 48 },
  { m: 64, f: 384, k: 128 },
  { m: 1, f: 384, k: 128 },
  { m: 33, f: 40, k: 24, dtype: 'f16' },
  { m: 33, f: 40, k: 24, dtype: 'f32', bias: true },
  { m: 1, f: 40, k: 32, bias: true },
  { m: 33, f: 12, k: 256, dtype: 'q6_k' },
  { m: 5, f: 68, k: 64, dtype: 'q4_0', bias: true },
];

/** Each with every variant that writes SwiGLU and runs on the adapter. */
export function cases(caps: Capabilities): KernelCase[] {
  return gatedVariants(caps).flatMap((variant) => SHAPES.map((shape) => gatedCase({ ...shape, variant })));
}

export function gatedVariants(caps: Capabilities): LinearVariant[] {
  return (Object.keys(LINEAR_VARIANTS) as LinearVariant[]).filter((name) => {
    const { gated, runsOn } = LINEAR_VARIANTS[name];
    return gated && runsOn(caps);
  });
}

export function gatedCase(o: GatedCase): KernelCase {
  const { m, f, k, dtype = 'bf16', bias = false, variant } = o;
  const random = randomSource(m * 7919 + f * 31 + k);
  return {
    kernel: 'linear_gated',
    shape: [`M=${m} F=${f} K=${k} ${dtype}`, bias && 'bias', variant].filter(Boolean).join(' '),
    inputs: {
      inp: { data: random.array(m * k), shape: [m, k] },
      weight: weightInput(random, 2 * f, k, dtype),
      ...(bias && { bias: { data: random.array(2 * f), shape: [2 * f] } }),
    },
    outputs: { out: { shape: [m, f] } },
    run: (rec, t) => linearGated(rec, t as never, { m, f, k, ...(variant && { variant }) }),
    reference: ({ inp, weight, bias }) => {
      const t = { inp: inp as Float64Array, weight: weight as Float64Array, ...(bias && { bias }) };
      return { out: swiglu(reference.linear(t, { m, n: 2 * f, k }), m, f) };
    },
  };
}
