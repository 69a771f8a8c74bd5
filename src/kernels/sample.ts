import source from '../../shaders/sample.wgsl?raw';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineRowKernel, dispatchRows, type RowLayout } from './row_layout.ts';

/** Which of the slots in flight draw, and how many of a slot's latest tokens its results hold. */
export interface SlotTable {
  readonly slot0: number;
  readonly slots: number;
  readonly ring: number;
}

const kernel = defineRowKernel({
  name: 'sample',
  source,
  include: ['philox'],
  bindings: {
    logits: 'read array<vec4f>',
    control: 'read array<vec4u>',
    counters: 'read array<vec4u>',
    places: 'read array<vec4u>',
    tokens: 'read_write array<u32>',
    logp: 'read_write array<f32>',
    entropy: 'read_write array<f32>',
  },
  params: {
    count: 'u32',
    v: 'u32',
    stride4: 'u32',
    key0: 'u32',
    key1: 'u32',
    slot0: 'u32',
    slots: 'u32',
    ring: 'u32',
  },
  cost: ({ count, v }) => ({ flops: 6 * count * v, bytes: 4 * count * v }),
});

/**
 * Draws one token a slot by inverse CDF from Philox 4x32-10 (word 0 of counter `counters[s]`, key (key0, key1)), from the
 * logits of its row; a slot's token depends on nothing but these, its control and its counter.
 *
 * logits [R, stride] f32, of which `v` columns count; places [S, 4] u32: the slot's row, 0xffffffff where it draws nothing, and
 * what is not looked at; control [S, 4] u32: temperature (the bits of an f32; 0 takes the largest logit, ties to the lowest
 * id), top_k (0: off), top_p (the bits of an f32; 1: off), unused; counters [S, 4] u32: step, prompt, completion, position.
 * tokens [S] u32. logp [S] f32: the token's log-probability under softmax(logits / temperature) of the whole vocabulary,
 * whatever top_k and top_p are (temperature 1 for greedy slots); entropy [S] f32, in nats, of the same distribution.
 *
 * top_k keeps the k largest logits; top_p then keeps the fewest of the largest whose share of what is left reaches p. Both
 * keep the tokens tied with the last kept one. Throws where `stride` is no multiple of 4.
 *
 * With `table` the slots are those from `slot0` on of tables of `slots`: places, control and counters [slots, ...]; tokens, logp
 * and entropy [ring, slots], of which the line `position % ring` is written.
 */
export function sample(
  rec: Recorder,
  t: {
    logits: Tensor;
    places: Tensor;
    control: Tensor;
    counters: Tensor;
    tokens: Tensor;
    logp: Tensor;
    entropy: Tensor;
  },
  o: {
    /** Slots that draw. */
    count: number;
    v: number;
    stride: number;
    key0: number;
    key1: number;
    layout?: RowLayout;
    table?: SlotTable;
  },
): void {
  if (o.stride % 4 !== 0) throw new Error(`sample: a row stride of ${o.stride} floats is no multiple of 4`);
  const { slot0, slots, ring } = o.table ?? { slot0: 0, slots: o.count, ring: 1 };
  const params = { count: o.count, v: o.v, stride4: o.stride / 4, key0: o.key0, key1: o.key1, slot0, slots, ring };
  dispatchRows(rec, kernel, t, params, { rows: o.count, layout: o.layout });
}
