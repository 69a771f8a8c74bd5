import backwardSource from '../../shaders/head_backward.wgsl?raw';
import finishSource from '../../shaders/head_finish.wgsl?raw';
import pickSource from '../../shaders/head_pick.wgsl?raw';
import updateSource from '../../shaders/head_update.wgsl?raw';
import { defineKernel, laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineRowKernel, dispatchRows, type RowLayout } from './row_layout.ts';
import { defineUnitKernel, unitKernel } from './units.ts';

const WG = 64;

const pick = defineKernel({
  name: 'head_pick',
  source: pickSource,
  entry: 'head_pick',
  bindings: {
    logits: 'read array<f32>',
    rows: 'read array<u32>',
    targets: 'read array<u32>',
    picked: 'read_write array<f32>',
  },
  params: { pairs: 'u32', v0: 'u32', vt: 'u32', stride: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ pairs }) => ({ flops: 0, bytes: 16 * pairs }),
});

const update = defineRowKernel({
  name: 'head_update',
  source: updateSource,
  bindings: { logits: 'read_write array<vec4f>', stats: 'read_write array<vec4f>', rescale: 'read_write array<f32>' },
  params: { rows: 'u32', vt: 'u32', stride4: 'u32', first: 'u32' },
  constants: { KEEP: true },
  cost: ({ rows, vt }, { KEEP }) => ({ flops: 6 * rows * vt, bytes: (KEEP ? 8 : 4) * rows * vt }),
});

const finish = defineKernel({
  name: 'head_finish',
  source: finishSource,
  entry: 'head_finish',
  bindings: {
    stats: 'read array<vec4f>',
    rows: 'read array<u32>',
    picked: 'read array<f32>',
    logp: 'read_write array<f32>',
    entropy: 'read_write array<f32>',
  },
  params: { pairs: 'u32', rows: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ pairs, rows }) => ({ flops: 3 * pairs + 3 * rows, bytes: 28 * pairs + 20 * rows }),
});

const backward = defineUnitKernel({
  name: 'head_backward',
  source: backwardSource,
  entry: 'head_backward',
  bindings: {
    acc: 'read array<Unit>',
    stats: 'read array<vec4f>',
    pair_start: 'read array<u32>',
    targets: 'read array<u32>',
    coef: 'read array<f32>',
    weight: 'read weight rows',
    dhidden: 'read_write array<Unit>',
  },
  params: { count: 'u32', row_units: 'u32', rows: 'u32', c: 'u32', vocab: 'u32', first: 'u32', inv_temperature: 'f32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ rows, c }) => ({ flops: 4 * rows * c, bytes: 12 * rows * c }),
});

/**
 * Takes the targets' logits out of one vocabulary tile: picked[p] = logits[rows[p], targets[p] - v0] where the target
 * lies in [v0, v0 + vt); other elements of `picked` stay as they are. Call it before `headUpdate` overwrites the tile.
 * logits [R, stride] f32, rows and targets [P] u32, picked [P] f32.
 */
export function headPick(
  rec: Recorder,
  t: { logits: Tensor; rows: Tensor; targets: Tensor; picked: Tensor },
  o: { pairs: number; v0: number; vt: number; stride: number },
): void {
  rec.dispatch(pick, t, o, laneGrid(o.pairs, WG));
}

/**
 * Adds one vocabulary tile to each row's running softmax (Milakov & Gimelshein, arXiv 1805.02867).
 * logits [R, stride] f32, of which `vt` columns count, already divided by the temperature; with `keepProbabilities` they
 * become exp(l - m), and the columns from `vt` to the next multiple of 4 become 0. stats [R, 4]: maximum m,
 * s = Σ exp(l - m), t = Σ (l - m) exp(l - m), r = exp(m_old - m). rescale [R]: r again, for `linearBackward`'s rowScale;
 * 0 for the first tile. Throws where `stride` is no multiple of 4.
 */
export function headUpdate(
  rec: Recorder,
  t: { logits: Tensor; stats: Tensor; rescale: Tensor },
  o: { rows: number; vt: number; stride: number; first: boolean; keepProbabilities: boolean; layout?: RowLayout },
): void {
  if (o.stride % 4 !== 0) throw new Error(`head_update: a row stride of ${o.stride} floats is no multiple of 4`);
  const params = { rows: o.rows, vt: o.vt, stride4: o.stride / 4, first: o.first ? 1 : 0 };
  dispatchRows(rec, update, t, params, { rows: o.rows, layout: o.layout }, { KEEP: o.keepProbabilities });
}

/**
 * logp[p] = picked[p] - lse[rows[p]] with lse = m + ln s, and entropy[r] = ln s - t / s in nats, after the last tile.
 * stats [R, 4] f32, rows [P] u32, picked and logp [P] f32, entropy [R] f32.
 */
export function headFinish(
  rec: Recorder,
  t: { stats: Tensor; rows: Tensor; picked: Tensor; logp: Tensor; entropy: Tensor },
  o: { pairs: number; rows: number },
): void {
  rec.dispatch(finish, t, o, laneGrid(Math.max(o.pairs, o.rows), WG));
}

/**
 * dhidden[r] = 1/temperature · Σ_p coef[p] (W[targets[p]] - acc[r] / s[r]), summed over the row's pairs in their order.
 * acc [R, C] f32: Σ_v exp(l_v - m) W_v; stats [R, 4] f32; pairStart [R + 1] u32: where each row's pairs begin; targets [P]
 * u32; coef [P] f32: d loss / d logp; weight: blocked [vocab, C], the rows of the tokens from `first` (default 0) on; dhidden
 * [R, C] f32. Pairs with other targets are left out; `first` 0 overwrites dhidden, any other adds to it.
 */
export function headBackward(
  rec: Recorder,
  t: { acc: Tensor; stats: Tensor; pairStart: Tensor; targets: Tensor; coef: Tensor; weight: Tensor; dhidden: Tensor },
  o: { rows: number; c: number; vocab: number; first?: number; invTemperature: number },
): void {
  const { kernel, units } = unitKernel(backward, o.c);
  const count = o.rows * units;
  const { pairStart, ...tensors } = t;
  const { rows, c, vocab, first = 0, invTemperature: inv_temperature } = o;
  const params = { count, row_units: units, rows, c, vocab, first, inv_temperature };
  rec.dispatch(kernel, { ...tensors, pair_start: pairStart }, params, laneGrid(count, WG));
}
