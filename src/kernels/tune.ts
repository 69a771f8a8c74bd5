/** Measures variants of products on the device, and remembers which was fastest. */
import { now } from '#platform';
import type { WeightType } from '../gpu/blocks.ts';
import type { Capabilities, Device } from '../gpu/device.ts';
import { sha256 } from '../gpu/digest.ts';
import { definedKernels, textOf } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { type Tuning, type TuningFile, UNTUNED } from '../gpu/tuning.ts';
import type { LinearOrder, LinearQuestion } from './linear_kernel.ts';
import {
  choiceKey,
  LINEAR_VARIANTS,
  type LinearVariant,
  linearVariant,
  ROW_CLASSES,
  variantsOf,
} from './linear_variants.ts';
import { ComparedProduct } from './tuned_bits.ts';

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

interface TuneOptions {
  readonly order: LinearOrder;
  /** Milliseconds after which nothing more is measured; what is left stays untuned. */
  readonly budget: number;
  /** Told first of how many products there is a choice. */
  readonly onPlanned?: (products: number) => void;
  readonly onMeasured?: (measured: Measured) => void;
}

/** A product, and the variants that may compute it: two at the least. */
interface Planned {
  readonly matrix: TunedMatrices;
  readonly question: LinearQuestion;
  readonly untuned: LinearVariant;
  readonly variants: readonly LinearVariant[];
}

const ROUNDS = 5;
/** Between two waits, at the least. */
const BATCH_MS = 2;
const MAX_BATCH = 64;
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
  const planned = matrices
    .toSorted((a, b) => size(b) - size(a))
    .flatMap((matrix) => questionsOf(matrix).flatMap((question) => plan(device, matrix, question, o.order) ?? []));
  o.onPlanned?.(planned.length);
  for (const product of planned) {
    if (now() > end) break;
    const measured = await measure(device, product);
    o.onMeasured?.(measured);
    const [best] = measured.times;
    const before = measured.times.find(({ variant }) => variant === measured.untuned);
    // Where the untuned variant has not the bits that it has with more rows, another must do.
    if (best && (!before || best.ms < GAIN * before.ms)) choices[choiceKey(product.question)] = best.variant;
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

/** Undefined where there is nothing to choose. */
function plan(
  device: Device,
  matrix: TunedMatrices,
  question: LinearQuestion,
  order: LinearOrder,
): Planned | undefined {
  const { direction, m } = question;
  const untuned = linearVariant(device.caps, question, order);
  const variants = variantsOf(LINEAR_VARIANTS[untuned].order, direction, device.caps).filter((candidate) => {
    const { maxRows = Number.POSITIVE_INFINITY, fits } = LINEAR_VARIANTS[candidate];
    // A variant of one lane a row is what others are measured against on no adapter.
    return candidate !== 'scalar' && fits(question) && (maxRows === 0 || m <= maxRows);
  });
  return untuned === 'scalar' || variants.length < 2 ? undefined : { matrix, question, untuned, variants };
}

async function measure(device: Device, planned: Planned): Promise<Measured> {
  const { question, untuned, variants } = planned;
  const { name, weights } = planned.matrix;
  const product = new ComparedProduct(device, weights[0] as Tensor, question, untuned);
  try {
    const same: LinearVariant[] = [];
    for (const variant of variants) if (await product.same(variant)) same.push(variant);
    const times = await inTurns(device, same, (variant, i) =>
      product.record(weights[i % weights.length] as Tensor, variant),
    );
    times.sort((a, b) => a.ms - b.ms);
    // Epilogues take pipelines of their own, so they are compared only for what would be chosen.
    while (times[0] && times[0].variant !== untuned && !(await product.sameEpilogues(times[0].variant))) times.shift();
    const otherBits = variants.filter((variant) => !times.some((time) => time.variant === variant));
    return { name, question, untuned, otherBits, times };
  } finally {
    product.free();
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

/** Changes with any kernel of a product, its constants and the decoders of weights. */
export async function kernelsDigest(): Promise<string> {
  const texts = definedKernels()
    .filter(({ name }) => name.startsWith('linear_'))
    .map(textOf);
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
  return hasOrder(device.caps, file.order) ? undefined : lacking(device.caps, file.order);
}

/** Whether the launchers keep to an order on an adapter, and do not add sequentially instead. */
export function hasOrder(caps: Capabilities, order: string): boolean {
  return order === UNTUNED.order || variantsOf(order as LinearOrder, 'forward', caps).length > 0;
}

/** Said where it does not. */
export function lacking(caps: Capabilities, order: string): string {
  return `${caps.adapter} has no variant of order ${order}: matrix units need --toggles allow_unsafe_apis, f16 needs shader-f16 (see \`trimtab doctor\`)`;
}

/** A tuning with what is known of other products, as another model has them: those measured now are taken from it alone. */
export function mergedTuning(before: Tuning, tuning: Tuning, measured: readonly Measured[]): Tuning {
  if (before.order !== tuning.order) return tuning;
  const now = new Set(measured.map(({ question }) => choiceKey(question)));
  const others = Object.entries(before.choices).filter(([key]) => !now.has(key));
  return { order: tuning.order, choices: { ...Object.fromEntries(others), ...tuning.choices } };
}
