import type { Family } from '../../bench/families.ts';
import type { Row } from '../../bench/row.ts';
import { version } from '../../package.json';
import { measureRooflineAgain, type Roofline } from '../../src/kernels/measure_roofline.ts';
import type { Session } from './session.ts';

/** The kernels of one family. */
export interface FamilyOffer {
  readonly family: string;
  readonly kernels: readonly { readonly name: string /** Of one model. */; readonly rows: number }[];
}

export interface BenchOffer {
  readonly families: readonly FamilyOffer[];
  /** Models whose shapes can be measured: the name on the command line, and the model's. */
  readonly shapes: Readonly<Record<string, string>>;
}

export interface BenchRequest {
  readonly kernels: readonly string[];
  /** Names of `BenchOffer.shapes`. */
  readonly shapes: readonly string[];
}

/** What a file of results begins with, as that of `trimtab bench --out`. */
export interface PageEnvironment {
  readonly name: 'environment';
  readonly date: string;
  readonly adapter: string;
  readonly trimtab: string;
  readonly browser: string;
}

export interface BenchEvents {
  begun(environment: PageEnvironment): void;
  /** Rows that are measured, of about how many, and what comes now. */
  progress(done: number, total: number, what: string): void;
  roofline(roofline: Pick<Roofline, 'gflops' | 'gbps'>): void;
  row(row: Row): void;
}

/** The kernels' microbenchmarks. What they are made of is loaded with the first use. */
export class Benchmarks {
  readonly #session: Session;
  #offer: Promise<BenchOffer> | undefined;
  #stop = new AbortController();

  constructor(session: Session) {
    this.#session = session;
  }

  offer(): Promise<BenchOffer> {
    this.#offer ??= offer();
    this.#offer.catch(() => {
      this.#offer = undefined;
    });
    return this.#offer;
  }

  /**
   * Measures the roofline and then the kernels, each compared with its reference first where that is cheap.
   *
   * @returns false where it was stopped
   * @throws UserError while a run trains
   */
  async run(request: BenchRequest, events: BenchEvents): Promise<boolean> {
    const stop = new AbortController();
    this.#stop = stop;
    return this.#session.turn.hold('measuring kernels', () => this.#run(request, events, stop.signal));
  }

  /** Ends the run after the row that is being measured. */
  stop(): void {
    this.#stop.abort();
  }

  async #run(request: BenchRequest, events: BenchEvents, signal: AbortSignal): Promise<boolean> {
    const [{ FAMILIES, SHAPES }, { caseRow }, { Rows }, { families }] = await Promise.all([
      import('../../bench/families.ts'),
      import('../../bench/case_rows.ts'),
      import('../../bench/row.ts'),
      this.offer(),
    ]);
    const { device } = this.#session;
    const { adapter } = device.caps;
    const wanted = new Set(request.kernels);
    const about = (family: Family) =>
      (families.find((offered) => offered.family === family.name)?.kernels ?? [])
        .filter(({ name }) => wanted.has(name))
        .reduce((sum, { rows }) => sum + rows, 0);
    const parts = request.shapes.flatMap((name) => {
      const model = SHAPES[name];
      if (!model) throw new Error(`there are no shapes ${name}`);
      return FAMILIES.filter((family) => about(family) > 0).map((family) => ({ family, model, rows: about(family) }));
    });
    let total = parts.reduce((sum, { rows }) => sum + rows, 0);
    let done = 0;
    const date = new Date().toISOString();
    events.begun({ name: 'environment', date, adapter, trimtab: version, browser: navigator.userAgent });
    events.progress(0, total, 'the roofline');
    const roofline = await measureRooflineAgain(device);
    events.roofline({ gflops: roofline.gflops, gbps: roofline.gbps });
    const rows = new Rows(adapter, roofline);
    for (const { family, model, rows: expected } of parts) {
      if (signal.aborted) return false;
      const cases = (await family.cases([model])).filter(({ kernel }) => wanted.has(kernel));
      total += cases.length - expected;
      for (const c of cases) {
        if (signal.aborted) return false;
        events.progress(done, total, `${c.kernel} ${c.shape}`);
        events.row(await caseRow(device, rows, c, false));
        done++;
      }
      device.arena.trim();
    }
    events.progress(total, total, '');
    return true;
  }
}

async function offer(): Promise<BenchOffer> {
  const { FAMILIES, SHAPES } = await import('../../bench/families.ts');
  const families: FamilyOffer[] = [];
  for (const { name, cases } of FAMILIES) {
    const counts = new Map<string, number>();
    const [smallest] = Object.values(SHAPES);
    if (!smallest) break;
    for (const { kernel } of await cases([smallest])) counts.set(kernel, (counts.get(kernel) ?? 0) + 1);
    if (counts.size === 0) continue;
    families.push({ family: name, kernels: [...counts].map(([kernel, rows]) => ({ name: kernel, rows })) });
  }
  const shapes = Object.fromEntries(Object.entries(SHAPES).map(([name, model]) => [name, model.name]));
  return { families, shapes };
}
