import { decodeAdvance } from '../../src/kernels/decode_advance.ts';
import * as reference from '../reference/decode_advance.ts';
import { type KernelCase, randomSource } from './case.ts';

export function cases(): KernelCase[] {
  return [
    advanceCase({ count: 0, slot0: 0, slots: 4, ring: 3, stops: 1 }),
    advanceCase({ count: 1, slot0: 0, slots: 1, ring: 1, stops: 0 }),
    advanceCase({ count: 65, slot0: 0, slots: 65, ring: 34, stops: 1 }),
    advanceCase({ count: 63, slot0: 17, slots: 131, ring: 5, stops: 3 }),
  ];
}

/** A slot in four has no row, and tokens are few, so that many are stops. */
function advanceCase(o: { count: number; slot0: number; slots: number; ring: number; stops: number }): KernelCase {
  const { slots, ring } = o;
  const random = randomSource(slots * 31 + ring);
  const table = (length: number, below: number) => Uint32Array.from({ length }, () => random.integer(below));
  const tokens = Uint32Array.from({ length: ring * slots }, () =>
    random.integer(9) === 0 ? 0xffffffff : random.integer(6),
  );
  const places = table(4 * slots, 90);
  for (let s = 0; s < slots; s++) if (s % 4 === 3) places[4 * s] = 0xffffffff;
  const counters = table(4 * slots, 90);
  const control = table(4 * slots, 90);
  for (let s = 0; s < slots; s++) control[4 * s + 3] = (counters[4 * s + 3] as number) + 1 + (s % 5);
  return {
    kernel: 'decode_advance',
    shape: `count=${o.count} of ${slots} from ${o.slot0}, ring=${ring}, stops=${o.stops}`,
    inputs: {
      tokens: { data: tokens, shape: [ring, slots] },
      stop_ids: { data: Uint32Array.of(3, 5, 1), shape: [3] },
      places: { data: places, shape: [slots, 4] },
    },
    outputs: {
      counters: { shape: [slots, 4], dtype: 'u32', initial: counters },
      control: { shape: [slots, 4], dtype: 'u32', initial: control },
      state: { shape: [slots, 4], dtype: 'u32', initial: table(4 * slots, 500) },
      origins: { shape: [ring, slots, 2], dtype: 'u32', initial: table(2 * ring * slots, 500) },
    },
    run: (rec, t) => decodeAdvance(rec, t as never, o),
    reference: (t) => ({ ...reference.decodeAdvance(t as never, o) }),
    tolerance: { relative: 0, absolute: 0 },
  };
}
