import { significant, visible } from './figures.ts';
import type { Geometry } from './geometry.ts';
import { heatmap } from './heatmap.ts';
import type { Lens, LensList, LensReading, LensView } from './lens.ts';
import type { AppendEffect, NextTokenEffect } from './next_token.ts';
import { card, htmlPage, tokenChip } from './page.ts';
import { escapeText, lineChart, shadeColour } from './svg.ts';

/** Everything that `trimtab lens` finds out. */
export interface LensReport {
  readonly model: string;
  readonly steering: string;
  /** Factor on the vectors in the effects; the lens reads them as they are. */
  readonly scale: number;
  readonly lens: Lens;
  readonly geometry: Geometry;
  /** Of a prompt, where one was given. */
  readonly effects: readonly NextTokenEffect[];
  readonly append?: AppendEffect | undefined;
  /** What has to be said of the result, such as vectors of another model. */
  readonly warnings: readonly string[];
}

const CHART = { width: 500, height: 220, format: significant, include: [0], endLabels: false } as const;

function normBars({ layers }: Lens): string {
  const longest = Math.max(...layers.map((row) => row.norm), Number.MIN_VALUE);
  const rows = layers.map((row, i) => {
    const colour = shadeColour(layers.length > 1 ? i / (layers.length - 1) : 1);
    const width = Math.round((100 * row.norm) / longest);
    return `<tr><td>${row.layer}</td><td class="norm"><i style="width:${width}px;background:${colour}"></i>${significant(row.norm)}</td></tr>`;
  });
  return `<table><thead><tr><th>layer</th><th>norm</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function geometryCard({ lens, geometry }: LensReport): string {
  const names = lens.layers.map(({ layer }) => String(layer));
  const spectrum = lineChart(
    [{ label: 'singular value', tone: 'main', points: geometry.singular_values.map((value, i) => [i + 1, value]) }],
    { ...CHART, title: 'Singular values' },
  );
  const cosines = heatmap(geometry.cosines, {
    title: 'Cosine of each pair',
    rows: names,
    columns: names,
    format: significant,
  });
  return (
    card(
      'Norms and singular values',
      `Stable rank ${significant(geometry.stable_rank)} of ${names.length}: the squared norm of all vectors over that of their strongest direction. 1 where all lie on one line.`,
      `<div class="hero"><div class="lens">${normBars(lens)}</div><div class="wide">${spectrum}</div></div>`,
    ) +
    card(
      'Cosines between layers',
      'Which vectors point the same way (warm) and which against each other (cold).',
      `<div class="lens">${cosines}</div>`,
    )
  );
}

function mapCard({ lens }: LensReport): string {
  const { tokens, cosines } = lens.map;
  if (tokens.length === 0) return '';
  const map = heatmap(cosines, {
    title: 'Cosine of each vector with the unembedding of each token',
    rows: lens.layers.map(({ layer }) => String(layer)),
    columns: tokens.map(({ token }) => visible(token) || '∅'),
    format: significant,
    slant: true,
  });
  return card(
    'Layers by tokens',
    'Cosine of each layer’s vector with the tokens’ rows of the unembedding, without the final norm. The tokens are those nearest to some layer.',
    `<div class="lens">${map}</div>`,
  );
}

function lists(
  title: string,
  text: string,
  layers: readonly LensReading[],
  of: (row: LensReading) => LensList,
): string {
  const best = Math.max(0, ...layers.flatMap((row) => of(row).top.map((token) => token.score)));
  const least = Math.min(0, ...layers.flatMap((row) => of(row).bottom.map((token) => token.score)));
  const rows = layers.map((row) => {
    const up = of(row).top.map((token) => tokenChip(token, best));
    const down = of(row).bottom.map((token) => tokenChip(token, least));
    return `<tr><td>${row.layer}</td><td>${up.join('')}</td><td>${down.join('')}</td></tr>`;
  });
  const table = `<table><thead><tr><th>layer</th><th>up</th><th>down</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
  return card(title, text, `<div class="lens">${table}</div>`);
}

function lensCards({ lens }: LensReport): string {
  const views: readonly [string, string, (row: LensReading) => LensView][] = [
    ['without the final norm', 'W_U · s, as in the paper', (row) => row.raw],
    ['with the final norm’s weight', 'W_U · (γ ⊙ s), γ the weight of the last RMSNorm', (row) => row.final_norm],
  ];
  return views
    .flatMap(([name, formula, view]) => [
      lists(
        `Dot product, ${name}`,
        `${formula}: the tokens with the largest and the smallest scores.`,
        lens.layers,
        (row) => view(row).dot,
      ),
      lists(
        `Cosine, ${name}`,
        `The same over both lengths, so that frequent tokens with long rows do not lead.`,
        lens.layers,
        (row) => view(row).cosine,
      ),
    ])
    .join('');
}

function effectTable(effect: NextTokenEffect): string {
  const rows = effect.changes.map(
    ({ token, base, steered }) =>
      `<tr><td>${tokenChip({ token, score: steered - base }, 1)}</td><td>${probability(base)}</td><td>${probability(steered)}</td><td>${change(steered - base)}</td></tr>`,
  );
  return (
    `<h3>after token ${effect.position} ${escapeText(JSON.stringify(effect.token))} <span>KL(steered ‖ base) ${significant(effect.kl)} nats</span></h3>` +
    `<table><thead><tr><th>next token</th><th>base</th><th>steered</th><th>change</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
  );
}

function effectCards({ effects, append, scale }: LensReport): string {
  const shown = effects.map(effectTable).join('<br>');
  const cards = effects.length
    ? card(
        'Next-token probabilities',
        `Base against steered (scale ${significant(scale)}) at the chosen positions of the prompt.`,
        `<div class="lens">${shown}</div>`,
      )
    : '';
  if (!append) return cards;
  return (
    cards +
    card(
      'Control: the token appended',
      `${JSON.stringify(append.text)} after the prompt has the probability ${probability(append.base)} without the vectors and ${probability(append.steered)} with them. Below: what the vectors still change once it stands there.`,
      `<div class="lens">${effectTable(append.after)}</div>`,
    )
  );
}

/** Probabilities are often small: three digits of them. */
function probability(p: number): string {
  return `${significant(100 * p)} %`;
}

function change(difference: number): string {
  return `${difference < 0 ? '−' : '+'}${significant(100 * Math.abs(difference))}`;
}

/** lens.html: one self-contained page. Tokens are anybody's text, and escaped as such. */
export function renderLens(report: LensReport): string {
  const { model, steering, lens, warnings } = report;
  const notes = warnings.map((warning) => `<p class="note">${escapeText(warning)}</p>`).join('');
  return htmlPage({
    title: `Lens · ${model}`,
    masthead: `${model} · ${steering}`,
    heading: 'What the vectors say',
    lede:
      `${lens.layers.length} steering vectors of ${model}, one after each layer, read through the model’s own unembedding: the tokens that each ` +
      'makes likelier on its way straight to the output, and those that it makes rarer. What later layers make of a vector is not in this picture.',
    body:
      (notes ? `<section class="card">${notes}</section>` : '') +
      mapCard(report) +
      geometryCard(report) +
      effectCards(report) +
      lensCards(report) +
      '<footer>Scores of dot products depend on a vector’s length, cosines do not.</footer>',
  });
}
