/** Measures variants of products on the device, and remembers which was fastest. */
import { now } from '#platform';
import type { WeightType } from '../gpu/blocks.ts';
import type { Device } from '../gpu/device.ts';
import { sha256 } from '../gpu/digest.ts';
import { assemble } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { Tuning, TuningFile } from '../gpu/tuning.ts';
import { linear, linearBackward } from './linear.ts';
import type { LinearOrder, LinearQuestion } from './linear_kernel.ts';
import {
  choiceKey,
  LINEAR_VARIANTS,
  type LinearVariant,
  linearVariant,
  ROW_CLASSES,
  variantsOf,
} from './linear_variants.ts';

/** Matrices of one kind: the same rows, columns and type in every layer. Each is measured with all of them in turn, as a model is run. */
export interface TunedMatrices {
  readonly name: string;
  readonly weights: readonly Tensor[];
  /** How many of a matrix's rows one product takes; all by default. */
  readonly rows?: number;
  /** Rows of x; `ROW_CLASSES` by default. */
  readonly m?: readonly number[];
}

/** What was measured for one question. */
export interface Measured {
  readonly name: string;
  readonly question: LinearQuestion;
  /** Median milliseconds of one product, the fastest first. */
  readonly times: readonly { readonly variant: LinearVariant; readonly ms: number }[];
  readonly untuned: LinearVariant;
  /** Variants that gave other bits on this device, and so cannot be chosen. */
  readonly otherBits: readonly LinearVariant[];
}

export interface TuneOptions {
  readonly order: LinearOrder;
  /** Milliseconds after which nothing more is measured; what is left stays untuned. */
  readonly budget: number;
  readonly onMeasured?: (measured: Measured) => void;
}

const ROUNDS = 5;
/** Between two waits, at the least. */
const BATCH_MS = 2;
const MAX_BATCH = 64;
/** Rows that are compared bit by bit. */
const COMPARED_ROWS = 64;
/** Backward products have the rows of a micro-batch. */
const BACKWARD_FROM = 128;
/** Where a variant is not this much faster than the untuned one, nothing is changed. */
const GAIN = 0.97;

/** The fastest variants of one order, for every class of rows. Where the time does not suffice, products of many weights come first. */
export async function tuneProducts(
  device: Device,
  matrices: readonly TunedMatrices[],
  o: TuneOptions,
): Promise<Tuning> {
  const choices: Record<string, string> = {};
  const end = now() + o.budget;
  const size = ({ weights }: TunedMatrices) => (weights[0]?.bytes ?? 0) * weights.length;
  for (const matrix of matrices.toSorted((a, b) => size(b) - size(a))) {
    for (const question of questionsOf(matrix)) {
      if (now() > end) return { order: o.order, choices };
      const measured = await measure(device, matrix, question, o.order);
      if (!measured) continue;
      o.onMeasured?.(measured);
      const [best] = measured.times;
      const before = measured.times.find(({ variant }) => variant === measured.untuned);
      if (best && before && best.ms < GAIN * before.ms) choices[choiceKey(question)] = best.variant;
    }
  }
  return { order: o.order, choices };
}

function questionsOf({ weights: [weight], rows, m: given = ROW_CLASSES }: TunedMatrices): LinearQuestion[] {
  if (!weight) return [];
  const [all, k] = weight.shape as [number, number];
  const n = rows ?? all;
  const common = { dtype: weight.dtype as WeightType, bias: false };
  return given.flatMap((m): LinearQuestion[] => [
    { ...common, direction: 'forward', m, terms: k, width: n, strides: [k, 0, n, 0] },
    ...(m >= BACKWARD_FROM
      ? [{ ...common, direction: 'backward' as const, m, terms: n, width: k, strides: [n, 0, k, 0] }]
      : []),
  ]);
}

async function measure(
  device: Device,
  { name, weights }: TunedMatrices,
  question: LinearQuestion,
  order: LinearOrder,
): Promise<Measured | undefined> {
  const { direction, m, terms, width } = question;
  const untuned = linearVariant(device.caps, question, order);
  const all = variantsOf(LINEAR_VARIANTS[untuned].order, direction, device.caps).filter((candidate) => {
    const { maxRows = Number.POSITIVE_INFINITY, fits } = LINEAR_VARIANTS[candidate];
    // A variant of one lane a row is what others are measured against on no adapter.
    return candidate !== 'scalar' && fits(question) && (maxRows === 0 || m <= maxRows);
  });
  if (untuned === 'scalar' || all.length < 2) return undefined;
  const inp = device.upload(noise(m * terms), [m, terms]);
  const out = device.arena.alloc([m, width], 'f32', 'tuned product');
  const rec = device.recorder();
  const record = (weight: Tensor, variant: LinearVariant, rows: number) => {
    if (direction === 'forward') linear(rec, { inp, weight, out }, { m: rows, n: width, k: terms, variant });
    else linearBackward(rec, { dout: inp, weight, dinp: out }, { m: rows, n: terms, k: width, variant });
  };
  try {
    const rows = Math.min(m, COMPARED_ROWS);
    const compared = { ...out, shape: [rows, width], bytes: 4 * rows * width };
    const bits = async (variant: LinearVariant) => {
      // What a variant leaves unwritten must not look like another's result.
      rec.clear(out);
      record(weights[0] as Tensor, variant, rows);
      return device.readU32(compared);
    };
    const want = await bits(untuned);
    const otherBits: LinearVariant[] = [];
    for (const variant of all) {
      const got = await bits(variant);
      if (got.some((word, i) => word !== want[i])) otherBits.push(variant);
    }
    const same = all.filter((variant) => !otherBits.includes(variant));
    const times = await inTurns(device, same, (variant, i) =>
      record(weights[i % weights.length] as Tensor, variant, m),
    );
    return { name, question, untuned, otherBits, times: times.toSorted((a, b) => a.ms - b.ms) };
  } finally {
    device.arena.free(inp);
    device.arena.free(out);
  }
}

/** Median of a few rounds A B A B, by the clock: batches are long against what a wait costs, which falls on all alike. */
async function inTurns(
  device: Device,
  variants: readonly LinearVariant[],
  record: (variant: LinearVariant, i: number) => void,
): Promise<{ variant: LinearVariant; ms: number }[]> {
  const batch = async (variant: LinearVariant, times: number) => {
    const start = now();
    for (let i = 0; i < times; i++) record(variant, i);
    device.recorder().submit();
    await device.sync();
    return (now() - start) / times;
  };
  const plans: { variant: LinearVariant; times: number; samples: number[] }[] = [];
  for (const variant of variants) {
    const once = await batch(variant, 2);
    plans.push({ variant, times: Math.min(MAX_BATCH, Math.max(1, Math.ceil(BATCH_MS / once))), samples: [] });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { variant, times, samples } of plans) samples.push(await batch(variant, times));
  }
  return plans.map(({ variant, samples }) => ({
    variant,
    ms: samples.toSorted((a, b) => a - b)[ROUNDS >> 1] as number,
  }));
}

function noise(n: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Changes with any shader of a product. */
export async function kernelsDigest(): Promise<string> {
  const texts = Object.values(LINEAR_VARIANTS).flatMap(({ forward, backward }) =>
    [forward, backward].flatMap((kernel) => (kernel ? [assemble(kernel, {}, 'bf16')] : [])),
  );
  return (await sha256(new TextEncoder().encode(texts.join('\n')))).slice(0, 16);
}

/** What a tuning belongs to: the adapter and its driver. */
export function identityOf({ caps }: Device): string {
  return caps.identity || caps.adapter;
}

/** A tuning as it is kept. */
export async function tuningFile(device: Device, tuning: Tuning): Promise<TuningFile> {
  return { ...tuning, adapter: identityOf(device), kernels: await kernelsDigest() };
}

/** Why a tuning is of no use on this device, or undefined. */
export async function staleness(device: Device, file: TuningFile): Promise<string | undefined> {
  if (file.adapter !== identityOf(device)) return `it was measured on ${file.adapter}`;
  if (file.kernels !== (await kernelsDigest())) return 'the kernels have changed since';
  return undefined;
}
