/**
 * trimtab as a library. Three lines lead from a model to text, five to trained vectors:
 *
 * ```js
 * const model = await loadModel('models/demo');
 * for await (const piece of model.stream('Question: …\nAnswer:')) process.stdout.write(piece);
 *
 * const problems = await loadProblems('examples/problems.jsonl');
 * const { vectors } = await train(model, problems, { prompt: 'qa', max_steps: 10, learning_rate: 0.03 });
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
export { loadProblems } from './api/problems.ts';
export type { Prompted, TextOptions } from './api/text.ts';
export { type TrainOptions, type TrainResult, train } from './api/train.ts';
export { loadVectors, SteeringVectors } from './api/vectors.ts';
export { type Arm, type Comparison, compareArms } from './eval/compare.ts';
export { type Problem, type ProblemOptions, parseProblems, problemsOf } from './eval/data.ts';
export { deduplicate, overlapOf, split } from './eval/dataset.ts';
export { dumpTensors } from './eval/dump.ts';
export type { Evaluation, EvaluationRow } from './eval/evaluate.ts';
export { type Geometry, geometryOf } from './eval/geometry.ts';
export type { AnswerKind } from './eval/grade/extract.ts';
export { answerClasses, type Grade, grade, sameAnswer } from './eval/grade/grade.ts';
export type { Verdict } from './eval/grade/judge.ts';
export type { Lens, LensLayer, LensReading, LensToken } from './eval/lens.ts';
export { majAtK, passAtK } from './eval/pass_at_k.ts';
export { PRESETS, type PromptSpec, parsePrompt } from './eval/prompts.ts';
export type { RewardFunction, RewardInput } from './eval/rewards.ts';
export type { Accuracy } from './eval/stats.ts';
export { type Measured, summarise } from './eval/summary.ts';
export { rewardCurveSvg } from './eval/svg.ts';
export { readTable } from './eval/tables.ts';
export type { Capabilities, Device, DeviceOptions } from './gpu/device.ts';
export { DeviceLostError, GpuError, UserError } from './gpu/errors.ts';
export { openDevice } from './gpu/open_device.ts';
export type { ModelFolder, RandomAccess } from './gpu/platform.ts';
export type { ChatMessage } from './model/chat.ts';
export type { ModelConfig } from './model/config.ts';
export {
  type Completion,
  type GenerationLane,
  type GenerationRequest,
  generate,
  generateSideBySide,
  type KeptRows,
} from './model/generate.ts';
export {
  findModel,
  type HubOptions,
  type HubProgress,
  listHubFiles,
  openHubFile,
  openHubModel,
  parseHubName,
} from './model/hub.ts';
export { type LanguageModel, openLanguageModel, openTokenizer } from './model/language_model.ts';
export { openPicked } from './model/picked_files.ts';
export { Tokenizer, TokenStream } from './model/tokenizer.ts';
export { openUrlModel } from './model/url_files.ts';
export {
  type ConfigField,
  configFields,
  parseTrainConfig,
  type TrainConfig,
  type TrainConfigInput,
} from './train/config.ts';
export { type ExperimentEvents, type ExperimentResult, runExperiment } from './train/experiment.ts';
export type { MetricsRow, PreferenceRow, StepRow, SupervisedRow } from './train/metrics.ts';
export { memoryStore, RUN_FILES, type RunStore, type RunSummary } from './train/rundir.ts';
export { type Example, pairs, traces } from './train/traces.ts';
