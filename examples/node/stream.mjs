// Streams the demonstration model's answer.   node --import trimtab/adapter stream.mjs "Ada has 3 pens and buys 4. How many pens has Ada?"
import { loadModel } from 'trimtab';

const question = process.argv[2] ?? 'Ada has 3 pens and buys 4. How many pens has Ada?';
const model = await loadModel(import.meta.resolve('trimtab/models/demo/config.json').replace('/config.json', ''));
for await (const piece of model.stream(`Question: ${question}\nAnswer:`, {
  maxNewTokens: 72,
  temperature: 1,
  seed: 1,
})) {
  process.stdout.write(piece);
}
process.stdout.write('\n');
model.dispose();
process.exit();
