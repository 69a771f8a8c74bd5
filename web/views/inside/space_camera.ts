import { mat4, type ReadonlyVec3, vec3, vec4 } from 'gl-matrix';

/** A camera that looks at a point from some way off. Lengths are the scene's: what is drawn fits a ball of radius 1. */
export interface Camera {
  /** Radians around the vertical axis; 0 looks along −z. */
  readonly yaw: number;
  /** Radians above the horizon. */
  readonly pitch: number;
  readonly distance: number;
  readonly target: readonly [number, number, number];
}

/** Where the scene is seen from at first: a little from the side and from above, all of it in the picture. */
export const HOME: Camera = { yaw: 0.6, pitch: 0.38, distance: 2.85, target: [0, 0, 0] };

/** Vertical angle of view. */
const FIELD = (42 * Math.PI) / 180;
const NEAR = 0.02;
const FAR = 40;
/** Just short of the pole, where left and right would change places. */
const STEEPEST = Math.PI / 2 - 0.01;
const NEAREST = 0.15;
const FARTHEST = 12;
/** The target stays where something is drawn. */
const STRAY = 1.5;

export function orbited(camera: Camera, yaw: number, pitch: number): Camera {
  return {
    ...camera,
    yaw: (camera.yaw + yaw) % (2 * Math.PI),
    pitch: clamp(camera.pitch + pitch, -STEEPEST, STEEPEST),
  };
}

/** Above 1 comes nearer. */
export function zoomed(camera: Camera, factor: number): Camera {
  return { ...camera, distance: clamp(camera.distance / factor, NEAREST, FARTHEST) };
}

/** Moves what is at the target by so many pixels of a picture that is `height` high: right and down. */
export function panned(camera: Camera, dx: number, dy: number, height: number): Camera {
  const length = (2 * camera.distance * Math.tan(FIELD / 2)) / height;
  const { right, up } = directions(camera);
  const target = camera.target.map((x, i) =>
    clamp(x - dx * length * (right[i] as number) + dy * length * (up[i] as number), -STRAY, STRAY),
  );
  return { ...camera, target: target as [number, number, number] };
}

export function eyeOf(camera: Camera): [number, number, number] {
  const { back } = directions(camera);
  return camera.target.map((x, i) => x + camera.distance * (back[i] as number)) as [number, number, number];
}

/** From the scene to clip space with depth 0 to 1, as WebGPU has it. `aspect` is width over height. */
export function viewProjection(camera: Camera, aspect: number): Float32Array {
  // A narrow picture has the same angle across as a square one has upwards: nothing is cut off at the sides.
  const field = aspect < 1 ? 2 * Math.atan(Math.tan(FIELD / 2) / aspect) : FIELD;
  const projection = mat4.perspectiveZO(mat4.create(), field, aspect, NEAR, FAR);
  const view = mat4.lookAt(mat4.create(), eyeOf(camera), camera.target as unknown as vec3, [0, 1, 0]);
  return mat4.multiply(mat4.create(), projection, view) as Float32Array;
}

export interface Place {
  /** Pixels from the left and from the top. */
  readonly x: number;
  readonly y: number;
  /** Along the view, in the scene's lengths. */
  readonly depth: number;
}

/** Where a point is in a picture of `width` × `height`; undefined where it is behind the eye. */
export function placeOf(matrix: Float32Array, point: ReadonlyVec3, width: number, height: number): Place | undefined {
  const clip = vec4.transformMat4(
    vec4.create(),
    [point[0], point[1], point[2], 1] as unknown as vec4,
    matrix as unknown as mat4,
  );
  const [x, y, , w] = clip as unknown as [number, number, number, number];
  if (w < NEAR) return undefined;
  return { x: ((x / w + 1) / 2) * width, y: ((1 - y / w) / 2) * height, depth: w };
}

/** The point nearest to a place in the picture and no farther than `reach` pixels; of equals the one in front. */
export function nearest(
  places: readonly (Place | undefined)[],
  x: number,
  y: number,
  reach: number,
): number | undefined {
  let best: number | undefined;
  let least = reach;
  places.forEach((place, i) => {
    if (!place) return;
    // A pixel nearer counts as much as a tenth of the scene's radius in front.
    const away = Math.hypot(place.x - x, place.y - y);
    const cost = away + place.depth * 10;
    const bestPlace = best === undefined ? undefined : places[best];
    if (away <= reach && (!bestPlace || cost < least)) {
      best = i;
      least = cost;
    }
  });
  return best;
}

function directions({ yaw, pitch }: Camera): { right: vec3; up: vec3; back: vec3 } {
  const back = vec3.fromValues(Math.cos(pitch) * Math.sin(yaw), Math.sin(pitch), Math.cos(pitch) * Math.cos(yaw));
  const right = vec3.fromValues(Math.cos(yaw), 0, -Math.sin(yaw));
  return { right, up: vec3.cross(vec3.create(), back, right), back };
}

function clamp(x: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, x));
}
