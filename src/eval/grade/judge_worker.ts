import { type CompareOptions, judge } from './judge.ts';

addEventListener('message', ({ data }: MessageEvent<{ answer: string; gold: string; options: CompareOptions }>) => {
  postMessage(judge(data.answer, data.gold, data.options));
});
