import { type AdamWStep, adamw, gradNorm, gradNormPartials } from '../../src/kernels/adamw.ts';
import * as reference from '../reference/adamw.ts';
import { type KernelCase, randomSource } from './case.ts';
import { ODD } from './shapes.ts';

export function cases(): KernelCase[] {
  return [
    updateCase(0, 12),
    ...ODD.map((c) => updateCase(3, c)),
    updateCase(4, 128, { step: 1 }),
    updateCase(4, 128, { step: 1000, weightDecay: 0.1 }),
    updateCase(4, 128, { maxNorm: 0 }),
    updateCase(4, 128, { maxNorm: 1e6 }),
    ...ODD.map((c) => updateCase(3, c, {}, [0.5, 1, 30])),
    ...[0, ...ODD].map((c) => normCase(3, c)),
    normCase(1, 4096),
    normCase(1, 4097),
    normCase(28, 1536),
  ];
}

export function benchCases(): KernelCase[] {
  return [
    [4, 128],
    [30, 576],
    [28, 1536],
  ].flatMap(([l, c]) => [updateCase(l as number, c as number), normCase(l as number, c as number)]);
}

function updateCase(l: number, c: number, options: Partial<AdamWStep> = {}, rates?: readonly number[]): KernelCase {
  const random = randomSource(l * 97 + c);
  const o: AdamWStep = {
    lr: 0.01,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    weightDecay: 0,
    step: 7,
    maxNorm: 2,
    ...options,
  };
  const shape = [l, c];
  const grad = random.array(l * c);
  const initial = (scale: number) => ({ shape, initial: random.array(l * c, scale) });
  const label = Object.entries(options).map(([name, value]) => ` ${name}=${value}`);
  return {
    kernel: 'adamw',
    shape: `L=${l} C=${c}${label.join('')}${rates ? ` rates=${rates.join(',')}` : ''}`,
    inputs: {
      grad: { data: grad, shape },
      norm: { data: Float32Array.of(3.5), shape: [1] },
      ...(rates && { rates: { data: Float32Array.from(rates), shape: [l] } }),
    },
    outputs: {
      param: initial(1),
      m: initial(0.1),
      v: { shape, initial: random.array(l * c, 0.01).map(Math.abs) },
    },
    run: (rec, t) => adamw(rec, t as never, o),
    reference: (t) => ({
      ...reference.adamw({ ...(t as never as Parameters<typeof reference.adamw>[0]), norm: 3.5 }, o),
    }),
    tolerance: { relative: 1e-6, absolute: 1e-7 },
  };
}

function normCase(l: number, c: number): KernelCase {
  const grad = randomSource(l * 89 + c).array(l * c);
  return {
    kernel: 'grad_norm',
    shape: `L=${l} C=${c}`,
    inputs: { grad: { data: grad, shape: [l, c] } },
    outputs: {
      partial: { shape: [gradNormPartials(l * c)], initial: new Float32Array(gradNormPartials(l * c)) },
      norm: { shape: [1] },
    },
    run: (rec, t) => gradNorm(rec, t as never),
    reference: (t) => ({
      partial: reference.spanSums(t.grad as Float64Array, 4096),
      norm: Float64Array.of(reference.gradNorm(t.grad as Float64Array)),
    }),
    tolerance: { relative: 2e-6, absolute: 1e-7 },
  };
}
