"""The demonstration model on a real text (demo.safetensors, demo.json) and its greedy answers (demo-greedy.json)."""
import json

import torch
from tokenizers import Tokenizer

from reference import greedy, load, model_tensors, save_json, save_tensors, shape, worst_error

EOS = 0
MAX_NEW_TOKENS = 72
TEXT_TOKENS = 48  # of the whole model's golden text, which is cut there to keep the file small


def tokenizer(args):
    return Tokenizer.from_file(str(args.demo / 'tokenizer.json'))


def problems(args, split='test'):
    return [json.loads(line) for line in (args.demo / f'problems-{split}.jsonl').open()]


def prompt_of(question):
    """As the model was trained: no space at the end, the completion begins with one."""
    return f'Question: {question}\nAnswer:'


def decode(tok, ids):
    return tok.decode(ids, skip_special_tokens=False)


def dump(args):
    model, tok, tests = load(args.demo), tokenizer(args), problems(args)

    answers = []
    for hint in '', ' Step by step:':  # the second makes the model write its long answers
        for problem in tests[:6]:
            prompt = prompt_of(problem['question']) + hint
            prompt_ids = tok.encode(prompt).ids
            completion_ids, lead = greedy(model, prompt_ids, MAX_NEW_TOKENS, [EOS])
            answers.append({'question': problem['question'], 'prompt': prompt, 'prompt_ids': prompt_ids,
                            'completion_ids': completion_ids, 'text': decode(tok, completion_ids), 'min_lead': lead})
            print(f'  {lead:.4f} {answers[-1]["text"]!r}')
    save_json(args.out / 'demo-greedy.json', answers)

    question = min((p['question'] for p in tests), key=lambda q: len(tok.encode(q).ids))
    prompt = prompt_of(question) + ' Step by step:'
    prompt_ids = tok.encode(prompt).ids
    completion_ids, _ = greedy(model, prompt_ids, TEXT_TOKENS - len(prompt_ids), [EOS])
    ids = prompt_ids + completion_ids
    generator = torch.Generator().manual_seed(20)
    steering = 0.8 * torch.randn(*shape(model), generator=generator)
    tensors = model_tensors(model, ids, steering)
    error = worst_error(tensors, model_tensors(load(args.demo, torch.float64), ids, steering.double()))
    save_tensors(args.out / 'demo.safetensors', tensors)
    save_json(args.out / 'demo.json', {'prompt': prompt, 'completion': decode(tok, completion_ids),
                                       'prompt_ids': prompt_ids, 'completion_ids': completion_ids})
    print(f'  T {len(ids)}, loss {float(tensors["loss"]):.4f}, |grad| {float(tensors["grad.steering"].norm()):.4f}, '
          f'from f64 {error[0]:.1e} ({error[1]})')
