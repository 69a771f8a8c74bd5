/** What one row is sampled from: `mass` relative to the maximum, zero where top-k or top-p leave the token out. */
export interface Distribution {
  readonly mass: Float64Array;
  readonly logp: Float64Array;
  readonly entropy: number;
}

/**
 * softmax(logits / temperature), cut to the k largest logits (0: off), then to the fewest of the largest whose share
 * reaches p (1: off), ties with the last kept one kept as well. Temperature 0 counts as 1 for `logp` and the entropy.
 */
export function distribution(logits: Float64Array, temperature: number, topK: number, topP: number): Distribution {
  const v = logits.length;
  const inverse = temperature > 0 ? 1 / temperature : 1;
  const top = logits.reduce((a, b) => Math.max(a, b));
  const mass = logits.map((l) => Math.exp((l - top) * inverse));
  const whole = mass.reduce((a, b) => a + b);
  const logp = logits.map((l) => (l - top) * inverse - Math.log(whole));
  const entropy = logp.reduce((sum, l, i) => sum - (mass[i] === 0 ? 0 : ((mass[i] as number) / whole) * l), 0);
  const sorted = Float64Array.from(logits).sort().reverse();
  const cut = (threshold: number) => {
    for (let i = 0; i < v; i++) if ((logits[i] as number) < threshold) mass[i] = 0;
  };
  if (topK > 0 && topK < v) cut(sorted[topK - 1] as number);
  if (topP < 1) {
    const wanted = topP * mass.reduce((a, b) => a + b);
    let running = 0;
    for (const l of sorted) {
      running += Math.exp((l - top) * inverse);
      if (running >= wanted) {
        cut(l);
        break;
      }
    }
  }
  return { mass, logp, entropy };
}

/** The first token whose running mass passes `unit` of the whole, in vocabulary order. */
export function inverseCdf(mass: Float64Array, unit: number): number {
  const goal = unit * mass.reduce((a, b) => a + b);
  let running = 0;
  for (let i = 0; i < mass.length; i++) {
    running += mass[i] as number;
    if (running > goal) return i;
  }
  return mass.findLastIndex((m) => m > 0);
}

/** Philox 4x32-10 with the 64-bit products written as such. */
export function philox(counter: ArrayLike<number>, key: readonly [number, number]): number[] {
  let c = Array.from(counter, BigInt);
  let k = key.map(BigInt);
  const word = 0xffffffffn;
  for (let round = 0; round < 10; round++) {
    const a = 0xd2511f53n * (c[0] as bigint);
    const b = 0xcd9e8d57n * (c[2] as bigint);
    c = [
      (b >> 32n) ^ (c[1] as bigint) ^ (k[0] as bigint),
      b & word,
      (a >> 32n) ^ (c[3] as bigint) ^ (k[1] as bigint),
      a & word,
    ];
    k = [((k[0] as bigint) + 0x9e3779b9n) & word, ((k[1] as bigint) + 0xbb67ae85n) & word];
  }
  return c.map(Number);
}

/** The middle of one of 2^23 equal cells of (0, 1). */
export function unitOf(word: number): number {
  return ((word >>> 9) + 0.5) / 2 ** 23;
}

/**
 * One token for each row of logits [R, stride], of which `v` count; temperature 0 takes the largest logit, the lowest id
 * first.
 */
export function sample(
  logits: Float64Array,
  rows: readonly { temperature: number; topK: number; topP: number; counter: readonly number[] }[],
  o: { v: number; stride: number; key: readonly [number, number] },
): { tokens: Float64Array; logp: Float64Array; entropy: Float64Array } {
  const out = {
    tokens: new Float64Array(rows.length),
    logp: new Float64Array(rows.length),
    entropy: new Float64Array(rows.length),
  };
  rows.forEach((row, r) => {
    const own = logits.slice(r * o.stride, r * o.stride + o.v);
    const { mass, logp, entropy } = distribution(own, row.temperature, row.topK, row.topP);
    const token =
      row.temperature > 0 ? inverseCdf(mass, unitOf(philox(row.counter, o.key)[0] as number)) : mass.indexOf(1);
    out.tokens[r] = token;
    out.logp[r] = logp[token] as number;
    out.entropy[r] = entropy;
  });
  return out;
}
