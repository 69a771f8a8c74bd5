import { afterAll, expect, it } from 'vitest';
import { Optimizer } from '../../src/train/optimizer.ts';
import { type PolicyGroup, policyPass } from '../../src/train/policy.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';
import { golden, goldenJson, largestError, relativeError } from '../setup/golden.ts';

const device = await testDevice();
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, maxGradNorm: 2 };

afterAll(() => device.destroy());

it('makes ten AdamW steps on dumped gradients within 1e-6 of PyTorch, norms before the clip included', async () => {
  const want = await golden('adamw');
  const [layers, c] = [3, 50];
  const size = layers * c;
  const optimizer = new Optimizer(device, layers, c, ADAM);
  for (let t = 0; t < 10; t++) {
    const at = (name: string) => want.f32(name).slice(t * size, (t + 1) * size);
    device.write(optimizer.grad, at('grads'));
    const { gradNorm, state } = await optimizer.update(want.f32('lrs')[t] as number);
    const norm = want.f32('norms')[t] as number;
    expect(Math.abs(gradNorm - norm)).toBeLessThanOrEqual(1e-6 * Math.max(1, norm));
    expect(largestError(state.vectors, at('params')), `step ${t}`).toBeLessThan(1e-6);
  }
  optimizer.dispose();
});

it('makes ten steps end to end within 1e-3 of PyTorch in every layer', async () => {
  const texts = await goldenJson<{ prompt_ids: number[]; completion_ids: number[] }[]>('tensteps');
  const want = await golden('tensteps');
  const { model } = await demoModel(device);
  const { num_hidden_layers: layers, hidden_size: c } = model.config;
  const optimizer = new Optimizer(device, layers, c, ADAM);
  // With advantage 1 the policy loss is the mean negative log-probability of the given tokens.
  const groups = texts.map(
    (text): PolicyGroup => ({ prompt: text.prompt_ids, completions: [text.completion_ids], advantages: [1] }),
  );
  for (let t = 0; t < 10; t++) {
    optimizer.zeroGrad();
    const { loss } = await policyPass(model, groups, {
      steering: { tensor: optimizer.vectors, scale: 1 },
      target: { grad: optimizer.grad, layers: new Set(Array.from({ length: layers }, (_, l) => l)) },
      temperature: 1,
      beta: 0,
      lossType: 'dapo',
      maxCompletionLength: 64,
      recompute: 'none',
      maxRows: 4096,
    });
    expect(Math.abs(loss / (want.f32('losses')[t] as number) - 1)).toBeLessThan(1e-4);
    const { state } = await optimizer.update(want.f32('lrs')[t] as number);
    for (let l = 0; l < layers; l++) {
      const from = (t * layers + l) * c;
      const reference = want.f32('params').subarray(from, from + c);
      expect(
        relativeError(state.vectors.subarray(l * c, (l + 1) * c), reference),
        `step ${t}, layer ${l}`,
      ).toBeLessThan(1e-3);
    }
  }
  optimizer.dispose();
  model.dispose();
});
