import { residualNorm, rmsnorm, rmsnormBackward } from '../../src/kernels/rmsnorm.ts';
import * as residual from '../reference/residual_add.ts';
import * as reference from '../reference/rmsnorm.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS, modelRows, ROWS_BY_COLUMNS } from './shapes.ts';

export function cases(): KernelCase[] {
  return [
    ...ROWS_BY_COLUMNS.flatMap(([n, c]) => [forwardCase(n, c, `N=${n} C=${c}`), backwardCase(n, c, `N=${n} C=${c}`)]),
    ...ROWS_BY_COLUMNS.flatMap(([n, c]) => [
      residualCase(n, c, `N=${n} C=${c}`),
      residualCase(n, c, `N=${n} C=${c} steered`, 3),
    ]),
    forwardCase(3, 64, 'N=3 C=64 zeros', 0),
    forwardCase(3, 64, 'N=3 C=64 large', 1e15),
    forwardCase(3, 64, 'N=3 C=64 small, eps 1e-6', 1e-3, 1e-6),
  ];
}

export function benchCases(models = MODELS): KernelCase[] {
  return modelRows(models).flatMap(({ model, n, label }) => [
    forwardCase(n, model.c, label),
    backwardCase(n, model.c, label),
    residualCase(n, model.c, `${label} steered`, 2),
  ]);
}

function forwardCase(n: number, c: number, shape: string, size = 1, eps = 1e-5): KernelCase {
  const random = randomSource(n * 1009 + c);
  const o = { n, c, eps };
  return {
    kernel: 'rmsnorm_forward',
    shape,
    inputs: {
      inp: { data: random.array(n * c, size), shape: [n, c] },
      weight: { data: random.array(c, 2), shape: [c] },
    },
    outputs: { out: { shape: [n, c] }, rstd: { shape: [n] } },
    run: (rec, t) => rmsnorm(rec, t as never, o),
    reference: (t) => ({ ...reference.rmsnorm(t as never, o) }),
    tolerance: { relative: 2e-6, absolute: 0 },
  };
}

function residualCase(n: number, c: number, shape: string, layers?: number): KernelCase {
  const random = randomSource(n * 3001 + c);
  const o = { n, c, layer: 1, scale: 0.75, eps: 1e-5 };
  const common = {
    inp: { data: random.array(n * c), shape: [n, c] },
    branch: { data: random.array(n * c), shape: [n, c] },
    weight: { data: random.array(c, 2), shape: [c] },
  };
  return {
    kernel: 'residual_norm',
    shape,
    inputs: layers ? { ...common, steering: { data: random.array(layers * c), shape: [layers, c] } } : common,
    outputs: { resid: { shape: [n, c] }, rstd: { shape: [n] }, out: { shape: [n, c] } },
    run: (rec, t) => residualNorm(rec, t as never, o),
    reference: (t) => {
      const resid = residual.residualAdd(t as never, o);
      return { resid, ...reference.rmsnorm({ inp: resid, weight: t.weight as Float64Array }, o) };
    },
    tolerance: { relative: 2e-6, absolute: 1e-6 },
  };
}

function backwardCase(n: number, c: number, shape: string): KernelCase {
  const random = randomSource(n * 2003 + c);
  const inp = random.array(n * c);
  const weight = random.array(c, 2);
  const { rstd } = reference.rmsnorm(
    { inp: Float64Array.from(inp), weight: Float64Array.from(weight) },
    { n, c, eps: 1e-5 },
  );
  return {
    kernel: 'rmsnorm_backward',
    shape,
    inputs: {
      inp: { data: inp, shape: [n, c] },
      weight: { data: weight, shape: [c] },
      rstd: { data: Float32Array.from(rstd), shape: [n] },
      dout: { data: random.array(n * c), shape: [n, c] },
    },
    outputs: { dinp: { shape: [n, c], initial: random.array(n * c) } },
    run: (rec, t) => rmsnormBackward(rec, t as never, { n, c }),
    reference: (t) => ({ dinp: reference.rmsnormBackward(t as never, { n, c }) }),
    tolerance: { relative: 3e-6, absolute: 0 },
  };
}
