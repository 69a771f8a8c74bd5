import { describe, expect, it } from 'vitest';
import { parseProblems } from '../../src/eval/data.ts';
import { readTable } from '../../src/eval/tables.ts';
import { memoryFile } from '../../src/model/files.ts';

const rowsOf = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n');

describe('parseProblems', () => {
  it.each([
    ['GSM8K', { question: 'Q?', answer: 'work 1+1=<<1+1=2>>2\n#### 2' }, 'Q?', '2'],
    ['MATH', { problem: 'Q?', level: 'Level 2', solution: '$\\boxed{16}$', answer: '16' }, 'Q?', '16'],
    ['MATH without the bare answer', { problem: 'Q?', solution: 'so $\\boxed{16}$' }, 'Q?', '16'],
    ['MAWPS', { input: 'Q?', target: 14.0 }, 'Q?', '14'],
    [
      'SVAMP',
      { Answer: 145, Question: 'How big?', Body: 'There are 87 oranges', Type: 'x' },
      'There are 87 oranges. How big?',
      '145',
    ],
  ])('finds the columns of %s', (_, row, question, answer) => {
    expect(parseProblems(rowsOf(row), 'f.jsonl')).toEqual([{ question, answer, index: 0, source: 'f.jsonl:1' }]);
  });

  it('takes named columns', () => {
    const [problem] = parseProblems(rowsOf({ q: 'Q?', a: 0, question: 'other' }), 'f', {
      questionKey: 'q',
      answerKey: 'a',
    });
    expect(problem).toMatchObject({ question: 'Q?', answer: '0' });
  });

  it('tolerates a byte-order mark, CRLF and blank lines, and counts lines as an editor does', () => {
    const problems = parseProblems('\uFEFF{"question":"A","answer":1}\r\n\r\n{"question":"B","answer":2}\r\n', 'f');
    expect(problems.map(({ answer, index, source }) => [answer, index, source])).toEqual([
      ['1', 0, 'f:1'],
      ['2', 1, 'f:3'],
    ]);
  });

  it.each([
    [
      '{"question":"A","answer":1}\n{"question":"B"',
      'f:2: one JSON object on the line was expected, found {"question":"B".',
    ],
    ['[\n{"question":"A"}]', 'f:1: one JSON object on the line was expected, found [. A JSON array is not read'],
    ['[1]', 'f:1: a JSON object like'],
    [
      '[{"question":"A","answer":1}]',
      "A JSON array is not read: one object a line is; `jq -c '.[]' ARRAY.json > LINES.jsonl` converts.",
    ],
    ['3', 'found 3.'],
    ['null', 'found null.'],
    [
      rowsOf({ text: 'A', gold: 1 }),
      'f:1: a column for the question (question, problem, input, Question) and a column for the answer (answer, target, Answer, solution) were expected, found text, gold. Name what is missing with --question-key and --answer-key.',
    ],
    [
      rowsOf({ question: 'A', gold: 1 }),
      'f:1: a column for the answer (answer, target, Answer, solution) was expected, found question, gold. Name what is missing with --answer-key.',
    ],
    [
      rowsOf({ question: 'A', answer: 1 }, { question: 'B' }),
      'f:2: an answer (text or number) was expected in answer, found no such column.',
    ],
    [rowsOf({ question: '  ', answer: 1 }), 'f:1: text was expected in question, found   .'],
    [rowsOf({ question: 5, answer: 1 }), 'f:1: text was expected in question, found 5.'],
    [rowsOf({ question: 'A', answer: null }), 'found null.'],
    [rowsOf({ question: 'A', answer: [1] }), 'found [1].'],
    [
      rowsOf({ question: 'A', answer: 'work without result ####' }),
      'f:1: an answer (text or number) was expected in answer',
    ],
    ['\n\n', 'f: problems were expected, one row each, found none.'],
  ])('refuses %j', (text, message) => {
    expect(() => parseProblems(text, 'f')).toThrow(message);
  });

  it('names the nearest column when a named one is missing', () => {
    expect(() => parseProblems(rowsOf({ question: 'A', answer: 1 }), 'f', { questionKey: 'qestion' })).toThrow(
      'f:1: column qestion (--question-key) was expected, found question, answer. Did you mean question?',
    );
  });

  it('says where a value is nested deeper than can be shown', () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const row = `{"question": "q", "answer": ${deep}}`;
    expect(() => parseProblems(row, 'f')).toThrow('f:1: an answer (text or number) was expected in answer, found');
  });

  it('shortens what it shows of a long bad line', () => {
    expect(() => parseProblems('x'.repeat(10_000), 'f')).toThrow(/^.{0,200}$/);
  });
});

describe('a file in another encoding', () => {
  it('is refused, where its letters would be read as others', async () => {
    const bytes = Uint8Array.from([...new TextEncoder().encode('{"question": "caf'), 0xe9, 0x22, 0x7d]);
    await expect(readTable(memoryFile('p.jsonl', bytes), 'p.jsonl')).rejects.toThrow('p.jsonl is not UTF-8 text');
  });
});
