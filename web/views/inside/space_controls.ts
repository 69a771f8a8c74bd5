import { type Camera, HOME, orbited, panned, zoomed } from './space_camera.ts';

/** What the controls turn, and whom they tell of what is pointed at. */
export interface Controlled {
  camera: Camera;
  /** The camera has changed. */
  moved(): void;
  /** Pixels from the picture's corner; undefined when the pointer has left, or turns the picture. */
  hovered(at: { x: number; y: number } | undefined): void;
  /** A click or a tap that did not turn the picture. */
  clicked(at: { x: number; y: number }): void;
}

/** Radians a pixel of a drag. */
const TURN = 0.008;
/** Radians, or pixels, a press of an arrow key. */
const KEY_TURN = 0.12;
const KEY_PAN = 24;
const KEY_ZOOM = 1.15;
/** A press that moves less than so many pixels is a click. */
const STILL = 4;
/** Of the speed that is left after 16 ms of turning on by itself, and the speed at which it ends, in pixels a millisecond. */
const SLOWING = 0.92;
const STANDING = 0.01;

/**
 * Mouse, touch, wheel and keys on a canvas. Dragging turns (with shift or the right button it moves), two fingers zoom and move, the
 * wheel zooms once the canvas has the focus (a page must scroll under a resting hand), arrows turn, with shift they move, + and −
 * zoom, Home goes back.
 *
 * @returns takes the controls off again
 */
export function attachControls(canvas: HTMLCanvasElement, controlled: Controlled): () => void {
  const attached = new AbortController();
  const options = { signal: attached.signal };
  const fingers = new Map<number, { x: number; y: number }>();
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  let travelled = 0;
  let speed = { x: 0, y: 0, at: 0 };
  let turning = 0;

  const set = (camera: Camera) => {
    controlled.camera = camera;
    controlled.moved();
  };
  const stop = () => cancelAnimationFrame(turning);
  const placeIn = (event: MouseEvent) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const turnOn = () => {
    let last = performance.now();
    const step = (now: number) => {
      const passed = Math.max(1, now - last);
      last = now;
      set(orbited(controlled.camera, -speed.x * passed * TURN, speed.y * passed * TURN));
      const left = SLOWING ** (passed / 16);
      speed = { ...speed, x: speed.x * left, y: speed.y * left };
      if (Math.hypot(speed.x, speed.y) > STANDING) turning = requestAnimationFrame(step);
    };
    turning = requestAnimationFrame(step);
  };

  canvas.addEventListener(
    'pointerdown',
    (event) => {
      stop();
      if (fingers.size === 0) travelled = 0;
      fingers.set(event.pointerId, placeIn(event));
      speed = { x: 0, y: 0, at: event.timeStamp };
      canvas.setPointerCapture(event.pointerId);
    },
    options,
  );
  canvas.addEventListener(
    'pointermove',
    (event) => {
      const now = placeIn(event);
      const before = fingers.get(event.pointerId);
      if (!before) return controlled.hovered(now);
      const [dx, dy] = [now.x - before.x, now.y - before.y];
      travelled += Math.hypot(dx, dy);
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
      fingers.set(event.pointerId, now);
      if (travelled <= STILL) return;
      controlled.hovered(undefined);
      if (other) {
        const apart = (finger: { x: number; y: number }) => Math.hypot(finger.x - other.x, finger.y - other.y);
        // Each of the two fingers brings half of what both do.
        const moved = panned(controlled.camera, dx / 2, dy / 2, canvas.clientHeight);
        return set(zoomed(moved, apart(now) / Math.max(1, apart(before))));
      }
      if (event.shiftKey || event.buttons === 2) return set(panned(controlled.camera, dx, dy, canvas.clientHeight));
      const passed = Math.max(1, event.timeStamp - speed.at);
      speed = { x: dx / passed, y: dy / passed, at: event.timeStamp };
      set(orbited(controlled.camera, -dx * TURN, dy * TURN));
    },
    options,
  );
  const up = (event: PointerEvent) => {
    if (!fingers.delete(event.pointerId) || fingers.size > 0) return;
    if (event.type === 'pointercancel') return;
    if (travelled <= STILL) return controlled.clicked(placeIn(event));
    // A hand that came to rest before it let go does not throw the picture.
    const thrown = event.timeStamp - speed.at < 40 && Math.hypot(speed.x, speed.y) > 0.2;
    if (thrown && !calm.matches) turnOn();
  };
  canvas.addEventListener('pointerup', up, options);
  canvas.addEventListener('pointercancel', up, options);
  canvas.addEventListener('pointerleave', () => controlled.hovered(undefined), options);
  canvas.addEventListener('contextmenu', (event) => event.preventDefault(), options);
  canvas.addEventListener(
    'wheel',
    (event) => {
      // A pinch on a trackpad comes as a wheel with ctrl.
      if (document.activeElement !== canvas && !event.ctrlKey) return;
      event.preventDefault();
      stop();
      const pixels = event.deltaY * [1, 16, 400][event.deltaMode]!;
      set(zoomed(controlled.camera, Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.0015))));
    },
    { ...options, passive: false },
  );
  canvas.addEventListener(
    'keydown',
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const next = byKey(controlled.camera, event.key, event.shiftKey, canvas.clientHeight);
      if (!next) return;
      event.preventDefault();
      stop();
      set(next);
    },
    options,
  );
  return () => {
    stop();
    attached.abort();
  };
}

/** What a key makes of the camera; undefined where it is none of ours. */
function byKey(camera: Camera, key: string, shift: boolean, height: number): Camera | undefined {
  const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  if (arrow) {
    const [x, y] = arrow as [number, number];
    // As if the picture were pushed that way.
    return shift ? panned(camera, x * KEY_PAN, y * KEY_PAN, height) : orbited(camera, -x * KEY_TURN, y * KEY_TURN);
  }
  if (key === '+' || key === '=') return zoomed(camera, KEY_ZOOM);
  if (key === '-' || key === '_') return zoomed(camera, 1 / KEY_ZOOM);
  return key === 'Home' ? HOME : undefined;
}
