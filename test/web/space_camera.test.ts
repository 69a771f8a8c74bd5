import { describe, expect, it } from 'vitest';
import {
  type Camera,
  eyeOf,
  HOME,
  nearest,
  orbited,
  panned,
  placeOf,
  viewProjection,
  zoomed,
} from '../../web/views/inside/space_camera.ts';

const FRONT: Camera = { yaw: 0, pitch: 0, distance: 4, target: [0, 0, 0] };
const [WIDTH, HEIGHT] = [800, 500];
const placed = (camera: Camera, point: [number, number, number], width = WIDTH) =>
  placeOf(viewProjection(camera, width / HEIGHT), point, width, HEIGHT);

describe('the camera of the 3D view', () => {
  it('has its target in the middle, x to the right and y upwards', () => {
    expect(placed(FRONT, [0, 0, 0])).toMatchObject({ x: WIDTH / 2, y: HEIGHT / 2 });
    expect(placed(FRONT, [0, 0, 0])?.depth).toBeCloseTo(4, 5);
    expect(placed(FRONT, [0.5, 0, 0])?.x).toBeGreaterThan(WIDTH / 2);
    expect(placed(FRONT, [0, 0.5, 0])?.y).toBeLessThan(HEIGHT / 2);
    expect(placed(FRONT, [0, 0, 1])?.depth).toBeCloseTo(3, 5);
  });

  it('maps depth to WebGPU’s 0 to 1', () => {
    const matrix = viewProjection(FRONT, 1);
    const depthAt = (z: number) => {
      const at = (row: number) => (matrix[8 + row] as number) * z + (matrix[12 + row] as number);
      return at(2) / at(3);
    };
    expect(depthAt(4 - 0.02)).toBeCloseTo(0, 4);
    expect(depthAt(4 - 40)).toBeCloseTo(1, 4);
  });

  it('shows the whole ball of radius 1 at first, in a narrow picture too', () => {
    for (const width of [320, 500, 1600]) {
      for (const point of [
        [1, 0, 0],
        [-1, 0, 0],
        [0, 1, 0],
        [0, -1, 0],
        [0, 0, 1],
        [0, 0, -1],
      ] as [number, number, number][]) {
        const place = placed(HOME, point, width);
        expect(place?.x).toBeGreaterThan(0);
        expect(place?.x).toBeLessThan(width);
        expect(place?.y).toBeGreaterThan(0);
        expect(place?.y).toBeLessThan(HEIGHT);
      }
    }
  });

  it('orbits at the same distance, and not over the pole', () => {
    const turned = orbited(FRONT, Math.PI / 2, 0.5);
    expect(Math.hypot(...eyeOf(turned))).toBeCloseTo(4, 6);
    expect(eyeOf(orbited(FRONT, Math.PI / 2, 0))[0]).toBeCloseTo(4, 6);
    const steep = orbited(FRONT, 0, 100);
    expect(steep.pitch).toBeLessThan(Math.PI / 2);
    expect(placed(steep, [0.5, 0, 0])?.x).toBeGreaterThan(WIDTH / 2);
  });

  it('keeps what was taken hold of under the hand while it pans', () => {
    const camera = orbited(FRONT, 0.7, 0.4);
    const before = placed(camera, [0, 0, 0]);
    const after = placed(panned(camera, 30, -20, HEIGHT), [0, 0, 0]);
    expect((after?.x as number) - (before?.x as number)).toBeCloseTo(30, 3);
    expect((after?.y as number) - (before?.y as number)).toBeCloseTo(-20, 3);
  });

  it('zooms by a factor, between its limits', () => {
    expect(zoomed(FRONT, 2).distance).toBe(2);
    expect(zoomed(zoomed(FRONT, 1e9), 1e-9).distance).toBeLessThan(20);
    expect(zoomed(FRONT, 1e9).distance).toBeGreaterThan(0);
  });

  it('has no place for what is behind the eye', () => {
    expect(placed(FRONT, [0, 0, 5])).toBeUndefined();
  });

  it('picks the nearest point within reach, and of two in one place the one in front', () => {
    const at = (x: number, y: number, depth: number) => ({ x, y, depth });
    expect(nearest([at(10, 10, 3), at(40, 10, 3), undefined], 37, 12, 15)).toBe(1);
    expect(nearest([at(10, 10, 3), at(40, 10, 3)], 25, 100, 15)).toBeUndefined();
    expect(nearest([at(10, 10, 3), at(10, 10, 2)], 11, 10, 15)).toBe(1);
  });
});
