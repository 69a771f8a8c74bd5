import { type Place, placeOf } from './space_camera.ts';
import type { SceneLabel } from './space_scene.ts';

const CHARACTER = 7;
const LINE = 15;
/** From the point to the label's corner. */
const OFFSET = 9;

/** Texts over the picture, at their points. They are read by eyes alone: the table says the same. */
export class SpaceLabels {
  readonly #layer: HTMLElement;

  constructor(layer: HTMLElement) {
    this.#layer = layer;
  }

  /** A label that would cover one before it, or a border, is left out. */
  draw(labels: readonly SceneLabel[], matrix: Float32Array, width: number, height: number): void {
    const taken: { x: number; y: number; width: number }[] = [];
    const shown: [SceneLabel, number, number][] = [];
    for (const label of labels) {
      const place = placeOf(matrix, label.at, width, height);
      const box = place && boxOf(label, place, width);
      if (!box || box.x < 0 || box.y < 0 || box.y + LINE > height) continue;
      const covers = taken.some(
        (other) => box.x < other.x + other.width && other.x < box.x + box.width && Math.abs(box.y - other.y) < LINE,
      );
      if (covers) continue;
      taken.push(box);
      shown.push([label, box.x, box.y]);
    }
    while (this.#layer.children.length > shown.length) this.#layer.lastElementChild?.remove();
    shown.forEach(([{ text, kind }, x, y], i) => {
      const span = (this.#layer.children[i] ?? this.#layer.appendChild(document.createElement('span'))) as HTMLElement;
      if (span.textContent !== text) span.textContent = text;
      if (span.dataset.kind !== kind) span.dataset.kind = kind;
      span.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
    });
  }
}

/** To the right of its point, or to the left where the picture ends. */
function boxOf({ text }: SceneLabel, { x, y }: Place, width: number): { x: number; y: number; width: number } {
  const wide = text.length * CHARACTER;
  const left = x + OFFSET + wide > width ? x - OFFSET - wide : x + OFFSET;
  return { x: left, y: y - OFFSET - LINE / 2, width: wide };
}
