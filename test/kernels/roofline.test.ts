import { describe, expect, it } from 'vitest';
import { measureRoofline, measureRooflineAgain } from '../../src/kernels/measure_roofline.ts';
import { cases } from '../cases/roofline.ts';
import { testDevice } from '../setup/device.ts';
import { describeCases } from './driver.ts';

const device = await testDevice();
describeCases('roofline', cases(device.caps));

describe('the measured roofline', () => {
  it('has every rate and cost of this adapter, is measured once, and leaves no tensor behind', async () => {
    const before = device.arena.live();
    const roofline = await measureRoofline(device);
    for (const value of [roofline.gflops, roofline.gbps, roofline.launchUs, roofline.submitUs, roofline.readbackMs])
      expect(value).toBeGreaterThan(0);
    expect(roofline.f16Gflops !== undefined).toBe(device.caps.f16);
    expect(await measureRoofline(device)).toBe(roofline);
    expect(device.arena.live()).toEqual(before);
  });

  it('keeps the highest roofs where it is measured again', async () => {
    const first = await measureRoofline(device);
    const again = await measureRooflineAgain(device);
    expect(again).not.toBe(first);
    expect(again.gflops).toBeGreaterThanOrEqual(first.gflops);
    expect(again.gbps).toBeGreaterThanOrEqual(first.gbps);
    expect(await measureRoofline(device)).toBe(again);
  });

  it('is measured without timestamps too, and on less memory than it would like', async () => {
    const poor = await testDevice({ without: ['timestamp'], memoryBudget: 8 * 2 ** 20 });
    const roofline = await measureRoofline(poor);
    expect(roofline.gbps).toBeGreaterThan(0);
    expect(roofline.rows[0]?.shape).toMatch(/^4 MiB|^2 MiB/);
  });
});
