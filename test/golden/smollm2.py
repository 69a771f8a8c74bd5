"""SmolLM2-135M-Instruct from its Q4_1 GGUF file as transformers reads it: greedy texts, two rows of logits, the chat template.

A few minutes on one core. The tests that use these files need the same GGUF file (98 MB, not in the repository).
"""
import gguf
import torch
from gguf import TokenType
from transformers import PreTrainedTokenizerFast

from reference import forward, greedy, load, save_json, save_tensors
from tiny_gguf import smollm_tokenizer

MAX_NEW_TOKENS = 64
LOGITS_PROMPT = 'Water boils at 100 degrees Celsius, and it freezes at'
LOGITS_POSITION = 5
PROMPTS = [
    'The capital of France is',
    LOGITS_PROMPT,
    'Once upon a time, in a small village by the sea, there lived an old fisherman who',
    'def fibonacci(n):\n    """Return the n-th Fibonacci number."""\n',
    'A shopping list for pancakes:\n1. flour\n2. eggs\n3.',
    'Question: Tom has 3 apples and buys 4 more. How many apples does he have?\nAnswer: 3 + 4 = 7. The answer is 7.\n\n'
    'Question: A box holds 12 pens and 5 are taken out. How many are left?\nAnswer: 12 - 5 = 7. The answer is 7.\n\n'
    'Question: Lily reads 6 pages a day for 5 days. How many pages does she read?\nAnswer:',
    '<|im_start|>user\nName three primary colours.<|im_end|>\n<|im_start|>assistant\n',
    'SELECT name, age FROM users WHERE',
    'Dear Mr. Smith,\n\nThank you for your letter of 14 March. I am writing to',
    'La capitale de l’Italie est',
]
CHATS = [
    [{'role': 'user', 'content': 'What is 17 + 25?'}],
    [{'role': 'system', 'content': 'Please reason step by step, and put your final answer within \\boxed{}.'},
     {'role': 'user', 'content': 'A train travels 60 km in 45 minutes.\nHow fast is it?'}],
    [{'role': 'user', 'content': 'Hi!'}, {'role': 'assistant', 'content': 'Hello, how can I help?'},
     {'role': 'user', 'content': 'Tell me a joke about naïve cafés ☕.'}],
]


def tokenizer_of(path):
    fields = gguf.GGUFReader(path).fields
    meta = {key: fields[f'tokenizer.{key}'].contents() for key in
            ('ggml.tokens', 'ggml.merges', 'ggml.token_type', 'ggml.pre', 'ggml.eos_token_id', 'chat_template')}
    assert meta['ggml.pre'] == 'smollm', meta['ggml.pre']
    special = [t for t, kind in zip(meta['ggml.tokens'], meta['ggml.token_type']) if kind == TokenType.CONTROL]
    tok = smollm_tokenizer(meta['ggml.tokens'], meta['ggml.merges'], special)
    return tok, meta['ggml.eos_token_id'], PreTrainedTokenizerFast(tokenizer_object=tok, chat_template=meta['chat_template'])


def dump(args):
    tok, eos, chat = tokenizer_of(args.smollm2)
    model = load(args.smollm2.parent, gguf_file=args.smollm2.name)

    def encode(text):
        return tok.encode(text, add_special_tokens=False).ids

    chats = []
    for messages in CHATS:
        text = chat.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        chats.append({'messages': messages, 'text': text, 'ids': encode(text)})
    save_json(args.out / 'smollm2-chat.json', chats)

    ids = encode(LOGITS_PROMPT)
    with torch.no_grad():
        logits, _ = forward(model, ids)
    save_tensors(args.out / 'smollm2-logits.safetensors', {
        'ids': torch.tensor(ids, dtype=torch.int32), 'logits.last': logits[-1],
        f'logits.{LOGITS_POSITION}': logits[LOGITS_POSITION]})
    print(f'  T {len(ids)}, next {tok.decode([int(logits[-1].argmax())])!r}')

    answers = []
    for prompt in PROMPTS:
        prompt_ids = encode(prompt)
        completion_ids, lead = greedy(model, prompt_ids, MAX_NEW_TOKENS, [eos])
        answers.append({'prompt': prompt, 'prompt_ids': prompt_ids, 'completion_ids': completion_ids,
                        'text': tok.decode(completion_ids, skip_special_tokens=False), 'min_lead': lead})
        print(f'  {lead:.4f} {answers[-1]["text"][:90]!r}', flush=True)
    save_json(args.out / 'smollm2-greedy.json', answers)
