import source from '../../shaders/decode_rows.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';

/** One workgroup does all. On a processor it is one SIMD vector: more would take turns at every barrier, which costs more than the work. */
const WG = 64;
const CPU_WG = 4;

const kernel = defineKernel({
  name: 'decode_rows',
  source,
  entry: 'decode_rows',
  bindings: {
    counters: 'read array<vec4u>',
    control: 'read array<vec4u>',
    homes: 'read array<vec4u>',
    state: 'read_write array<u32>',
    places: 'read_write array<u32>',
    ids: 'read_write array<u32>',
    positions: 'read_write array<u32>',
    ranges: 'read_write array<vec4u>',
  },
  params: { slots: 'u32', rows: 'u32' },
  constants: { WG },
  variants: [{}, { WG: CPU_WG }],
  workgroup: WG,
  cost: ({ slots, rows }) => ({ flops: 0, bytes: 80 * slots + 24 * rows }),
});

/**
 * Gives every class of unfinished slots a row of a pass of `rows`: slots with the same prompt and tokens compute the same.
 *
 * Of each of the first `slots` slots: counters [slots, 4], the fourth its number t of tokens; control [slots, 4], the fourth how
 * many it may have; homes [slots, 4], the prompt's rows [start, end) in the cache and the first of its own; state [slots, 4], its
 * last token, the first slot of its class before it drew that (at most its own number), the passes so far.
 *
 * Written: state's class, by what was drawn; its passes, one more, and its fourth (scratch). places [slots, 4] as `ropeKv` reads it: a
 * slot's row, 0xffffffff where it is finished or its class has none in this pass, the row of the cache that its keys go
 * to, the next slot of its class; and the first slot of the row that has this slot's number, where there is such a row: not more
 * rows than slots are asked for. Of every row ids and positions, and ranges [rows, 4], the rows of the cache that it attends; rows that are left
 * over attend row 0. All u32.
 */
export function decodeRows(
  rec: Recorder,
  t: {
    counters: Tensor;
    control: Tensor;
    homes: Tensor;
    state: Tensor;
    places: Tensor;
    ids: Tensor;
    positions: Tensor;
    ranges: Tensor;
  },
  o: { slots: number; rows: number },
): void {
  const lanes = rec.device.caps.isSoftware ? CPU_WG : WG;
  rec.dispatch(kernel, t, { slots: o.slots, rows: o.rows }, [o.slots > 0 ? 1 : 0, 1, 1], { WG: lanes });
}
