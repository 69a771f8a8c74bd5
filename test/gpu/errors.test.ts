import { afterEach, describe, expect, it } from 'vitest';
import { GpuError } from '../../src/gpu/errors.ts';
import { defineKernel } from '../../src/gpu/kernel.ts';
import { testDevice } from '../setup/device.ts';
import { addBias } from './kernels.ts';

const broken = defineKernel({
  name: 'test_broken',
  source: `@compute @workgroup_size(1)
fn main() {
  let a = 1.0;
  out[0] = a + b;
  out[1] = a;
}`,
  entry: 'main',
  bindings: { out: 'read_write array<f32>' },
  params: {},
  workgroup: 1,
  cost: () => ({ flops: 0, bytes: 0 }),
});

describe('errors', async () => {
  const device = await testDevice();
  const { arena } = device;

  afterEach(() => expect(arena.live()).toEqual([]));

  async function failure(work: () => Promise<unknown>): Promise<Error> {
    return work().then(
      () => expect.fail('it did not fail'),
      (error) => error as Error,
    );
  }

  it('shows a compile error at its line with the source around it, each time the kernel is used', async () => {
    const out = arena.alloc([2]);
    for (let attempt = 0; attempt < 2; attempt++) {
      const rec = device.recorder();
      rec.dispatch(broken, { out }, {}, [1, 1, 1]);
      rec.submit();
      const error = await failure(() => device.sync());
      expect(error).toBeInstanceOf(GpuError);
      expect(error.message).toContain('test_broken did not compile');
      expect(error.message).toContain('--dump-wgsl');
      expect(error.message).toMatch(/^line \d+: .*'b'/m);
      expect(error.message).toMatch(
        /^ +\d+ \| {3}let a = 1\.0;\n> +\d+ \| {3}out\[0\] = a \+ b;\n +\d+ \| {3}out\[1\] = a;$/m,
      );
      await device.sync();
    }
    arena.free(out);
  });

  it('rejects the read that follows a refused command, and then goes on', async () => {
    const t = device.upload(Float32Array.of(1, 2), [2]);
    const rec = device.recorder();
    rec.dispatch(addBias, { inp: t, out: t }, { n: 2 }, [2, 1, 1]);
    rec.submit();
    const error = await failure(() => device.read(t));
    expect(error).toBeInstanceOf(GpuError);
    expect(error.message).toContain('The GPU refused a command');
    expect(await device.read(t)).toEqual(Float32Array.of(1, 2));
    arena.free(t);
  });

  it('refuses a kernel whose feature the adapter lacks, naming both', async () => {
    const bare = await testDevice({ without: ['f16', 'subgroups', 'timestamp'] });
    expect(bare.caps).toMatchObject({ f16: false, subgroups: false, timestamp: false });
    const needy = defineKernel({ ...addBias, name: 'test_needs_subgroups', features: ['subgroups'] });
    const t = bare.arena.alloc([2]);
    const launch = () => bare.recorder().dispatch(needy, { inp: t, out: t }, { n: 2 }, [2, 1, 1]);
    expect(launch).toThrow(`test_needs_subgroups needs subgroups, which ${bare.caps.adapter} does not offer`);
  });

  it('throws what was lost with the device', async () => {
    const other = await testDevice({});
    const t = other.upload(Float32Array.of(1), [1]);
    other.destroy();
    await failure(() => other.read(t));
  });
});
