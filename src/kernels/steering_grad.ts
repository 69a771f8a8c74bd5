import partialSource from '../../shaders/steering_grad.wgsl?raw';
import totalSource from '../../shaders/steering_grad_total.wgsl?raw';
import { laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineUnitKernel, unitKernel } from './units.ts';

const PARTIAL_WG = 64;
const TOTAL_WG = 32;
const MAX_PARTIALS = 64;
const MIN_ROWS = 16;

const partialSums = defineUnitKernel({
  name: 'steering_grad_partial',
  source: partialSource,
  entry: 'steering_grad_partial',
  bindings: { dresid: 'read array<Unit>', partial_sums: 'read_write array<Unit>' },
  params: { n: 'u32', c: 'u32', row_units: 'u32', partials: 'u32', rows_each: 'u32' },
  constants: { WG: PARTIAL_WG },
  workgroup: PARTIAL_WG,
  cost: ({ n, c, partials }) => ({ flops: n * c, bytes: 4 * n * c + 4 * partials * c }),
});

const total = defineUnitKernel({
  name: 'steering_grad_total',
  source: totalSource,
  entry: 'steering_grad_total',
  bindings: { partial_sums: 'read array<Unit>', grad: 'read_write array<Unit>' },
  params: { c: 'u32', row_units: 'u32', partials: 'u32', layer: 'u32', scale: 'f32', accumulate: 'u32' },
  constants: { WG: TOTAL_WG },
  workgroup: TOTAL_WG,
  cost: ({ c, partials }) => ({ flops: (partials + 1) * c, bytes: 4 * (partials + 1) * c }),
});

/** Rows P of the scratch `partial` [P, C] that `steeringGrad` needs for n rows: at least 1. */
export function steeringGradPartials(n: number): number {
  return Math.max(1, Math.min(MAX_PARTIALS, Math.ceil(n / MIN_ROWS)));
}

/**
 * grad[layer] (+)= scale * Σ_n dresid[n]: the gradient of `residualAdd`'s steering vector, as grad [L, C] from dresid [N, C];
 * the other layers of `grad` stay. `partial` is scratch [steeringGradPartials(n), C]. With P partials, partial p sums the
 * rows from p * ceil(N / P) on in order, and the partials are then summed in order: the same N gives the same bits.
 */
export function steeringGrad(
  rec: Recorder,
  t: { dresid: Tensor; partial: Tensor; grad: Tensor },
  o: { n: number; c: number; layer: number; scale: number; accumulate?: boolean },
): void {
  const { n, c } = o;
  const partials = n === 0 ? 0 : steeringGradPartials(n);
  const first = unitKernel(partialSums, c);
  const second = unitKernel(total, c);
  const row_units = first.units;
  rec.dispatch(
    first.kernel,
    { dresid: t.dresid, partial_sums: t.partial },
    { n, c, row_units, partials, rows_each: Math.ceil(n / Math.max(1, partials)) },
    laneGrid(partials * row_units, PARTIAL_WG),
  );
  rec.dispatch(
    second.kernel,
    { partial_sums: t.partial, grad: t.grad },
    { c, row_units, partials, layer: o.layer, scale: o.scale, accumulate: o.accumulate ? 1 : 0 },
    [Math.ceil(row_units / TOTAL_WG), 1, 1],
  );
}
