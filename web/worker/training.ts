import { now } from '#platform';
import { type LensLayer, logitLens } from '../../src/eval/lens.ts';
import { UserError } from '../../src/gpu/errors.ts';
import { checkSteering, rowNorms, steeringScale } from '../../src/model/steering.ts';
import { loadCheckpoint } from '../../src/train/checkpoint.ts';
import { examplePairs, runExperiment, type Stage } from '../../src/train/experiment.ts';
import { readRun } from '../../src/train/read_run.ts';
import { RUN_FILES, type RunStore } from '../../src/train/rundir.ts';
import {
  chosenData,
  type DataChoice,
  type DataPreview,
  dataOfRun,
  hasOwnProblems,
  type Keys,
  previewData,
} from './run_data.ts';
import { type OpenedRun, type RunResult, recordOf, stepOf, type TrainingEvents, throttled } from './run_events.ts';
import { type MeasuredTime, measureTime, type Plan, planOf } from './run_plan.ts';
import { type PreparedRun, prepare } from './run_preparation.ts';
import { accuracies, type Runs } from './runs.ts';
import type { Session } from './session.ts';
import { withVectors } from './vectors.ts';

/** What the reader asks for: fields of the configuration as they were given, and the problems. */
export interface RunRequest {
  readonly config: Readonly<Record<string, unknown>>;
  readonly data: DataChoice;
}

/** What a model suggests to those who begin: its own configuration as YAML, and whether it brings problems. */
export interface ModelDefaults {
  readonly yaml: string | undefined;
  readonly hasProblems: boolean;
}

/** How a run ended: with everything done, or paused, in which case it goes on from `step`. */
export type RunEnd = ({ readonly state: 'finished' } & RunResult) | { readonly state: 'paused'; readonly step: number };

/** A run that has not begun. */
const NOTHING = { step: 0, rows: [], evaluations: [], base: undefined, steered: undefined, answered: [] } as const;

/** Training of vectors on the model that is loaded. It takes the GPU step by step: other views work in between. */
export class Training {
  readonly #session: Session;
  readonly #runs: Runs;
  /** Of the run that trains. */
  #pause: AbortController | undefined;

  constructor(session: Session, runs: Runs) {
    this.#session = session;
    this.#runs = runs;
  }

  async defaults(): Promise<ModelDefaults> {
    const { files } = this.#session;
    const own = files && 'open' in files ? await files.open('train.yaml') : undefined;
    const yaml = own && new TextDecoder().decode(await own.read(0, own.size));
    await own?.close();
    return { yaml, hasProblems: await hasOwnProblems(files) };
  }

  /** The first problems of a file. @throws UserError naming the row of what cannot be read */
  async preview(file: File, keys: Keys): Promise<DataPreview> {
    return previewData(file, keys);
  }

  /** What a run would take and learn from. @throws UserError for what cannot be trained so */
  async plan(request: RunRequest): Promise<Plan> {
    return planOf(this.#session.lm, await this.#prepared(request));
  }

  /** Times some passes on the GPU and says what follows from it for the run. */
  async measure(request: RunRequest): Promise<MeasuredTime> {
    const prepared = await this.#prepared(request);
    return this.#session.turn.hold('measuring the time of a run', () => measureTime(this.#session.lm, prepared));
  }

  /**
   * Trains a new run to its end, or until it is paused.
   * @throws UserError for what cannot be trained so, where storage is full, or while another run trains
   */
  async start(request: RunRequest, events: TrainingEvents): Promise<RunEnd> {
    return this.#session.turn.during('training', async () => {
      // A model that was asked for before is there then, and stays.
      const prepared = await this.#session.turn.take('training', () => this.#prepared(request));
      const { lm, config, data } = prepared;
      const name = await this.#runs.freeName(`${lm.name}-${config.reward}-seed${config.seed}`);
      return this.#runs.locked(name, async () => {
        const store = await this.#runs.store(name);
        for (const [file, content] of Object.entries(data.files)) await store.writeAtomic(file, content);
        return this.#train(name, store, prepared, false, events);
      });
    });
  }

  /**
   * Goes on with a run from its last checkpoint, to the same bytes as if it had never been interrupted.
   * @param changes fields that may differ: `max_steps`, so that it trains for longer
   * @param choice the problems, where neither the run's folder nor the model has them
   */
  async resume(
    name: string,
    events: TrainingEvents,
    changes: Readonly<Record<string, unknown>> = {},
    choice?: DataChoice,
  ): Promise<RunEnd> {
    return this.#session.turn.during('training', () =>
      this.#runs.locked(name, async () => {
        const store = await this.#runs.existing(name);
        const checkpoint = await loadCheckpoint(store);
        const { lm, files } = this.#session;
        if (checkpoint.model !== lm.model.identity) {
          throw new UserError(
            `Run ${name} was trained on ${checkpoint.config.model ?? 'another model'}, and ${lm.name} is loaded: load that model under Models, then resume.`,
          );
        }
        const given = { ...checkpoint.config, ...changes };
        const prepared = await this.#session.turn.take('training', () =>
          prepare(lm, given, (config) => dataOfRun(store, files, config, choice)),
        );
        return this.#train(name, store, prepared, true, events);
      }),
    );
  }

  /** Ends the run that trains after what the GPU is at; the last finished step is saved. */
  pause(): void {
    this.#pause?.abort();
  }

  /** A kept run as the page shows it; its vectors become the current ones, and are read where its model is loaded. */
  async open(name: string): Promise<OpenedRun> {
    const run = await readRun(await this.#runs.existing(name));
    const { steering, checkpoint, base, steered } = run;
    const loaded = this.#session.current();
    const modelHere = loaded !== undefined && loaded.identity === steering?.metadata.model;
    if (steering && modelHere) {
      const { lm } = this.#session;
      const where = `runs/${name}/${RUN_FILES.steering}`;
      checkSteering({ ...lm.model, name: lm.name }, steering, where);
      const scale = steeringScale(steering, where);
      const { vectors: values, numLayers: layers, hiddenSize } = steering;
      this.#session.vectors = { name, layers, hiddenSize, values, scale };
    }
    const untrained = (checkpoint?.step ?? run.metrics.length) === 0;
    return {
      ...recordOf(name, run),
      summary: run.summary,
      norms: steering && !untrained ? rowNorms(steering.vectors, steering.numLayers) : [],
      lens: steering && modelHere && !untrained ? await this.#lens(name) : [],
      examples: examplePairs(base, steered),
      modelIsLoaded: modelHere,
    };
  }

  async #lens(name: string): Promise<readonly LensLayer[]> {
    return this.#session.turn.take(`reading the vectors of ${name}`, async () => {
      const { lm, vectors } = this.#session;
      if (!vectors) return [];
      return withVectors(lm.model, vectors, 1, ({ tensor }) => logitLens(lm, tensor));
    });
  }

  async #prepared({ config, data }: RunRequest): Promise<PreparedRun> {
    const { lm, files } = this.#session;
    return prepare(lm, config, (parsed) => chosenData(data, files, parsed));
  }

  async #train(
    name: string,
    store: RunStore,
    { lm, config, data, encode, stop, reward, rewardName, prompted }: PreparedRun,
    resume: boolean,
    events: TrainingEvents,
  ): Promise<RunEnd> {
    const pause = new AbortController();
    this.#pause = pause;
    const { turn } = this.#session;
    const before = resume ? recordOf(name, await readRun(store)) : NOTHING;
    let { step } = before;
    const progress = throttled(events.progress);
    const stage = (now: Stage) => {
      progress.flush();
      events.stage(now);
    };
    const { num_hidden_layers: layers, hidden_size: hiddenSize } = lm.model.config;
    events.began({ ...before, name, config });
    try {
      const { summary, lens, examples } = await runExperiment({
        lm,
        config,
        store,
        encode,
        stop,
        reward,
        rewardName,
        trainProblems: data.trainProblems,
        testProblems: data.testProblems,
        prompted,
        resume,
        now,
        signal: pause.signal,
        turn: (work) => turn.take('training', work),
        on: {
          stage,
          evaluation: (_, finished, total, tokens) => progress({ finished, total, tokens }),
          evaluated: (which, result) => {
            const pair = accuracies(result);
            if (pair) events.evaluated(which, which === 'steered' ? step : 0, pair);
          },
          rollout: (tokens, finished, total) => progress({ finished, total, tokens }),
          microBatch: (finished, total) => progress({ finished, total, tokens: 0, learning: true }),
          warning: (line) => events.warning(line),
          step: (row, samples, values) => {
            step = row.step + 1;
            this.#session.vectors = { name, layers, hiddenSize, values, scale: config.steering_scale };
            progress.flush();
            events.step(row, stepOf(row, samples, config.num_generations));
          },
        },
      });
      return { state: 'finished', summary, lens, examples };
    } catch (error) {
      // A lost GPU or full storage ends a run that is being paused like any other: what it came to may not be saved.
      if (error !== pause.signal.reason) throw error;
      return { state: 'paused', step };
    } finally {
      progress.flush();
      this.#pause = undefined;
    }
  }
}
