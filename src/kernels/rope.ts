import source from '../../shaders/rope.wgsl?raw';
import { laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineUnitKernel, unitKernel } from './units.ts';

const WG = 64;

const kernel = defineUnitKernel({
  name: 'rope',
  source,
  include: ['rotate'],
  entry: 'rope',
  bindings: { qkv: 'read_write array<Unit>', positions: 'read array<u32>', table: 'read array<Unit>' },
  params: { count: 'u32', n: 'u32', rotated: 'u32', turn: 'f32' },
  // Fixed by the model: units in half a head, rotated heads, heads a lane takes, units in a row of qkv.
  constants: { WG, HALF: 4, HEADS: 6, HEADS_EACH: 1, ROW: 64 },
  workgroup: WG,
  cost: ({ n, rotated }) => ({ flops: 3 * n * rotated, bytes: 8 * n * rotated }),
});

/**
 * Rotary position embedding (Su et al., arXiv 2104.09864) as Hugging Face's `rotate_half` has it, in place on the q and k
 * heads of qkv [N, (H + 2 Hkv) D]; v stays. `positions` [N] u32, each below the table's rows; `table` [maxPos, D/2, 2]
 * f32 from `ropeTable`. `inverse` turns back: on a gradient it is the backward pass.
 */
export function rope(
  rec: Recorder,
  t: { qkv: Tensor; positions: Tensor; table: Tensor },
  o: { n: number; heads: number; kvHeads: number; headDim: number; inverse?: boolean },
): void {
  // A width that divides half a head also divides the head and the row.
  const { kernel: variant, units: half } = unitKernel(kernel, o.headDim / 2);
  const heads = o.heads + o.kvHeads;
  // A CPU saves the table's loads; a GPU wants the lanes.
  const headsEach = rec.device.caps.isSoftware ? heads : 1;
  const count = o.n * (heads / headsEach) * half;
  rec.dispatch(
    variant,
    { qkv: t.qkv, positions: t.positions, table: t.table },
    { count, n: o.n, rotated: heads * o.headDim, turn: o.inverse ? -1 : 1 },
    laneGrid(count, WG),
    { HALF: half, HEADS: heads, HEADS_EACH: headsEach, ROW: (o.heads + 2 * o.kvHeads) * 2 * half },
  );
}

/** Linear scaling, and that of Llama 3.1 and later, by the names of Hugging Face's `rope_scaling`. */
export type RopeScaling =
  | { readonly rope_type: 'linear'; readonly factor: number }
  | {
      readonly rope_type: 'llama3';
      readonly factor: number;
      readonly low_freq_factor: number;
      readonly high_freq_factor: number;
      readonly original_max_position_embeddings: number;
    };

/**
 * cos and sin of every position and frequency, [maxPositions, headDim / 2, 2] row-major, with Hugging Face's roundings:
 * frequencies, angles, cos and sin each in f32. `scaling` is as transformers' `_compute_linear_scaling_rope_parameters` and
 * `_compute_llama3_parameters` have it.
 */
export function ropeTable(maxPositions: number, headDim: number, theta: number, scaling?: RopeScaling): Float32Array {
  const half = headDim / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) => {
    const exponent = Math.fround((2 * i) / headDim);
    const frequency = Math.fround(1 / Math.fround(theta ** exponent));
    if (!scaling) return frequency;
    return scaling.rope_type === 'linear' ? frequency / scaling.factor : llama3Frequency(frequency, scaling);
  });
  const table = new Float32Array(maxPositions * half * 2);
  for (let position = 0, at = 0; position < maxPositions; position++) {
    for (let i = 0; i < half; i++, at += 2) {
      const angle = Math.fround(position * (frequencies[i] as number));
      table[at] = Math.cos(angle);
      table[at + 1] = Math.sin(angle);
    }
  }
  return table;
}

function llama3Frequency(frequency: number, s: Extract<RopeScaling, { rope_type: 'llama3' }>): number {
  const f = Math.fround;
  const wavelength = f((2 * Math.PI) / frequency);
  const context = s.original_max_position_embeddings;
  if (wavelength < context / s.high_freq_factor) return frequency;
  if (wavelength > context / s.low_freq_factor) return f(frequency / s.factor);
  const smooth = f(f(f(context / wavelength) - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor));
  return f(f(f(f(1 - smooth) * frequency) / s.factor) + f(smooth * frequency));
}
