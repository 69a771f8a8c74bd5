import type { AccuracyPair } from '../../src/eval/stats.ts';
import { UserError } from '../../src/gpu/errors.ts';
import { privateFolder, privateFolderIfThere, unlessMissing } from '../../src/gpu/opfs.browser.ts';
import { EVALUATION_FILES } from '../../src/train/experiment.ts';
import type { StepRow } from '../../src/train/metrics.ts';
import { readRun, readRunHead } from '../../src/train/read_run.ts';
import { RUN_FILES, type RunStore } from '../../src/train/rundir.ts';
import { fileIn, filesOf, opfsStore } from './opfs_store.ts';
import { type GivenFile, runFilesOf } from './run_files.ts';

/** A run as a list shows it. */
export interface RunInfo {
  readonly name: string;
  /** When something of it was written last, in milliseconds since 1970. */
  readonly date: number;
  readonly bytes: number;
  /** What the model was called. */
  readonly model: string;
  /** Of the model, as vectors carry it; undefined before the first checkpoint. */
  readonly identity: string | undefined;
  readonly reward: string;
  readonly seed: number;
  readonly steps: number;
  readonly maxSteps: number;
  readonly base: AccuracyPair | undefined;
  readonly steered: AccuracyPair | undefined;
  /** Whether all of it is done: the report is written. */
  readonly finished: boolean;
  /** Why it cannot be read. */
  readonly problem?: string;
}

/** Names of files that a run folder may hold: those of `RUN_FILES`, evaluations, and the problems that came from a file. */
const NAMES: ReadonlySet<string> = new Set([
  ...Object.values(RUN_FILES),
  ...Object.values(EVALUATION_FILES),
  'held-out.json',
  'problems-train.jsonl',
  'problems-test.jsonl',
]);

/** Runs of training in the page's own storage: `runs/NAME/` has the files of a run folder that the command line writes. */
export class Runs {
  /** All runs, the one that was written last first. */
  async list(): Promise<RunInfo[]> {
    const root = await privateFolder('runs');
    const runs: RunInfo[] = [];
    for await (const handle of root.values()) {
      if (handle.kind !== 'directory') continue;
      const info = await infoOf(handle as FileSystemDirectoryHandle);
      if (info) runs.push(info);
    }
    return runs.sort((a, b) => b.date - a.date);
  }

  /** A run's folder, made where it is not there. */
  async store(name: string): Promise<RunStore> {
    return opfsStore(await privateFolder('runs', name), `runs/${name}`);
  }

  /** @throws UserError where there is no such run */
  async existing(name: string): Promise<RunStore> {
    return opfsStore(await this.#folder(name), `runs/${name}`);
  }

  /** A name that no run has: the wish itself, or with a number behind it. */
  async freeName(wish: string): Promise<string> {
    const root = await privateFolder('runs');
    const base = wish.replace(/[^\w.-]+/g, '-').replace(/^[.-]+/, '') || 'run';
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? base : `${base}-${number}`;
      if (!(await unlessMissing(root.getDirectoryHandle(name)))) return name;
    }
  }

  /** A run's rows of metrics. */
  async metrics(name: string): Promise<readonly StepRow[]> {
    return (await readRun(await this.existing(name))).metrics;
  }

  /** Deletes a run. @throws UserError while it is being written */
  async delete(name: string): Promise<void> {
    await this.locked(name, async () => {
      const root = await privateFolder('runs');
      await unlessMissing(root.removeEntry(name, { recursive: true }));
    });
  }

  /** Keeps other tabs out of a run while `work` writes it. @throws UserError where another has it */
  async locked<T>(name: string, work: () => Promise<T>): Promise<T> {
    return navigator.locks.request(`trimtab run ${name}`, { ifAvailable: true }, async (lock) => {
      if (lock) return work();
      throw new UserError(`Run ${name} is being written, by this tab or another: pause it there first.`);
    }) as Promise<T>;
  }

  /** A run folder as a zip archive, the files in a folder of the run's name. */
  async zip(name: string): Promise<Blob> {
    const { zipOf } = await import('./zip.ts');
    return zipOf(name, await this.#files(name));
  }

  /** Writes a run as a folder of its name into a folder of this computer. */
  async saveInto(name: string, into: FileSystemDirectoryHandle): Promise<void> {
    const target = await into.getDirectoryHandle(name, { create: true });
    for (const file of await this.#files(name)) {
      const stream = await (await target.getFileHandle(file.name, { create: true })).createWritable();
      await stream.write(file);
      await stream.close();
    }
  }

  /** One file of a run; undefined where the run has not written it. */
  async file(name: string, file: string): Promise<Blob | undefined> {
    const folder = await privateFolderIfThere('runs', name);
    return folder && fileIn(folder, file);
  }

  /**
   * Copies a run folder, of this page or of the command line, into the page's storage.
   * @param given the folder's files, or one zip archive of them
   * @returns the name that it has here
   * @throws UserError for what is no run folder, or a broken one, naming file and line: nothing is kept of it
   */
  async add(given: FileSystemDirectoryHandle | readonly GivenFile[]): Promise<string> {
    const { name: wish, files } = await runFilesOf(given);
    const name = await this.freeName(wish);
    return this.locked(name, async () => {
      const store = await this.store(name);
      try {
        for (const file of files) if (NAMES.has(file.name)) await store.writeAtomic(file.name, file.bytes);
        await readRun({ ...store, where: wish, list: async () => files.map((file) => file.name) });
      } catch (error) {
        const root = await privateFolder('runs');
        await root.removeEntry(name, { recursive: true });
        throw error;
      }
      return name;
    });
  }

  async #files(name: string): Promise<File[]> {
    return filesOf(await this.#folder(name));
  }

  async #folder(name: string): Promise<FileSystemDirectoryHandle> {
    const folder = await privateFolderIfThere('runs', name);
    if (!folder) throw new UserError(`There is no run ${name} any more: it was deleted.`);
    return folder;
  }
}

/** Undefined for a folder in which a run has not even begun. */
async function infoOf(folder: FileSystemDirectoryHandle): Promise<RunInfo | undefined> {
  const files = await filesOf(folder);
  if (files.length === 0) return undefined;
  const { name } = folder;
  const common = {
    name,
    date: Math.max(...files.map((file) => file.lastModified)),
    bytes: files.reduce((sum, file) => sum + file.size, 0),
  };
  try {
    const { config, checkpoint, summary, base, steered } = await readRunHead(opfsStore(folder, `runs/${name}`));
    return {
      ...common,
      model: config.model ?? 'a model without a name',
      identity: checkpoint?.model,
      reward: config.reward,
      seed: config.seed,
      steps: checkpoint?.step ?? summary?.steps ?? 0,
      maxSteps: config.max_steps,
      base: summary?.base ?? accuracies(base),
      steered: summary?.steered ?? accuracies(steered),
      finished: summary !== undefined && summary.steps >= config.max_steps,
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const unknown = { model: '', identity: undefined, reward: '', seed: 0, steps: 0, maxSteps: 0, finished: false };
    return { ...common, ...unknown, base: undefined, steered: undefined, problem: error.message };
  }
}

/** Without the figures of an evaluation that are not accuracies. */
export function accuracies(pair: Partial<AccuracyPair> | undefined): AccuracyPair | undefined {
  if (!pair?.greedy || !pair.sampled) return undefined;
  const only = ({ accuracy, lo, hi, n }: AccuracyPair['greedy']) => ({ accuracy, lo, hi, n });
  return { greedy: only(pair.greedy), sampled: only(pair.sampled) };
}
