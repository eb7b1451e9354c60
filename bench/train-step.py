"""The training step of bench/train-step.ts in PyTorch: same network, batch, losses and optimiser. Prints seconds a step.

usage: train-step.py STEPS THREADS BATCH SIZE WIDTHS SECTIONS STEM AFFINITIES DESCRIPTORS
"""
import importlib.util
import pathlib
import statistics
import sys
import time

import torch

steps, threads, batch, size = map(int, sys.argv[1:5])
widths = [int(w) for w in sys.argv[5].split(',')]
sections, stem, affinities, descriptors = map(int, sys.argv[6:10])
torch.set_num_threads(threads)
# The network and the loss are those that the fixtures are made with.
source = pathlib.Path(__file__).resolve().parent.parent / 'scripts/make-nn-fixtures.py'
spec = importlib.util.spec_from_file_location('fixtures', source)
fixtures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fixtures)
torch.set_num_threads(threads)
outputs = affinities + descriptors
net = fixtures.UNet(widths, outputs, sections, stem)
optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
x = torch.randn(batch, sections, size, size)
target = (torch.randn(batch, outputs, size // stem, size // stem) > 0).float()
weight = torch.rand(batch, outputs, size // stem, size // stem)
times = []
for _ in range(steps + 1):
    start = time.perf_counter()
    optimiser.zero_grad(set_to_none=True)
    fixtures.loss_of(net(x), target, weight, affinities, 1.0).backward()
    optimiser.step()
    times.append(time.perf_counter() - start)
print(statistics.median(times[1:]))
