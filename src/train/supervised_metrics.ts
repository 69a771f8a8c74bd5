import { mean } from '../eval/stats.ts';
import type { PairLogps } from './methods/dpo.ts';
import { type CommonFigures, commonRow, type PreferenceRow, type SupervisedRow } from './metrics.ts';

interface MethodFigures {
  readonly loss: number;
  readonly gradNorm: number;
  /** Seconds. */
  readonly rolloutTime: number;
  readonly trainTime: number;
}

/** The metrics of a step of SFT or UPFT. */
export function supervisedRow(
  figures: CommonFigures &
    MethodFigures & {
      /** Tokens of each completion, and whether it was cut off. */
      readonly lengths: readonly number[];
      readonly cut: readonly boolean[];
      readonly promptTokens: number;
    },
): SupervisedRow {
  const { lengths, cut, promptTokens } = figures;
  const tokens = lengths.reduce((a, b) => a + b, 0) + promptTokens;
  return {
    ...commonRow({ ...figures, tokens }),
    'completions/mean_length': mean(lengths),
    'completions/clipped_ratio': mean(cut.map(Number)),
  };
}

/** The metrics of a step of DPO, as TRL's DPOTrainer names them. */
export function preferenceRow(
  figures: CommonFigures &
    MethodFigures & {
      readonly rewards: PairLogps;
      readonly margins: readonly number[];
      readonly policy: PairLogps;
      readonly tokens: number;
    },
): PreferenceRow {
  const { rewards, margins, policy } = figures;
  return {
    ...commonRow(figures),
    'rewards/chosen': mean(rewards.chosen),
    'rewards/rejected': mean(rewards.rejected),
    'rewards/accuracies': mean(margins.map((margin) => (margin > 0 ? 1 : 0))),
    'rewards/margins': mean(margins),
    'logps/chosen': mean(policy.chosen),
    'logps/rejected': mean(policy.rejected),
  };
}
