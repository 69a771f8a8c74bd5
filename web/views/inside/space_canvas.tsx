import { useSignalEffect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../../ui/button.tsx';
import { theme } from '../../ui/theme.ts';
import { HOME, nearest, placeOf, viewProjection } from './space_camera.ts';
import { attachControls, type Controlled } from './space_controls.ts';
import { SpaceLabels } from './space_labels.ts';
import { type Palette, type Rgb, SpaceRenderer } from './space_renderer.ts';
import { COLOURS, type Scene, type ScenePoint } from './space_scene.ts';

/** Pixels from a point within which it is meant: a fingertip's half, for a mouse is more exact anyway. */
const REACH = 18;
/** A device that goes away more often than so is not opened again. */
const MOST_LOSSES = 3;

interface SpaceCanvasProps {
  readonly scene: Scene;
  /** What a point is called while the pointer is on it. */
  readonly describe: (point: ScenePoint) => string;
  readonly onChoose: (point: ScenePoint) => void;
  /** There is no picture to be had, and why. */
  readonly onFailure: (reason: string) => void;
}

/** The 3D picture with its labels and controls. It is drawn when something has changed, at most once a frame. */
export function SpaceCanvas(props: SpaceCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const labels = useRef<HTMLDivElement>(null);
  const probes = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const [stage, setStage] = useState<SpaceStage>();
  const [hover, setHover] = useState<{ readonly text: string; readonly x: number; readonly y: number }>();

  useEffect(() => {
    const created = new SpaceStage(
      canvas.current as HTMLCanvasElement,
      labels.current as HTMLDivElement,
      probes.current as HTMLDivElement,
      {
        failed: (reason) => latest.current.onFailure(reason),
        hovered: (point, at) => setHover(point && at && { text: latest.current.describe(point), ...at }),
        chosen: (point) => latest.current.onChoose(point),
      },
    );
    setStage(created);
    return () => created.dispose();
  }, []);
  useEffect(() => stage?.show(props.scene), [stage, props.scene]);
  useSignalEffect(() => {
    theme.value;
    stage?.recolour();
  });

  return (
    <div class="space-picture">
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: its keys are its own, which is what an application is */}
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label="Path of the residual stream in three dimensions; the table has its numbers"
        aria-describedby="space-keys"
      />
      <div ref={labels} class="space-labels" aria-hidden="true" />
      {hover && (
        <div class="space-tip" style={{ transform: `translate(${hover.x}px, ${hover.y}px)` }} aria-hidden="true">
          {hover.text}
        </div>
      )}
      <div ref={probes} hidden>
        {['background', ...Object.keys(COLOURS)].map((name) => (
          <i key={name} data-colour={name} />
        ))}
      </div>
      <Button small class="space-home" onClick={() => stage?.home()}>
        Reset view
      </Button>
    </div>
  );
}

interface StageEvents {
  failed(reason: string): void;
  hovered(point: ScenePoint | undefined, at?: { x: number; y: number }): void;
  chosen(point: ScenePoint): void;
}

/** Holds renderer, camera and labels together, outside of what renders the page. */
class SpaceStage implements Controlled {
  camera = HOME;
  readonly #canvas: HTMLCanvasElement;
  readonly #labels: SpaceLabels;
  readonly #probes: HTMLElement;
  readonly #events: StageEvents;
  readonly #controls: () => void;
  readonly #sizes: ResizeObserver;
  readonly #attached = new AbortController();
  #renderer: SpaceRenderer | undefined;
  #palette: Palette | undefined;
  #scene: Scene | undefined;
  #hovered: ScenePoint | undefined;
  #frame = 0;
  #losses = 0;
  #disposed = false;

  constructor(canvas: HTMLCanvasElement, labels: HTMLElement, probes: HTMLElement, events: StageEvents) {
    this.#canvas = canvas;
    this.#labels = new SpaceLabels(labels);
    this.#probes = probes;
    this.#events = events;
    this.#controls = attachControls(canvas, this);
    this.#sizes = new ResizeObserver(() => this.moved());
    this.#sizes.observe(canvas);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', () => this.recolour(), { signal: this.#attached.signal });
    // Another screen, or the browser's zoom, has another ratio of pixels and no other size.
    addEventListener('resize', () => this.moved(), { signal: this.#attached.signal });
    void this.#open();
  }

  show(scene: Scene): void {
    this.#scene = scene;
    this.moved();
  }

  home(): void {
    this.camera = HOME;
    this.moved();
  }

  recolour(): void {
    this.#palette = undefined;
    this.moved();
  }

  moved(): void {
    if (this.#frame !== 0 || this.#disposed) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  hovered(at: { x: number; y: number } | undefined): void {
    const point = at && this.#pointAt(at);
    if (point === this.#hovered) return;
    this.#hovered = point;
    this.#canvas.style.cursor = point ? 'pointer' : '';
    const place = point && placeOf(this.#matrix(), point.at, this.#canvas.clientWidth, this.#canvas.clientHeight);
    this.#events.hovered(point, place);
  }

  clicked(at: { x: number; y: number }): void {
    const point = this.#pointAt(at);
    if (point) this.#events.chosen(point);
  }

  dispose(): void {
    this.#disposed = true;
    cancelAnimationFrame(this.#frame);
    this.#controls();
    this.#attached.abort();
    this.#sizes.disconnect();
    this.#renderer?.dispose();
  }

  async #open(): Promise<void> {
    try {
      const renderer = await SpaceRenderer.open(this.#canvas, () => this.#lost());
      if (this.#disposed) return renderer.dispose();
      this.#renderer = renderer;
      this.moved();
    } catch (error) {
      if (!this.#disposed) this.#events.failed((error as Error).message);
    }
  }

  #lost(): void {
    this.#renderer = undefined;
    if (++this.#losses > MOST_LOSSES) this.#events.failed('its GPU device went away again and again');
    else void this.#open();
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (!this.#renderer || !this.#scene || width === 0 || height === 0) return;
    this.#palette ??= paletteOf(this.#probes);
    this.#renderer.draw(this.#scene, this.#palette, { camera: this.camera, width, height, ratio: devicePixelRatio });
    this.#labels.draw(this.#scene.labels, this.#matrix(), width, height);
  }

  #matrix(): Float32Array {
    return viewProjection(this.camera, this.#canvas.clientWidth / this.#canvas.clientHeight);
  }

  #pointAt({ x, y }: { x: number; y: number }): ScenePoint | undefined {
    const { clientWidth, clientHeight } = this.#canvas;
    const matrix = this.#matrix();
    const points = this.#scene?.points ?? [];
    const found = nearest(
      points.map(({ at }) => placeOf(matrix, at, clientWidth, clientHeight)),
      x,
      y,
      REACH,
    );
    return found === undefined ? undefined : points[found];
  }
}

/** The page's own colours, as it shows them now. */
function paletteOf(probes: HTMLElement): Palette {
  const of = (name: string): Rgb => {
    const text = getComputedStyle(probes.querySelector(`[data-colour="${name}"]`) as Element).color;
    const [r = 0, g = 0, b = 0] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [r / 255, g / 255, b / 255];
  };
  const colours = Object.fromEntries(Object.keys(COLOURS).map((name) => [name, of(name)])) as Palette['colours'];
  return { background: of('background'), colours };
}
