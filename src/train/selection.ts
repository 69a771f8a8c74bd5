import type { AccuracyPair } from '../eval/stats.ts';
import type { TrainConfig } from './config.ts';
import { appendRows, type EvaluationStep, RUN_FILES, type RunStore } from './rundir.ts';

/**
 * Evaluations while training: when one is due, which was the best, and whether enough went by without a better one. All of it
 * follows from evaluations.jsonl, so that a resumed run decides as one that was not interrupted.
 */
export class Selection {
  readonly #config: Pick<TrainConfig, 'eval_steps' | 'metric_for_best_model' | 'early_stopping_patience'>;
  readonly #store: RunStore;
  readonly #rows: EvaluationStep[];

  /** @param rows the evaluations so far */
  constructor(config: TrainConfig, store: RunStore, rows: readonly EvaluationStep[]) {
    this.#config = config;
    this.#store = store;
    this.#rows = [...rows];
  }

  /** Whether the vectors after so many steps are to be measured. */
  due(step: number): boolean {
    const { eval_steps: every } = this.#config;
    return every > 0 && step > 0 && step % every === 0 && !this.#rows.some((row) => row.step === step);
  }

  /** Of equally good ones the earliest. */
  get best(): EvaluationStep | undefined {
    const metric = this.#config.metric_for_best_model;
    return this.#rows.reduce<EvaluationStep | undefined>(
      (best, row) => (best === undefined || row[metric].accuracy > best[metric].accuracy ? row : best),
      undefined,
    );
  }

  /** Whether `early_stopping_patience` evaluations in a row brought no new best. */
  get enough(): boolean {
    const { early_stopping_patience: patience } = this.#config;
    const best = this.best;
    return patience > 0 && best !== undefined && this.#rows.length - 1 - this.#rows.indexOf(best) >= patience;
  }

  /** Keeps an evaluation; the vectors are written before its row, so that a row never names vectors that are not there. */
  async add(step: number, accuracies: AccuracyPair, saveVectors: () => Promise<void>): Promise<void> {
    const row = { step, ...accuracies };
    this.#rows.push(row);
    if (this.best === row) await saveVectors();
    await appendRows(this.#store, RUN_FILES.evaluations, [row]);
  }
}
