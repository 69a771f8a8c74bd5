import { describe, expect, it } from 'vitest';
import { readFile } from '#platform';
import { type Problem, parseProblems } from '../../src/eval/data.ts';
import { deduplicate, inSeededOrder, normalisedQuestion, overlapOf, split } from '../../src/eval/dataset.ts';
import { filesOfPart, parseHubData } from '../../src/eval/hub_data.ts';

function problems(questions: readonly string[], answers: readonly string[] = []): Problem[] {
  return questions.map((question, index) => ({
    question,
    answer: answers[index] ?? '1',
    index,
    source: `f:${index + 1}`,
  }));
}

const many = problems(Array.from({ length: 100 }, (_, i) => `What is ${i}?`));

describe('normalisedQuestion', () => {
  it.each([
    ['How  many\nPENS ?', 'how many pens?'],
    ['Ada’s pens: how many…', 'adas pens how many'],
    ['x − 2', 'x - 2'],
    ['ﬁve', 'five'],
  ])('holds %j and %j to be one', (a, b) => {
    expect(normalisedQuestion(a)).toBe(normalisedQuestion(b));
  });

  it.each([
    ['2 - 4', '2/4'],
    ['2.5 pens', '25 pens'],
    ['x+2', 'x-2'],
    ['3 pens', '3 pans'],
  ])('keeps %j and %j apart', (a, b) => {
    expect(normalisedQuestion(a)).not.toBe(normalisedQuestion(b));
  });
});

describe('deduplicate', () => {
  it('keeps the first of each question with its index, and counts other answers', () => {
    const result = deduplicate(problems(['A?', 'B?', 'a ?', 'B', 'C?'], ['1', '2', '1', '3', '4']));
    expect(result.problems.map(({ index }) => index)).toEqual([0, 1, 4]);
    expect(result.duplicates.map(({ index }) => index)).toEqual([2, 3]);
    expect(result.conflicting).toBe(1);
  });
});

describe('overlapOf', () => {
  it('pairs training problems with the test problems that they are', () => {
    const overlap = overlapOf(problems(['A?', 'B?', 'C?']), problems(['X?', 'b?']));
    expect(overlap.map(({ train, test }) => [train.question, test.question])).toEqual([['B?', 'b?']]);
  });

  it('finds none of the demonstration: what it is measured on it was not trained on', async () => {
    const read = async (name: string) =>
      parseProblems(new TextDecoder().decode(await readFile(`models/demo/${name}`)), name);
    const [train, test] = [await read('problems-train.jsonl'), await read('problems-test.jsonl')];
    expect([train.length, test.length]).toEqual([2000, 512]);
    expect(overlapOf(train, test)).toEqual([]);
  });
});

describe('split', () => {
  it.each([
    [0.1, 10],
    [0.001, 1],
    [25, 25],
  ])('%d of 100 problems holds out %i, and loses none', (size, count) => {
    const parts = split(many, size, 7);
    expect(parts?.heldOut).toHaveLength(count);
    const indices = [...(parts?.rest ?? []), ...(parts?.heldOut ?? [])].map(({ index }) => index);
    expect(indices.sort((a, b) => a - b)).toEqual(many.map(({ index }) => index));
  });

  it('draws by the seed', () => {
    expect(split(many, 10, 1)).toEqual(split(many, 10, 1));
    expect(split(many, 10, 1)).not.toEqual(split(many, 10, 2));
  });

  it('leaves something to train on', () => {
    expect(split(many, 100, 0)).toBeUndefined();
    expect(split(many.slice(0, 1), 0.5, 0)).toBeUndefined();
  });
});

describe('inSeededOrder', () => {
  it('is a permutation that the seed draws', () => {
    const order = inSeededOrder(many, 3).map(({ index }) => index);
    expect(order).not.toEqual(many.map(({ index }) => index));
    expect([...order].sort((a, b) => a - b)).toEqual(many.map(({ index }) => index));
    expect(inSeededOrder(many, 3).map(({ index }) => index)).toEqual(order);
  });
});

describe('a data set of the Hub', () => {
  const GSM8K = [
    'README.md',
    'main/test-00000-of-00001.parquet',
    'main/train-00001-of-00002.parquet',
    'main/train-00000-of-00002.parquet',
    'socratic/train-00000-of-00001.parquet',
  ];
  const files = (name: string, paths: readonly string[]) => filesOfPart(parseHubData(name) as never, paths);

  it.each([
    ['hf:openai/gsm8k/main/train', GSM8K, ['main/train-00000-of-00002.parquet', 'main/train-00001-of-00002.parquet']],
    ['hf:openai/gsm8k/main/test-00000-of-00001.parquet', GSM8K, ['main/test-00000-of-00001.parquet']],
    [
      'hf:a/b@v1.0/test',
      ['data/test-00000-of-00001-0a1b2c.parquet', 'test.csv'],
      ['data/test-00000-of-00001-0a1b2c.parquet'],
    ],
    ['hf:a/b/test', ['test.jsonl', 'train.jsonl'], ['test.jsonl']],
  ])('%s stands for its shards, in their order', (name, paths, expected) => {
    expect(files(name, paths)).toEqual(expected);
  });

  it('has a revision behind an @', () => {
    expect(parseHubData('hf:a/b@v1.0/main/test')).toEqual({ repo: 'a/b', revision: 'v1.0', part: 'main/test' });
    expect(parseHubData('data/test.jsonl')).toBeUndefined();
  });

  it('says which parts there are', () => {
    expect(() => files('hf:openai/gsm8k/main/dev', GSM8K)).toThrow(
      'hf:openai/gsm8k has no main/dev. It has main/test, main/train, socratic/train.',
    );
    expect(() => files('hf:a/b/test', ['README.md'])).toThrow('It holds no JSON lines, CSV or Parquet file.');
    expect(() => parseHubData('hf:gsm8k')).toThrow('hf:OWNER/NAME/CONFIG/SPLIT');
  });
});
