import { describe, expect, it } from 'vitest';
import { openFolder } from '#platform';
import { openLanguageModel } from '../../src/model/language_model.ts';
import { calibrate, completionsInFlight } from '../../src/train/calibrate.ts';
import { parseTrainConfig } from '../../src/train/config.ts';
import { planMemory } from '../../src/train/memory_plan.ts';
import { testDevice } from '../setup/device.ts';

describe('the calibration', () => {
  it('runs the three passes of a run within its plan, by a clock that is given, and leaves nothing behind', async () => {
    const device = await testDevice();
    const lm = await openLanguageModel(device, await openFolder('models/demo'));
    const fields = { num_prompts: 2, num_generations: 4, max_completion_length: 8, beta: 0.1, layers: [4, 5] };
    const config = parseTrainConfig(fields, 'test');
    const size = { config: lm.model.config, weightBytes: lm.model.bytes };
    const plan = planMemory(size, config, 10, device);
    const before = device.arena.live().length;
    // Each look at the clock is a quarter of a second later, and ten where a pipeline has been made meanwhile: what is measured does
    // not depend on this machine, and a pass that compiles shows.
    let [clock, pipelines] = [0, 0];
    const parts: string[] = [];
    const { prefill, decode, training, seconds } = await calibrate(lm.model, config, plan, {
      promptLength: 10,
      now: () => {
        const made = device.counters.snapshot().pipelines;
        clock += made > pipelines ? 10_000 : 250;
        pipelines = made;
        return clock;
      },
      onPart: (part) => parts.push(part),
    });
    expect(parts).toEqual(['prefill', 'decode', 'training']);
    expect(prefill.rows_in_run).toBe(20);
    expect(decode.rows_in_run).toBe(completionsInFlight(lm.model, config, plan, 10));
    expect(training.rows_in_run).toBe(plan.rows);
    for (const timing of [prefill, decode, training]) {
      expect(timing.rows).toBeLessThanOrEqual(timing.rows_in_run);
      expect(timing.spread).toBe(0);
      expect(timing.fixed + timing.per_row * timing.rows).toBeCloseTo(timing.seconds, 9);
    }
    expect(decode.seconds).toBeCloseTo(0.25, 9);
    expect(decode.rows).toBe(8);
    expect(seconds).toBeGreaterThan(1);
    expect(device.arena.live().length).toBe(before);
    lm.model.dispose();
  });

  it('stops where it is aborted', async () => {
    const device = await testDevice();
    const lm = await openLanguageModel(device, await openFolder('models/demo'));
    const config = parseTrainConfig({}, 'test');
    const plan = planMemory({ config: lm.model.config, weightBytes: lm.model.bytes }, config, 30);
    const before = device.arena.live().length;
    const options = { promptLength: 30, now: () => 0, signal: AbortSignal.abort(new Error('enough')) };
    await expect(calibrate(lm.model, config, plan, options)).rejects.toThrow('enough');
    expect(device.arena.live().length).toBe(before);
    lm.model.dispose();
  });
});
