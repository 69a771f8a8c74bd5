import { describe, expect, it } from 'vitest';
import { type ReportData, renderReport } from '../../src/eval/report.ts';
import { accuracy } from '../../src/eval/stats.ts';
import { escapeText, intervalBars, lineChart, rewardCurveSvg, smooth, ticks } from '../../src/eval/svg.ts';

const verdicts = (right: number, n: number) => accuracy(Array.from({ length: n }, (_, i) => i < right));
const pair = (right: number) => ({ greedy: verdicts(right, 100), sampled: verdicts(right, 100) });
const hostile = `</style><script>alert(1)</script>"'&<img src=https://evil.example/x>`;

const data: ReportData = {
  model: hostile,
  adapter: hostile,
  reward: 'correct',
  seed: 7,
  seconds: 431,
  vectors: 6,
  vectorSize: 128,
  base: pair(8),
  steered: pair(87),
  controls: [{ name: hostile, steered: pair(5) }],
  steps: [0, 1, 2].map((step) => ({
    step,
    reward: step / 2 - 0.5,
    'completions/mean_length': 20 + step,
    grad_norm: 1,
    entropy: Number.NaN,
    steering_norms: [step, 2 * step],
  })),
  lens: [
    {
      layer: 3,
      norm: 1.5,
      top: [
        { token: ' Step', score: 4 },
        { token: hostile, score: -1 },
      ],
    },
  ],
  examples: [
    {
      question: hostile,
      answer: hostile,
      before: { text: hostile, correct: false },
      after: { text: 'so \\boxed{<b>5</b>}', correct: true },
    },
  ],
  timing: [{ label: hostile, seconds: 10 }],
  config: { prompt: hostile, layers: [1, 2], data: undefined },
};

describe('renderReport', () => {
  const page = renderReport(data);

  it('escapes every text of the run', () => {
    expect(page).not.toContain('<script');
    expect(page).not.toContain('<img');
    expect(page).not.toContain('<b>5</b>');
    expect(page.match(/<\/style>/g)).toHaveLength(1);
  });

  it('asks nothing of any other file or server', () => {
    expect(page).toContain("default-src 'none'");
    expect(/<(?:script|link|iframe|object)|@import|url\(|<[^>]*\s(?:src|href)=/.test(page)).toBe(false);
  });

  it('shows both accuracies with their intervals, and says what they mean', () => {
    expect(page).toContain('8.0 %');
    expect(page).toContain('87.0 %');
    expect(page).toContain('79.0 – 92.2');
    expect(page).toContain('The vectors made the model better at these problems');
    const open = renderReport({ ...data, steered: pair(10) });
    expect(open).toContain('No difference that these problems can show');
    expect(open).toMatch(
      /class="jump open">.*The test is whether the 95 % intervals .* Use more problems: .*--eval-size/,
    );
    expect(page).toContain('class="jump better">');
    expect(page).not.toContain('The test is whether');
    expect(renderReport({ ...data, steered: pair(0), base: pair(50) })).toContain('The vectors made the model worse');
  });

  it('never shows a gain without a word on its control', () => {
    expect(page).toContain('The dashed bars are controls');
    expect(renderReport({ ...data, controls: [] })).toContain('No control is shown');
    expect(renderReport({ ...data, reward: 'random' })).toContain('This run is a control');
  });

  it('marks boxes and shows the spaces of tokens', () => {
    expect(page).toContain('<mark>\\boxed{');
    expect(page).toContain('<s>·</s>Step');
  });

  it('writes no NaN, Infinity or undefined into the page, and leaves out what is not there', () => {
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
    const bare = renderReport({
      ...data,
      base: undefined,
      steered: undefined,
      controls: undefined,
      steps: [],
      lens: [],
      examples: [],
      timing: [],
    });
    expect(bare).not.toMatch(/NaN|Infinity|undefined/);
    expect(bare).not.toContain('<svg viewBox="0 0 1028');
    expect(bare).toContain('Configuration');
  });
});

describe('lineChart', () => {
  const options = { width: 400, height: 200, title: 't', format: String };
  const path = (points: [number, number][]) =>
    /class="main" d="([^"]*)"/.exec(lineChart([{ label: 'a', tone: 'main', points }], options))?.[1] ?? '';
  const coordinates = (points: [number, number][]) =>
    [...path(points).matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map((match) => [Number(match[1]), Number(match[2])]);

  it('draws higher values higher, later ones further right, equal steps equally far', () => {
    const [a, b, c] = coordinates([
      [0, 0],
      [1, 1],
      [2, 2],
    ]) as [number[], number[], number[]];
    expect((b[0] as number) - (a[0] as number)).toBeCloseTo((c[0] as number) - (b[0] as number), 0);
    expect((a[1] as number) - (b[1] as number)).toBeCloseTo((b[1] as number) - (c[1] as number), 0);
    expect(c[1]).toBeLessThan(a[1] as number);
  });

  it('stays inside its picture for any values', () => {
    for (const scale of [1e-9, 1, 1e9]) {
      for (const [x, y] of coordinates([
        [0, -scale],
        [5, 3 * scale],
        [9, 0.7 * scale],
      ]) as [number, number][]) {
        expect(x >= 0 && x <= 400 && y >= 0 && y <= 200).toBe(true);
      }
    }
  });

  it('leaves out what is not finite and says so when nothing is left', () => {
    expect(
      coordinates([
        [0, 1],
        [1, Number.NaN],
        [2, 3],
      ]),
    ).toHaveLength(2);
    expect(lineChart([{ label: 'a', tone: 'main', points: [[0, Number.NaN]] }], options)).toContain('no values');
    expect(lineChart([], options)).toContain('no values');
  });

  it('draws a constant and a single point', () => {
    expect(lineChart([{ label: 'a', tone: 'main', points: [[3, 5]] }], options)).not.toContain('NaN');
    expect(
      coordinates([
        [0, 0],
        [1, 0],
      ]),
    ).toHaveLength(2);
  });
});

describe('intervalBars', () => {
  it('makes a bar as long as its share', () => {
    const width = (share: number) =>
      Number(
        /class="after" [^>]*width="([\d.]+)"/.exec(
          intervalBars([{ name: 'g', bars: [{ label: 'l', kind: 'after', accuracy: share, lo: 0, hi: 1 }] }], 640, 't'),
        )?.[1],
      );
    expect(width(1)).toBeCloseTo(2 * width(0.5), 0);
  });
});

describe('smooth', () => {
  it('starts at the first value, keeps a constant, skips NaN and follows later values', () => {
    expect(smooth([2, 2, 2], 5)).toEqual([2, 2, 2]);
    const [first, second, third] = smooth([1, Number.NaN, 3], 3) as [number, number, number];
    expect(first).toBe(1);
    expect(second).toBe(1);
    expect(third).toBeCloseTo((1 * 0.5 + 3) / 1.5, 12);
  });
});

describe('small things', () => {
  it('chooses round tick values', () => {
    expect(ticks(0, 1, 4)).toEqual([0, 0.5, 1]);
    expect(ticks(-1, 1, 4)).toEqual([-1, -0.5, 0, 0.5, 1]);
    expect(ticks(0, 39, 8)).toEqual([0, 5, 10, 15, 20, 25, 30, 35]);
    expect(ticks(0.1, 0.35, 5)).toEqual([0.1, 0.15, 0.2, 0.25, 0.3, 0.35]);
  });

  it('escapes markup and drops control characters that XML forbids', () => {
    expect(escapeText('<a b="c">&\u0000\u001b\ud800😀')).toBe('&#60;a b=&#34;c&#34;&#62;&#38;😀');
  });

  it('makes a picture of its own that parses as XML', () => {
    const steps = data.steps.map(({ step, reward = 0 }) => ({ step, reward }));
    const svg = rewardCurveSvg(steps, { title: hostile, subtitle: hostile });
    expect(svg.match(/<style>/g)).toHaveLength(1);
    expect(svg).not.toContain('<script');
    if (typeof DOMParser !== 'undefined') {
      expect(new DOMParser().parseFromString(svg, 'image/svg+xml').querySelector('parsererror')).toBeNull();
    }
  });
});
