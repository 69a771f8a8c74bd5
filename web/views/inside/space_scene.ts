import type { PathResult } from '../../worker/residual_path.ts';

type Vector = readonly [number, number, number];

/** What a colour stands for, and its place in the palette of space.wgsl. */
export const COLOURS = { before: 0, after: 1, vector: 2, axis: 3, box: 4 } as const;
type Colour = keyof typeof COLOURS;

const SHAPES = { line: 0, point: 1, ring: 2, head: 3 } as const;

/** Of one instance: two ends, size, fade, colour, shape. */
export const INSTANCE_BYTES = 40;

/** A state that can be pointed at. Layer 0 is the embedding, layer l + 1 is `resid_post[l]`. */
export interface ScenePoint {
  readonly token: number;
  readonly layer: number;
  readonly steered: boolean;
  readonly at: Vector;
}

export interface SceneLabel {
  readonly text: string;
  readonly at: Vector;
  readonly kind: 'axis' | 'mark' | 'layer';
}

/** What is drawn, in lengths that fit a ball of radius 1. */
export interface Scene {
  readonly instances: ArrayBuffer;
  readonly count: number;
  readonly points: readonly ScenePoint[];
  readonly labels: readonly SceneLabel[];
}

/** The token whose path stands out, and the layer that is marked on it. */
export interface Choice {
  readonly token: number;
  readonly layer: number | undefined;
  /** `stretched`: each axis is drawn as long as the others, so that the smaller ones show too. */
  readonly scale: 'true' | 'stretched';
}

/** Layers whose numbers are written along a path, at the most. */
const NUMBERED = 12;
/** How far the paths of the other tokens step back. */
const ASIDE = 0.55;

export function buildScene(path: PathResult, choice: Choice): Scene {
  const draft = new Draft();
  const place = placing(path.bounds, choice.scale);
  box(draft, path, place);
  const order = path.tokens.map((_, t) => t).filter((t) => t !== choice.token);
  const points: ScenePoint[] = [];
  // The chosen one last: of what lies on the same place it is seen.
  for (const t of [...order, choice.token]) tokenPath(draft, points, path, t, place, choice);
  const labels = layerLabels(path, points, choice, axisLabels(path, place));
  return { ...draft.done(), points, labels };
}

/** What a layer is called: `embedding`, or the layer that the state comes out of. */
export function layerName(layer: number): string {
  return layer === 0 ? 'embedding' : `layer ${layer - 1}`;
}

/** A token's text with its spaces and line ends visible. */
export function shownToken(text: string): string {
  return text.replaceAll(' ', '·').replaceAll('\n', '↵').replaceAll('\t', '⇥') || '∅';
}

type Place = (x: number, y: number, z: number) => Vector;

/** From projected coordinates to the scene: the middle of the bounds is its origin, half their diagonal its length. */
function placing({ low, high }: PathResult['bounds'], scale: Choice['scale']): Place {
  const middle = low.map((x, i) => (x + (high[i] as number)) / 2) as [number, number, number];
  const halves = low.map((x, i) => ((high[i] as number) - x) / 2);
  const whole = Math.hypot(...halves) || 1;
  // Of a direction in which nothing lies rounding alone would be stretched.
  const radii = halves.map((half) => (scale === 'stretched' && half > 1e-6 * whole ? half * Math.sqrt(3) : whole));
  const [a, b, c] = radii as [number, number, number];
  return (x, y, z) => [(x - middle[0]) / a, (y - middle[1]) / b, (z - middle[2]) / c];
}

function state(points: Float32Array, index: number, place: Place): Vector {
  return place(points[3 * index] as number, points[3 * index + 1] as number, points[3 * index + 2] as number);
}

function tokenPath(
  draft: Draft,
  points: ScenePoint[],
  path: PathResult,
  token: number,
  place: Place,
  choice: Choice,
): void {
  const chosen = token === choice.token;
  const fade = chosen ? 0 : ASIDE;
  const n = path.layers + 1;
  const along = (of: Float32Array, count = n) =>
    Array.from({ length: count }, (_, l) => state(of, token * count + l, place));
  const base = along(path.base);
  const steered = path.steered && along(path.steered.points);
  const size = (layer: number) => (chosen ? (layer === choice.layer ? 16 : 9.5) : 5.5);

  draft.polyline(base, chosen ? 2.6 : 1.5, fade, 'before');
  if (chosen && path.steered && steered) {
    base.forEach((from, l) => {
      draft.line(from, steered[l] as Vector, 1, 0.25, 'box');
    });
    along(path.steered.withoutOwn, path.layers).forEach((from, l) => {
      draft.arrow(from, steered[l + 1] as Vector, 'vector');
    });
  }
  base.forEach((at, layer) => {
    draft.dot(at, size(layer), fade, 'before', chosen ? 'ring' : 'point');
    points.push({ token, layer, steered: false, at });
  });
  if (!steered) return;
  draft.polyline(steered, chosen ? 2.6 : 1.5, fade, 'after');
  steered.forEach((at, layer) => {
    draft.dot(at, size(layer), fade, 'after', 'point');
    points.push({ token, layer, steered: true, at });
  });
}

/** The edges of the bounds; the three that are the axes meet in their low corner. */
function box(draft: Draft, { bounds: { low, high } }: PathResult, place: Place): void {
  const corner = (bits: number) =>
    place(...(low.map((x, i) => (bits & (1 << i) ? (high[i] as number) : x)) as [number, number, number]));
  for (let bits = 0; bits < 8; bits++) {
    for (let axis = 0; axis < 3; axis++) {
      if (bits & (1 << axis)) continue;
      const [from, to] = [corner(bits), corner(bits | (1 << axis))];
      draft.line(from, to, bits === 0 ? 1.6 : 1, 0, bits === 0 ? 'axis' : 'box');
    }
  }
}

function axisLabels({ bounds: { low, high }, explained }: PathResult, place: Place): SceneLabel[] {
  return explained.map((share, axis) => {
    const end = low.map((x, i) => (i === axis ? (high[i] as number) : x)) as [number, number, number];
    return { text: `PC ${axis + 1} · ${(100 * share).toFixed(0)} %`, at: place(...end), kind: 'axis' };
  });
}

/** Those that matter most come first: what is marked, the path's end, the axes, and then the other layers. */
function layerLabels(
  { tokens, layers, steered }: PathResult,
  points: readonly ScenePoint[],
  choice: Choice,
  axes: readonly SceneLabel[],
): SceneLabel[] {
  const mine = points.filter((point) => point.token === choice.token && point.steered === (steered !== undefined));
  const step = Math.ceil((layers + 1) / NUMBERED);
  const token = shownToken(tokens[choice.token]?.text ?? '');
  const of = (wanted: (layer: number) => boolean, kind: SceneLabel['kind'], text: (layer: number) => string) =>
    mine.filter(({ layer }) => wanted(layer)).map(({ layer, at }): SceneLabel => ({ text: text(layer), at, kind }));
  return [
    ...of(
      (l) => l === choice.layer,
      'mark',
      (l) => `${token} · ${layerName(l)}`,
    ),
    ...of(
      (l) => l === layers && l !== choice.layer,
      'layer',
      (l) => `${token} · ${l - 1}`,
    ),
    ...axes,
    ...of(
      (l) => l < layers && l % step === 0 && l !== choice.layer,
      'layer',
      (l) => (l === 0 ? 'emb' : String(l - 1)),
    ),
  ];
}

/** Instances as space.wgsl reads them. */
class Draft {
  readonly #rows: {
    readonly numbers: readonly number[];
    readonly colour: Colour;
    readonly shape: keyof typeof SHAPES;
  }[] = [];

  line(from: Vector, to: Vector, width: number, fade: number, colour: Colour): void {
    this.#rows.push({ numbers: [...from, ...to, width, fade], colour, shape: 'line' });
  }

  polyline(at: readonly Vector[], width: number, fade: number, colour: Colour): void {
    for (let i = 1; i < at.length; i++) this.line(at[i - 1] as Vector, at[i] as Vector, width, fade, colour);
  }

  dot(at: Vector, diameter: number, fade: number, colour: Colour, shape: 'point' | 'ring'): void {
    this.#rows.push({ numbers: [...at, ...at, diameter, fade], colour, shape });
  }

  arrow(from: Vector, to: Vector, colour: Colour): void {
    // A vector of zeros has no direction to show.
    if (Math.hypot(to[0] - from[0], to[1] - from[1], to[2] - from[2]) < 1e-6) return;
    this.line(from, to, 2.2, 0, colour);
    this.#rows.push({ numbers: [...from, ...to, 12, 0], colour, shape: 'head' });
  }

  done(): Pick<Scene, 'instances' | 'count'> {
    const instances = new ArrayBuffer(this.#rows.length * INSTANCE_BYTES);
    this.#rows.forEach(({ numbers, colour, shape }, i) => {
      new Float32Array(instances, i * INSTANCE_BYTES, 8).set(numbers);
      new Uint32Array(instances, i * INSTANCE_BYTES + 32, 2).set([COLOURS[colour], SHAPES[shape]]);
    });
    return { instances, count: this.#rows.length };
  }
}
