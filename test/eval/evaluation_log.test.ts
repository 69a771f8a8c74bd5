import { describe, expect, it } from 'vitest';
import type { EvaluationRow } from '../../src/eval/evaluate.ts';
import { EvaluationLog, parseRows, summaryName } from '../../src/eval/evaluation_log.ts';
import { memoryStore } from '../../src/train/rundir.ts';

const problems = [0, 1, 2].map((index) => ({ index, question: `Q${index}`, answer: String(index) }));
const SETTINGS = { seed: 0, temperature: 1, stop: ['\n'] };
const WANTED = { problems, samples: { greedy: 1, sampled: 2 } };

function row(problem: number, mode: EvaluationRow['mode'], sample: number): EvaluationRow {
  return {
    problem,
    mode,
    sample,
    question: `Q${problem}`,
    answer: String(problem),
    completion: ' 1\n',
    extracted: '1',
    correct: problem === 1,
    vote: 0,
    finish_reason: 'stop',
    tokens: 3,
  };
}

const ROWS = problems.flatMap(({ index }) => [
  row(index, 'greedy', 0),
  row(index, 'sampled', 0),
  row(index, 'sampled', 1),
]);
const text = (store: ReturnType<typeof memoryStore>, name: string) =>
  store.read(name).then((bytes) => bytes && new TextDecoder().decode(bytes));

async function finished(store: ReturnType<typeof memoryStore>, wanted = WANTED, rows = ROWS) {
  const log = await EvaluationLog.open(store, 'a.jsonl', SETTINGS, wanted);
  for (const one of rows) await log.add(one);
  await log.finish({ rows }, { n: 3 });
}

describe('EvaluationLog', () => {
  it('gives back what a killed evaluation had finished, but for half a line', async () => {
    const store = memoryStore();
    const log = await EvaluationLog.open(store, 'a.jsonl', SETTINGS, WANTED);
    await log.add(ROWS[4] as EvaluationRow);
    await log.add(ROWS[0] as EvaluationRow);
    await store.append('a.jsonl.partial', '{"problem":2,"mode":"gre');
    const again = await EvaluationLog.open(store, 'a.jsonl', SETTINGS, WANTED);
    expect(again.done).toEqual([ROWS[4], ROWS[0]]);
    await again.add(ROWS[8] as EvaluationRow);
    const third = await EvaluationLog.open(store, 'a.jsonl', SETTINGS, WANTED);
    expect(third.done).toEqual([ROWS[4], ROWS[0], ROWS[8]]);
  });

  it('leaves the rows in their order, a summary with the settings, and no partial file', async () => {
    const store = memoryStore();
    await finished(store);
    expect(await store.list()).toEqual(['a.jsonl', 'a.summary.json']);
    expect(parseRows((await text(store, 'a.jsonl')) as string, 'a')).toEqual(ROWS);
    expect(JSON.parse((await text(store, summaryName('a.jsonl'))) as string)).toEqual({ n: 3, settings: SETTINGS });
  });

  it('goes on from a finished evaluation where more samples are wanted', async () => {
    const store = memoryStore();
    await finished(store);
    const more = { problems, samples: { greedy: 1, sampled: 4 } };
    expect((await EvaluationLog.open(store, 'a.jsonl', SETTINGS, more)).done).toEqual(ROWS);
  });

  it('overwrites nothing that would be lost', async () => {
    const store = memoryStore();
    await finished(store);
    const open = (wanted: typeof WANTED, settings: object = SETTINGS) =>
      EvaluationLog.open(store, 'a.jsonl', settings as typeof SETTINGS, wanted);
    await expect(open({ problems, samples: { greedy: 1, sampled: 1 } })).rejects.toThrow(
      'sampled, sample 1), and they would be lost',
    );
    await expect(open({ ...WANTED, problems: problems.slice(0, 2) })).rejects.toThrow(
      'does not ask for (problem 2, greedy',
    );
    await expect(open(WANTED, { ...SETTINGS, temperature: 0.5 })).rejects.toThrow(
      'memory/a.jsonl holds an evaluation with temperature 1, and this one has 0.5.',
    );
    const others = problems.map((problem) => ({ ...problem, question: 'another' }));
    await expect(open({ ...WANTED, problems: others })).rejects.toThrow('was made on other problems: number 0 differs');
    await store.writeAtomic('b.jsonl', 'something\n');
    await expect(EvaluationLog.open(store, 'b.jsonl', SETTINGS, WANTED)).rejects.toThrow('no evaluation of trimtab');
  });

  it('names the line that is no row', () => {
    expect(() => parseRows(`${JSON.stringify(ROWS[0])}\n{"problem": 1}\n`, 'f')).toThrow(
      'f:2: a line of `trimtab eval --details`',
    );
  });
});
