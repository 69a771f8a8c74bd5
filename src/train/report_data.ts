import type { ReportData } from '../eval/report.ts';
import type { LanguageModel } from '../model/language_model.ts';
import type { TrainConfig } from './config.ts';
import type { ExperimentResult } from './experiment.ts';

/** What report.html shows of a finished experiment. */
export function reportData(config: TrainConfig, lm: LanguageModel, result: ExperimentResult): ReportData {
  const { summary, metrics, lens, examples } = result;
  const seconds = summary.seconds ?? 0;
  const total = (key: 'rollout_time' | 'train_time') => metrics.reduce((sum, row) => sum + row[key], 0);
  const [rollout, train] = [total('rollout_time'), total('train_time')];
  return {
    model: lm.name,
    adapter: lm.model.device.caps.adapter,
    reward: summary.reward ?? config.reward,
    seed: config.seed,
    seconds,
    vectors: config.layers === 'all' ? lm.model.config.num_hidden_layers : config.layers.length,
    vectorSize: lm.model.config.hidden_size,
    base: summary.base,
    prompted: summary.prompted,
    method: config.method,
    steered: summary.steered,
    steps: metrics,
    lens,
    examples: examples.map(({ question, answer, before, after }) => ({
      question,
      answer,
      before: { text: before.completion, correct: before.correct },
      after: { text: after.completion, correct: after.correct },
    })),
    timing: [
      { label: 'rollouts', seconds: rollout },
      { label: 'training passes', seconds: train },
      { label: 'evaluation and the rest', seconds: Math.max(0, seconds - rollout - train) },
    ],
    config,
  };
}
