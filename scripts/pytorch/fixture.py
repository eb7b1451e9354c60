#!/usr/bin/env python3
"""Writes packages/nn/fixtures/pytorch.json: what the networks of train.py say, for weights that feed.mjs tiny made.

    fixture.py FOLDER_2D FOLDER_3D && npx biome check --write packages/nn/fixtures
"""
import json
import pathlib
import sys

import torch

import train

HERE = pathlib.Path(__file__).resolve().parent.parent.parent
cases = {}
for folder, shape in zip(sys.argv[1:3], ((1, 3, 8, 12), (1, 3, 6, 4))):
    network = train.Network(pathlib.Path(folder)).to('cpu').eval()
    x = torch.arange(torch.Size(shape).numel()).float().mul(0.7).sin().reshape(shape)
    with torch.no_grad():
        y = network(x)
    listed = lambda t: [round(float(v), 6) for v in t.reshape(-1)]
    flat = network.flat(network.values)
    cases[network.kind] = {'widths': network.widths, 'weights': [round(float(v), 4) for v in flat],
                           'input': {'shape': list(shape), 'data': listed(x)},
                           'output': {'shape': list(y.shape), 'data': listed(y)}}
(HERE / 'packages/nn/fixtures/pytorch.json').write_text(json.dumps(cases))
