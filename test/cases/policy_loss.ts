import { policyLoss, reduceTerms } from '../../src/kernels/policy_loss.ts';
import * as reference from '../reference/policy_loss.ts';
import { type KernelCase, randomSource } from './case.ts';
import { ODD } from './shapes.ts';

interface Options {
  readonly kl?: boolean;
  readonly ratio?: boolean;
  /** How far the reference's log-probabilities lie from the policy's. */
  readonly distance?: number;
}

export function cases(): KernelCase[] {
  return [
    ...[0, ...ODD].flatMap((pairs) => [lossCase(pairs, {}), lossCase(pairs, { kl: true, ratio: true })]),
    lossCase(257, { ratio: true }),
    lossCase(257, { kl: true }),
    lossCase(257, { kl: true, distance: 1e-3 }),
    lossCase(257, { kl: true, distance: 8 }),
    ...[0, ...ODD, 5000].map((pairs) => reduceCase(pairs)),
  ];
}

export function benchCases(): KernelCase[] {
  return [1024, 16384].flatMap((pairs) => [lossCase(pairs, { kl: true }), reduceCase(pairs)]);
}

function lossCase(pairs: number, { kl, ratio, distance = 0.5 }: Options): KernelCase {
  const random = randomSource(pairs + 17 * distance);
  const logp = random.array(pairs, 4).map((x) => x - 4);
  const near = (scale: number) => logp.map((x) => x + scale * random.next());
  const vector = (data: Float32Array) => ({ data, shape: [pairs] });
  const o = { pairs, beta: 0.04, epsilonLow: 0.2, epsilonHigh: 0.28 };
  return {
    kernel: 'policy_loss',
    shape: `P=${pairs}${kl ? ` kl ±${distance}` : ''}${ratio ? ' ratio' : ''}`,
    inputs: {
      logp: vector(logp),
      advantage: vector(random.array(pairs)),
      weight: vector(random.array(pairs).map((x) => 1.5 + x)),
      ...(kl && { refLogp: vector(near(distance)) }),
      ...(ratio && { oldLogp: vector(near(0.4)) }),
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
