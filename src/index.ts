/**
 * trimtab as a library. Three lines lead from a model to text, five to trained vectors:
 *
 * ```js
 * const model = await loadModel('models/demo');
 * for await (const piece of model.stream('Question: …\nAnswer:')) process.stdout.write(piece);
 *
 * const problems = await loadProblems('examples/problems.jsonl');
 * const { vectors } = await train(model, problems, { max_steps: 10, learning_rate: 0.03 });
 * console.log(await model.generate('Question: …\nAnswer:', { steering: vectors }));
 * ```
 *
 * @packageDocumentation
 */
export { createGPU, openFile, openFolder, readFile, version } from '#platform';
export {
  type EvaluateModelOptions,
  type Generated,
  type LoadModelOptions,
  loadModel,
  SteerableModel,
  type SteeringOptions,
} from './api/model.ts';
export type { Prompted, TextOptions } from './api/text.ts';
export { loadProblems, type TrainOptions, type TrainResult, train } from './api/train.ts';
export { loadVectors, SteeringVectors } from './api/vectors.ts';
export { type AnswerKind, type Grade, grade } from './eval/answers.ts';
export { type Problem, type ProblemOptions, parseProblems } from './eval/data.ts';
export { dumpTensors } from './eval/dump.ts';
export type { Evaluation, EvaluationRow } from './eval/evaluate.ts';
export type { LensLayer, LensToken } from './eval/lens.ts';
export { type ChatMessage, PRESETS, type PromptSpec, parsePrompt } from './eval/prompts.ts';
export type { RewardFunction, RewardInput } from './eval/rewards.ts';
export type { Accuracy } from './eval/stats.ts';
export { rewardCurveSvg } from './eval/svg.ts';
export { type Capabilities, type Device, type DeviceOptions, openDevice } from './gpu/device.ts';
export { DeviceLostError, GpuError, UserError } from './gpu/errors.ts';
export type { ModelFolder, RandomAccess } from './gpu/platform.ts';
export type { ModelConfig } from './model/config.ts';
export { type Completion, type GenerationRequest, generate } from './model/generate.ts';
export { type LanguageModel, openLanguageModel } from './model/language_model.ts';
export {
  type ConfigField,
  configFields,
  parseTrainConfig,
  type TrainConfig,
  type TrainConfigInput,
} from './train/config.ts';
export { type ExperimentEvents, type ExperimentResult, runExperiment } from './train/experiment.ts';
export type { MetricsRow } from './train/metrics.ts';
export { memoryStore, RUN_FILES, type RunStore, type RunSummary } from './train/rundir.ts';
