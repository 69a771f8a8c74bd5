import type { Cost } from '../src/gpu/kernel.ts';
import type { Timing } from '../src/gpu/timing.ts';
import type { Roofline } from '../src/kernels/measure_roofline.ts';

/** One line of the results; figures are null where the row was not run. */
export interface Row {
  /** Kernel, comparison or end-to-end name; rows that compare implementations share it. */
  readonly name: string;
  /** `trimtab`, or the peer's name. */
  readonly impl: string;
  readonly shape: string;
  /** Of the weights, where there are any; everything else is f32. */
  readonly dtype: string;
  /** Kernels: those that one execution dispatched, such as the variant of a product. */
  readonly variant?: string;
  /** Milliseconds of one execution: the median. */
  readonly ms: number | null;
  readonly gflops: number | null;
  readonly gbps: number | null;
  /** Share of what the measured roofline allows for this many operations and bytes; cached data can exceed 1. */
  readonly roofline: number | null;
  readonly median?: number;
  readonly p25?: number;
  readonly p75?: number;
  readonly repeats?: number;
  readonly method?: Timing['method'];
  readonly adapter: string;
  /** Why the row was not run. */
  readonly skipped?: string;
  readonly note?: string;
  /** End to end: GPU time of all dispatches together, in one run that timestamps each. */
  readonly gpu_ms?: number;
  /** End to end: tokens that the row is about, in one second. */
  readonly tokens_per_second?: number;
  /** Training passes: the median over that of `forward`, measured in turns with it. */
  readonly ratio_to_forward?: number;
  /** `record`: host time of recording, a dispatch, and over the whole time of what is recorded. */
  readonly record_us_per_dispatch?: number;
  readonly record_share?: number;
  /** The same ratio of the operations of the shapes; the times' may be below it, where the forward pass has a lower rate. */
  readonly floor?: number;
  /** Decoding: time of the pass's products alone over that of the whole pass, turn by turn: median and quartiles. */
  readonly product_share?: number;
  readonly product_share_p25?: number;
  readonly product_share_p75?: number;
  /** Sweeps: which of the lines over the swept value the row is a point of, and the value. */
  readonly line?: string;
  readonly value?: number;
  /** trimtab's row where it is compared: the median of the fastest peer over its own. */
  readonly speedup?: number;
  /** The same over the fastest peer that is JavaScript throughout: onnxruntime is native code. */
  readonly speedup_javascript?: number;
  /** Largest error against f64, relative to the largest value: of kernels where the reference is cheap, of implementations compared. */
  readonly error?: number;
}

export type Extra = Partial<
  Pick<
    Row,
    | 'note'
    | 'variant'
    | 'gpu_ms'
    | 'tokens_per_second'
    | 'ratio_to_forward'
    | 'floor'
    | 'product_share'
    | 'product_share_p25'
    | 'product_share_p75'
    | 'speedup'
    | 'error'
    | 'record_us_per_dispatch'
    | 'record_share'
    | 'line'
    | 'value'
  >
>;

/** How the reason of a row begins that should have run. */
export const FAILED = 'failed';

export function failure(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return `${FAILED}: ${message.split('\n')[0]}`;
}

/** Makes rows that know the adapter and its roofline. */
export class Rows {
  readonly adapter: string;
  readonly roofline: Pick<Roofline, 'gflops' | 'gbps'>;

  constructor(adapter: string, roofline: Pick<Roofline, 'gflops' | 'gbps'>) {
    this.adapter = adapter;
    this.roofline = roofline;
  }

  /** Milliseconds below which the roofline says that this cannot be done. */
  leastMs(cost: Cost): number {
    return Math.max(cost.flops / this.roofline.gflops, cost.bytes / this.roofline.gbps) / 1e6;
  }

  timed(id: Pick<Row, 'name' | 'impl' | 'shape' | 'dtype'>, timing: Timing, cost?: Cost, extra: Extra = {}): Row {
    const { median, p25, p75, repeats, method } = timing;
    const rate = (amount: number | undefined) => (amount === undefined ? null : amount / median / 1e6);
    return {
      ...id,
      ms: median,
      gflops: rate(cost?.flops),
      gbps: rate(cost?.bytes),
      roofline: cost ? this.leastMs(cost) / median : null,
      median,
      p25,
      p75,
      repeats,
      method,
      adapter: this.adapter,
      ...extra,
    };
  }

  skipped(id: Pick<Row, 'name' | 'impl' | 'shape' | 'dtype'>, reason: string): Row {
    return { ...id, ms: null, gflops: null, gbps: null, roofline: null, adapter: this.adapter, skipped: reason };
  }
}
