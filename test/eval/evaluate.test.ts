import { beforeAll, describe, expect, it } from 'vitest';
import { asker } from '../../src/eval/ask.ts';
import { parseProblems } from '../../src/eval/data.ts';
import { type Evaluation, type EvaluationRow, evaluate } from '../../src/eval/evaluate.ts';
import { PRESETS } from '../../src/eval/prompts.ts';
import type { LanguageModel } from '../../src/model/language_model.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';

const PROBLEMS = parseProblems(
  [
    { question: 'Ada has 3 pens. Bo has 4 more pens than Ada. How many pens do they have together?', answer: '10' },
    {
      question:
        'Tina fills 4 crates with 7 buttons each and keeps 21 buttons outside. How many buttons are there in all?',
      answer: '49',
    },
    {
      question: 'Mia has 5 beads. Hugo has 10 more beads than Mia. How many beads do they have together?',
      answer: '20',
    },
  ]
    .map((row) => JSON.stringify(row))
    .join('\n'),
  'f',
);
const OPTIONS = {
  answer: 'boxed',
  also: ['last_number'],
  maxNewTokens: 24,
  seed: 3,
  temperature: 1,
  samples: 3,
} as const;

describe('an evaluation with several samples', () => {
  let lm: LanguageModel;
  let whole: Evaluation;
  const prompts = () => PROBLEMS.map(asker(lm, PRESETS.qa));

  beforeAll(async () => {
    lm = await demoModel(await testDevice());
    whole = await evaluate(lm, prompts(), OPTIONS);
  });

  it('has a row for each completion, in the order of problems, modes and samples', () => {
    expect(whole.rows.map(({ problem, mode, sample }) => `${problem} ${mode} ${sample}`)).toEqual(
      [0, 1, 2].flatMap((problem) =>
        ['greedy 0', 'sampled 0', 'sampled 1', 'sampled 2'].map((one) => `${problem} ${one}`),
      ),
    );
    for (const row of whole.rows) {
      expect(row.tokens).toBeGreaterThan(0);
      expect(row.vote === null).toBe(row.extracted === null);
      expect(Object.keys(row.also ?? {})).toEqual(['last_number']);
    }
    expect(whole.greedy).toMatchObject({ n: 3, samples: 1 });
    expect(whole.sampled).toMatchObject({ n: 3, samples: 3 });
    expect(Object.keys(whole.sampled?.['pass@k'] ?? {})).toEqual(['1', '2', '3']);
  });

  it('is the same when a part of it was done before, two completions at a time', async () => {
    const before = whole.rows.filter((_, i) => i % 3 !== 1).reverse();
    const made: EvaluationRow[] = [];
    const again = await evaluate(lm, prompts(), {
      ...OPTIONS,
      maxRows: 2,
      done: before,
      onRow: async (row) => {
        made.push(row);
      },
    });
    expect(again).toEqual(whole);
    expect(made).toHaveLength(4);
  });

  it('samples nothing when all was done before', async () => {
    let passes = 0;
    const again = await evaluate(lm, prompts(), { ...OPTIONS, done: whole.rows, onProgress: () => passes++ });
    expect(again).toEqual(whole);
    expect(passes).toBe(0);
  });

  it('depends on a problem’s index, and not on which others are asked', async () => {
    const alone = await evaluate(lm, prompts().slice(2), { ...OPTIONS, modes: ['sampled'] });
    expect(alone.rows).toEqual(whole.rows.filter((row) => row.problem === 2 && row.mode === 'sampled'));
  });

  it('has saved what was finished when it is aborted, and leaks nothing', async () => {
    const { arena } = lm.model.device;
    const live = arena.live().length;
    const controller = new AbortController();
    const saved: EvaluationRow[] = [];
    const stopped = evaluate(lm, prompts(), {
      ...OPTIONS,
      signal: controller.signal,
      onRow: (row) => {
        saved.push(row);
        controller.abort(new Error('enough'));
      },
    });
    await expect(stopped).rejects.toThrow('enough');
    expect(saved.length).toBeGreaterThan(0);
    for (const row of saved) {
      const same = whole.rows.find(
        (one) => one.problem === row.problem && one.mode === row.mode && one.sample === row.sample,
      );
      expect({ ...row, vote: same?.vote }).toEqual(same);
    }
    expect(arena.live()).toHaveLength(live);
  });

  it('ends with the error of whoever takes the rows', async () => {
    const broken = evaluate(lm, prompts(), {
      ...OPTIONS,
      onRow: () => {
        throw new Error('the disk is full');
      },
    });
    await expect(broken).rejects.toThrow('the disk is full');
  });
});
