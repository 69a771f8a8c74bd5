import { Tape } from '../autograd/tape.ts';
import { UserError } from '../gpu/errors.ts';
import type { LanguageModel } from '../model/language_model.ts';
import type { Model } from '../model/model.ts';
import { uploadSequence } from '../model/packing.ts';
import type { Steering } from '../model/steering.ts';
import { finalNorm, forward, logits } from '../model/transformer.ts';
import { tokenText } from './lens.ts';

/** A token's probability without the vectors and with them. */
interface TokenChange {
  readonly id: number;
  readonly token: string;
  readonly base: number;
  readonly steered: number;
}

/** What the vectors do to the distribution of the next token at one position. */
export interface NextTokenEffect {
  /** Index of the last token that the distribution sees, from 0. */
  readonly position: number;
  /** Its text. */
  readonly token: string;
  /** `KL(steered ‖ base)` in nats, over the whole vocabulary at temperature 1. */
  readonly kl: number;
  /** Largest difference of probability first. */
  readonly changes: readonly TokenChange[];
}

/** The paper's control: how much of the effect is handing the model a token that it would not have begun with? */
export interface AppendEffect {
  readonly text: string;
  readonly ids: readonly number[];
  /** Probability of the text after the prompt, its tokens' product. */
  readonly base: number;
  readonly steered: number;
  /** The effect that is left once the text stands there: at the last position of prompt and text. */
  readonly after: NextTokenEffect;
}

/**
 * Base against steered distribution of the next token at some positions of a prompt.
 *
 * @param positions from 0, or from the end where negative (−1: after the whole prompt)
 * @param k changed tokens of each
 * @throws UserError for a position that the prompt does not have
 */
export async function nextTokenEffects(
  lm: LanguageModel,
  ids: readonly number[],
  positions: readonly number[],
  steering: Steering,
  k: number,
): Promise<NextTokenEffect[]> {
  const at = placesOf(positions, ids.length);
  const { base, steered } = await bothAt(lm.model, ids, at, steering);
  return at.map((position, i) => effect(lm, ids, position, base[i] as Float64Array, steered[i] as Float64Array, k));
}

/**
 * The control of appending a text to the prompt (`" To"` in the paper).
 * @throws UserError where the text is empty, or no longer fits the context
 */
export async function appendEffect(
  lm: LanguageModel,
  ids: readonly number[],
  text: string,
  steering: Steering,
  k: number,
): Promise<AppendEffect> {
  const more = lm.tokenizer.encode(text);
  if (more.length === 0) throw new UserError('--append is empty: give the text whose effect is to be compared.');
  const all = [...ids, ...more];
  if (all.length >= lm.model.maxPositions) {
    throw new UserError(
      `Prompt and --append are ${all.length} tokens long, and the context holds ${lm.model.maxPositions}. Shorten the prompt.`,
    );
  }
  const at = Array.from({ length: more.length + 1 }, (_, i) => ids.length - 1 + i);
  const { base, steered } = await bothAt(lm.model, all, at, steering);
  const product = (rows: readonly Float64Array[]) =>
    more.reduce((p, id, i) => p * Math.exp(rows[i]?.[id] as number), 1);
  const last = at.length - 1;
  return {
    text,
    ids: more,
    base: product(base),
    steered: product(steered),
    after: effect(lm, all, at[last] as number, base[last] as Float64Array, steered[last] as Float64Array, k),
  };
}

/** The next token at one position, as several sides (the model without vectors, with some, …) see it. */
export interface NextTokenChoices {
  /** Entropy in nats of each side's distribution, at temperature 1. */
  readonly entropy: readonly number[];
  /** `KL(side ‖ first side)` in nats of each. */
  readonly kl: readonly number[];
  /** Every side's likeliest tokens, those first that some side finds likeliest. */
  readonly tokens: readonly NextTokenChoice[];
}

export interface NextTokenChoice {
  readonly id: number;
  readonly token: string;
  /** By side. */
  readonly probability: readonly number[];
}

/**
 * What each side would have said after a text, side by side.
 *
 * @param ids the text
 * @param sides vectors of each; undefined is the model without any
 * @param k likeliest tokens of each side
 * @param also a token that is to be among them, such as the one that was taken
 */
export async function nextTokenChoices(
  lm: LanguageModel,
  ids: readonly number[],
  sides: readonly (Steering | undefined)[],
  k: number,
  also?: number,
): Promise<NextTokenChoices> {
  const logps: Float64Array[] = [];
  for (const steering of sides) {
    const [logp] = await logProbabilitiesAt(lm.model, ids, [ids.length - 1], steering);
    logps.push(logp as Float64Array);
  }
  const at = (side: Float64Array, id: number) => side[id] as number;
  const kept = new Set(also === undefined ? [] : [also]);
  for (const side of logps) for (const id of likeliest(side, k)) kept.add(id);
  const best = (id: number) => Math.max(...logps.map((side) => at(side, id)));
  const first = logps[0] ?? new Float64Array();
  return {
    entropy: logps.map((side) => -side.reduce((sum, x) => sum + Math.exp(x) * x, 0)),
    kl: logps.map((side) => divergence(side, first)),
    tokens: [...kept]
      .sort((a, b) => best(b) - best(a) || a - b)
      .map((id) => ({
        id,
        token: tokenText(lm.tokenizer, id),
        probability: logps.map((side) => Math.exp(at(side, id))),
      })),
  };
}

/** The ids of the k largest, ties to the lowest. */
function likeliest(logp: Float64Array, k: number): number[] {
  const order = Array.from(logp.keys()).sort((a, b) => (logp[b] as number) - (logp[a] as number) || a - b);
  return order.slice(0, k);
}

/** Positions from 0, of those that may count from the end. @throws UserError for one that the prompt does not have */
export function placesOf(positions: readonly number[], length: number): number[] {
  return positions.map((position) => {
    const at = position < 0 ? length + position : position;
    if (at >= 0 && at < length) return at;
    throw new UserError(
      `--positions names ${position}, and the prompt has ${length} tokens: 0 to ${length - 1}, or -1 to -${length} from its end.`,
    );
  });
}

/** Log-probabilities [V] of the next token at each position, without and with the vectors. */
async function bothAt(model: Model, ids: readonly number[], positions: readonly number[], steering: Steering) {
  const base = await logProbabilitiesAt(model, ids, positions);
  return { base, steered: await logProbabilitiesAt(model, ids, positions, steering) };
}

async function logProbabilitiesAt(
  model: Model,
  ids: readonly number[],
  positions: readonly number[],
  steering?: Steering,
): Promise<Float64Array[]> {
  const { device } = model;
  const { values, stride } = await device.arena.guard(async () => {
    const tables = uploadSequence(device, ids);
    const rows = device.upload(Uint32Array.from(positions), [positions.length], 'u32', 'positions');
    const tape = new Tape(device);
    const resid = forward(tape, model, tables, { steering });
    const hidden = finalNorm(tape, model, resid, rows, positions.length);
    const scores = logits(tape, model, hidden);
    const values = await device.read(scores.tensor);
    const stride = scores.tensor.shape[1] as number;
    tape.release(resid, hidden, scores);
    device.arena.free(rows);
    tables.free();
    return { values, stride };
  });
  return positions.map((_, i) => logSoftmax(values.subarray(i * stride, i * stride + model.config.vocab_size)));
}

function logSoftmax(row: Float32Array): Float64Array {
  const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const lse = max + Math.log(row.reduce((sum, x) => sum + Math.exp(x - max), 0));
  return Float64Array.from(row, (x) => x - lse);
}

/** `KL(side ‖ other)` in nats, of log-probabilities [V]; not below 0, where rounding would put it. */
function divergence(side: Float64Array, other: Float64Array): number {
  return Math.max(
    0,
    side.reduce((sum, x, v) => sum + Math.exp(x) * (x - (other[v] as number)), 0),
  );
}

function effect(
  { tokenizer }: LanguageModel,
  ids: readonly number[],
  position: number,
  base: Float64Array,
  steered: Float64Array,
  k: number,
): NextTokenEffect {
  const p = base.map(Math.exp);
  const q = steered.map(Math.exp);
  const change = (v: number) => Math.abs((q[v] as number) - (p[v] as number));
  const order = Array.from(q.keys()).sort((a, b) => change(b) - change(a) || a - b);
  return {
    position,
    token: tokenText(tokenizer, ids[position] as number),
    kl: divergence(steered, base),
    changes: order.slice(0, k).map((id) => ({
      id,
      token: tokenText(tokenizer, id),
      base: p[id] as number,
      steered: q[id] as number,
    })),
  };
}
