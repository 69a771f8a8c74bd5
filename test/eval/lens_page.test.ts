import { describe, expect, it } from 'vitest';
import { geometryOf } from '../../src/eval/geometry.ts';
import { heatmap } from '../../src/eval/heatmap.ts';
import type { LensView } from '../../src/eval/lens.ts';
import { type LensReport, renderLens } from '../../src/eval/lens_page.ts';

const hostile = `</style><script>alert(1)</script>"'&<img src=https://evil.example/x>`;
const token = { id: 1, token: hostile, score: 2 };
const view: LensView = {
  dot: { top: [token], bottom: [{ ...token, score: -3 }] },
  cosine: { top: [token], bottom: [] },
};
const effect = { position: 3, token: hostile, kl: 0.25, changes: [{ ...token, base: 0.1, steered: 0.4 }] };
const report: LensReport = {
  model: hostile,
  steering: hostile,
  scale: 1,
  lens: {
    layers: [0, 1].map((layer) => ({ layer, norm: layer + 1, top: [token], raw: view, final_norm: view })),
    map: { tokens: [token], cosines: [[0.5], [-1]] },
  },
  geometry: geometryOf(Float32Array.of(1, 0, 0, 2), 2),
  effects: [effect],
  append: { text: hostile, ids: [1], base: 0.1, steered: 0.2, after: effect },
  warnings: [hostile],
};

describe('lens.html', () => {
  const page = renderLens(report);

  it('escapes tokens wherever they stand, and asks nothing of any server', () => {
    expect(page).not.toContain('<script');
    expect(page).not.toContain('<img');
    expect(page.match(/<\/style>/g)).toHaveLength(1);
    expect(page).toContain("default-src 'none'");
    expect(/<(?:script|link|iframe|object)|@import|url\(|<[^>]*\s(?:src|href)=/.test(page)).toBe(false);
  });

  it('shows both measures with and without the final norm, the effects and their control', () => {
    for (const title of ['Dot product, without', 'Cosine, without', 'Dot product, with', 'Cosine, with']) {
      expect(page).toContain(title);
    }
    expect(page).toContain('KL(steered ‖ base) 0.25 nats');
    expect(page).toContain('Control: the token appended');
    expect(page).toContain('Stable rank 1.25 of 2');
  });

  it('has no NaN or undefined for vectors of zeros and without a prompt', () => {
    const none: LensView = { dot: { top: [], bottom: [] }, cosine: { top: [], bottom: [] } };
    const bare = renderLens({
      ...report,
      lens: {
        layers: [{ layer: 0, norm: 0, top: [], raw: none, final_norm: none }],
        map: { tokens: [], cosines: [[]] },
      },
      geometry: geometryOf(new Float32Array(4), 1),
      effects: [],
      append: undefined,
      warnings: [],
    });
    expect(bare).not.toMatch(/NaN|Infinity|undefined/);
    expect(bare).not.toContain('Next-token');
  });
});

describe('heatmap', () => {
  const colours = (values: number[][]) =>
    [
      ...heatmap(values, { title: 't', rows: ['a'], columns: ['x', 'y', 'z'], format: String }).matchAll(
        /var\((--\w+)\) (\d+)%/g,
      ),
    ].map((match) => [match[1], Number(match[2])]);

  it('colours by sign, as strongly as the value is large, and leaves out what is no number', () => {
    expect(colours([[1, -0.5, 0]])).toEqual([
      ['--after', 100],
      ['--low', 50],
      ['--after', 0],
    ]);
    expect(colours([[Number.NaN, 2, 1]])).toHaveLength(2);
  });
});
