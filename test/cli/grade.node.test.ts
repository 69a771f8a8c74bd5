import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { trimtab } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'trimtab-grade-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('trimtab grade', () => {
  it('writes a verdict for each line in its order, and the summary elsewhere', () => {
    const pairs = [
      { gold: '\\frac{1}{2}', prediction: 'so it is $\\boxed{0.5}$' },
      { gold: 3, prediction: 'The answer is 4.' },
      { gold: '(1,2)', prediction: '(2,1)' },
      { gold: '7', prediction: 'I do not know what to say of this, and so I had rather be silent.' },
      { gold: '\\frac{1}{', prediction: '1' },
    ];
    const text = `\uFEFF${pairs.map((pair) => JSON.stringify(pair)).join('\r\n')}\r\n\n`;
    const { code, stdout, stderr } = trimtab(['grade', file('pairs.jsonl', text)]);
    expect(code).toBe(0);
    const rows = stdout.trim().split('\n');
    expect(rows.map((row) => JSON.parse(row))).toEqual([
      { correct: true, gold: '\\frac{1}{2}', extracted: '0.5', why: 'equal values' },
      { correct: false, gold: '3', extracted: '4', why: 'different values' },
      { correct: false, gold: '(1,2)', extracted: '(2,1)', why: 'different lists' },
      { correct: false, gold: '7', extracted: null, why: 'no answer found' },
      {
        correct: false,
        gold: '\\frac{1}{',
        extracted: '1',
        why: expect.stringContaining('gold answer cannot be read'),
      },
    ]);
    expect(stderr).toMatch(/pairs\.jsonl:5: .*cannot be read/);
    expect(stderr).toContain('1 of 5 correct (20.0 %); 1 without an answer; 1 gold answers could not be read');
  });

  it('takes one rule of extraction where it is named, and standard input without a file', () => {
    const result = spawnSync(process.execPath, ['bin/trimtab.js', 'grade', '--answer', 'boxed'], {
      input: '{"gold": "5", "prediction": "The answer is 5."}\n{"gold": "5", "prediction": "\\\\boxed{5}"}\n',
      encoding: 'utf8',
    });
    expect(
      result.stdout
        .trim()
        .split('\n')
        .map((row) => JSON.parse(row).correct),
    ).toEqual([false, true]);
  });

  it.each([
    ['no JSON', '{"gold": "1", "prediction": "1"}\n{gold}\n', [':2: ', 'which is no JSON']],
    ['no object', '[1]\n', [':1: ', 'found [1]']],
    ['a column that is missing', '{"gold": "1", "answer": "1"}\n', [':1: ', 'in prediction', 'gold, answer']],
    ['a gold answer that is empty', '{"gold": " ", "prediction": "1"}\n', [':1: ', 'in gold']],
    ['a list for a prediction', '{"gold": "1", "prediction": ["1"]}\n', [':1: ', '["1"]']],
    ['an empty file', '\n\n', ['expected, found none']],
  ])('says file, line and what was expected: %s', (_, text, said) => {
    const { code, stderr } = trimtab(['grade', file('bad.jsonl', text)]);
    expect(code).toBe(2);
    for (const part of said) expect(stderr).toContain(part);
    expect(stderr).toContain('bad.jsonl');
    expect(stderr).not.toContain('    at ');
  });

  it('says what is wrong with a file that is none', () => {
    expect(trimtab(['grade', join(folder, 'absent.jsonl')])).toMatchObject({ code: 2 });
    expect(trimtab(['grade', folder]).stderr).toContain('is a folder');
    expect(trimtab(['grade', '--answer', 'guess'])).toMatchObject({ code: 2 });
  });
});
