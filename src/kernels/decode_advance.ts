import source from '../../shaders/decode_advance.wgsl?raw';
import { defineKernel, laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { SlotTable } from './sample.ts';

const WG = 64;

const kernel = defineKernel({
  name: 'decode_advance',
  source,
  entry: 'decode_advance',
  bindings: {
    tokens: 'read array<u32>',
    stop_ids: 'read array<u32>',
    places: 'read array<vec4u>',
    counters: 'read_write array<vec4u>',
    control: 'read_write array<vec4u>',
    state: 'read_write array<u32>',
    origins: 'read_write array<vec2u>',
  },
  params: { count: 'u32', slot0: 'u32', slots: 'u32', ring: 'u32', stops: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ count }) => ({ flops: 0, bytes: 92 * count }),
});

/**
 * Takes in what `count` slots from `slot0` on have drawn: those that have a row in places [slots, 4] u32 (`decodeRows`).
 *
 * tokens [ring, slots] u32 as `sample` wrote them; origins [ring, slots, 2] u32: the pass that a token was drawn in, as
 * state counts it, and its row. counters [slots, 4] u32: the fourth, a slot's number of tokens, becomes one more; control [slots, 4]
 * u32: a slot that drew one of the first `stops` of `stop_ids` u32, or no token, may have no more than it has; state
 * [slots, 4] u32: the first becomes the token.
 */
export function decodeAdvance(
  rec: Recorder,
  t: {
    tokens: Tensor;
    stop_ids: Tensor;
    places: Tensor;
    counters: Tensor;
    control: Tensor;
    state: Tensor;
    origins: Tensor;
  },
  o: { count: number; stops: number } & SlotTable,
): void {
  const { count, slot0, slots, ring, stops } = o;
  rec.dispatch(kernel, t, { count, slot0, slots, ring, stops }, laneGrid(count, WG));
}
