import { expect, it } from 'vitest';
import type { SteerRequest, StreamBatch } from '../../web/worker/steer_types.ts';
import { useApp } from './harness.ts';

const app = useApp();
const TIMES = 10;

const REQUEST: SteerRequest = {
  run: 0,
  columns: ['base'],
  input: { kind: 'text', text: 'Question: Ada has 3 pens and buys 4.\nAnswer:' },
  temperature: 0,
  topK: 0,
  topP: 1,
  seed: 0,
  maxNewTokens: 8,
  strength: 1,
  layers: [],
};

it('a model that was loaded, used and unloaded ten times leaves nothing on the GPU', async () => {
  await using tab = await app.open('models');
  await tab.modelReady();
  const [worker] = tab.page.workers();
  if (!worker) throw new Error('the page has no worker');
  // The engine's own figures are of the buffers that it counts: these are all that there are.
  await worker.evaluate(() => {
    const made = new Map<GPUBuffer, string>();
    const { createBuffer } = GPUDevice.prototype;
    GPUDevice.prototype.createBuffer = function (descriptor) {
      const buffer = createBuffer.call(this, descriptor);
      made.set(buffer, `${descriptor.label}, ${descriptor.size} bytes`);
      return buffer;
    };
    const { destroy } = GPUBuffer.prototype;
    GPUBuffer.prototype.destroy = function () {
      made.delete(this);
      return destroy.call(this);
    };
    Object.assign(globalThis, { buffersForTests: made });
  });
  const seen = await tab.page.evaluate(
    async ({ request, times }) => {
      const { session, models, steer } = globalThis.engineForTests();
      const { proxy } = (globalThis as unknown as { Comlink: typeof import('comlink') }).Comlink;
      const memory = async () => {
        const { allocated, live } = await session.memory();
        return { allocated, live };
      };
      await session.unload();
      const rounds = [];
      const before = await memory();
      for (let i = 0; i < times; i++) {
        const info = await models.loadDemo();
        let tokens = 0;
        const count = ({ events }: StreamBatch) => {
          tokens += events.length;
        };
        await steer.generate(request, proxy(count));
        const loaded = await memory();
        await session.unload();
        rounds.push({ tokens, weights: info.bytes, loaded, after: await memory() });
      }
      return { before, rounds };
    },
    { request: REQUEST, times: TIMES },
  );
  expect(seen.before).toEqual({ allocated: 0, live: 0 });
  expect(seen.rounds).toHaveLength(TIMES);
  for (const { tokens, weights, loaded, after } of seen.rounds) {
    expect(tokens).toBeGreaterThan(0);
    expect(loaded.live).toBeGreaterThanOrEqual(weights);
    expect(after).toEqual(seen.before);
  }
  const left = await worker.evaluate(() => {
    const { buffersForTests } = globalThis as unknown as { buffersForTests: Map<GPUBuffer, string> };
    return [...buffersForTests.values()];
  });
  expect(left, 'buffers that were made since and not destroyed').toEqual([]);
  tab.expectQuiet();
});
