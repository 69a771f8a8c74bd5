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

  /** Each label takes the first place around its point where it covers none before it and no border; without one it is left out. */
  draw(labels: readonly SceneLabel[], matrix: Float32Array, width: number, height: number): void {
    const taken: Box[] = [];
    const shown: [SceneLabel, Box][] = [];
    for (const label of labels) {
      const place = placeOf(matrix, label.at, width, height);
      const box =
        place && boxesOf(label, place).find((one) => isInside(one, width, height) && !taken.some(covers(one)));
      if (!box) continue;
      taken.push(box);
      shown.push([label, box]);
    }
    while (this.#layer.children.length > shown.length) this.#layer.lastElementChild?.remove();
    shown.forEach(([{ text, kind }, { x, y }], i) => {
      const span = (this.#layer.children[i] ?? this.#layer.appendChild(document.createElement('span'))) as HTMLElement;
      if (span.textContent !== text) span.textContent = text;
      if (span.dataset.kind !== kind) span.dataset.kind = kind;
      span.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
    });
  }
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly wide: number;
}

/** To the right of its point and up, or left, or down. */
function boxesOf({ text }: SceneLabel, { x, y }: Place): Box[] {
  const wide = text.length * CHARACTER;
  const [right, left, up, down] = [x + OFFSET, x - OFFSET - wide, y - OFFSET - LINE / 2, y + OFFSET - LINE / 2];
  return [
    { x: right, y: up, wide },
    { x: left, y: up, wide },
    { x: right, y: down, wide },
    { x: left, y: down, wide },
  ];
}

function isInside({ x, y, wide }: Box, width: number, height: number): boolean {
  return x >= 0 && y >= 0 && x + wide <= width && y + LINE <= height;
}

function covers(box: Box): (other: Box) => boolean {
  return (other) => box.x < other.x + other.wide && other.x < box.x + box.wide && Math.abs(box.y - other.y) < LINE;
}
