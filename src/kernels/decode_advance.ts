import source from '../../shaders/decode_advance.wgsl?raw';
import { defineKernel, foldGrid } from '../gpu/kernel.ts';
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
    counters: 'read_write array<vec4u>',
    control: 'read_write array<vec4u>',
    ids: 'read_write array<u32>',
    positions: 'read_write array<u32>',
    dest: 'read_write array<u32>',
    ranges: 'read_write array<vec4u>',
  },
  params: { rows: 'u32', slot0: 'u32', slots: 'u32', ring: 'u32', stops: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ rows }) => ({ flops: 0, bytes: 92 * rows }),
});

/**
 * Moves `rows` slots from `slot0` on to their next token, which `sample` has written to `tokens` [ring, slots] u32.
 *
 * counters [slots, 4] u32: `sample`'s, the fourth counts the slot's tokens; control [slots, 4] u32: `sample`'s, the fourth is
 * how many tokens the slot may have. A slot at its limit is finished and stays as it is; one that drew one of the first
 * `stops` of `stop_ids` u32, or no token, is finished by setting its limit to what it has. Of all others ids becomes the
 * token, and positions, dest and the end of the own range in ranges [slots, 4] go one on. All u32.
 */
export function decodeAdvance(
  rec: Recorder,
  t: {
    tokens: Tensor;
    stop_ids: Tensor;
    counters: Tensor;
    control: Tensor;
    ids: Tensor;
    positions: Tensor;
    dest: Tensor;
    ranges: Tensor;
  },
  o: { rows: number; stops: number } & SlotTable,
): void {
  const { rows, slot0, slots, ring, stops } = o;
  rec.dispatch(kernel, t, { rows, slot0, slots, ring, stops }, foldGrid(Math.ceil(rows / WG)));
}
