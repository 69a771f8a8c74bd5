import * as ops from '../autograd/ops.ts';
import { Tape } from '../autograd/tape.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { rmsnorm } from '../kernels/rmsnorm.ts';
import type { LanguageModel } from '../model/language_model.ts';
import type { Model } from '../model/model.ts';
import { rowNorms } from '../model/steering.ts';
import type { Tokenizer } from '../model/tokenizer.ts';
import { logits } from '../model/transformer.ts';

export interface LensToken {
  readonly id: number;
  readonly token: string;
  readonly score: number;
}

export interface LensLayer {
  readonly layer: number;
  /** Euclidean norm of the vector. */
  readonly norm: number;
  /** Largest dot products first; none for a vector of zeros, which says nothing. */
  readonly top: readonly LensToken[];
}

/** Largest scores first, and smallest first. */
export interface LensList {
  readonly top: readonly LensToken[];
  readonly bottom: readonly LensToken[];
}

/** One direction through the unembedding: by `W_U[v] · x`, and by that over `‖W_U[v]‖ ‖x‖`. */
export interface LensView {
  readonly dot: LensList;
  readonly cosine: LensList;
}

export interface LensReading extends LensLayer {
  /** `x = s_l`, without the final norm: the paper's lens. */
  readonly raw: LensView;
  /**
   * `x = γ ⊙ s_l`, γ the final RMSNorm's weight. The norm itself also divides by the root mean square of its input, which
   * is one positive number for all tokens: neither their order nor a cosine depends on it, and it is left out here, so that
   * the length of the vector still shows.
   */
  readonly final_norm: LensView;
}

/** The same tokens for all layers: what a heat map shows. */
interface LensMap {
  readonly tokens: readonly { readonly id: number; readonly token: string }[];
  /** Cosine of each layer's vector with each token's row of the unembedding, [L, tokens]. */
  readonly cosines: readonly (readonly number[])[];
}

export interface Lens {
  readonly layers: readonly LensReading[];
  readonly map: LensMap;
}

/** Rows of the unembedding whose norms one pass takes. */
const NORM_ROWS = 4096;
/** Bytes of scores at once. */
const SCORE_BYTES = 64 * 2 ** 20;
const MAP_TOKENS = 24;

/**
 * The logit lens of steering vectors: `W_U · s_l` for every layer, without the final norm (nostalgebraist 2020; the
 * paper's section on interpretation), the `k` tokens with the largest dot product each. Rows of the unembedding that no
 * token uses are left out.
 *
 * @param vectors [L, C]
 */
export async function logitLens(lm: LanguageModel, vectors: Tensor, k = 10): Promise<LensLayer[]> {
  const layers = lm.model.config.num_hidden_layers;
  const values = await lm.model.device.read(vectors);
  const norms = rowNorms(values, layers);
  const ids = usedIds(lm.tokenizer, lm.model.config.vocab_size);
  const read: LensLayer[] = [];
  await unembed(lm.model, values, layers, (layer, dots) => {
    const norm = norms[layer] as number;
    const top = norm === 0 ? [] : best(dots, ids, k).map((id) => named(lm.tokenizer, id, dots[id] as number));
    read.push({ layer, norm, top });
  });
  return read;
}

/**
 * The lens from all sides: by dot product and by cosine, without and with the final norm's weight, largest and smallest.
 *
 * @param vectors [L, C]
 */
export async function readVectors(
  lm: LanguageModel,
  vectors: Float32Array,
  count: { readonly top: number; readonly bottom: number },
): Promise<Lens> {
  const { model, tokenizer } = lm;
  const { num_hidden_layers: layers, vocab_size: vocab } = model.config;
  const ids = usedIds(tokenizer, vocab);
  const unembeddingNorms = await rowNormsOfHead(model);
  const gamma = await model.device.read(model.norm); // [C]
  const scaled = vectors.map((x, i) => x * (gamma[i % gamma.length] as number));
  const cosinesOf = (dots: Float32Array, norm: number) =>
    dots.map((dot, v) => cosine(dot, norm * (unembeddingNorms[v] as number)));

  const view = (dots: Float32Array, cosines: Float32Array): LensView => {
    const list = (scores: Float32Array): LensList => ({
      top: best(scores, ids, count.top).map((id) => named(tokenizer, id, scores[id] as number)),
      bottom: best(scores, ids, count.bottom, -1).map((id) => named(tokenizer, id, scores[id] as number)),
    });
    return { dot: list(dots), cosine: list(cosines) };
  };
  const empty: LensView = { dot: { top: [], bottom: [] }, cosine: { top: [], bottom: [] } };
  const read = async (of: Float32Array, visit?: (layer: number, cosines: Float32Array) => void) => {
    const norms = rowNorms(of, layers);
    const views: LensView[] = [];
    await unembed(model, of, layers, (layer, dots) => {
      const norm = norms[layer] as number;
      if (norm === 0) return void views.push(empty);
      const cosines = cosinesOf(dots, norm);
      visit?.(layer, cosines);
      views.push(view(dots, cosines));
    });
    return { norms, views };
  };
  const all: (Float32Array | undefined)[] = Array.from({ length: layers });
  const raw = await read(vectors, (layer, cosines) => {
    all[layer] = cosines;
  });
  const normed = await read(scaled);
  return {
    layers: raw.views.map((of, layer) => ({
      layer,
      norm: raw.norms[layer] as number,
      top: of.dot.top,
      raw: of,
      final_norm: normed.views[layer] as LensView,
    })),
    map: mapOf(tokenizer, all, ids),
  };
}

/** The tokens that stand nearest to some layer's vector, layer by layer in turn until the map is full. */
function mapOf(tokenizer: Tokenizer, cosines: readonly (Float32Array | undefined)[], ids: Uint32Array): LensMap {
  const ranked = cosines.map((row) => (row ? best(row, ids, MAP_TOKENS) : []));
  const chosen = new Set<number>();
  for (let rank = 0; rank < MAP_TOKENS; rank++) {
    for (const row of ranked) {
      const id = row[rank];
      if (id !== undefined && chosen.size < MAP_TOKENS) chosen.add(id);
    }
  }
  const tokens = [...chosen].map((id) => ({ id, token: tokenText(tokenizer, id) }));
  return { tokens, cosines: cosines.map((row) => tokens.map(({ id }) => row?.[id] ?? 0)) };
}

/** Calls `visit` for each row with `W_U · row`, [V], in order; the array is the visitor's only until it returns. */
async function unembed(
  model: Model,
  rows: Float32Array,
  n: number,
  visit: (row: number, dots: Float32Array) => void,
): Promise<void> {
  const { device } = model;
  const { vocab_size: vocab, hidden_size: c } = model.config;
  const most = Math.min(SCORE_BYTES, device.caps.maxBinding);
  const atOnce = Math.max(1, Math.floor(most / (4 * Math.ceil(vocab / 4) * 4)));
  for (let from = 0; from < n; from += atOnce) {
    const m = Math.min(atOnce, n - from);
    const { values, stride } = await device.arena.guard(async () => {
      const inp = device.upload(rows.subarray(from * c, (from + m) * c), [m, c], 'f32', 'lens');
      const tape = new Tape(device);
      const scores = logits(tape, model, tape.borrow(inp)); // [M, stride]
      const values = await device.read(scores.tensor);
      const stride = scores.tensor.shape[1] as number;
      tape.release(scores);
      device.arena.free(inp);
      return { values, stride };
    });
    for (let i = 0; i < m; i++) visit(from + i, values.subarray(i * stride, i * stride + vocab));
  }
}

/** `‖W_U[v]‖`, [V]: the rows are decoded as an embedding's are, and RMSNorm's `rstd` is √C over the norm. */
async function rowNormsOfHead(model: Model): Promise<Float32Array> {
  const { device } = model;
  const { vocab_size: vocab, hidden_size: c } = model.config;
  const norms = new Float32Array(vocab);
  const atOnce = Math.max(1, Math.min(NORM_ROWS, vocab, Math.floor(device.caps.maxBinding / (4 * c))));
  await device.arena.guard(async () => {
    const ones = device.upload(new Float32Array(c).fill(1), [c], 'f32', 'ones');
    for (let from = 0; from < vocab; from += atOnce) {
      const n = Math.min(atOnce, vocab - from);
      const ids = device.upload(
        Uint32Array.from({ length: n }, (_, i) => from + i),
        [n],
        'u32',
        'ids',
      );
      const tape = new Tape(device);
      const rows = ops.embedding(tape, ids, model.lm_head, n);
      const [out, rstd] = [tape.value([n, c], 'normed', false), tape.value([n], 'rstd', false)];
      // An epsilon this small changes no norm, and a row of zeros stays finite.
      const tensors = { inp: rows.tensor, weight: ones, out: out.tensor, rstd: rstd.tensor };
      rmsnorm(tape.rec, tensors, { n, c, eps: 1e-30 });
      (await device.read(rstd.tensor)).forEach((inverse, i) => {
        norms[from + i] = Math.sqrt(c) / inverse;
      });
      tape.release(rows, out, rstd);
      device.arena.free(ids);
    }
    device.arena.free(ones);
  });
  return norms;
}

/** Rows of the embedding may outnumber the tokens. */
function usedIds(tokenizer: Tokenizer, vocab: number): Uint32Array {
  return Uint32Array.from(
    Array.from({ length: vocab }, (_, id) => id).filter((id) => tokenizer.idToToken(id) !== undefined),
  );
}

/** The ids of the `k` largest scores (`sign` −1: smallest), best first, ties to the lowest id. */
function best(scores: Float32Array, ids: Uint32Array, k: number, sign: 1 | -1 = 1): number[] {
  const kept: number[] = [];
  if (k === 0) return kept;
  const value = (id: number) => sign * (scores[id] as number);
  for (const id of ids) {
    const score = value(id);
    if (kept.length === k && score <= value(kept[k - 1] as number)) continue;
    let at = kept.length;
    while (at > 0 && value(kept[at - 1] as number) < score) at--;
    kept.splice(at, 0, id);
    if (kept.length > k) kept.pop();
  }
  return kept;
}

function cosine(dot: number, size: number): number {
  return size > 0 ? dot / size : 0;
}

function named(tokenizer: Tokenizer, id: number, score: number): LensToken {
  return { id, token: tokenText(tokenizer, id), score };
}

/** A token's text; bytes that are no character of their own as the vocabulary spells them. */
export function tokenText(tokenizer: Tokenizer, id: number): string {
  const text = tokenizer.decode([id]);
  return text === '' || text.includes('\ufffd') ? (tokenizer.idToToken(id) ?? `<${id}>`) : text;
}
