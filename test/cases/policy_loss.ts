import { policyLoss, reduceTerms, sequenceRatio } from '../../src/kernels/policy_loss.ts';
import * as reference from '../reference/policy_loss.ts';
import { type KernelCase, randomSource } from './case.ts';
import { ODD } from './shapes.ts';

interface Options {
  readonly kl?: boolean;
  readonly ratio?: boolean;
  /** The ratio is the completion's. */
  readonly sequence?: boolean;
  /** How far the reference's log-probabilities lie from the policy's. */
  readonly distance?: number;
}

export function cases(): KernelCase[] {
  return [
    ...[0, ...ODD].flatMap((pairs) => [lossCase(pairs, {}), lossCase(pairs, { kl: true, ratio: true })]),
    lossCase(257, { ratio: true }),
    lossCase(1, { ratio: true, sequence: true }),
    lossCase(257, { ratio: true, sequence: true }),
    lossCase(257, { kl: true, ratio: true, sequence: true }),
    lossCase(257, { kl: true }),
    lossCase(257, { kl: true, distance: 1e-3 }),
    lossCase(257, { kl: true, distance: 8 }),
    ...[0, ...ODD, 5000].map((pairs) => reduceCase(pairs)),
    ...[[], [1], [63, 65, 1], [257, 17, 3, 64, 128]].flatMap((lengths) => [
      ratioCase(lengths, true),
      ratioCase(lengths, false),
    ]),
  ];
}

export function benchCases(): KernelCase[] {
  return [1024, 16384].flatMap((pairs) => [
    lossCase(pairs, { kl: true }),
    reduceCase(pairs),
    ratioCase(
      Array.from({ length: pairs / 256 }, () => 256),
      true,
    ),
  ]);
}

function lossCase(pairs: number, { kl, ratio, sequence, distance = 0.5 }: Options): KernelCase {
  const random = randomSource(pairs + 17 * distance);
  const logp = random.array(pairs, 4).map((x) => x - 4);
  const near = (scale: number) => logp.map((x) => x + scale * random.next());
  const vector = (data: Float32Array) => ({ data, shape: [pairs] });
  const o = { pairs, beta: 0.04, epsilonLow: 0.2, epsilonHigh: 0.28 };
  return {
    kernel: 'policy_loss',
    shape: `P=${pairs}${kl ? ` kl ±${distance}` : ''}${ratio ? ' ratio' : ''}${sequence ? ' sequence' : ''}`,
    inputs: {
      logp: vector(logp),
      advantage: vector(random.array(pairs)),
      weight: vector(random.array(pairs).map((x) => 1.5 + x)),
      ...(kl && { refLogp: vector(near(distance)) }),
      ...(ratio && { oldLogp: vector(near(0.4)) }),
      ...(sequence && {
        ratio: {
          data: random.array(2 * pairs, 0.4).map((x, i) => (i % 2 === 0 ? x : 1 + random.integer(40))),
          shape: [pairs, 2],
        },
      }),
    },
    outputs: { coef: { shape: [pairs] }, terms: { shape: [pairs, 2] } },
    run: (rec, t) => policyLoss(rec, t as never, o),
    reference: (t) => ({ ...reference.policyLoss(t as never, o) }),
    tolerance: { relative: 2e-6, absolute: 1e-6 },
  };
}

function reduceCase(pairs: number): KernelCase {
  return {
    kernel: 'reduce_terms',
    shape: `P=${pairs}`,
    inputs: { terms: { data: randomSource(pairs).array(2 * pairs), shape: [pairs, 2] } },
    outputs: { sums: { shape: [2] } },
    run: (rec, t) => reduceTerms(rec, t as never, { pairs }),
    reference: (t) => ({ sums: reference.reduceTerms(t.terms as Float64Array) }),
  };
}

/** Completions of the given lengths, whose pairs are mixed as `pack` mixes them: all first tokens before the rest. */
function ratioCase(lengths: readonly number[], mean: boolean): KernelCase {
  const pairs = lengths.reduce((a, b) => a + b, 0);
  const random = randomSource(pairs + 5);
  const seqStart = Uint32Array.from([0, ...lengths.map((_, s) => lengths.slice(0, s + 1).reduce((a, b) => a + b, 0))]);
  const seqPairs = Uint32Array.from(
    lengths.flatMap((length, s) =>
      Array.from({ length }, (_, t) => (t === 0 ? s : lengths.length + (seqStart[s] as number) - s + t - 1)),
    ),
  );
  const vector = (data: Float32Array | Uint32Array) => ({ data, shape: [data.length] });
  return {
    kernel: 'sequence_ratio',
    shape: `T=${lengths.join(',')} ${mean ? 'mean' : 'sum'}`,
    inputs: {
      logp: vector(random.array(pairs)),
      oldLogp: vector(random.array(pairs)),
      seqStart: vector(seqStart),
      seqPairs: vector(seqPairs),
    },
    outputs: { ratio: { shape: [pairs, 2] } },
    run: (rec, t) => sequenceRatio(rec, t as never, { sequences: lengths.length, pairs, mean }),
    reference: (t) => ({ ratio: reference.sequenceRatio(t as never, mean) }),
    tolerance: { relative: 2e-6, absolute: 1e-6 },
  };
}
