"""Write the numbers of PyTorch and transformers that the tests compare with. README.md says what each file holds.

    python test/golden/dump.py                  everything
    python test/golden/dump.py --only rloo      one part (see PARTS)
"""
import argparse
import importlib
import os
import sys
import time
from pathlib import Path

import torch

# part -> (module, needs). A part whose needs are missing is skipped with a message, never half written.
PARTS = {
    'tiny': ('tiny_models', []),
    'demo': ('demo_model', ['demo']),
    'lens': ('lens', ['demo']),
    'rloo': ('rloo', ['demo']),
    'objectives': ('objectives', ['demo']),
    'adamw': ('adamw', []),
    'tensteps': ('tensteps', ['demo']),
    'philox': ('philox', []),
    'gguf': ('tiny_gguf', []),
    'mixed': ('mixed_gguf', []),
    'gguf-families': ('gguf_families', []),
    'tokenization': ('tokenization', ['demo', 'smollm2']),
    'smollm2': ('smollm2', ['smollm2']),
}


def main():
    here = Path(__file__).resolve().parent
    shared = Path(os.environ.get('TRIMTAB_SHARED', here.parents[2] / 'shared'))
    demo = next((p for p in [here.parents[1] / 'models/demo', shared / 'models/demo'] if p.exists()), None)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', choices=PARTS, action='append', help='write this part alone (may be given again)')
    parser.add_argument('--out', type=Path, default=here, help='where to write (default: beside this script)')
    parser.add_argument('--demo', type=Path, default=demo, help='folder of the demonstration model')
    parser.add_argument('--smollm2', type=Path, default=shared / 'models/SmolLM2-135M-Instruct.Q4_1.gguf')
    args = parser.parse_args()

    sys.dont_write_bytecode = True
    # One thread: a sum is then always split the same way, and the files come out the same bits again.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for part in args.only or PARTS:
        module, needs = PARTS[part]
        missing = [n for n in needs if not (getattr(args, n) and getattr(args, n).exists())]
        if missing:
            print(f'{part}: skipped, no {missing[0]} at {getattr(args, missing[0])} (pass --{missing[0]})')
            continue
        start = time.time()
        importlib.import_module(module).dump(args)
        print(f'{part}: done in {time.time() - start:.1f} s', flush=True)


if __name__ == '__main__':
    main()
