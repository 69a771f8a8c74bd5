"""The training pass of `trimtab bench --only training_pass --dump-training FILE` in PyTorch: same frozen model, same completions,
only the vectors trained. Compares the gradient with trimtab's, then times; prints the rows that `trimtab bench --json` would.

    npx trimtab bench --only training_pass --dump-training training.json
    python bench/peers/torch_training.py training.json [--model models/demo] [--repeats 7] [--threads N] [--device cuda]

As PyTorch's trainers do it: every completion stands after a prompt of its own, padded to the longest, f32, SDPA attention, logits
of the completions' positions only. Needs torch and transformers.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("dump", type=Path)
parser.add_argument("--model", type=Path, default=Path(__file__).parents[2] / "models" / "demo")
parser.add_argument("--repeats", type=int, default=7)
parser.add_argument("--threads", type=int, default=0)
parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
args = parser.parse_args()
if args.threads:
    torch.set_num_threads(args.threads)

dump = json.loads(args.dump.read_text())
model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).to(args.device).eval().requires_grad_(False)
layers = model.model.layers
vectors = torch.full((len(layers), model.config.hidden_size), dump["vector"], device=args.device, requires_grad=True)


def steer(layer):
    def add(_module, _inputs, output):
        return (output[0] + vectors[layer], *output[1:]) if isinstance(output, tuple) else output + vectors[layer]

    return add


for index, module in enumerate(layers):
    module.register_forward_hook(steer(index))

sequences = [
    (group["prompt"], completion, advantage)
    for group in dump["groups"]
    for completion, advantage in zip(group["completions"], group["advantages"])
]
longest = max(len(prompt) + len(completion) for prompt, completion, _ in sequences)
ids = torch.zeros(len(sequences), longest, dtype=torch.long)
mask = torch.zeros_like(ids)
chosen = torch.zeros(ids.shape, dtype=torch.bool)  # positions that predict a token of the completion
advantages = torch.zeros(ids.shape)
for row, (prompt, completion, advantage) in enumerate(sequences):
    tokens = prompt + completion
    ids[row, : len(tokens)] = torch.tensor(tokens)
    mask[row, : len(tokens)] = 1
    chosen[row, len(prompt) - 1 : len(tokens) - 1] = True
    advantages[row, len(prompt) - 1 : len(tokens) - 1] = advantage
ids, mask, chosen, advantages = (tensor.to(args.device) for tensor in (ids, mask, chosen, advantages))
targets = ids.roll(-1, 1)[chosen]
weights = advantages[chosen] / chosen.sum()


def log_probabilities():
    hidden = model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state[chosen]
    logits = model.lm_head(hidden)
    return torch.gather(logits.log_softmax(-1), 1, targets[:, None])[:, 0]


def forward():
    with torch.no_grad():
        log_probabilities()


def training_pass():
    vectors.grad = None
    (-(weights * log_probabilities()).sum()).backward()


def clock(run):
    start = time.perf_counter()
    run()
    if args.device == "cuda":
        torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - start)


training_pass()
ours = torch.tensor(dump["gradient"]).view_as(vectors)
error = ((vectors.grad.cpu() - ours).abs().max() / ours.abs().max()).item()
if not error < 1e-3:
    raise SystemExit(f"the gradients differ by {error:.1e} of the largest: nothing is timed")
forward()
times = {"forward": [], "training_pass": []}
for _ in range(args.repeats):
    times["forward"].append(clock(forward))
    times["training_pass"].append(clock(training_pass))
device = torch.cuda.get_device_name() if args.device == "cuda" else f"CPU, {torch.get_num_threads()} threads"
shape = f"{args.model.name} {len(sequences)} sequences of {longest}, {ids.numel()} rows, {len(targets)} targets"
for name, values in times.items():
    p25, median, p75 = statistics.quantiles(values, n=4, method="inclusive")
    row = {"name": name, "impl": "pytorch", "shape": shape, "dtype": "f32", "ms": median, "gflops": None, "gbps": None}
    row |= {"roofline": None, "median": median, "p25": p25, "p75": p75, "repeats": len(values), "method": "wall"}
    row |= {"adapter": device, "tokens_per_second": 1000 * len(targets) / median}
    row |= {"note": f"torch {torch.__version__}, transformers {transformers.__version__}, padded"}
    if name == "training_pass":
        row |= {"error": error, "ratio_to_forward": median / statistics.median(times["forward"])}
    print(json.dumps(row))
