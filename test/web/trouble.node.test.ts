import { describe, expect, it } from 'vitest';
import { encodeSteering } from '../../src/model/steering.ts';
import type { TrainingEvents } from '../../web/worker/run_events.ts';
import { type Tab, useApp } from './harness.ts';

const app = useApp();

declare global {
  /** What the tests below train: two steps, each with a little. */
  var trainForTests: (onStep?: () => void) => Promise<string>;
  var messageForTests: (work: Promise<unknown>) => Promise<string>;
}

async function open(): Promise<Tab> {
  const tab = await app.open('kernels');
  await tab.modelReady();
  await tab.page.evaluate(() => {
    const { Comlink } = globalThis as unknown as { Comlink: typeof import('comlink') };
    const ignore = () => {};
    globalThis.messageForTests = (work) => work.then(String, (error: Error) => error.message);
    globalThis.trainForTests = async (onStep = ignore) => {
      const events: TrainingEvents = {
        ...{ began: ignore, stage: ignore, progress: ignore, evaluated: ignore, warning: ignore },
        step: onStep,
      };
      const config = { max_steps: 2, num_prompts: 1, num_generations: 2, eval_size: 2, max_completion_length: 16 };
      const request = { config, data: { kind: 'own' as const } };
      return (await engineForTests().training.start(request, Comlink.proxy(events))).state;
    };
  });
  return tab;
}

describe('the engine in trouble', () => {
  it('does not take the model from a run that begins while another model is being opened', async () => {
    await using tab = await open();
    const [loading, training] = await tab.page.evaluate(() =>
      Promise.all([messageForTests(engineForTests().models.loadDemo()), messageForTests(trainForTests())]),
    );
    expect(training).toBe('finished');
    expect(loading).toBe('The GPU is busy training: pause that first; loading a model can go on after it.');
  });

  it('says that storage is full where a run is paused and cannot be saved, and goes on when there is room', async () => {
    await using tab = await open();
    const { page } = tab;
    const cdp = await page.context().newCDPSession(page);
    const { origin } = new URL(app.url);
    await page.exposeFunction('fillStorage', () =>
      cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 }),
    );
    const message = await page.evaluate(() => {
      const { fillStorage } = globalThis as unknown as { fillStorage(): Promise<void> };
      return messageForTests(trainForTests(() => void fillStorage().then(() => engineForTests().training.pause())));
    });
    expect(message).toMatch(/^runs\/demo-correct-seed0\/\S+ needs .* more, and the browser gives this page/);
    await cdp.send('Storage.overrideQuotaForOrigin', { origin });
    const resumed = await page.evaluate(async () => {
      const { Comlink } = globalThis as unknown as { Comlink: typeof import('comlink') };
      const ignore = () => {};
      const events = {
        began: ignore,
        stage: ignore,
        progress: ignore,
        evaluated: ignore,
        step: ignore,
        warning: ignore,
      };
      const end = await engineForTests().training.resume('demo-correct-seed0', Comlink.proxy(events));
      const rows = await engineForTests().runs.metrics('demo-correct-seed0');
      return [end.state, ...rows.map(({ step }) => step)];
    });
    expect(resumed).toEqual(['finished', 0, 1]);
  });

  it.each([
    [
      [1, 3],
      '1',
      /^runs\/odd\/steering\.safetensors holds vectors for 1 layers of 3, but this model has 6 layers of 128/,
    ],
    [[6, 128], 'much', /^runs\/odd\/steering\.safetensors: scale in its metadata is much, no number/],
    [[6, 128], '', /^runs\/odd\/steering\.safetensors: scale in its metadata is , no number/],
  ] as const)(
    'takes no vectors of a run folder that has them as %j with scale "%s"',
    async ([layers, width], scale, message) => {
      await using tab = await open();
      const { identity } = await tab.page.evaluate(
        async () => (await engineForTests().session.current()) ?? { identity: '' },
      );
      const metadata = { model: identity, scale };
      const vectors = new Float32Array(layers * width).fill(0.1);
      const bytes = encodeSteering({ vectors, numLayers: layers, hiddenSize: width, metadata });
      const said = await tab.page.evaluate(
        async (content) => {
          const file = (name: string, part: BlobPart) => ({ path: `odd/${name}`, file: new File([part], name) });
          const files = [
            file('config.json', '{"max_steps": 1}'),
            file('steering.safetensors', new Uint8Array(content)),
          ];
          const name = await engineForTests().runs.add(files);
          const opened = await messageForTests(engineForTests().training.open(name));
          return { opened, vectors: await engineForTests().session.vectors };
        },
        [...bytes],
      );
      expect(said.opened).toMatch(message);
      expect(said.vectors).toBeUndefined();
    },
  );
});
