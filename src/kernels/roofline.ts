import copySource from '../../shaders/roofline_copy.wgsl?raw';
import emptySource from '../../shaders/roofline_empty.wgsl?raw';
import multiplyAddSource from '../../shaders/roofline_multiply_add.wgsl?raw';
import { defineKernel, laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';

const WG = 64;

function defineCopy(name: string, type: string, elementBytes: number) {
  return defineKernel({
    name,
    source: copySource,
    entry: 'roofline_copy',
    bindings: { inp: `read array<${type}>`, out: `read_write array<${type}>` },
    params: { count: 'u32' },
    constants: { WG },
    workgroup: WG,
    cost: ({ count }) => ({ flops: 0, bytes: 2 * elementBytes * count }),
  });
}

/** Bytes that a lane copies, with the kernel: wide lanes win where every access costs a bounds check. */
const COPIES = {
  16: defineCopy('roofline_copy_16', 'vec4f', 16),
  64: defineCopy('roofline_copy_64', 'mat4x4f', 64),
} as const;

function defineMultiplyAdd(name: string, dtype: 'f32' | 'f16') {
  return defineKernel({
    name,
    source: multiplyAddSource,
    entry: 'roofline_multiply_add',
    include: [`real_${dtype}`],
    features: dtype === 'f16' ? ['f16'] : [],
    bindings: { out: 'read_write array<f32>' },
    params: { lanes: 'u32', steps: 'u32', x: 'f32', y: 'f32' },
    constants: { WG },
    workgroup: WG,
    cost: ({ lanes, steps }) => ({ flops: 2 * 8 * 32 * steps * lanes, bytes: 4 * lanes }),
  });
}

const MULTIPLY_ADD = {
  f32: defineMultiplyAdd('roofline_multiply_add', 'f32'),
  f16: defineMultiplyAdd('roofline_multiply_add_f16', 'f16'),
};

const empty = defineKernel({
  name: 'roofline_empty',
  source: emptySource,
  entry: 'roofline_empty',
  bindings: { out: 'read_write array<f32>' },
  params: { value: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: () => ({ flops: 0, bytes: 4 }),
});

type CopyWidth = keyof typeof COPIES;
export const COPY_WIDTHS: readonly CopyWidth[] = [16, 64];

/** out = inp, both of the same bytes, a multiple of 64. */
export function rooflineCopy(rec: Recorder, t: { inp: Tensor; out: Tensor }, width: CopyWidth): void {
  const count = t.inp.bytes / width;
  rec.dispatch(COPIES[width], t, { count }, laneGrid(count, WG));
}

/**
 * 512 floating-point operations a step in every lane, in f32 or f16; out [lanes] f32, lanes a multiple of 64, at most
 * 65,535 * 64.
 */
export function rooflineMultiplyAdd(
  rec: Recorder,
  t: { out: Tensor },
  o: { steps: number; dtype?: 'f32' | 'f16' },
): void {
  const lanes = t.out.shape[0] as number;
  rec.dispatch(MULTIPLY_ADD[o.dtype ?? 'f32'], t, { lanes, steps: o.steps, x: 0.75, y: 0.25 }, [lanes / WG, 1, 1]);
}

/** out[0] = value, by one workgroup. */
export function rooflineEmpty(rec: Recorder, t: { out: Tensor }, value: number): void {
  rec.dispatch(empty, t, { value }, [1, 1, 1]);
}
