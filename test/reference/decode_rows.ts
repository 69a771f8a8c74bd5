const NONE = 2 ** 32 - 1;

export interface Tables {
  readonly counters: Float64Array;
  readonly control: Float64Array;
  readonly homes: Float64Array;
  readonly state: Float64Array;
  readonly places: Float64Array;
  readonly ids: Float64Array;
  readonly positions: Float64Array;
  readonly ranges: Float64Array;
}

/** Classes by the names of what their members share; the tables as `decodeRows` leaves them. */
export function decodeRows(
  before: Tables,
  o: { slots: number; rows: number },
): Pick<Tables, 'state' | 'places' | 'ids' | 'positions' | 'ranges'> {
  const { counters, control, homes } = before;
  const [state, places, ids, positions, ranges] = [
    before.state,
    before.places,
    before.ids,
    before.positions,
    before.ranges,
  ].map((x) => Float64Array.from(x)) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  const classes = new Map<string, { leader: number; row: number }>();
  const last = new Map<string, number>();
  for (let s = 0; s < o.slots; s++) {
    const [token, named, passes] = before.state.slice(4 * s, 4 * s + 3) as unknown as [number, number, number];
    const done = counters[4 * s + 3] as number;
    const [start, end, own] = homes.slice(4 * s, 4 * s + 3) as unknown as [number, number, number];
    state.set([token, NONE, passes + 1, NONE], 4 * s);
    places.set([NONE, own + done - 1, NONE], 4 * s);
    if (done >= (control[4 * s + 3] as number)) continue;
    const name = `${named} ${token}`;
    const known = classes.get(name);
    const { leader, row } = known ?? { leader: s, row: classes.size };
    classes.set(name, { leader, row });
    state.set([leader, passes + 1, leader], 4 * s + 1);
    if (row < o.rows) places[4 * s] = row;
    const previous = last.get(name);
    if (previous !== undefined) places[4 * previous + 2] = s;
    last.set(name, s);
    if (known || row >= o.rows) continue;
    places[4 * row + 3] = s;
    ids[row] = token;
    positions[row] = end - start + done - 1;
    ranges.set([start, end, own, own + done], 4 * row);
  }
  for (let row = classes.size; row < o.rows; row++) {
    places[4 * row + 3] = NONE;
    ids[row] = 0;
    positions[row] = 0;
    ranges.set([0, 0, 0, 1], 4 * row);
  }
  return { state, places, ids, positions, ranges };
}
