#!/usr/bin/env python3
"""Trains networks of kyn in PyTorch, on a GPU or on a processor, on the samples that feed.mjs writes.

    train.py --samples FOLDER --seconds N --out FOLDER START...

Each START is the folder of one network's start.json and start.bin, all of one kind: they learn side by side, from the same
samples. Writes OUT/NAME.bin (averaged weights, then statistics, as in start.bin) and prints losses. A sample stays in the
device's memory and is met again and again, also transposed, and with other looks. Files whose names begin with 'held' are not
trained on: each network is judged on them, before and after.
"""
import argparse
import ctypes
import json
import math
import os
import pathlib
import queue
import sys
import threading
import time

import numpy as np
import torch
import torch.nn.functional as F

CUDA = torch.cuda.is_available()
DEVICE = torch.device('cuda' if CUDA else 'cpu')
# of processors, those with matrix units for it take a third of the time
BFLOAT = CUDA or torch.backends.cpu.get_cpu_capability() == 'AVX512' and 'amx_bf16' in pathlib.Path('/proc/cpuinfo').read_text()
EPSILON = 1e-5
# batches that the statistics of the averaged weights are taken of
STATISTICS = 150
STARTED = time.time()
LIBC = ctypes.CDLL('libc.so.6')


def say(*what):
    print(f'{time.time() - STARTED:6.0f} s', *what, flush=True)


class Network(torch.nn.Module):
    """The networks of packages/nn/src/nets: U-Nets written against named weights."""

    def __init__(self, folder):
        super().__init__()
        about = json.loads((folder / 'start.json').read_text())
        self.kind, self.widths, self.layout, self.spec = about['kind'], about['widths'], about['layout'], about['spec']
        self.stem = about['stem']
        self.residual = self.kind == '3d'
        self.convolutions = 3 if self.residual else 2
        flat = torch.from_numpy(np.fromfile(folder / 'start.bin', np.float32))
        count = self.layout['parameterCount']
        take = lambda pieces, data: {p['name']: data[p['offset']:p['offset'] + math.prod(p['shape'])].reshape(p['shape']).clone()
                                     for p in pieces}
        self.names = [p['name'] for p in self.layout['parameters']]
        named = take(self.layout['parameters'], flat[:count])
        self.values = torch.nn.ParameterList([torch.nn.Parameter(named[n]) for n in self.names])
        self.at = {n: i for i, n in enumerate(self.names)}
        self.statistics = {k: v.to(DEVICE) for k, v in take(self.layout['statistics'], flat[count:]).items()}
        self.heads = [n for n in ('head', 'cross', 'shape') if f'{n}.weight' in self.at]
        self.momentum = 0.01

    def w(self, name):
        return self.values[self.at[name]]

    def conv(self, x, name, bias=None):
        weight = self.w(f'{name}.weight')
        padding = [k // 2 for k in weight.shape[2:]]
        return (F.conv3d if self.residual else F.conv2d)(x, weight, bias, padding=padding)

    def block(self, name, x, activate=True):
        y = F.batch_norm(self.conv(x, name), self.statistics[f'{name}.mean'], self.statistics[f'{name}.variance'],
                         self.w(f'{name}.gamma'), self.w(f'{name}.beta'), self.training, self.momentum, EPSILON)
        return F.relu(y, inplace=True) if activate else y

    def stage(self, name, x):
        out = skip = self.block(f'{name}.0', x)
        for i in range(1, self.convolutions):
            last = self.residual and i == self.convolutions - 1
            out = self.block(f'{name}.{i}', out, not last)
            if last:
                out = F.relu(out + skip)
        return out

    def forward(self, x):
        if self.stem > 1:  # pixels of a block first, then sections
            n, c, h, w = x.shape
            s = self.stem
            x = x.reshape(n, c, h // s, s, w // s, s).permute(0, 3, 5, 1, 2, 4).reshape(n, c * s * s, h // s, w // s)
            x = x.contiguous(memory_format=torch.channels_last)
        elif self.residual:
            x = x[:, None]
        skips = []
        for i in range(len(self.widths)):
            if i:
                x = F.avg_pool3d(x, (1, 2, 2)) if self.residual else F.avg_pool2d(x, 2)
            x = self.stage(f'down{i}', x)
            skips.append(x)
        for i in reversed(range(len(self.widths) - 1)):
            up = (1, 2, 2) if self.residual else 2
            x = F.interpolate(self.block(f'narrow{i}', x, False), scale_factor=up) + skips[i]
            x = self.stage(f'up{i}', x)
        return torch.cat([self.conv(x, n, self.w(f'{n}.bias')) for n in self.heads], 1)

    @property
    def affinities(self):
        """Channels of the output that are affinities; the others describe shapes."""
        return sum(self.w(f'{n}.bias').numel() for n in self.heads if n != 'shape')

    def flat(self, values):
        pieces = [v.detach().float().cpu().contiguous().reshape(-1) for v in values]
        pieces += [self.statistics[p['name']].cpu().reshape(-1) for p in self.layout['statistics']]
        return torch.cat(pieces).numpy()


def loss_of(out, target, weight, affinities):
    """As packages/nn/src/train/train-step.ts; affinities, then all."""
    out = out.float()
    a = slice(0, affinities)
    bce = (F.binary_cross_entropy_with_logits(out[:, a], target[:, a], reduction='none') * weight[:, a]).sum()
    first = bce / weight[:, a].sum().clamp(min=1e-6)
    if out.shape[1] == affinities:
        return first, first
    d = slice(affinities, None)
    mse = ((out[:, d] - target[:, d]) ** 2 * weight[:, d]).sum() / weight[:, d].sum().clamp(min=1e-6)
    return first, first + mse


class Samples:
    """Batches on the device, met at random."""

    def __init__(self, folder, network, capacity):
        spec, self.stem = network.spec, network.stem
        size, sections = spec['size'], spec['sections']
        self.shapes = [(sections, size, size)]
        channels = sum(network.w(f'{n}.bias').numel() for n in network.heads)
        extent = (sections, size, size) if network.residual else (size // self.stem, size // self.stem)
        self.shapes += [(channels, *extent)] * 2
        self.per_file = spec['batch']
        kinds = (torch.int16, torch.uint8, torch.uint8)
        self.rings = [torch.empty((capacity, *s), dtype=k, device=DEVICE) for s, k in zip(self.shapes, kinds)]
        self.capacity, self.seen = capacity, 0
        self.held = []
        self.folder, self.pending = folder, queue.Queue(32)
        self.taken, self.lock = set(), threading.Lock()
        for _ in range(2):
            threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            found = False
            for path in list(self.folder.glob('*.bin')):
                with self.lock:
                    if path.name in self.taken:
                        continue
                    self.taken.add(path.name)
                found = True
                data = np.fromfile(path, np.uint8)
                os.unlink(path)
                parts, at = [], 0
                for shape, kind in zip(self.shapes, (np.int16, np.uint8, np.uint8)):
                    length = self.per_file * math.prod(shape) * np.dtype(kind).itemsize
                    parts.append(torch.from_numpy(data[at:at + length].view(kind).reshape(self.per_file, *shape)))
                    at += length
                assert at == len(data), (at, len(data), path)
                self.pending.put((path.name.startswith('held'), [p.pin_memory() if CUDA else p for p in parts]))
            if not found:
                time.sleep(0.01)

    def take(self):
        while not self.pending.empty():
            held, parts = self.pending.get()
            if held:
                self.held.append([p.to(DEVICE) for p in parts])
                continue
            at = torch.arange(self.seen, self.seen + self.per_file, device=DEVICE) % self.capacity
            for ring, part in zip(self.rings, parts):
                ring.index_copy_(0, at, part.to(DEVICE, non_blocking=True))
            self.seen += self.per_file

    def decode(self, parts):
        x, target, weight = parts
        return x.float() / 4096, target.float() / 255, (weight.float() / 255) ** 2 * 64

    def draw(self, count):
        filled = min(self.seen, self.capacity)
        index = torch.randint(0, filled, (count,), device=DEVICE)
        return self.decode([ring[index] for ring in self.rings])


def transposed(x, target, weight, network):
    """Rows for columns, in the sections, the offsets, the pixels of a block and the descriptors."""
    turn = lambda t: t.transpose(-1, -2)
    order = []
    offsets = network.spec['offsets']
    swap = [offsets.index([o[1], o[0]]) for o in offsets]
    s = network.stem
    for c in swap:
        order += [c * s * s + px * s + py for py in range(s) for px in range(s)]
    if network.residual:
        order += list(range(len(order), target.shape[1]))
    else:
        displaced = network.spec['displaced']
        start = len(order)
        order += [start, start + 1] + [start + 2 + displaced.index([d[1], d[0]]) for d in displaced]
        start = len(order)
        order += [start + i for i in (1, 0, 3, 2, 4, 5)]
    order = torch.tensor(order, device=target.device)
    return turn(x), turn(target[:, order]), turn(weight[:, order])


def grained(noise, sigma):
    """The same noise, smoothed along rows and columns, of spread 1."""
    if sigma < 0.3:
        return noise
    radius = math.ceil(3 * sigma)
    taps = [math.exp(-i * i / (2 * sigma * sigma)) for i in range(-radius, radius + 1)]
    height, width = noise.shape[-2:]
    # sums of shifted copies: on processors a quarter of the time of a convolution of one channel
    wide = F.pad(noise, (radius,) * 4, mode='replicate')
    tall = sum(tap * wide[..., i:i + height, :] for i, tap in enumerate(taps))
    smooth = sum(tap * tall[..., i:i + width] for i, tap in enumerate(taps))
    return smooth / smooth.std()


def looks(x):
    """Another contrast for the sample, another brightness for the section, and noise, mostly little, of any grain."""
    n = x.shape[0]
    draw = lambda *shape: torch.rand(shape, device=x.device) * 2 - 1
    x = x + 0.08 * draw(n, 1, 1, 1) * (x * x - 1)
    x = x * (1 + 0.1 * draw(n, x.shape[1], 1, 1)) + 0.1 * draw(n, x.shape[1], 1, 1)
    amount = 0.4 * torch.rand((n, x.shape[1], 1, 1), device=x.device) ** 2
    amount = amount * (torch.rand((n, x.shape[1], 1, 1), device=x.device) < 0.5)
    return x + amount * grained(torch.randn_like(x), 1.2 * torch.rand(()).item())


def judge(network, samples):
    network.eval()
    losses = []
    with torch.no_grad(), torch.autocast(DEVICE.type, torch.bfloat16, enabled=BFLOAT):
        for parts in samples.held:
            x, target, weight = samples.decode(parts)
            out = network(x).float()
            losses.append(loss_of(out, target, weight, network.affinities)[0].item())
    network.train()
    return float(np.mean(losses)) if losses else float('nan')


def arguments():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument('start', nargs='+', type=pathlib.Path)
    parse.add_argument('--samples', type=pathlib.Path, required=True)
    parse.add_argument('--out', type=pathlib.Path, required=True)
    parse.add_argument('--seconds', type=float, required=True, help='from now to the last step')
    parse.add_argument('--batch', type=int, default=64, help='samples a step')
    parse.add_argument('--rate', type=float, default=0.002, help='highest learning rate')
    parse.add_argument('--keep', type=int, default=16000, help='samples that stay in memory')
    parse.add_argument('--first', type=int, default=500, help='samples to begin with')
    parse.add_argument('--held', type=int, default=20, help='held-back batches to wait for before the first judgement')
    parse.add_argument('--threads', type=int, default=0)
    return parse.parse_args()


def main():
    args = arguments()
    args.samples.mkdir(parents=True, exist_ok=True)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    networks = [Network(path).to(DEVICE) for path in args.start]
    for network, path in zip(networks, args.start):
        network.name = path.name
        memory = torch.channels_last_3d if network.residual else torch.channels_last
        for v in network.values:
            if v.dim() == (5 if network.residual else 4):
                v.data = v.data.contiguous(memory_format=memory)
        network.train()
        network.average = [v.detach().clone() for v in network.values]
        network.optimiser = torch.optim.AdamW(network.values, lr=args.rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, fused=CUDA)
        network.losses = []
    one = networks[0]
    samples = Samples(args.samples, one, args.keep)
    while samples.seen < args.first:
        samples.take()
        time.sleep(0.05)
        if samples.seen == 0 and time.time() - STARTED > 240:
            sys.exit(f'no samples in {args.samples}: does feed.mjs run?')
    say('first samples', samples.seen)
    before = [None] * len(networks)
    began, step, told, kept = time.time(), 0, 0.0, time.time()
    end = began + args.seconds - (time.time() - STARTED)
    while time.time() < end:
        samples.take()
        if samples.held and before[0] is None and len(samples.held) >= args.held:
            before = [judge(n, samples) for n in networks]
            say('held back, before', *(f'{n.name} {b:.4f}' for n, b in zip(networks, before)))
        step += 1
        done = (time.time() - began) / (end - began)
        now = args.rate * min(1, step / 200) * (1 if done < 0.35 else 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (done - 0.35) / 0.65)))
        x, target, weight = samples.draw(args.batch)
        if step % 2:
            x, target, weight = transposed(x, target, weight, one)
        x = looks(x)
        for network in networks:
            for group in network.optimiser.param_groups:
                group['lr'] = now
            with torch.autocast(DEVICE.type, torch.bfloat16, enabled=BFLOAT):
                y = network(x)
            first, loss = loss_of(y, target, weight, network.affinities)
            network.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            network.optimiser.step()
            keep = min(0.9985, step / (step + 10))
            with torch.no_grad():
                torch._foreach_lerp_(network.average, [v.detach() for v in network.values], 1 - keep)
            network.losses.append(first.detach())
        if time.time() - told > 20:
            told = time.time()
            LIBC.malloc_trim(0)  # else steps leave the heap in pieces that add up to gigabytes
            text = [f'{n.name} {torch.stack(n.losses[-300:]).mean().item():.4f}' for n in networks]
            say(f'step {step}, samples {samples.seen}, rate {now:.5f}:', *text)
            if not all(math.isfinite(n.losses[-1].item()) for n in networks):
                say('the loss is no number')
                break
        if time.time() - kept > 300:
            kept = time.time()
            for network in networks:
                network.flat(network.average).tofile(args.out / f'{network.name}-{step}.bin')
    say(f'trained {step} steps on {samples.seen} samples, each met {step * args.batch / max(1, samples.seen):.1f} times')
    (args.samples / 'stop').write_text('')
    for network, was in zip(networks, before):
        with torch.no_grad():
            for v, a in zip(network.values, network.average):
                v.copy_(a)
            with torch.autocast(DEVICE.type, torch.bfloat16, enabled=BFLOAT):
                for i in range(STATISTICS):
                    network.momentum = 1 / (i + 1)
                    x, _, _ = samples.draw(args.batch)
                    network(looks(x) if i % 2 else x)
        network.flat(network.values).tofile(args.out / f'{network.name}.bin')
        say(f'{network.name}: held back {was} -> {judge(network, samples):.4f}, on {len(samples.held)} batches')
    (args.out / 'losses.json').write_text(json.dumps({n.name: [round(v, 4) for v in torch.stack(n.losses).float().cpu()
                                                          .unfold(0, 50, 50).mean(1).tolist()] for n in networks if len(n.losses) >= 50}))
    os._exit(0)


if __name__ == '__main__':
    main()
