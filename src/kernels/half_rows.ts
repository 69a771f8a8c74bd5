import source from '../../shaders/half_rows.wgsl?raw';
import { defineKernel, type Kernel, laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';

const WG = 64;

const common = {
  source,
  entry: 'half_rows',
  params: { count: 'u32', row_units: 'u32' },
  constants: { WG },
  workgroup: WG,
} as const;

const store = defineKernel({
  ...common,
  name: 'store_half_rows',
  include: ['half_pair', 'stored_f16', 'half_store'],
  bindings: {
    inp: 'read array<vec4f>',
    out: 'read_write array<vec2u>',
    beyond: 'read_write array<atomic<u32>>',
  },
  cost: ({ count }) => ({ flops: 0, bytes: 24 * count }),
});

const gather = defineKernel({
  ...common,
  name: 'gather_half_rows',
  include: ['half_gather'],
  bindings: { inp: 'read array<vec2u>', rows: 'read array<u32>', out: 'read_write array<vec4f>' },
  cost: ({ count, row_units }) => ({ flops: 0, bytes: 24 * count + (4 * count) / row_units }),
});

/**
 * out [N, C] f16 = inp [N, C] f32, rounded; beyond 65,504 it is that, and NaN is NaN. beyond [1] u32 becomes 1 where there is
 * either, and is left alone elsewhere. C is a multiple of 4. Needs no feature.
 */
export function storeHalfRows(
  rec: Recorder,
  t: { inp: Tensor; out: Tensor; beyond: Tensor },
  o: { n: number; c: number },
): void {
  launch(rec, store, { inp: t.inp, out: t.out, beyond: t.beyond }, o.n, o.c);
}

/** out [R, C] f32 = inp[rows[r]] of inp [N, C] f16; rows [R] u32, each below N, repeats allowed. C is a multiple of 4. */
export function gatherHalfRows(
  rec: Recorder,
  t: { inp: Tensor; rows: Tensor; out: Tensor },
  o: { r: number; c: number },
): void {
  launch(rec, gather, { inp: t.inp, rows: t.rows, out: t.out }, o.r, o.c);
}

function launch(rec: Recorder, kernel: Kernel, t: Readonly<Record<string, Tensor>>, rows: number, c: number): void {
  if (c % 4 !== 0) throw new Error(`${kernel.name}: rows of ${c} numbers are no multiple of 4`);
  const count = (rows * c) / 4;
  rec.dispatch(kernel, t, { count, row_units: c / 4 }, laneGrid(count, WG));
}
