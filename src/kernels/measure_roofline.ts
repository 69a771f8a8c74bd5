import { now } from '#platform';
import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import type { Cost } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { costOf, type Launches, type Timing, timeRecording, timing } from '../gpu/timing.ts';
import { COPY_WIDTHS, rooflineCopy, rooflineEmpty, rooflineMultiplyAdd } from './roofline.ts';

interface RooflineRow extends Cost {
  readonly name: string;
  readonly shape: string;
  readonly dtype: 'f32' | 'f16';
  readonly timing: Timing;
}

/** What the adapter reaches with kernels that do one thing only. */
export interface Roofline {
  /** GFLOP/s of f32 multiply-adds in registers. */
  readonly gflops: number;
  /** The same in f16, where the adapter has it. */
  readonly f16Gflops?: number | undefined;
  /** GB/s, read and written together, of copying what no cache holds. */
  readonly gbps: number;
  /** Microseconds that one more dispatch of next to nothing takes within a pass. */
  readonly launchUs: number;
  /** Microseconds that the host spends to record and submit one pass with one dispatch. */
  readonly submitUs: number;
  /** Milliseconds from asking for four bytes to having them, the GPU being idle. */
  readonly readbackMs: number;
  readonly rows: readonly RooflineRow[];
}

/** Bytes of the copied array: beyond the caches, within the binding. */
const COPY_BYTES = { software: 64 * 2 ** 20, hardware: 256 * 2 ** 20 };
const LEAST_COPY_BYTES = 2 ** 20;

const REPEATS = 8;
/** Dispatches of a pass, and passes, that the costs of launches, submits and readbacks are measured by. */
const LAUNCHES = 256;
const SUBMITS = 64;
const ROUNDS = 24;

const measured = new WeakMap<Device, Promise<Roofline>>();

/** Measures a device once; the answer is kept as long as the device is. Nothing else may use or profile it meanwhile. */
export function measureRoofline(device: Device): Promise<Roofline> {
  let roofline = measured.get(device);
  if (!roofline) {
    roofline = measure(device);
    roofline.catch(() => measured.delete(device));
    measured.set(device, roofline);
  }
  return roofline;
}

/**
 * Measures a device once more: its roofs are the highest that were seen since it was opened, for whatever else the machine did
 * meanwhile only lowers them. As `measureRoofline` otherwise, which has the answer from then on.
 */
export async function measureRooflineAgain(device: Device): Promise<Roofline> {
  const before = await measured.get(device)?.catch(() => undefined);
  const now = await measure(device);
  const best = before
    ? { ...now, gflops: Math.max(before.gflops, now.gflops), gbps: Math.max(before.gbps, now.gbps) }
    : now;
  measured.set(device, Promise.resolve(best));
  return best;
}

async function measure(device: Device): Promise<Roofline> {
  const copies = await copyRows(device);
  const f32 = await arithmeticRow(device, 'f32');
  const f16 = device.caps.f16 ? await arithmeticRow(device, 'f16') : undefined;
  const { launch, submit, readback } = await hostRows(device);
  const best = copies.reduce((a, b) => (b.timing.fastest < a.timing.fastest ? b : a));
  // The fastest, not the median: a roof is what can be reached.
  const rate = ({ flops, timing }: RooflineRow) => flops / timing.fastest / 1e6;
  return {
    gflops: rate(f32),
    f16Gflops: f16 && rate(f16),
    gbps: best.bytes / best.timing.fastest / 1e6,
    launchUs: 1000 * launch.timing.median,
    submitUs: 1000 * submit.timing.median,
    readbackMs: readback.timing.median,
    rows: [best, f32, ...(f16 ? [f16] : []), launch, submit, readback],
  };
}

async function copyRows(device: Device): Promise<RooflineRow[]> {
  const [inp, out] = copyTensors(device);
  try {
    const rows: RooflineRow[] = [];
    for (const width of COPY_WIDTHS) {
      const shape = `${inp.bytes / 2 ** 20} MiB, ${width} bytes a lane`;
      rows.push(await row(device, 'roofline_copy', shape, 'f32', (rec) => rooflineCopy(rec, { inp, out }, width)));
    }
    return rows;
  } finally {
    device.arena.free(inp);
    device.arena.free(out);
  }
}

/** As large as they should be, or as the memory budget leaves room for. */
function copyTensors({ arena, caps }: Device): [Tensor, Tensor] {
  const wanted = caps.isSoftware ? COPY_BYTES.software : COPY_BYTES.hardware;
  for (let bytes = Math.floor(Math.min(wanted, arena.largestTensor) / 64) * 64; ; ) {
    let inp: Tensor | undefined;
    try {
      inp = arena.alloc([bytes / 4], 'f32', 'copied');
      return [inp, arena.alloc([bytes / 4], 'f32', 'copy')];
    } catch (error) {
      arena.free(inp);
      arena.trim();
      if (!(error instanceof UserError) || bytes < 2 * LEAST_COPY_BYTES) throw error;
      bytes = Math.floor(bytes / 128) * 64;
    }
  }
}

async function arithmeticRow(device: Device, dtype: 'f32' | 'f16'): Promise<RooflineRow> {
  const { arena, caps } = device;
  const lanes = caps.isSoftware ? 2 ** 14 : 2 ** 20;
  const steps = caps.isSoftware ? 16 : 500;
  const out = arena.alloc([lanes], 'f32', 'sums');
  try {
    const shape = `${lanes} lanes, ${steps} steps`;
    return await row(device, 'roofline_multiply_add', shape, dtype, (rec) =>
      rooflineMultiplyAdd(rec, { out }, { steps, dtype }),
    );
  } finally {
    arena.free(out);
  }
}

/** One launch, the host's part of a submit, and a readback, by the clock: the GPU is idle before each. */
async function hostRows(device: Device) {
  const out = device.arena.alloc([1], 'f32', 'value');
  const rec = device.recorder();
  const pass = async (launches: number) => {
    for (let i = 0; i < launches; i++) rooflineEmpty(rec, { out }, i);
    const from = now();
    rec.submit();
    await device.sync();
    return now() - from;
  };
  // Many, because a page's clock may be coarse.
  const submits = async () => {
    const from = now();
    for (let i = 0; i < SUBMITS; i++) {
      rooflineEmpty(rec, { out }, i);
      rec.submit();
    }
    const took = (now() - from) / SUBMITS;
    await device.sync();
    return took;
  };
  const launch: number[] = [];
  const submit: number[] = [];
  const readback: number[] = [];
  try {
    await pass(2 * LAUNCHES);
    await device.read(out);
    for (let i = 0; i < ROUNDS; i++) {
      const short = await pass(LAUNCHES);
      launch.push(Math.max(1e-6, ((await pass(2 * LAUNCHES)) - short) / LAUNCHES));
      submit.push(await submits());
      const from = now();
      await device.read(out);
      readback.push(now() - from);
    }
  } finally {
    device.arena.free(out);
  }
  const of = (name: string, shape: string, samples: readonly number[]): RooflineRow => {
    return { name, shape, dtype: 'f32', timing: timing(samples, 'wall'), flops: 0, bytes: 0 };
  };
  return {
    launch: of('roofline_launch', 'one workgroup, within a pass', launch),
    submit: of('roofline_submit', 'one dispatch, recorded and submitted, host only', submit),
    readback: of('roofline_readback', '4 bytes', readback),
  };
}

async function row(
  device: Device,
  name: string,
  shape: string,
  dtype: 'f32' | 'f16',
  record: Launches,
): Promise<RooflineRow> {
  const cost = costOf(device, record);
  const timing = await timeRecording(device, record, REPEATS);
  return { name, shape, dtype, timing, ...cost };
}
