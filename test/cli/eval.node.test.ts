import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { EvaluationRow } from '../../src/eval/evaluate.ts';
import { encodeSteering } from '../../src/model/steering.ts';
import * as reference from '../reference/pass_at_k.ts';
import { trimtab } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'trimtab-eval-'));
const at = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

const bin = fileURLToPath(new URL('../../bin/trimtab.js', import.meta.url));
const EVAL = ['eval', '--model', 'models/demo', '--limit', '6', '--mode', 'sampled', '--k', '1,2,4', '--json'];

function rowsOf(path: string): EvaluationRow[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as EvaluationRow);
}

function jsonOf(args: readonly string[]) {
  const { code, stdout, stderr } = trimtab(args);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

/** Kills the command and what it started as soon as `lines` lines are in the file: at once, without asking. */
async function killedAfter(args: readonly string[], file: string, lines: number): Promise<void> {
  const child = spawn(process.execPath, [bin, ...args], { stdio: 'ignore', detached: true });
  const exited = once(child, 'exit');
  const poll = setInterval(() => {
    if (existsSync(file) && readFileSync(file, 'utf8').split('\n').length > lines) {
      clearInterval(poll);
      process.kill(-(child.pid as number), 'SIGKILL');
    }
  }, 5);
  expect((await exited)[1]).toBe('SIGKILL');
}

describe.skipIf(process.platform === 'win32')('trimtab eval', () => {
  it('killed and started again, writes the bytes of one that was not; its figures are the reference’s', async () => {
    const whole = jsonOf([...EVAL, '--details', at('whole.jsonl')]);
    const broken = [...EVAL, '--details', at('broken.jsonl')];
    await killedAfter(broken, at('broken.jsonl.partial'), 3);
    const kept = readFileSync(at('broken.jsonl.partial'), 'utf8').split('\n').length;
    const resumed = trimtab(broken);
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).toMatch(/of 24 answers are there already: going on/);
    expect(kept).toBeGreaterThan(3);
    expect(readFileSync(at('broken.jsonl')).equals(readFileSync(at('whole.jsonl')))).toBe(true);
    expect(JSON.parse(resumed.stdout)).toEqual(whole);
    expect(existsSync(at('broken.jsonl.partial'))).toBe(false);

    const rows = rowsOf(at('whole.jsonl'));
    expect(rows).toHaveLength(24);
    for (const k of [1, 2, 4]) {
      let [pass, maj] = [0, 0];
      for (let problem = 0; problem < 6; problem += 1) {
        const samples = rows.filter((row) => row.problem === problem);
        const right = samples.filter(({ correct }) => correct).length;
        pass += reference.toNumber(reference.passAtK(4, right, k)) / 6;
        const votes = samples.map(({ extracted, correct }) => ({ answer: extracted, correct }));
        maj += Number(reference.majAtK(votes, k)) / 6;
      }
      expect(Math.abs(whole.sampled['pass@k'][k].accuracy - pass)).toBeLessThan(1e-12);
      expect(Math.abs(whole.sampled['maj@k'][k].accuracy - maj)).toBeLessThan(1e-12);
    }
  });

  it('goes on from a finished file where more samples are wanted', () => {
    const before = rowsOf(at('whole.jsonl'));
    const more = trimtab([...EVAL, '--num-samples', '5', '--details', at('whole.jsonl')]);
    expect(more.stderr).toMatch(/24 of 30 answers are there already/);
    expect(rowsOf(at('whole.jsonl')).filter((row) => row.sample < 4)).toEqual(before);
  });

  it('holds vectors against the model, and writes what `compare` and `transfer` read', () => {
    const metadata = { config: JSON.stringify({ model: 'models/demo', prompt: 'qa', max_completion_length: 24 }) };
    const vectors = new Float32Array(6 * 128).fill(0.05);
    writeFileSync(at('v.safetensors'), encodeSteering({ vectors, numLayers: 6, hiddenSize: 128, metadata }));
    const files = ['--details', at('c.jsonl'), '--report', at('c.html')];
    const compared = jsonOf([
      ...['eval', '--model', 'models/demo', '--steering', at('v.safetensors'), '--limit', '4', '--k', '1,2'],
      ...['--compare', '--baseline-prompt', 'Think step by step. {question}', '--json', ...files],
    ]);
    expect(compared.arms.map(({ name }: { name: string }) => name)).toEqual(['base', 'prompted', 'steered']);
    expect(compared.comparisons.map(({ second }: { second: string }) => second)).toEqual(['prompted', 'steered']);
    expect(compared.comparisons[1]).toMatchObject({
      first: 'base',
      n: 4,
      greedy: { n: 4, mcnemar: {} },
      sampled: { 'pass@k': {} },
    });
    expect(readFileSync(at('c.html'), 'utf8')).toMatch(/class="many"/);

    const again = jsonOf(['compare', at('c-base.jsonl'), at('c-steered.jsonl'), '--names', 'base,steered', '--json']);
    expect(again.comparisons).toEqual([compared.comparisons[1]]);
    expect(again.arms[0].sampled).toEqual(compared.arms[0].sampled);

    const table = jsonOf(['transfer', at('c-base.jsonl'), at('c-steered.summary.json'), '--json']);
    expect(table.models).toEqual(['demo']);
    expect(table.rows).toMatchObject([
      { trained_on: null, tested_on: 'demo', cells: [{ n: 4, accuracy: compared.arms[0].greedy.accuracy }] },
      { trained_on: 'demo', tested_on: 'demo' },
    ]);
  });

  it.each(['eval', 'train'])(
    '%s --show-prompt prints the first prompt exactly, its tokens, and nothing else',
    (name) => {
      const args = [
        name,
        '--model',
        'models/demo',
        '--data',
        'examples/problems.jsonl',
        '--prompt',
        'Q: {question}\nA:',
        '--show-prompt',
      ];
      const [first] = readFileSync('examples/problems.jsonl', 'utf8').split('\n');
      const text = `Q: ${JSON.parse(first as string).question}\nA:`;
      const { code, stdout, stderr } = trimtab(args, { TRIMTAB_ADAPTER: 'native', VK_DRIVER_FILES: '/none' });
      expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: `${text}\n` });
      const shown = jsonOf([...args, '--json']);
      expect(shown).toMatchObject({ prompt: text, tokens: shown.ids.length, stop: [], answer: 'boxed' });
      expect(stderr).toContain(`${shown.tokens} tokens: ${shown.ids.join(' ')}`);
    },
  );

  it('warns of problems that the vectors were trained on', () => {
    const metadata = { config: JSON.stringify({ data: 'examples/problems.jsonl', prompt: 'qa' }) };
    const vectors = new Float32Array(6 * 128);
    writeFileSync(at('seen.safetensors'), encodeSteering({ vectors, numLayers: 6, hiddenSize: 128, metadata }));
    const args = [
      'eval',
      '--model',
      'models/demo',
      '--steering',
      at('seen.safetensors'),
      '--limit',
      '3',
      '--show-prompt',
    ];
    const { stderr } = trimtab([...args, '--data', 'examples/problems.jsonl']);
    expect(stderr).toMatch(
      /warning: 3 of these 3 problems are in examples\/problems\.jsonl, on which the vectors were trained/,
    );
    expect(trimtab(args).stderr).not.toMatch(/problems are in/);
  });

  it('warns where the answer is sought as no worked example of the prompt gives it', () => {
    const args = ['--model', 'models/demo', '--prompt', 'gsm8k', '--show-prompt'];
    expect(trimtab(['eval', ...args, '--answer', 'boxed']).stderr).toMatch(
      /warning: answer is boxed, and 5 of the prompt's 5/,
    );
    expect(trimtab(['train', ...args, '--answer', 'hashes']).stderr).not.toMatch(/warning/);
    expect(trimtab(['eval', ...args]).stderr).toMatch(/answer: gsm8k_strict/);
  });

  it('reads CSV and JSON lines together, and says which problems are repeated', () => {
    writeFileSync(at('a.csv'), 'question,answer\nHow many are 2 and 3?,5\nHow many are 4 and 4?,8\n');
    writeFileSync(at('b.jsonl'), '{"question": "how many are 2 and 3 ?", "answer": "6"}\n');
    const args = ['eval', '--model', 'models/demo', '--data', `${at('a.csv')},${at('b.jsonl')}`, '--show-prompt'];
    const repeated = /1 problem repeats an earlier question, 1 of them with another answer \(.*b\.jsonl:1\)/;
    for (const [more, end] of [
      [[], '; measured as they are'],
      [['--dedupe'], '; left out.'],
    ] as const) {
      const { stdout, stderr } = trimtab([...args, ...more]);
      expect(stdout).toBe('Question: How many are 2 and 3?\nAnswer:\n');
      expect(stderr).toMatch(repeated);
      expect(stderr).toContain(end);
    }
  });
});

describe('trimtab train', () => {
  it('holds a part of its problems out, which eval finds again', () => {
    const train = [
      'train',
      '--model',
      'models/demo',
      '--data',
      'examples/problems.jsonl',
      '--eval-split',
      '2',
      '--eval-size',
      '0',
    ];
    const tiny = ['--steps', '1', '--num-prompts', '1', '--num-generations', '2', '--max-completion-length', '8'];
    const { code, stderr } = trimtab([...train, ...tiny, '--out', at('run')]);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/2 of \d+ problems are held out/);
    const held = JSON.parse(readFileSync(at('run/held-out.json'), 'utf8'));
    expect(held).toMatchObject({ data: ['examples/problems.jsonl'], eval_split: 2, seed: 0 });
    const trained = readFileSync(at('run/completions.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).problem);
    for (const problem of trained) expect(held.indices).not.toContain(problem);
    const { prompt } = jsonOf([
      'eval',
      '--model',
      'models/demo',
      '--held-out',
      at('run/held-out.json'),
      '--show-prompt',
      '--json',
    ]);
    const lines = readFileSync('examples/problems.jsonl', 'utf8').trim().split('\n');
    expect(prompt).toContain(JSON.parse(lines[held.indices[0]] as string).question);
  });

  it('warns of problems that are trained on and measured, leaves them out, or stops', () => {
    cpSync('examples/problems.jsonl', at('test.jsonl'));
    writeFileSync(at('test.jsonl'), readFileSync(at('test.jsonl'), 'utf8').split('\n').slice(0, 2).join('\n'));
    const train = [
      'train',
      '--model',
      'models/demo',
      '--data',
      'examples/problems.jsonl',
      '--eval-data',
      at('test.jsonl'),
      '--dry-run',
    ];
    expect(trimtab(train).stderr).toMatch(
      /warning: 2 of \d+ training problems are held-out problems too[\s\S]*problems\.jsonl:1 = .*test\.jsonl:1: /,
    );
    expect(trimtab([...train, '--overlap', 'drop']).stderr).toMatch(/They are left out of training/);
    expect(trimtab([...train, '--overlap', 'refuse'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/error: 2 of/),
    });
  });
});

const DEMO = ['--model', 'models/demo'];
const MISTAKES: readonly (readonly [what: string, args: readonly string[], message: RegExp])[] = [
  [
    'fewer samples than k',
    ['eval', ...DEMO, '--k', '1,8', '--num-samples', '4'],
    /--k 8 needs at least 8 samples a problem, and --num-samples is 4/,
  ],
  ['k without samples', ['eval', ...DEMO, '--k', '4', '--mode', 'greedy'], /--mode greedy has none/],
  ['no whole number in k', ['eval', ...DEMO, '--k', '1,x'], /must be a whole number of at least 1/],
  [
    'another column',
    ['eval', ...DEMO, '--data', 'examples/problems.jsonl', '--question-key', 'problem'],
    /column problem \(--question-key\) was expected, found question, answer/,
  ],
  ['nothing to compare with', ['eval', ...DEMO, '--compare'], /give --steering FILE/],
  ['a report of nothing', ['eval', ...DEMO, '--report', 'r.html'], /belong to --compare/],
  ['one file to compare', ['compare', 'examples/problems.jsonl'], /Two files or more/],
  [
    'problems given as answers',
    ['compare', 'examples/problems.jsonl', 'examples/problems.jsonl', '--names', 'a,b'],
    /problems\.jsonl:1: a line of `trimtab eval --details` was expected/,
  ],
  ['a folder without evaluations', ['transfer', 'examples'], /examples is no run folder/],
  [
    'held-out problems of nothing',
    ['eval', ...DEMO, '--held-out', 'package.json'],
    /package\.json names no held-out problems/,
  ],
  [
    'details over another file',
    ['eval', ...DEMO, '--limit', '1', '--details', 'examples/problems.jsonl'],
    /is there already, and no evaluation of trimtab/,
  ],
  [
    'two kinds of held-out problems',
    ['train', ...DEMO, '--eval-split', '0.1', '--eval-data', 'examples/problems.jsonl'],
    /give one of them/,
  ],
  ['all problems held out', ['train', ...DEMO, '--eval-split', '5000'], /none are left to train on/],
];

describe('what the user got wrong is one message and exit code 2', () => {
  it.each(MISTAKES)('%s', (_, args, message) => {
    const { code, stdout, stderr } = trimtab(args);
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('mistake in trimtab');
  });
});
