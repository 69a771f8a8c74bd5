import type { Device } from '../src/gpu/device.ts';
import type { Cost } from '../src/gpu/kernel.ts';
import { COPY_WIDTHS, rooflineCopy, rooflineMultiplyAdd } from '../src/kernels/roofline.ts';
import { costOf, type Recording, type Timing, timeRecording } from './measure.ts';

/** What the adapter reaches with kernels that do one thing only. */
export interface Roofline {
  /** GFLOP/s of multiply-adds in registers. */
  readonly gflops: number;
  /** GB/s, read and written together, of copying what no cache holds. */
  readonly gbps: number;
  readonly rows: readonly (Cost & { name: string; shape: string; timing: Timing })[];
}

/** Bytes of the copied array: beyond the caches, within the binding. */
const COPY_BYTES = { software: 64 * 2 ** 20, hardware: 256 * 2 ** 20 };

const REPEATS = 8;

export async function measureRoofline(device: Device): Promise<Roofline> {
  const copies = await copyRows(device);
  const arithmetic = await arithmeticRow(device);
  const best = copies.reduce((a, b) => (b.timing.fastest < a.timing.fastest ? b : a));
  return {
    // The fastest, not the median: a roof is what can be reached.
    gflops: arithmetic.flops / arithmetic.timing.fastest / 1e6,
    gbps: best.bytes / best.timing.fastest / 1e6,
    rows: [best, arithmetic],
  };
}

async function copyRows(device: Device) {
  const { arena, caps } = device;
  const wanted = caps.isSoftware ? COPY_BYTES.software : COPY_BYTES.hardware;
  const bytes = Math.floor(Math.min(wanted, caps.maxBinding, caps.maxBuffer) / 64) * 64;
  const inp = arena.alloc([bytes / 4], 'f32', 'copied');
  const out = arena.alloc([bytes / 4], 'f32', 'copy');
  try {
    const rows = [];
    for (const width of COPY_WIDTHS) {
      const shape = `${bytes / 2 ** 20} MiB, ${width} bytes a lane`;
      rows.push(await row(device, 'roofline_copy', shape, (rec) => rooflineCopy(rec, { inp, out }, width)));
    }
    return rows;
  } finally {
    arena.free(inp);
    arena.free(out);
  }
}

async function arithmeticRow(device: Device) {
  const { arena, caps } = device;
  const lanes = caps.isSoftware ? 2 ** 14 : 2 ** 20;
  const steps = caps.isSoftware ? 16 : 500;
  const out = arena.alloc([lanes], 'f32', 'sums');
  try {
    const shape = `${lanes} lanes, ${steps} steps`;
    return await row(device, 'roofline_multiply_add', shape, (rec) => rooflineMultiplyAdd(rec, { out }, { steps }));
  } finally {
    arena.free(out);
  }
}

async function row(device: Device, name: string, shape: string, record: Recording) {
  const cost = costOf(device, record);
  const timing = await timeRecording(device, record, REPEATS);
  return { name, shape, timing, ...cost };
}
