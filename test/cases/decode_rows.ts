import { decodeRows } from '../../src/kernels/decode_rows.ts';
import * as reference from '../reference/decode_rows.ts';
import { type KernelCase, randomSource } from './case.ts';

export function cases(): KernelCase[] {
  return [
    rowsCase({ slots: 0, rows: 4 }),
    rowsCase({ slots: 1, rows: 1 }),
    rowsCase({ slots: 7, rows: 4 }),
    rowsCase({ slots: 65, rows: 64 }),
    // More classes than rows, and more rows than classes.
    rowsCase({ slots: 131, rows: 16 }),
    rowsCase({ slots: 131, rows: 131 }),
    rowsCase({ slots: 1024, rows: 700 }),
  ];
}

/** Classes of up to nine slots that lie apart, which drew one of three tokens; one slot in five is finished. */
function rowsCase(o: { slots: number; rows: number }): KernelCase {
  const { slots, rows } = o;
  const random = randomSource(slots * 31 + rows);
  const table = (length: number, below: number) => Uint32Array.from({ length }, () => random.integer(below));
  const [counters, control, homes, state] = [4, 4, 4, 4].map((width) => table(width * slots, 90)) as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  // What a class's members share is the same for all of them; the first of nine gives it its name, or is finished already.
  for (let s = 0; s < slots; s++) {
    const first = s - (s % 9);
    const named = first + Math.min(s - first, random.integer(2));
    const done = 1 + (named % 7);
    counters[4 * s + 3] = done;
    control[4 * s + 3] = random.integer(5) === 0 ? done : done + 3;
    homes.set([named, named + 20, 500 + 10 * s], 4 * s);
    state.set([random.integer(3), named], 4 * s);
  }
  return {
    kernel: 'decode_rows',
    shape: `slots=${slots} rows=${rows}`,
    inputs: {
      counters: { data: counters, shape: [slots, 4] },
      control: { data: control, shape: [slots, 4] },
      homes: { data: homes, shape: [slots, 4] },
    },
    outputs: {
      state: { shape: [slots, 4], dtype: 'u32', initial: state },
      places: { shape: [slots, 4], dtype: 'u32', initial: table(4 * slots, 90) },
      ...(slots > 0 && {
        ids: { shape: [rows], dtype: 'u32' as const, initial: table(rows, 90) },
        positions: { shape: [rows], dtype: 'u32' as const, initial: table(rows, 90) },
        ranges: { shape: [rows, 4], dtype: 'u32' as const, initial: table(4 * rows, 90) },
      }),
    },
    run: (rec, t) => decodeRows(rec, t as never, o),
    reference: (t) =>
      ({ ...(slots > 0 ? reference.decodeRows(t as never, o) : { state: t.state, places: t.places }) }) as never,
    tolerance: { relative: 0, absolute: 0 },
  };
}
