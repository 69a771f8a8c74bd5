import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFolder } from '#platform';
import { plainPass } from '../../src/eval/dump.ts';
import { residualStream } from '../../src/eval/residual_stream.ts';
import type { ModelFolder, RandomAccess } from '../../src/gpu/platform.ts';
import { blobFile } from '../../src/model/files.ts';
import { type PathRequest, type PathResult, ResidualPath } from '../../web/worker/residual_path.ts';
import { Session } from '../../web/worker/session.ts';

const REQUEST: PathRequest = {
  prompt: 'Question: Ada has 3 pens and buys 4.\nAnswer:',
  tokens: 'all',
  lengths: 'raw',
  fit: 'states',
  strength: 1,
};

const session = new Session();
const path = new ResidualPath(session);

beforeAll(async () => {
  await session.open({}, { lost() {} });
  const { layers, hiddenSize } = await session.load(await openFolder('models/demo'));
  const values = Float32Array.from({ length: layers * hiddenSize }, (_, i) => Math.sin(1 + i * i));
  session.vectors = { name: 'waves', layers, hiddenSize, values, scale: 0.5 };
});

afterAll(() => session.device.destroy());

function pairs({ steered }: PathResult): number[][] {
  const { points, withoutOwn } = steered as NonNullable<PathResult['steered']>;
  const layers = 6;
  return Array.from({ length: withoutOwn.length / 3 }, (_, i) => {
    const at = 3 * (Math.floor(i / layers) * (layers + 1) + (i % layers) + 1);
    return [0, 1, 2].map((k) => (points[at + k] as number) - (withoutOwn[3 * i + k] as number));
  });
}

function expectClose(a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number): void {
  expect(a.length).toBe(b.length);
  for (let i = 0; i < a.length; i++) expect(Math.abs((a[i] as number) - (b[i] as number))).toBeLessThan(tolerance);
}

/** The demonstration model with a tokenizer that puts a special token first, as those of Llama do. */
async function demoThatBegins(): Promise<ModelFolder> {
  const demo = await openFolder('models/demo');
  const file = (await demo.open('tokenizer.json')) as RandomAccess;
  const tokenizer = JSON.parse(new TextDecoder().decode(await file.read(0, file.size)));
  await file.close();
  const [{ id, content }] = tokenizer.added_tokens;
  tokenizer.post_processor = {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: content, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [],
    special_tokens: { [content]: { id: content, ids: [id], tokens: [content] } },
  };
  const changed = blobFile(new Blob([JSON.stringify(tokenizer)]), 'tokenizer.json');
  return { ...demo, open: async (name) => (name === 'tokenizer.json' ? changed : demo.open(name)) };
}

describe('the residual stream of chosen tokens', () => {
  it('is the embedding, and then every resid_post of a plain pass', async () => {
    const { model, tokenizer } = session.lm;
    const ids = tokenizer.encode(REQUEST.prompt);
    const c = model.config.hidden_size;
    const positions = [ids.length - 1, 2];
    const [embedded, ...posts] = await residualStream(model, ids, positions);
    const { resid } = await plainPass(model, ids);
    expect(posts).toHaveLength(6);
    posts.forEach((post, l) => {
      positions.forEach((at, p) => {
        expectClose(post.subarray(p * c, (p + 1) * c), (resid[l] as Float32Array).subarray(at * c, (at + 1) * c), 1e-4);
      });
    });
    // The embedding knows no position: the same token has the same one anywhere.
    const [again] = await residualStream(model, [ids[2] as number], [0]);
    expectClose((embedded as Float32Array).subarray(c), again as Float32Array, 1e-6);
  });
});

describe('its path on principal axes', () => {
  it('has the base path alone without vectors', async () => {
    const { vectors } = session;
    session.vectors = undefined;
    const traced = await path.trace({ ...REQUEST, fit: 'differences' });
    session.vectors = vectors;
    expect(traced.steered).toBeUndefined();
    expect(traced.base).toHaveLength(traced.tokens.length * 7 * 3);
    expect(traced.tokens.map(({ text }) => text).join('')).toBe(REQUEST.prompt);
  });

  it('leaves the axes and the base path where they are while the strength changes', async () => {
    const one = await path.trace(REQUEST);
    const other = await path.trace({ ...REQUEST, strength: -2 });
    expect(other.base).toEqual(one.base);
    expect(other.explained).toEqual(one.explained);
    expect(other.bounds).toEqual(one.bounds);
    expect(other.steered?.points).not.toEqual(one.steered?.points);
  });

  it('is the base path at strength 0', async () => {
    const { base, baseNorms, steered } = await path.trace({ ...REQUEST, strength: 0 });
    expectClose(steered?.points as Float32Array, base, 1e-4);
    expectClose(steered?.norms as Float32Array, baseNorms, 1e-4);
    expectClose(steered?.distances as Float32Array, new Float32Array(baseNorms.length), 1e-4);
  });

  it('has an arrow as long as its vector is strong, the same for every token', async () => {
    const [one, two] = [await path.trace(REQUEST), await path.trace({ ...REQUEST, strength: 2 })];
    const [short, long] = [pairs(one), pairs(two)];
    short.forEach((arrow, i) => {
      expectClose(
        long[i] as number[],
        arrow.map((x) => 2 * x),
        1e-3,
      );
      expectClose(short[i % 6] as number[], arrow, 1e-3);
    });
    expect(Math.hypot(...(short[0] as number[]))).toBeGreaterThan(0.01);
  });

  it('has the same arrows whether a factor stands in the scale or in the numbers', async () => {
    const vectors = session.vectors as NonNullable<typeof session.vectors>;
    const scaled = pairs(await path.trace(REQUEST));
    session.vectors = { ...vectors, values: vectors.values.map((x) => x * vectors.scale), scale: 1 };
    expectClose(pairs(await path.trace(REQUEST)).flat(), scaled.flat(), 1e-3);
    session.vectors = vectors;
  });

  it('fits axes to the differences, on which these lie better than on the axes of the states', async () => {
    const extent = ({ base, steered }: PathResult) =>
      base.reduce((sum, x, i) => sum + ((steered?.points[i] as number) - x) ** 2, 0);
    const states = await path.trace(REQUEST);
    const differences = await path.trace({ ...REQUEST, fit: 'differences' });
    expect(extent(differences)).toBeGreaterThan(1.01 * extent(states));
  });

  it('takes the lengths away: no two states are farther apart than two of RMS 1 can be', async () => {
    const widest = async (lengths: PathRequest['lengths']) => {
      const { base } = await path.trace({ ...REQUEST, lengths, tokens: 'last' });
      expect(base).toHaveLength(7 * 3);
      const points = Array.from({ length: 7 }, (_, l) => Array.from(base.subarray(3 * l, 3 * l + 3)));
      const apart = (a: number[], b: number[]) => Math.hypot(...a.map((x, i) => x - (b[i] as number)));
      return Math.max(...points.flatMap((a) => points.map((b) => apart(a, b))));
    };
    const most = 2 * Math.sqrt(128);
    expect(await widest('rms')).toBeLessThan(most);
    expect(await widest('raw')).toBeGreaterThan(most);
  });

  it('refuses an empty prompt, one beyond the context, and vectors of another model, each with a way out', async () => {
    await expect(path.trace({ ...REQUEST, prompt: '' })).rejects.toThrow('The prompt is empty: write a few words');
    await expect(path.trace({ ...REQUEST, prompt: 'one '.repeat(5000) })).rejects.toThrow(/tokens long.*shorten it/);
    const { vectors } = session;
    session.vectors = { name: 'others', layers: 2, hiddenSize: 3, values: new Float32Array(6), scale: 1 };
    await expect(path.trace(REQUEST)).rejects.toThrow('others holds vectors for 2 layers of 3');
    session.vectors = vectors;
  });

  it('begins with the tokens that the tokenizer puts first, and takes a prompt as long as the context', async () => {
    const { layers, maxPositions } = await session.load(await demoThatBegins());
    session.vectors = undefined;
    const { tokenizer } = session.lm;
    const begun = tokenizer.encode('a', { addSpecialTokens: true });
    expect(begun.length).toBeGreaterThan(tokenizer.encode('a').length);
    const { tokens, promptTokens } = await path.trace({ ...REQUEST, prompt: 'a' });
    expect(promptTokens).toBe(begun.length);
    expect(tokens).toHaveLength(begun.length);
    const long = (n: number) => tokenizer.decode(Array.from({ length: n }, () => begun.at(-1) as number));
    const count = (text: string) => tokenizer.encode(text, { addSpecialTokens: true }).length;
    const room = maxPositions - count('');
    const exact = long(room);
    expect(count(exact)).toBe(maxPositions);
    const { base } = await path.trace({ ...REQUEST, prompt: exact, tokens: 'last' });
    expect(base).toHaveLength(3 * (layers + 1));
    expect(base.every(Number.isFinite)).toBe(true);
  });
});
