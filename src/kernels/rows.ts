import source from '../../shaders/rows.wgsl?raw';
import { laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineWideKernel, type WideKernel, wideKernel } from './units.ts';

const WG = 64;

const [gather, scatter] = [false, true].map((SCATTER) =>
  defineWideKernel({
    name: SCATTER ? 'scatter_rows' : 'gather_rows',
    source,
    entry: 'move_rows',
    bindings: { inp: 'read array<Wide>', rows: 'read array<u32>', out: 'read_write array<Wide>' },
    params: { count: 'u32', row_units: 'u32', r: 'u32', c: 'u32' },
    constants: { WG, SCATTER },
    workgroup: WG,
    cost: ({ r, c }) => ({ flops: 0, bytes: 8 * r * c + 4 * r }),
  }),
) as [WideKernel, WideKernel];

interface Rows {
  readonly inp: Tensor;
  readonly rows: Tensor;
  readonly out: Tensor;
}

/** out [R, C] = inp[rows[r]] of inp [N, C]; rows [R] u32, each below N, repeats allowed. f32. */
export function gatherRows(rec: Recorder, t: Rows, o: { r: number; c: number }): void {
  launch(rec, gather, t, o);
}

/** out[rows[r]] = inp[r]: out [N, C], inp [R, C]; rows [R] u32, unique. Other rows of `out` stay. f32. */
export function scatterRows(rec: Recorder, t: Rows, o: { r: number; c: number }): void {
  launch(rec, scatter, t, o);
}

function launch(rec: Recorder, pair: WideKernel, t: Rows, { r, c }: { r: number; c: number }): void {
  const { kernel, units } = wideKernel(rec.device, pair, c);
  const count = r * units;
  rec.dispatch(
    kernel,
    { inp: t.inp, rows: t.rows, out: t.out },
    { count, row_units: units, r, c },
    laneGrid(count, WG),
  );
}
