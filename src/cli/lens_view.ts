import { percent } from '../eval/figures.ts';
import type { Geometry } from '../eval/geometry.ts';
import type { Lens, LensReading, LensToken } from '../eval/lens.ts';
import type { AppendEffect, NextTokenEffect } from '../eval/next_token.ts';
import { table } from './output.ts';

/** Which of the four lists of a reading the terminal shows. */
interface LensChoice {
  readonly by: 'dot' | 'cosine';
  readonly finalNorm: boolean;
}

/** One line a layer: norm, tokens pushed up, tokens pushed down. */
export function lensReadingTable({ layers }: Lens, { by, finalNorm }: LensChoice): string {
  const of = (row: LensReading) => (finalNorm ? row.final_norm : row.raw)[by];
  const shown = (tokens: readonly LensToken[]) => tokens.map(({ token }) => JSON.stringify(token)).join(' ');
  const rows = layers.map((row) => [String(row.layer), row.norm.toFixed(2), shown(of(row).top), shown(of(row).bottom)]);
  const name = `${by === 'dot' ? 'dot product' : 'cosine'}${finalNorm ? ', final norm’s weight applied' : ''}`;
  const withBottom = rows.some((row) => row[3] !== '');
  const head = ['layer', 'norm', `up (${name})`, ...(withBottom ? ['down'] : [])];
  return table(head, rows);
}

/** A terminal holds the cosines of so many layers; of more it gets those of neighbours. */
const MATRIX_LAYERS = 16;

/** Cosines between layers, singular values, stable rank. */
export function geometryTable({ cosines, singular_values, stable_rank }: Geometry): string {
  const names = cosines.map((_, layer) => String(layer));
  const matrix = () =>
    table(
      ['cosine', ...names],
      cosines.map((row, layer) => [String(layer), ...row.map((value) => value.toFixed(2))]),
    );
  const neighbours = () =>
    `cosine of each layer with the one before (--json and --out have all): ${cosines
      .slice(1)
      .map((row, layer) => row[layer]?.toFixed(2))
      .join(' ')}`;
  return (
    `${cosines.length <= MATRIX_LAYERS ? matrix() : neighbours()}\n\n` +
    `singular values ${singular_values.map((value) => value.toPrecision(3)).join(' ')}; stable rank ${stable_rank.toFixed(2)} of ${names.length}`
  );
}

export function effectTable(effect: NextTokenEffect): string {
  const rows = effect.changes.map(({ token, base, steered }) => [
    JSON.stringify(token),
    percent(base),
    percent(steered),
  ]);
  return (
    `after token ${effect.position} ${JSON.stringify(effect.token)}: KL(steered ‖ base) ${effect.kl.toPrecision(3)} nats\n` +
    table(['next token', 'base', 'steered'], rows)
  );
}

export function appendTable({ text, base, steered, after }: AppendEffect): string {
  return (
    `control: ${JSON.stringify(text)} after the prompt has ${percent(base)} without the vectors and ${percent(steered)} with them. ` +
    `Once it stands there, ${effectTable(after)}`
  );
}
