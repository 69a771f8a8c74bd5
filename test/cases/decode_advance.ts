import { decodeAdvance } from '../../src/kernels/decode_advance.ts';
import * as reference from '../reference/decode_advance.ts';
import { type KernelCase, randomSource } from './case.ts';

export function cases(): KernelCase[] {
  return [
    advanceCase({ rows: 0, slot0: 0, slots: 4, ring: 3, stops: 1 }),
    advanceCase({ rows: 1, slot0: 0, slots: 1, ring: 1, stops: 0 }),
    advanceCase({ rows: 65, slot0: 0, slots: 65, ring: 34, stops: 1 }),
    advanceCase({ rows: 63, slot0: 17, slots: 131, ring: 5, stops: 3 }),
  ];
}

/** A slot in five is finished, one in five draws its last token, and tokens are few, so that many are stops. */
function advanceCase(o: { rows: number; slot0: number; slots: number; ring: number; stops: number }): KernelCase {
  const { slots, ring } = o;
  const random = randomSource(slots * 31 + ring);
  const table = (width: number, below: number) =>
    Uint32Array.from({ length: slots * width }, () => random.integer(below));
  const tokens = Uint32Array.from({ length: ring * slots }, () =>
    random.integer(9) === 0 ? 0xffffffff : random.integer(6),
  );
  const [counters, control, ranges] = [table(4, 90), table(4, 90), table(4, 500)];
  const dest = table(1, 500);
  // One before the first row of the cache.
  dest[0] = 0xffffffff;
  for (let s = 0; s < slots; s++) {
    const had = counters[4 * s + 3] as number;
    control[4 * s + 3] = had + (s % 5);
  }
  return {
    kernel: 'decode_advance',
    shape: `rows=${o.rows} of ${slots} from ${o.slot0}, ring=${ring}, stops=${o.stops}`,
    inputs: {
      tokens: { data: tokens, shape: [ring, slots] },
      stop_ids: { data: Uint32Array.of(3, 5, 1), shape: [3] },
    },
    outputs: {
      counters: { shape: [slots, 4], dtype: 'u32', initial: counters },
      control: { shape: [slots, 4], dtype: 'u32', initial: control },
      ids: { shape: [slots], dtype: 'u32', initial: table(1, 512) },
      positions: { shape: [slots], dtype: 'u32', initial: table(1, 512) },
      dest: { shape: [slots], dtype: 'u32', initial: dest },
      ranges: { shape: [slots, 4], dtype: 'u32', initial: ranges },
    },
    run: (rec, t) => decodeAdvance(rec, t as never, o),
    reference: (t) => ({ ...reference.decodeAdvance(t as never, o) }),
    tolerance: { relative: 0, absolute: 0 },
  };
}
