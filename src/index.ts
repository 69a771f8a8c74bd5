export { createGPU, openFile, openFolder, readFile, version } from '#platform';
export { type AnswerKind, grade } from './eval/answers.ts';
export { asker } from './eval/ask.ts';
export { type Problem, parseProblems } from './eval/data.ts';
export { dumpTensors } from './eval/dump.ts';
export { type Evaluation, evaluate } from './eval/evaluate.ts';
export { logitLens } from './eval/lens.ts';
export { defaultPrompt, PRESETS, type PromptSpec, parsePrompt } from './eval/prompts.ts';
export { builtinReward, type RewardFunction } from './eval/rewards.ts';
export { rewardCurveSvg } from './eval/svg.ts';
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
