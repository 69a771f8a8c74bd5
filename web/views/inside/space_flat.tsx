import type { PathResult } from '../../worker/residual_path.ts';

const WIDTH = 640;
const HEIGHT = 360;
const MARGIN = 28;

/** The same path on its first two axes, where there is no 3D picture. */
export function SpaceFlat({ path, token }: { readonly path: PathResult; readonly token: number }) {
  const { low, high } = path.bounds;
  const span = Math.max(1e-9, (high[0] as number) - (low[0] as number));
  const rise = Math.max(1e-9, (high[1] as number) - (low[1] as number));
  // One scale for both axes: lengths and angles are to be believed.
  const scale = Math.min((WIDTH - 2 * MARGIN) / span, (HEIGHT - 2 * MARGIN) / rise);
  const n = path.layers + 1;
  const along = (points: Float32Array, t: number) =>
    Array.from({ length: n }, (_, l) => {
      const at = 3 * (t * n + l);
      const x = WIDTH / 2 + ((points[at] as number) - ((low[0] as number) + (high[0] as number)) / 2) * scale;
      const y = HEIGHT / 2 - ((points[at + 1] as number) - ((low[1] as number) + (high[1] as number)) / 2) * scale;
      return [x, y] as const;
    });
  const order = [...path.tokens.keys()].filter((t) => t !== token);
  return (
    <svg class="space-flat" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label="Path on the first two axes">
      <text x={WIDTH - 6} y={HEIGHT - 8} text-anchor="end">
        {axisName(path, 0)} →
      </text>
      <text x={6} y={16}>
        ↑ {axisName(path, 1)}
      </text>
      {[...order, token].map((t) => (
        <g key={t} class={t === token ? 'chosen' : 'aside'}>
          <Line points={along(path.base, t)} kind="before" />
          {path.steered && <Line points={along(path.steered.points, t)} kind="after" />}
        </g>
      ))}
    </svg>
  );
}

function Line({ points, kind }: { readonly points: readonly (readonly [number, number])[]; readonly kind: string }) {
  return (
    <g class={kind}>
      <polyline points={points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')} />
      {points.map(([x, y], l) => (
        <circle key={l} cx={x.toFixed(1)} cy={y.toFixed(1)} r={3.5} />
      ))}
    </g>
  );
}

function axisName({ explained }: PathResult, axis: number): string {
  return `PC ${axis + 1}, ${(100 * (explained[axis] ?? 0)).toFixed(0)} %`;
}
