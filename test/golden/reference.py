"""What the parts share: the steered model, its log-probabilities, and files written the same way twice."""
import json

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging

logging.disable_progress_bar()


def load(folder, dtype=torch.float32, **kwargs):
    """The model of a Hugging Face folder, its weights upcast to `dtype`, with eager attention and nothing to train."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation='eager', **kwargs)
    assert all(p.dtype == dtype for p in model.parameters())
    return model.eval().requires_grad_(False)


def shape(model):
    """(L, C): the shape of the steering vectors."""
    return model.config.num_hidden_layers, model.config.hidden_size


def forward(model, ids, steering=None):
    """Logits [T, V] and resid_post, L of [T, C], of one sequence; steering [L, C] is added to each layer's output.

    Hooks, and not output_hidden_states: the last entry of that one is taken after the final norm.
    """
    resid_post = []

    def add(layer):
        def hook(_module, _inputs, out):
            out = out if steering is None else out + steering[layer]
            resid_post.append(out[0])
            return out
        return hook

    handles = [block.register_forward_hook(add(i)) for i, block in enumerate(model.model.layers)]
    try:
        logits = model(input_ids=torch.as_tensor(ids)[None], use_cache=False).logits[0]
    finally:
        for handle in handles:
            handle.remove()
    return logits, resid_post


def forward_with_biases(model, ids, steering):
    """Logits [T, V] with the vectors as biases of mlp.down_proj: what the steering is defined to equal."""
    own = [block.mlp.down_proj.bias for block in model.model.layers]
    for block, bias, vector in zip(model.model.layers, own, steering):
        added = vector.detach() if bias is None else vector.detach() + bias
        block.mlp.down_proj.bias = torch.nn.Parameter(added, requires_grad=False)
    try:
        return model(input_ids=torch.as_tensor(ids)[None], use_cache=False).logits[0]
    finally:
        for block, bias in zip(model.model.layers, own):
            block.mlp.down_proj.bias = bias


def log_softmax(logits, temperature=1.0):
    """log-probabilities of the whole vocabulary, the logits divided by the temperature first."""
    return (logits / temperature).log_softmax(-1)


def target_logprobs(logits, ids, temperature=1.0):
    """log p(ids[t+1] | ids[..t]) for t in 0..T-2: [T-1]."""
    return log_softmax(logits[:-1], temperature).gather(-1, torch.as_tensor(ids)[1:, None])[:, 0]


@torch.no_grad()
def greedy(model, prompt_ids, max_new_tokens, eos_ids):
    """Greedy completion by transformers' generate (the end-of-sequence token is kept), and the smallest lead of the first
    over the second logit on the way: below some 1e-3 another machine's rounding may rightly choose otherwise."""
    out = model.generate(torch.tensor([prompt_ids]), attention_mask=torch.ones(1, len(prompt_ids), dtype=torch.long),
                         do_sample=False, max_new_tokens=max_new_tokens, eos_token_id=eos_ids, pad_token_id=eos_ids[0])
    completion = out[0, len(prompt_ids):].tolist()
    logits, _ = forward(model, out[0])
    first, second = logits[len(prompt_ids) - 1:-1].topk(2).values.T
    return completion, float((first - second).min())


def model_tensors(model, ids, steering):
    """The named tensors of one sequence: forward values, loss and the steering's gradient (README.md lists them)."""
    ids = torch.as_tensor(ids)
    steering = steering.clone().requires_grad_()
    logits, resid_post = forward(model, ids, steering)
    logprobs = target_logprobs(logits, ids)
    loss = -logprobs.mean()
    loss.backward()
    with torch.no_grad():
        base, _ = forward(model, ids)
        torch.testing.assert_close(forward_with_biases(model, ids, steering), logits, rtol=2e-4, atol=2e-4)
    assert steering.grad.abs().min() > 0 and (logits - base).abs().max() > 0.1, 'the case tests nothing'
    return {
        'ids': ids.int(),
        'steering': steering.detach(),
        'logits': logits.detach(),
        'logits_base': base,
        **{f'resid_post.{i}': r.detach() for i, r in enumerate(resid_post)},
        'logprobs': logprobs.detach(),
        'loss': loss.detach().reshape(1),
        'grad.steering': steering.grad,
    }


def worst_error(tensors, exact):
    """Largest relative L2 distance of the f32 tensors from those of the model in f64, and its name: how far to trust them.

    (transformers computes norms and softmax in f32 even then.)
    """
    def distance(name):
        return float((tensors[name].double() - exact[name]).norm() / exact[name].norm())
    return max((distance(name), name) for name in tensors if exact[name].dtype == torch.float64)


def save_tensors(path, tensors):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, path)
    path.chmod(0o644)


def save_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(pretty(value) + '\n')


def pretty(value, indent=''):
    """JSON with one line for each key or item, and a list of numbers on one line."""
    inner = indent + ' '
    if isinstance(value, dict) and value:
        rows = [f'{json.dumps(k)}: {pretty(v, inner)}' for k, v in value.items()]
        return '{\n' + ',\n'.join(inner + row for row in rows) + f'\n{indent}}}'
    if isinstance(value, list) and not all(isinstance(v, (int, float)) for v in value):
        return '[\n' + ',\n'.join(inner + pretty(v, inner) for v in value) + f'\n{indent}]'
    return json.dumps(value, ensure_ascii=False)
