import { describe, expect, it } from 'vitest';
import { openFile } from '#platform';
import { UserError } from '../../src/gpu/errors.ts';
import { renderChat } from '../../src/model/chat.ts';
import { openModelSource } from '../../src/model/source.ts';
import { Tokenizer } from '../../src/model/tokenizer.ts';
import { memoryFolder, repositoryPath } from '../setup/files.ts';
import { tinyModel } from './tiny_model.ts';

const TEMPLATE =
  "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m.content | trim }}{{ eos_token }}\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
const MESSAGES = [
  { role: 'system', content: 'Be brief. ' },
  { role: 'user', content: 'Hi' },
];

describe('chat templates', () => {
  it('render messages, special tokens and the opening of the answer', () => {
    const tokens = { bos_token: '<s>', eos_token: '</s>' };
    expect(renderChat(TEMPLATE, MESSAGES, tokens)).toBe('<s>[system] Be brief.</s>\n[user] Hi</s>\n[assistant]');
    expect(renderChat(TEMPLATE, MESSAGES, { ...tokens, addGenerationPrompt: false })).toBe(
      '<s>[system] Be brief.</s>\n[user] Hi</s>\n',
    );
  });

  it('turn their own refusal, and a broken template, into a message', () => {
    const refusing = "{{ raise_exception('no system role here') }}";
    expect(() => renderChat(refusing, MESSAGES)).toThrow(UserError);
    expect(() => renderChat(refusing, MESSAGES)).toThrow(/no system role here/);
    expect(() => renderChat('{% for %}', MESSAGES)).toThrow(/chat template cannot render/);
  });

  it.each<[string, Record<string, string | object>, RegExp]>([
    [
      'a file',
      { 'chat_template.jinja': '{% for %}' },
      /template \(m\/chat_template\.jinja\) cannot render a conversation of user: \S/,
    ],
    [
      'the configuration',
      { 'tokenizer_config.json': { chat_template: "{{ raise_exception('no tools') }}" } },
      /template \(chat_template of m\/tokenizer_config\.json\) cannot render a conversation of user: no tools/,
    ],
  ])('that fail are named by their place: %s', async (_place, files, message) => {
    const tokenizer = Tokenizer.fromSource(await openModelSource(memoryFolder('m', tinyModel({ files }))));
    expect(() => tokenizer.renderChat([{ role: 'user', content: 'x' }])).toThrow(message);
  });

  it('come out of a GGUF file', async () => {
    const source = await openModelSource(await openFile(repositoryPath('test/golden/gguf/tiny-F32.gguf')));
    const tokenizer = Tokenizer.fromSource(source);
    const text = tokenizer.renderChat([{ role: 'user', content: 'hello' }]);
    expect(text).toBe('<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n');
    expect(tokenizer.encode(text).filter((id) => id < 3)).toEqual([1, 2, 1]);
    await source.close();
  });

  it.each([
    [
      'chat_template.jinja',
      { 'chat_template.jinja': TEMPLATE, 'tokenizer_config.json': { chat_template: 'not this' } },
      '[user] x',
    ],
    [
      'tokenizer_config.json',
      { 'tokenizer_config.json': { chat_template: TEMPLATE, eos_token: { content: '#' } } },
      '[user] x#',
    ],
    [
      'the default of several',
      {
        'tokenizer_config.json': {
          chat_template: [
            { name: 'rag', template: 'no' },
            { name: 'default', template: TEMPLATE },
          ],
        },
      },
      '[user] x',
    ],
  ])('come out of a folder: %s', async (_name, files, expected) => {
    const source = await openModelSource(memoryFolder('m', tinyModel({ files })));
    const tokenizer = Tokenizer.fromSource(source);
    expect(tokenizer.renderChat([{ role: 'user', content: 'x' }], { addGenerationPrompt: false })).toBe(
      `${expected}\n`,
    );
  });

  it('are missed in a message where a model has none', async () => {
    const tokenizer = Tokenizer.fromSource(await openModelSource(memoryFolder('m', tinyModel())));
    expect(tokenizer.hasChatTemplate).toBe(false);
    expect(() => tokenizer.renderChat(MESSAGES)).toThrow(/no chat template/);
  });
});
