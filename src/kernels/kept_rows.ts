import keepSource from '../../shaders/keep_rows.wgsl?raw';
import loadSource from '../../shaders/load_rows.wgsl?raw';
import { foldGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineUnitKernel, type UnitKernel } from './units.ts';

const WG = 64;

/** Tensors whose rows lie side by side in one: with the kept tensor and the table of rows, eight bindings. */
export const KEPT_PARTS = 6;

const WIDTHS = { w0: 'u32', w1: 'u32', w2: 'u32', w3: 'u32', w4: 'u32', w5: 'u32' } as const;

const parts = (access: 'read' | 'read_write') =>
  Object.fromEntries(Array.from({ length: KEPT_PARTS }, (_, i) => [`part${i}`, `${access} array<Unit>`]));

const keep = defineUnitKernel({
  name: 'keep_rows',
  source: keepSource,
  entry: 'keep_rows',
  bindings: { ...parts('read'), kept: 'read_write array<Unit>', base: 'read array<u32>' },
  params: { n: 'u32', stride: 'u32', floats: 'u32', ...WIDTHS },
  constants: { WG },
  workgroup: WG,
  cost: ({ n, floats }) => ({ flops: 0, bytes: 8 * n * floats }),
});

const load = defineUnitKernel({
  name: 'load_rows',
  source: loadSource,
  entry: 'load_rows',
  bindings: { kept: 'read array<Unit>', rows: 'read array<u32>', ...parts('read_write') },
  params: { n: 'u32', stride: 'u32', floats: 'u32', ...WIDTHS },
  constants: { WG },
  workgroup: WG,
  cost: ({ n, floats }) => ({ flops: 0, bytes: 8 * n * floats + 4 * n }),
});

/**
 * kept[base + r] = row r of all parts, side by side, for r < n. parts [N, w_i], one to six of them; kept [rows, Σ w_i]; all
 * f32; base [1] u32. Widths are either all multiples of 4 or taken a float at a time.
 */
export function keepRows(
  rec: Recorder,
  t: { parts: readonly Tensor[]; kept: Tensor; base: Tensor },
  o: { n: number },
): void {
  const { kernel, params, grid } = layout(keep, t.parts, o.n);
  // What a group of fewer parts does not read must still be bound to something.
  rec.dispatch(kernel, { ...named(t.parts, t.parts[0]), kept: t.kept, base: t.base }, { ...params, ...o }, grid);
}

/**
 * Row r of every part = its columns of kept[rows[r]], for r < n; rows [N] u32. As many tensors as `KEPT_PARTS` are bound, no
 * two alike: `spare` stands in for what is missing.
 */
export function loadRows(
  rec: Recorder,
  t: { kept: Tensor; rows: Tensor; parts: readonly Tensor[]; spare: readonly Tensor[] },
  o: { n: number },
): void {
  const { kernel, params, grid } = layout(load, t.parts, o.n);
  const bound = [...t.parts, ...t.spare].slice(0, KEPT_PARTS);
  rec.dispatch(kernel, { ...named(bound), kept: t.kept, rows: t.rows }, { ...params, ...o }, grid);
}

/** Floats of a row of a part. */
export function partWidth(tensor: Tensor): number {
  return tensor.shape[1] ?? 1;
}

function named(parts: readonly Tensor[], spare?: Tensor): Record<string, Tensor> {
  return Object.fromEntries(Array.from({ length: KEPT_PARTS }, (_, i) => [`part${i}`, (parts[i] ?? spare) as Tensor]));
}

function layout(kernels: UnitKernel, parts: readonly Tensor[], n: number) {
  const floats = parts.map(partWidth);
  const unit = floats.every((width) => width % 4 === 0) ? 4 : 1;
  const widths = floats.map((width) => width / unit);
  const sum = widths.reduce((a, b) => a + b, 0);
  const [x, y] = foldGrid(Math.ceil((n * Math.max(...widths)) / WG));
  return {
    kernel: unit === 4 ? kernels.vec4 : kernels.scalar,
    params: {
      stride: sum,
      floats: sum * unit,
      ...Object.fromEntries(Object.keys(WIDTHS).map((name, i) => [name, widths[i] ?? 0])),
    },
    grid: [x, y, parts.length] as const,
  };
}
