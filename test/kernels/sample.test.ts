import { describe, expect, it } from 'vitest';
import { DOMAIN } from '../../src/gpu/philox.ts';
import { sample } from '../../src/kernels/sample.ts';
import { randomSource } from '../cases/case.ts';
import { cases } from '../cases/sample.ts';
import { distribution } from '../reference/sample.ts';
import { testDevice } from '../setup/device.ts';
import { describeCases } from './driver.ts';

const device = await testDevice();

describeCases('sample', cases());

interface Row {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly counter: readonly [number, number, number, number];
}

/** Draws for rows of logits that all have `v` columns. */
async function draw(logits: readonly Float32Array[], rows: readonly Row[], v: number, seed = 42) {
  const stride = Math.ceil(v / 4) * 4;
  const n = rows.length;
  const all = new Float32Array(n * stride);
  logits.forEach((row, r) => {
    all.set(row, r * stride);
  });
  const control = new Uint32Array(4 * n);
  const floats = new Float32Array(control.buffer);
  rows.forEach((row, r) => {
    floats[4 * r] = row.temperature ?? 1;
    control[4 * r + 1] = row.topK ?? 0;
    floats[4 * r + 2] = row.topP ?? 1;
  });
  const inputs = {
    logits: device.upload(all, [n, stride]),
    places: device.upload(
      Uint32Array.from({ length: 4 * n }, (_, i) => i >> 2),
      [n, 4],
    ),
    control: device.upload(control, [n, 4]),
    counters: device.upload(Uint32Array.from(rows.flatMap((row) => row.counter)), [n, 4]),
  };
  const out = {
    tokens: device.arena.alloc([n], 'u32', 'tokens'),
    logp: device.arena.alloc([n], 'f32', 'logp'),
    entropy: device.arena.alloc([n], 'f32', 'entropy'),
  };
  const rec = device.recorder();
  sample(rec, { ...inputs, ...out }, { count: n, v, stride, key0: seed, key1: DOMAIN.SAMPLE });
  rec.submit();
  const [tokens, logp, entropy] = await device.readBytes([out.tokens, out.logp, out.entropy]);
  for (const tensor of [...Object.values(inputs), ...Object.values(out)]) device.arena.free(tensor);
  return {
    tokens: new Uint32Array((tokens as Uint8Array).buffer),
    logp: new Uint32Array((logp as Uint8Array).buffer),
    entropy: new Uint32Array((entropy as Uint8Array).buffer),
  };
}

describe('sampled frequencies', () => {
  const v = 40;
  const draws = 24_000;
  const logits = randomSource(5).array(v, 2.5);

  it.each([
    { temperature: 1 },
    { temperature: 0.7 },
    { temperature: 1.6 },
    { temperature: 1, topK: 7 },
    { temperature: 1, topP: 0.8 },
    { temperature: 1.3, topK: 20, topP: 0.9 },
  ])('follow the softmax: chi-squared below the 99.9 % quantile with %o', async (settings) => {
    const rows = Array.from({ length: draws }, (_, i): Row => ({ ...settings, counter: [1, i >> 6, i & 63, 0] }));
    const { tokens } = await draw(Array(draws).fill(logits), rows, v);
    const { mass } = distribution(
      Float64Array.from(logits),
      settings.temperature,
      settings.topK ?? 0,
      settings.topP ?? 1,
    );
    const whole = mass.reduce((a, b) => a + b);
    const counts = new Float64Array(v);
    for (const token of tokens) counts[token] = (counts[token] as number) + 1;
    // Tokens expected less than five times are one class.
    const rare = { want: 0, got: 0 };
    let statistic = 0;
    let classes = 0;
    mass.forEach((m, token) => {
      const want = (draws * m) / whole;
      const got = counts[token] as number;
      if (m === 0) expect(got, `token ${token} has no probability`).toBe(0);
      else if (want < 5) {
        rare.want += want;
        rare.got += got;
      } else {
        statistic += (got - want) ** 2 / want;
        classes++;
      }
    });
    if (rare.want > 0) {
      statistic += (rare.got - rare.want) ** 2 / rare.want;
      classes++;
    }
    expect(statistic).toBeLessThan(chiSquaredQuantile(classes - 1, 3.09));
    // Agreement too good to be chance would mean that the draws are not independent.
    expect(statistic).toBeGreaterThan(chiSquaredQuantile(classes - 1, -3.09));
  });

  it('follow the softmax over a vocabulary of 5,000 tokens in 50 bands', async () => {
    const large = 5000;
    const flat = randomSource(6).array(large, 2);
    const rows = Array.from({ length: 4000 }, (_, i): Row => ({ counter: [2, i, 0, 0] }));
    const { tokens } = await draw(Array(rows.length).fill(flat), rows, large);
    const { mass } = distribution(Float64Array.from(flat), 1, 0, 1);
    const whole = mass.reduce((a, b) => a + b);
    let statistic = 0;
    for (let band = 0; band < 50; band++) {
      const want = (rows.length * mass.slice(100 * band, 100 * band + 100).reduce((a, b) => a + b)) / whole;
      const got = tokens.filter((token) => Math.floor(token / 100) === band).length;
      statistic += (got - want) ** 2 / want;
    }
    expect(statistic).toBeLessThan(chiSquaredQuantile(49, 3.09));
    expect(statistic).toBeGreaterThan(chiSquaredQuantile(49, -3.09));
  });
});

describe('a row', () => {
  const v = 131;
  const n = 37;
  const logits = Array.from({ length: n }, (_, r) => randomSource(100 + r).array(v, 3));
  const rows = Array.from({ length: n }, (_, r): Row => ({ counter: [3, r, 1, 9], ...(r % 3 === 1 && { topP: 0.7 }) }));

  it('gets the same token, log-probability and entropy whatever shares its batch', async () => {
    const together = await draw(logits, rows, v);
    const order = rows.map((_, r) => (r * 11) % n);
    const shuffled = await draw(
      order.map((r) => logits[r]!),
      order.map((r) => rows[r]!),
      v,
    );
    order.forEach((r, at) => {
      for (const name of ['tokens', 'logp', 'entropy'] as const) expect(shuffled[name][at]).toBe(together[name][r]);
    });
    for (const r of [0, 1, 36]) {
      const alone = await draw([logits[r]!], [rows[r]!], v);
      for (const name of ['tokens', 'logp', 'entropy'] as const) expect(alone[name][0]).toBe(together[name][r]);
    }
  });

  it('draws other tokens with another seed, step, prompt, completion or position', async () => {
    const { tokens } = await draw(logits, rows, v);
    const differs = (other: Uint32Array) => other.some((token, r) => token !== tokens[r]);
    expect(differs((await draw(logits, rows, v, 43)).tokens)).toBe(true);
    for (let word = 0; word < 4; word++) {
      const moved = rows.map((row) => ({
        ...row,
        counter: row.counter.map((x, i) => x + (i === word ? 1 : 0)) as never,
      }));
      expect(differs((await draw(logits, moved, v)).tokens)).toBe(true);
    }
  });

  it('never gets a token of probability zero, however close the random number is to 0 or 1', async () => {
    // Half of the tokens are masked, at both ends, and the rest have masses that f32 sums round.
    const masked = randomSource(9)
      .array(v, 12)
      .map((l, i) => (i < 20 || i > 110 || i % 2 === 0 ? -1e30 : l));
    const many = Array.from({ length: 20_000 }, (_, i): Row => ({ counter: [4, i, 0, 0], temperature: 2 }));
    const { tokens } = await draw(Array(many.length).fill(masked), many, v);
    expect(tokens.filter((token) => token >= v || (masked[token] as number) < -1e29)).toEqual(new Uint32Array());
  });

  it('takes the lowest id of equally large logits at temperature 0', async () => {
    const tied = new Float32Array(v).fill(-2);
    for (const i of [7, 8, 64, 130]) tied[i] = 3;
    const { tokens } = await draw(
      [tied, tied.map((l) => -l)],
      [rows[0]!, rows[0]!].map((row) => ({ ...row, temperature: 0 })),
      v,
    );
    expect([...tokens]).toEqual([7, 0]);
  });
});

/** Wilson & Hilferty's approximation to the quantile of chi-squared at `z` standard deviations of the normal. */
function chiSquaredQuantile(freedom: number, z: number): number {
  return freedom * (1 - 2 / (9 * freedom) + z * Math.sqrt(2 / (9 * freedom))) ** 3;
}

describe('logits that are no numbers', () => {
  it('give no token, whichever of them it is and whatever the others are', async () => {
    const v = 41;
    const row = (at: number, value: number) => Float32Array.from({ length: v }, (_, i) => (i === at ? value : i / 8));
    const numbers = [Number.NaN, Number.NaN, -Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const logits = numbers.map((value, i) => row([0, 40, 3, 7, 5][i] as number, value));
    for (const settings of [{}, { temperature: 0 }, { topK: 3, topP: 0.5 }]) {
      const rows = logits.map((_, r) => ({ ...settings, counter: [0, 0, r, 0] as const }));
      const { tokens } = await draw(logits, rows, v);
      expect([...tokens.subarray(0, 4)]).toEqual(Array(4).fill(0xffffffff));
      expect(tokens[4]).toBeLessThan(v);
    }
  });
});
