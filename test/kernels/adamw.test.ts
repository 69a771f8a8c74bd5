import { describe, expect, it } from 'vitest';
import { adamw, gradNorm, gradNormPartials } from '../../src/kernels/adamw.ts';
import { cases } from '../cases/adamw.ts';
import { testDevice } from '../setup/device.ts';
import { golden, largestError } from '../setup/golden.ts';
import { describeCases } from './driver.ts';

const device = await testDevice();

describeCases('adamw', cases());

describe('AdamW', () => {
  it('takes ten steps as PyTorch does: vectors and norms within 1e-6, clipped and without gradient among them', async () => {
    const torch = await golden('adamw');
    const [grads, params, norms, lrs] = ['grads', 'params', 'norms', 'lrs'].map((name) => torch.f32(name)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const size = grads.length / norms.length;
    const zeros = (label: string) => device.upload(new Float32Array(size), [3, size / 3], 'f32', label);
    const t = { param: zeros('param'), grad: zeros('grad'), m: zeros('m'), v: zeros('v') };
    const norm = device.arena.alloc([1], 'f32', 'norm');
    const partial = device.arena.alloc([gradNormPartials(size)], 'f32', 'partial');
    for (const [i, want] of norms.entries()) {
      device.write(t.grad, grads.slice(i * size, (i + 1) * size));
      const rec = device.recorder();
      gradNorm(rec, { grad: t.grad, partial, norm });
      const step = {
        lr: lrs[i] as number,
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weightDecay: 0,
        step: i + 1,
        maxNorm: 2,
      };
      adamw(rec, { ...t, norm }, step);
      rec.submit();
      expect(largestError(await device.read(norm), [want])).toBeLessThanOrEqual(1e-6 * Math.max(1, want));
      expect(largestError(await device.read(t.param), params.slice(i * size, (i + 1) * size))).toBeLessThan(1e-6);
    }
    for (const tensor of [...Object.values(t), norm, partial]) device.arena.free(tensor);
  });

  it('leaves a vector that is not trained at its bits', async () => {
    const before = Float32Array.of(0.1, -0, 3e-20, 1e20, 7, 8, 9, 10);
    const up = (data: Float32Array) => device.upload(data, [2, 4]);
    const untrained = new Float32Array(8).fill(0.5, 4);
    const t = { param: up(before), grad: up(untrained), m: up(untrained), v: up(untrained), norm: up(untrained) };
    const rec = device.recorder();
    adamw(rec, t, { lr: 0.3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, step: 5, maxNorm: 2 });
    rec.submit();
    const after = await device.read(t.param);
    expect(Array.from(new Uint32Array(after.buffer, 0, 4))).toEqual(Array.from(new Uint32Array(before.buffer, 0, 4)));
    expect(after[4]).not.toBe(before[4]);
    for (const tensor of Object.values(t)) device.arena.free(tensor);
  });
});
