#!/usr/bin/env python3
"""Writes packages/nn/fixtures/gradients.json and train-step.json: what PyTorch computes for our layers.

Needs PyTorch (any version from 1.13). Run from the repository's root: python3 scripts/make-nn-fixtures.py
gradients.json: for every operation its inputs, its output y, and the gradients of sum(y * r) for a fixed random r.
train-step.json: a small U-Net of the shape of packages/nn/src/nets/unet.ts, its first weights, three batches, and
loss, weights and batch statistics after each AdamW step.
"""
import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(7)
torch.set_num_threads(1)
HERE = pathlib.Path(__file__).resolve().parent.parent / 'packages/nn/fixtures'


def array(t):
    return {'shape': list(t.shape), 'data': [round(float(v), 7) for v in t.detach().reshape(-1)]}


def case(name, op, inputs, **options):
    inputs = {k: torch.round(v * 1e4) / 1e4 for k, v in inputs.items()}
    leaves = {k: v.clone().requires_grad_(True) for k, v in inputs.items()}
    y = op(**leaves)
    r = torch.round(torch.randn(y.shape) * 1e3) / 1e3
    (y * r).sum().backward()
    return {'name': name, 'options': options, 'inputs': {k: array(v) for k, v in inputs.items()}, 'output': array(y),
            'direction': array(r), 'gradients': {k: array(v.grad) for k, v in leaves.items()}}


def rand(*shape):
    return torch.randn(*shape)


def gradients():
    conv = lambda x, weight, bias=None: (F.conv2d if x.dim() == 4 else F.conv3d)(
        x, weight, bias, padding=[k // 2 for k in weight.shape[2:]])
    norm = lambda x, gamma, beta: F.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-5)
    return [
        case('conv', conv, dict(x=rand(2, 3, 5, 6), weight=rand(4, 3, 3, 3))),
        case('conv', conv, dict(x=rand(1, 2, 4, 7), weight=rand(3, 2, 3, 3), bias=rand(3))),
        case('conv', conv, dict(x=rand(2, 3, 4, 4), weight=rand(2, 3, 1, 1), bias=rand(2))),
        case('conv', conv, dict(x=rand(2, 2, 9, 8), weight=rand(2, 2, 5, 3))),
        case('conv', conv, dict(x=rand(2, 2, 4, 5, 6), weight=rand(3, 2, 3, 3, 3))),
        case('conv', conv, dict(x=rand(1, 2, 3, 5, 4), weight=rand(2, 2, 1, 3, 3), bias=rand(2))),
        case('batchNorm', norm, dict(x=rand(2, 3, 4, 5), gamma=rand(3), beta=rand(3))),
        case('batchNorm', norm, dict(x=rand(2, 2, 3, 4, 3), gamma=rand(2), beta=rand(2))),
        case('relu', F.relu, dict(input=rand(2, 3, 4, 4))),
        case('sigmoid', torch.sigmoid, dict(input=rand(2, 3, 4, 4))),
        case('averagePool', lambda x: F.avg_pool2d(x, 2), dict(x=rand(2, 3, 4, 6)), factor=[2, 2]),
        case('averagePool', lambda x: F.avg_pool3d(x, (1, 2, 2)), dict(x=rand(1, 2, 3, 4, 6)), factor=[1, 2, 2]),
        case('upsampleNearest', lambda x: F.interpolate(x, scale_factor=2), dict(x=rand(2, 3, 2, 3)), factor=[2, 2]),
        case('upsampleNearest', lambda x: F.interpolate(x, scale_factor=(1, 2, 2)), dict(x=rand(1, 2, 3, 2, 3)),
             factor=[1, 2, 2]),
        case('convTranspose', lambda x, weight: F.conv_transpose2d(x, weight, stride=2),
             dict(x=rand(2, 3, 2, 3), weight=rand(3, 2, 2, 2))),
        case('convTranspose', lambda x, weight: F.conv_transpose3d(x, weight, stride=(1, 2, 2)),
             dict(x=rand(2, 3, 2, 3, 2), weight=rand(3, 2, 1, 2, 2))),
        case('add', lambda a, b: a + b, dict(a=rand(1, 2, 3, 3), b=rand(1, 2, 3, 3))),
        case('concatChannels', lambda a, b: torch.cat([a, b], 1), dict(a=rand(2, 1, 3, 3), b=rand(2, 2, 3, 3))),
        case('crossEntropy', weighted_bce, dict(logits=rand(2, 2, 3, 4)), **mask(2, 2, 3, 4)),
        case('squaredError', weighted_mse, dict(values=rand(2, 2, 3, 4)), **mask(2, 2, 3, 4)),
    ]


TARGET, WEIGHT = None, None


def mask(*shape):
    global TARGET, WEIGHT
    TARGET = (rand(*shape) > 0).float()
    WEIGHT = torch.round(torch.rand(*shape) * (rand(*shape) > -0.5) * 100) / 100
    return dict(target=array(TARGET), weight=array(WEIGHT))


def weighted_bce(logits):
    return (F.binary_cross_entropy_with_logits(logits, TARGET, reduction='none') * WEIGHT).sum() / WEIGHT.sum()


def weighted_mse(values):
    return (((values - TARGET) ** 2) * WEIGHT).sum() / WEIGHT.sum()


class Block(torch.nn.Module):
    def __init__(self, cin, cout, k):
        super().__init__()
        self.conv = torch.nn.Conv2d(cin, cout, k, padding=k // 2, bias=False)
        self.norm = torch.nn.BatchNorm2d(cout)

    def forward(self, x):
        return self.norm(self.conv(x))


class UNet(torch.nn.Module):
    """The 2D network of packages/nn/src/nets/unet.ts; modules are registered in the order of our flat vector."""

    def __init__(self, widths, outputs, inputs=1, stem=1):
        super().__init__()
        self.widths = widths
        self.stem = stem
        for i, w in enumerate(widths):
            setattr(self, f'down{i}0', Block(inputs * stem**2 if i == 0 else widths[i - 1], w, 3))
            setattr(self, f'down{i}1', Block(w, w, 3))
        for i in reversed(range(len(widths) - 1)):
            setattr(self, f'narrow{i}', Block(widths[i + 1], widths[i], 1))
            setattr(self, f'up{i}0', Block(widths[i], widths[i], 3))
            setattr(self, f'up{i}1', Block(widths[i], widths[i], 3))
        self.head = torch.nn.Conv2d(widths[0], outputs, 1)

    def forward(self, x):
        skips = []
        if self.stem > 1:
            x = F.pixel_unshuffle(x, self.stem)
        for i in range(len(self.widths)):
            if i:
                x = F.avg_pool2d(x, 2)
            x = F.relu(getattr(self, f'down{i}1')(F.relu(getattr(self, f'down{i}0')(x))))
            skips.append(x)
        for i in reversed(range(len(self.widths) - 1)):
            x = F.interpolate(getattr(self, f'narrow{i}')(x), scale_factor=2) + skips[i]
            x = F.relu(getattr(self, f'up{i}1')(F.relu(getattr(self, f'up{i}0')(x))))
        return self.head(x)


def loss_of(out, target, weight, affinities, descriptor_weight):
    a, d = slice(0, affinities), slice(affinities, None)
    bce = (F.binary_cross_entropy_with_logits(out[:, a], target[:, a], reduction='none') * weight[:, a]).sum()
    mse = (((out[:, d] - target[:, d]) ** 2) * weight[:, d]).sum()
    return bce / weight[:, a].sum() + descriptor_weight * mse / weight[:, d].sum()


def train_step():
    widths, affinities, descriptors, descriptor_weight = [4, 6, 8], 3, 2, 0.5
    rate, weight_decay, epsilon = 1e-2, 1e-2, 1e-2
    net = UNet(widths, affinities + descriptors)
    flat = lambda: torch.cat([p.detach().reshape(-1) for p in net.parameters()])
    for p in net.parameters():
        p.data = torch.round(p.data * 1e4) / 1e4
    first = array(flat())
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, betas=(0.9, 0.999),
                                  eps=epsilon, weight_decay=weight_decay)
    steps = []
    for _ in range(3):
        x = torch.round(rand(2, 1, 8, 12) * 1e3) / 1e3
        target = (rand(2, affinities + descriptors, 8, 12) > 0).float()
        weight = torch.round(torch.rand(2, affinities + descriptors, 8, 12) * 100) / 100
        optimiser.zero_grad()
        loss = loss_of(net(x), target, weight, affinities, descriptor_weight)
        loss.backward()
        optimiser.step()
        steps.append(dict(input=array(x), target=array(target), weight=array(weight), loss=float(loss),
                          parameters=array(flat())))
    net.eval()
    for m in net.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.running_mean = torch.round(torch.randn_like(m.running_mean) * 1e3) / 1e4
            m.running_var = torch.round((torch.rand_like(m.running_var) + 0.5) * 1e3) / 1e3
    statistics = torch.cat([torch.cat([m.running_mean, m.running_var]) for m in net.modules()
                            if isinstance(m, torch.nn.BatchNorm2d)])
    x = torch.round(rand(1, 1, 16, 8) * 1e3) / 1e3
    inference = dict(input=array(x), statistics=array(statistics), affinities=array(torch.sigmoid(net(x)[:, :affinities])))
    return dict(widths=widths, affinities=affinities, descriptors=descriptors, descriptorWeight=descriptor_weight,
                rate=rate, weightDecay=weight_decay,
                epsilon=epsilon, first=first, steps=steps, inference=inference)


if __name__ == '__main__':
    HERE.mkdir(parents=True, exist_ok=True)
    (HERE / 'gradients.json').write_text(json.dumps(gradients()))
    (HERE / 'train-step.json').write_text(json.dumps(train_step()))
    print('torch', torch.__version__, [(f.name, f.stat().st_size) for f in HERE.iterdir()])
