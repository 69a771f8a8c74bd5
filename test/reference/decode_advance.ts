const NONE = 2 ** 32 - 1;

export interface Tables {
  /** [ring, slots] */
  readonly tokens: Float64Array;
  readonly stop_ids: Float64Array;
  readonly places: Float64Array;
  readonly counters: Float64Array;
  readonly control: Float64Array;
  readonly state: Float64Array;
  readonly origins: Float64Array;
}

/** The tables after those slots of slot0 <= s < slot0 + count that have a row took in what they drew; 0xffffffff is no token. */
export function decodeAdvance(
  before: Tables,
  o: { count: number; slot0: number; slots: number; ring: number; stops: number },
): Pick<Tables, 'counters' | 'control' | 'state' | 'origins'> {
  const [counters, control, state, origins] = [before.counters, before.control, before.state, before.origins].map((x) =>
    Float64Array.from(x),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  const stops = [...before.stop_ids.slice(0, o.stops), NONE];
  for (let s = o.slot0; s < o.slot0 + o.count; s++) {
    const row = before.places[4 * s] as number;
    if (row === NONE) continue;
    const had = before.counters[4 * s + 3] as number;
    const at = (had % o.ring) * o.slots + s;
    const token = before.tokens[at] as number;
    origins.set([before.state[4 * s + 2] as number, row], 2 * at);
    counters[4 * s + 3] = had + 1;
    if (stops.includes(token)) control[4 * s + 3] = had + 1;
    state[4 * s] = token;
  }
  return { counters, control, state, origins };
}
