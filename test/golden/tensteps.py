"""Ten supervised steps of the steering on the demonstration model, end to end (tensteps.safetensors, tensteps.json)."""
import torch

from adamw import STEPS, Optimiser
from demo_model import EOS, problems, prompt_of, tokenizer
from reference import forward, load, save_json, save_tensors, shape, target_logprobs

EXAMPLES = 4


def train(model, examples):
    """loss = -(mean log-probability over all completion tokens); recomputed each step with the current vectors."""
    optimiser, losses = Optimiser(shape(model), model.dtype), []
    for _ in range(STEPS):
        steering = optimiser.param.detach().clone().requires_grad_()
        loss = -torch.cat([
            target_logprobs(forward(model, e['prompt_ids'] + e['completion_ids'], steering)[0],
                            e['prompt_ids'] + e['completion_ids'])[-len(e['completion_ids']):]
            for e in examples]).mean()
        grad, = torch.autograd.grad(loss, steering)
        optimiser.step(grad)
        losses.append(loss.detach())
    return {'losses': torch.stack(losses), **optimiser.tensors()}


def dump(args):
    model, tok = load(args.demo), tokenizer(args)
    # A sentence that the model finds unlikely (12 nats a token). Where a text is nearly certain, 1 - p leaves little but
    # rounding in the gradient, AdamW divides by its size, and f32 and f64 come out up to 6e-3 apart; here 2e-6.
    examples = []
    for problem in problems(args, 'train')[56:56 + EXAMPLES]:
        prompt = prompt_of(problem['question'])
        text = f' Think twice before you write: nothing but {problem["answer"]} can be right.'
        examples.append({'prompt': prompt, 'text': text, 'prompt_ids': tok.encode(prompt).ids,
                         'completion_ids': [*tok.encode(text).ids, EOS]})
    tensors = train(model, examples)
    exact = train(load(args.demo, torch.float64), examples)
    error = (tensors['params'].double() - exact['params']).norm(dim=-1) / exact['params'].norm(dim=-1)
    assert error.max() < 1e-5, error
    save_tensors(args.out / 'tensteps.safetensors', tensors)
    save_json(args.out / 'tensteps.json', examples)
    print(f'  losses {tensors["losses"][0]:.4f} .. {tensors["losses"][-1]:.4f}, norms {tensors["norms"][0]:.4f} .. '
          f'{tensors["norms"][-1]:.4f}, a layer differs from f64 by at most {error.max():.1e}')
