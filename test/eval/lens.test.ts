import { describe, expect, it } from 'vitest';
import { openFolder } from '#platform';
import { geometryOf } from '../../src/eval/geometry.ts';
import { type LensList, logitLens, readVectors } from '../../src/eval/lens.ts';
import { appendEffect, nextTokenEffects } from '../../src/eval/next_token.ts';
import { UserError } from '../../src/gpu/errors.ts';
import { bf16ToF32 } from '../../src/gpu/floats.ts';
import { type LanguageModel, openLanguageModel } from '../../src/model/language_model.ts';
import { loadModel } from '../../src/model/model.ts';
import { openModelSource } from '../../src/model/source.ts';
import { Tokenizer } from '../../src/model/tokenizer.ts';
import { TINY_TOKENIZER } from '../model/tiny_model.ts';
import { lensReference } from '../reference/lens.ts';
import { testDevice } from '../setup/device.ts';
import { golden, relativeError } from '../setup/golden.ts';

const device = await testDevice();
const demo = await openLanguageModel(device, await openFolder('models/demo'));
const want = await golden('demo');
const torch = await golden('lens');
const [layers, c, vocab] = [6, 128, 512];
const vectors = want.f32('steering');
const steering = { tensor: device.upload(vectors, [layers, c], 'f32', 'steering'), scale: 1 };

/** Every token of a full list at its place: [V]. */
function scores({ top }: LensList): Float32Array {
  const all = new Float32Array(vocab).fill(Number.NaN);
  for (const { id, score } of top) all[id] = score;
  return all;
}

describe('the logit lens of the demonstration model', () => {
  it('gives the scores of PyTorch in f64: dot product and cosine, without and with the final norm', async () => {
    const { layers: read } = await readVectors(demo, vectors, { top: vocab, bottom: 0 });
    expect(read.map(({ layer }) => layer)).toEqual([0, 1, 2, 3, 4, 5]);
    for (const view of ['raw', 'final_norm'] as const) {
      for (const by of ['dot', 'cosine'] as const) {
        const theirs = torch.f32(`${view}.${by}`);
        read.forEach((row, l) => {
          const error = relativeError(scores(row[view][by]), theirs.subarray(l * vocab, (l + 1) * vocab));
          expect(error, `${view}.${by} of layer ${l}`).toBeLessThan(1e-5);
        });
      }
    }
  });

  it('lists the largest first and the smallest first, in their order, and the map is a part of the same numbers', async () => {
    const { layers: read, map } = await readVectors(demo, vectors, { top: 7, bottom: 4 });
    const theirs = torch.f32('raw.cosine');
    read.forEach(({ raw }, l) => {
      const row = Array.from(theirs.subarray(l * vocab, (l + 1) * vocab));
      const order = row.map((_, id) => id).sort((a, b) => (row[b] as number) - (row[a] as number));
      expect(raw.cosine.top.map(({ id }) => id)).toEqual(order.slice(0, 7));
      expect(raw.cosine.bottom.map(({ id }) => id)).toEqual(order.slice(-4).reverse());
      for (const [j, { id }] of map.tokens.entries()) expect(map.cosines[l]?.[j]).toBeCloseTo(row[id] as number, 5);
      expect(map.tokens.map(({ id }) => id)).toContain(order[0]);
    });
  });

  it('is the report’s lens, and says nothing of vectors of zeros', async () => {
    const full = await readVectors(demo, vectors, { top: 5, bottom: 0 });
    expect(await logitLens(demo, steering.tensor, 5)).toEqual(
      full.layers.map(({ layer, norm, top }) => ({ layer, norm, top })),
    );
    const { layers: none, map } = await readVectors(demo, new Float32Array(layers * c), { top: 5, bottom: 5 });
    expect(none.every(({ norm, raw }) => norm === 0 && raw.dot.top.length === 0)).toBe(true);
    expect(map.tokens).toEqual([]);
  });
});

describe('a head of its own, in bf16', () => {
  it('is what the vectors are read through, as a reference in f64 has it', async () => {
    const source = await openModelSource(await openFolder('test/golden/models/llama-bf16-untied-headdim'));
    const { hidden_size, num_hidden_layers, vocab_size } = source.config;
    const bytes = await source.read('lm_head.weight');
    const weight = Float32Array.from(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2), bf16ToF32);
    // The last three rows of the embedding are no tokens, as in models whose vocabulary was padded.
    const used = vocab_size - 3;
    const entries = Array.from({ length: used }, (_, id) => [`t${id}`, id] as const);
    const data = {
      json: {
        ...TINY_TOKENIZER,
        added_tokens: [],
        model: { type: 'BPE', vocab: Object.fromEntries(entries), merges: [] },
      },
      where: 'tokenizer.json',
    };
    const model = await loadModel(device, source);
    await source.close();
    const lm: LanguageModel = { model, tokenizer: new Tokenizer(data, source.config), eosIds: [], name: 'tiny' };
    const own = (await golden('llama-bf16-untied-headdim')).f32('steering');
    const theirs = lensReference(weight, own, hidden_size);
    const { layers: read } = await readVectors(lm, own, { top: vocab_size, bottom: 2 });
    expect(read).toHaveLength(num_hidden_layers);
    read.forEach(({ raw }, l) => {
      expect(raw.dot.top).toHaveLength(used);
      for (const { id, score } of raw.dot.top) expect(score).toBeCloseTo(theirs.dot[l]?.[id] as number, 4);
      for (const { id, score } of raw.cosine.top) expect(score).toBeCloseTo(theirs.cosine[l]?.[id] as number, 5);
    });
    model.dispose();
  });
});

describe('how the vectors lie to each other', () => {
  it('has PyTorch’s norms, cosines, singular values and stable rank', () => {
    const ours = geometryOf(vectors, layers);
    expect(relativeError(ours.norms, torch.f32('norms'))).toBeLessThan(1e-6);
    expect(relativeError(ours.cosines.flat(), torch.f32('cosines'))).toBeLessThan(1e-6);
    expect(relativeError(ours.singular_values, torch.f32('singular_values'))).toBeLessThan(1e-6);
    expect(ours.stable_rank).toBeCloseTo(torch.f32('stable_rank')[0] as number, 5);
  });

  it('sees one line, right angles, zeros, and more layers than dimensions', () => {
    const line = geometryOf(Float32Array.of(1, 2, -2, -4), 2);
    expect(line.stable_rank).toBeCloseTo(1, 12);
    expect(line.cosines[0]?.[1]).toBeCloseTo(-1, 12);
    expect(geometryOf(Float32Array.of(3, 0, 0, 3), 2)).toMatchObject({ singular_values: [3, 3], stable_rank: 2 });
    const zeros = geometryOf(new Float32Array(6), 3);
    expect(zeros).toMatchObject({ norms: [0, 0, 0], stable_rank: 0 });
    expect(zeros.cosines.flat().every((value) => value === 0)).toBe(true);
    const tall = geometryOf(Float32Array.of(1, 0, 0, 2, 2, 0), 3);
    expect(tall.singular_values[0]).toBeCloseTo(Math.sqrt(5), 12);
  });
});

describe('the effect on the next token', () => {
  const ids = want.ids('ids');
  const softmax = (name: string, row: number) => {
    const logits = Array.from(want.f32(name).subarray(row * vocab, (row + 1) * vocab));
    const max = Math.max(...logits);
    const sum = logits.reduce((total, x) => total + Math.exp(x - max), 0);
    return logits.map((x) => Math.exp(x - max) / sum);
  };

  it('is that of PyTorch’s logits at every position asked for', async () => {
    const last = ids.length - 1;
    const effects = await nextTokenEffects(demo, ids, [-1, 0, 7], steering, 5);
    expect(effects.map(({ position }) => position)).toEqual([last, 0, 7]);
    for (const { position, kl, changes } of effects) {
      const [p, q] = [softmax('logits_base', position), softmax('logits', position)];
      const theirs = q.reduce((sum, x, v) => sum + x * Math.log(x / (p[v] as number)), 0);
      expect(Math.abs(kl - theirs)).toBeLessThan(1e-4 * Math.max(1, theirs));
      expect(changes).toHaveLength(5);
      for (const { id, base, steered } of changes) {
        expect(base).toBeCloseTo(p[id] as number, 4);
        expect(steered).toBeCloseTo(q[id] as number, 4);
      }
      const largest = Math.max(...q.map((x, v) => Math.abs(x - (p[v] as number))));
      const first = changes[0];
      expect(Math.abs((first?.steered as number) - (first?.base as number))).toBeCloseTo(largest, 4);
    }
  });

  it('is nothing at scale 0', async () => {
    const [effect] = await nextTokenEffects(demo, ids, [-1], { ...steering, scale: 0 }, 1);
    expect(effect?.kl).toBe(0);
  });

  it('of an appended text is its probability, and what the vectors do after it', async () => {
    const [head, tail] = [ids.slice(0, 20), ids.slice(20, 22)];
    const text = demo.tokenizer.decode(tail);
    expect(demo.tokenizer.encode(text)).toEqual(tail);
    const { base, steered, after } = await appendEffect(demo, head, text, steering, 3);
    const chance = (name: string) => tail.reduce((p, id, i) => p * (softmax(name, 19 + i)[id] as number), 1);
    expect(base).toBeCloseTo(chance('logits_base'), 5);
    expect(steered).toBeCloseTo(chance('logits'), 5);
    const [same] = await nextTokenEffects(demo, ids.slice(0, 22), [-1], steering, 3);
    expect(after).toEqual(same);
  });

  it('refuses a position that the prompt does not have, and an empty text to append', async () => {
    await expect(nextTokenEffects(demo, ids.slice(0, 4), [4], steering, 1)).rejects.toThrow(
      /--positions names 4, and the prompt has 4 tokens: 0 to 3/,
    );
    await expect(appendEffect(demo, ids, '', steering, 1)).rejects.toThrow(UserError);
  });
});
