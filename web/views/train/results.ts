import { percent, signed, visible } from '../../../src/eval/figures.ts';
import type { LensLayer } from '../../../src/eval/lens.ts';
import type { Accuracy, AccuracyPair } from '../../../src/eval/stats.ts';
import { formatBytes } from '../../../src/gpu/bytes.ts';
import type { ExamplePair } from '../../../src/train/experiment.ts';
import { make } from '../../ui/dom.ts';
import type { AnsweredProblem, Download } from './messages.ts';

/** Steps that stay in the stream. */
const STEPS_KEPT = 50;

type Measured = Partial<AccuracyPair>;

/** Before and after, greedy and sampled, with their intervals. */
export function accuracyBars(base: Measured | undefined, steered: Measured | undefined): HTMLElement[] {
  const modes = [
    ['greedy', 'Greedy', 'the likeliest token each time'],
    ['sampled', 'Sampled', 'at temperature 1'],
  ] as const;
  return modes.map(([mode, name, note]) =>
    make(
      'div',
      { class: 'mode' },
      make('h3', {}, name, ' ', make('small', {}, note)),
      bar('before', base?.[mode]),
      bar('after', steered?.[mode]),
    ),
  );
}

function bar(kind: 'before' | 'after', value: Accuracy | undefined): HTMLElement {
  const track = make('div', { class: 'track', 'aria-hidden': 'true' });
  const row = make('div', { class: `bar ${kind}` }, make('span', {}, kind), track);
  if (!value) {
    row.append(make('span', { class: 'pending' }, 'not measured yet'));
    return row;
  }
  const fill = make('i', { class: 'fill' });
  fill.style.width = cssPercent(value.accuracy);
  const whisker = make('i', { class: 'interval' });
  whisker.style.left = cssPercent(value.lo);
  whisker.style.width = cssPercent(value.hi - value.lo);
  track.append(fill, whisker);
  const interval = `${(value.lo * 100).toFixed(0)} to ${(value.hi * 100).toFixed(0)}`;
  row.append(make('b', {}, percent(value.accuracy)), make('small', { title: '95 % interval' }, interval));
  return row;
}

function cssPercent(share: number): string {
  return `${share * 100}%`;
}

/** The change in one line, and whether the intervals say that it is one. */
export function verdict(before: Accuracy, after: Accuracy): string {
  const points = `${signed((after.accuracy - before.accuracy) * 100)} points`;
  if (after.lo > before.hi)
    return `${points}, on ${after.n} problems that were not trained on. The intervals are apart.`;
  if (after.hi < before.lo) return `${points}: worse than before. The intervals are apart.`;
  return `${points}, on ${after.n} problems. The intervals overlap: measure more problems to tell.`;
}

/** A step's first problem with all its answers, on top of those before. */
export function showAnswers(stream: HTMLElement, step: number, reward: number, problem: AnsweredProblem): void {
  const answers = problem.answers.map(({ text, correct, reward: points, tokens }) =>
    make(
      'li',
      { class: correct ? 'right' : 'wrong' },
      mark(correct),
      make('p', { class: 'said' }, ...withBoxes(text)),
      make('small', { title: `${tokens} tokens` }, signed(points)),
    ),
  );
  stream.prepend(
    make(
      'article',
      {},
      make('h3', {}, `Step ${step + 1}`, ' ', make('small', {}, `mean reward ${signed(reward)}`)),
      make('p', { class: 'question' }, problem.question, ' ', make('small', {}, `Answer: ${problem.gold}`)),
      make('ul', {}, ...answers),
    ),
  );
  while (stream.children.length > STEPS_KEPT) stream.lastElementChild?.remove();
}

function mark(correct: boolean): HTMLElement {
  return make('b', { class: 'mark', role: 'img', 'aria-label': correct ? 'right' : 'wrong' }, correct ? '✓' : '✗');
}

/** The text with its boxes marked. */
function withBoxes(text: string): (Node | string)[] {
  if (text.trim() === '') return [make('em', {}, 'nothing')];
  return text
    .trim()
    .split(/(\\boxed\{[^{}]*\})/)
    .map((part, i) => (i % 2 === 1 ? make('mark', {}, part) : part));
}

/** A row for each vector: its norm, and the tokens that it makes likelier. */
export function lensRows(lens: readonly LensLayer[]): HTMLElement[] {
  const longest = Math.max(...lens.map(({ norm }) => norm), Number.MIN_VALUE);
  return lens.map(({ layer, norm, top }) => {
    const length = make('i', { class: 'norm', 'aria-hidden': 'true' });
    length.style.width = `${(60 * norm) / longest}px`;
    const best = Math.max(top[0]?.score ?? 0, Number.MIN_VALUE);
    const tokens = top.map(({ id, token, score }) => {
      const chip = make('span', { class: 'token', title: score.toFixed(2) }, shownToken(token, id));
      chip.style.setProperty('--weight', `${Math.round(26 * Math.max(0, score / best))}%`);
      return chip;
    });
    return make(
      'tr',
      {},
      make('th', { scope: 'row' }, String(layer)),
      make('td', {}, length, norm.toFixed(2)),
      make('td', {}, ...tokens),
    );
  });
}

/** A token with its spaces visible; by its number where it is part of a character or a control code. */
function shownToken(token: string, id: number): string {
  const shown = visible(token);
  return /^[^\p{C}\ufffd]+$/u.test(shown) ? shown : `#${id}`;
}

export function exampleRows(examples: readonly ExamplePair[]): HTMLElement[] {
  return examples.map(({ question, answer, before, after }) =>
    make(
      'article',
      {},
      make('p', { class: 'question' }, question, ' ', make('small', {}, `Answer: ${answer}`)),
      make('div', { class: 'pair' }, said('before', before), said('after', after)),
    ),
  );
}

function said(when: string, { completion, correct }: ExamplePair['before']): HTMLElement {
  return make(
    'div',
    { class: correct ? 'right' : 'wrong' },
    make('h4', {}, when, mark(correct)),
    make('p', { class: 'said' }, ...withBoxes(completion)),
  );
}

/** Links that save the files; the page holds them until `release`. */
export function fileLinks(files: readonly Download[]): { links: HTMLElement[]; release: () => void } {
  const urls = files.map(({ blob }) => URL.createObjectURL(blob));
  const links = files.map(({ name, blob }, i) =>
    make(
      'li',
      {},
      make(
        'a',
        { href: urls[i] as string, download: name, class: 'button' },
        name,
        ' ',
        make('small', {}, formatBytes(blob.size)),
      ),
    ),
  );
  return {
    links,
    release: () => {
      for (const url of urls) URL.revokeObjectURL(url);
    },
  };
}
