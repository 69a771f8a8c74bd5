import { describe, expect, it } from 'vitest';
import { openFile } from '#platform';
import { problemsOf } from '../../src/eval/data.ts';
import { formatOf, jsonRows, readTable } from '../../src/eval/tables.ts';
import type { RandomAccess } from '../../src/gpu/platform.ts';
import { repositoryPath } from '../setup/files.ts';

function inMemory(name: string, content: string | Uint8Array): RandomAccess {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return {
    name,
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    close: async () => {},
  };
}

async function problemsIn(name: string, content: string, options = {}) {
  return problemsOf(await readTable(inMemory(name, content), name), name, options);
}

describe('a Parquet file (pyarrow’s, as on the Hub)', () => {
  const read = async (name: string) => {
    const file = await openFile(repositoryPath(`test/golden/data/${name}`));
    return readTable(file, name).finally(() => file.close());
  };

  it.each(['snappy', 'zstd', 'gzip', 'none'])('is read from %s compression', async (compression) => {
    const name = `gsm8k-${compression}.parquet`;
    expect(problemsOf(await read(name), name)).toEqual([
      {
        question: 'A crate holds 12 pears. Lea takes 5.\nHow many stay?',
        answer: '7',
        index: 0,
        source: `${name}: row 1`,
      },
      { question: 'Was kosten 3 Äpfel zu 4 €? 🍎', answer: '12', index: 1, source: `${name}: row 2` },
    ]);
  });

  it('gives 64-bit whole numbers as numbers, over several row groups', async () => {
    const rows = await read('typed.parquet');
    expect(problemsOf(rows, 'f').map(({ answer }) => answer)).toEqual([
      '0',
      '2',
      '4',
      '6',
      '8',
      '10',
      '12',
      '14',
      '16',
      '18',
    ]);
    expect(rows[3]?.columns).toEqual({ input: 'What is 3 and 3?', target: 6, share: 0.75, type: null });
    expect(problemsOf(rows, 'f', { answerKey: 'share' })[1]?.answer).toBe('0.25');
  });

  it('says which columns there are', async () => {
    const rows = await read('typed.parquet');
    expect(() => problemsOf(rows, 'typed.parquet', { answerKey: 'targt' })).toThrow(
      'typed.parquet: row 1: column targt (--answer-key) was expected, found input, target, share, type. Did you mean target?',
    );
    expect(() => problemsOf(rows, 'typed.parquet', { answerKey: 'type' })).toThrow(
      'typed.parquet: row 4: an answer (text or number) was expected in type, found null.',
    );
  });

  it.each([
    ['no Parquet', 'PAR0 and something else'],
    ['nothing', ''],
  ])('is refused where it holds %s', async (_, content) => {
    await expect(readTable(inMemory('f.parquet', content), 'f.parquet')).rejects.toThrow(
      /^f\.parquet cannot be read as Parquet: /,
    );
  });
});

describe('a CSV file', () => {
  it('has quoted values with separators, quotes and line breaks in them', async () => {
    const text = '\uFEFFquestion,answer\r\n"Two, or\n""three""?",2\r\n\r\nFour?,"1,000"\r\n';
    expect(await problemsIn('f.csv', text)).toEqual([
      { question: 'Two, or\n"three"?', answer: '2', index: 0, source: 'f.csv: row 1' },
      { question: 'Four?', answer: '1,000', index: 1, source: 'f.csv: row 2' },
    ]);
  });

  it.each([
    ['a tab', 'f.tsv', 'problem\tsolution\nOne, two; three?\tso \\boxed{6}\n'],
    ['a semicolon', 'f.csv', 'problem;solution\nOne, two, three?;"so \\boxed{6}"\n'],
  ])('may be separated by %s, as its head is', async (_, name, text) => {
    expect((await problemsIn(name, text))[0]?.answer).toBe('6');
  });

  it('joins SVAMP’s story and question', async () => {
    const text = 'ID,Body,Question,Answer\n1,"There are 87 oranges, 290 bananas",How many?,377.0\n';
    expect((await problemsIn('f.csv', text))[0]).toMatchObject({
      question: 'There are 87 oranges, 290 bananas. How many?',
      answer: '377.0',
    });
  });

  it.each([
    ['question,answer\nWhat, then?,3\n', 'f.csv: row 1 has 3 values, and the head names 2 columns.'],
    ['question,answer\n"What?,3\n', 'f.csv: row 1 is no CSV: Quoted field unterminated'],
    [
      'text,gold\nWhat?,3\n',
      'f.csv: row 1: a column for the question (question, problem, input, Question) and a column for the answer (answer, target, Answer, solution) were expected, found text, gold.',
    ],
    ['question,answer\n', 'f.csv: problems were expected, one row each, found none.'],
  ])('refuses %j', async (text, message) => {
    await expect(problemsIn('f.csv', text)).rejects.toThrow(message);
  });
});

describe('a file of another name', () => {
  it('is read as JSON lines', async () => {
    expect(['a.jsonl', 'a.JSON', 'a.csv', 'a.tsv', 'a.parquet', 'a', 'a.txt'].map(formatOf)).toEqual([
      'jsonl',
      'jsonl',
      'csv',
      'csv',
      'parquet',
      'jsonl',
      'jsonl',
    ]);
    expect(jsonRows('{"a": 1}\n\n{"a": 2}\n', 'f').map(({ source }) => source)).toEqual(['f:1', 'f:3']);
  });
});

describe('columns that cannot be told apart', () => {
  it('are refused', async () => {
    const file = inMemory('f.csv', 'question,answer, answer\nq,1,2\n');
    await expect(readTable(file, 'f.csv')).rejects.toThrow('f.csv: two columns are called answer');
  });
});
