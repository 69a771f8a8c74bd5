"""Time of a square product by PyTorch, for bench/results/todo.md: python bench/cublas.py [size]."""

import sys

import torch

size = int(sys.argv[1]) if len(sys.argv) > 1 else 4096
print(torch.cuda.get_device_name(), "PyTorch", torch.__version__)
for dtype in (torch.float16, torch.float32):
    a, b = (torch.randn(size, size, device="cuda", dtype=dtype) for _ in range(2))
    torch.backends.cuda.matmul.allow_tf32 = False
    samples = []
    for i in range(25):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        a @ b.T
        end.record()
        torch.cuda.synchronize()
        samples.append(start.elapsed_time(end))
    samples = sorted(samples[5:])
    median = samples[len(samples) // 2]
    quartiles = samples[len(samples) // 4], samples[3 * len(samples) // 4]
    print(f"{dtype} {size}³: {median:.3f} ms ({quartiles[0]:.3f} to {quartiles[1]:.3f}), {2 * size**3 / median / 1e6:.0f} GFLOP/s")
