export interface Tables {
  /** [ring, slots] */
  readonly tokens: Float64Array;
  readonly stop_ids: Float64Array;
  readonly counters: Float64Array;
  readonly control: Float64Array;
  readonly ids: Float64Array;
  readonly positions: Float64Array;
  readonly dest: Float64Array;
  readonly ranges: Float64Array;
}

/** The tables after the slots slot0 <= s < slot0 + rows took in what they drew; 0xffffffff is no token. */
export function decodeAdvance(
  before: Tables,
  o: { rows: number; slot0: number; slots: number; ring: number; stops: number },
): Omit<Tables, 'tokens' | 'stop_ids'> {
  const copy = (x: Float64Array) => Float64Array.from(x);
  const after = {
    counters: copy(before.counters),
    control: copy(before.control),
    ids: copy(before.ids),
    positions: copy(before.positions),
    dest: copy(before.dest),
    ranges: copy(before.ranges),
  };
  const stops = [...before.stop_ids.slice(0, o.stops), 2 ** 32 - 1];
  for (let s = o.slot0; s < o.slot0 + o.rows; s++) {
    const had = before.counters[4 * s + 3] as number;
    const limit = before.control[4 * s + 3] as number;
    if (had >= limit) continue;
    const token = before.tokens[(had % o.ring) * o.slots + s] as number;
    after.counters[4 * s + 3] = had + 1;
    if (stops.includes(token)) {
      after.control[4 * s + 3] = had + 1;
    } else if (had + 1 < limit) {
      after.ids[s] = token;
      for (const table of [after.positions, after.dest]) table[s] = ((table[s] as number) + 1) % 2 ** 32;
      after.ranges[4 * s + 3] = (before.ranges[4 * s + 3] as number) + 1;
    }
  }
  return after;
}
