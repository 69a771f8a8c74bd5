import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openFile } from '#platform';
import { asker } from '../../src/eval/ask.ts';
import { PRESETS } from '../../src/eval/prompts.ts';
import { openLanguageModel } from '../../src/model/language_model.ts';
import { parseTrainConfig } from '../../src/train/config.ts';
import { runExperiment } from '../../src/train/experiment.ts';
import { planMemory } from '../../src/train/memory_plan.ts';
import { memoryStore } from '../../src/train/rundir.ts';
import { testDevice } from '../setup/device.ts';
import { hasShared, sharedPath } from '../setup/files.ts';

const path = hasShared ? sharedPath('models/SmolLM2-135M-Instruct.Q4_1.gguf') : '';

it.skipIf(process.env.TRIMTAB_FULL !== '1' || !existsSync(path))(
  'SmolLM2 trains within 5 % of its memory plan',
  { timeout: 1_800_000 },
  async () => {
    const device = await testDevice();
    const lm = { ...(await openLanguageModel(device, await openFile(path))), eosIds: [] };
    const problems = Array.from({ length: 2 }, (_, index) => ({
      question: `Ada has ${index + 3} pens and buys 4. How many pens does she have?`,
      answer: `${index + 7}`,
      index,
      source: `made:${index}`,
    }));
    const config = parseTrainConfig(
      { model: 'smollm2', num_prompts: 2, num_generations: 4, max_completion_length: 12, max_steps: 2, save_steps: 0 },
      'the test',
    );
    const encode = asker(lm, PRESETS.chat);
    await runExperiment({
      lm,
      config,
      store: memoryStore(),
      encode,
      stop: [],
      reward: ({ completion }) => completion.length,
      rewardName: 'length',
      trainProblems: problems,
      testProblems: [],
      resume: false,
      now: () => performance.now(),
    });
    const longest = Math.max(...problems.map((problem) => encode(problem).ids.length));
    const start = performance.now();
    const plan = planMemory({ config: lm.model.config, weightBytes: lm.model.bytes }, config, longest, device);
    const share = device.arena.peakBytes / plan.total;
    console.log(
      `planned ${plan.total} bytes in ${(performance.now() - start).toFixed(0)} ms, allocated ${device.arena.peakBytes}: ${share.toFixed(4)}`,
    );
    expect(share).toBeGreaterThan(0.95);
    expect(share).toBeLessThan(1.05);
  },
);
