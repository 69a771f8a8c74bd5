export { createGPU, openFile, openFolder, readFile, version } from '#platform';
export { asker } from './eval/ask.ts';
export { type Arm, type Comparison, compareArms } from './eval/compare.ts';
export { type Problem, parseProblems, problemsOf } from './eval/data.ts';
export { deduplicate, overlapOf, split } from './eval/dataset.ts';
export { dumpTensors } from './eval/dump.ts';
export { type Evaluation, type EvaluationRow, evaluate } from './eval/evaluate.ts';
export type { AnswerKind } from './eval/grade/extract.ts';
export { answerClasses, type Grade, grade, sameAnswer } from './eval/grade/grade.ts';
export type { Verdict } from './eval/grade/judge.ts';
export { logitLens } from './eval/lens.ts';
export { majAtK, passAtK } from './eval/pass_at_k.ts';
export { defaultPrompt, PRESETS, type PromptSpec, parsePrompt } from './eval/prompts.ts';
export { builtinReward, type RewardFunction } from './eval/rewards.ts';
export { type Measured, summarise } from './eval/summary.ts';
export { rewardCurveSvg } from './eval/svg.ts';
export { readTable } from './eval/tables.ts';
export { type Capabilities, type Device, type DeviceOptions, openDevice } from './gpu/device.ts';
export { DeviceLostError, GpuError, UserError } from './gpu/errors.ts';
export type { ModelFolder, RandomAccess } from './gpu/platform.ts';
export { type Completion, type GenerationRequest, generate } from './model/generate.ts';
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
export { decodeSteering, encodeSteering, type Steering, uploadSteering } from './model/steering.ts';
export { Tokenizer, TokenStream } from './model/tokenizer.ts';
export { openUrlModel } from './model/url_files.ts';
export { parseTrainConfig, type TrainConfig } from './train/config.ts';
export { type ExperimentResult, runExperiment } from './train/experiment.ts';
export { memoryStore, type RunStore } from './train/rundir.ts';
