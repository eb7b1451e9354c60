/** Finds a Chromium and starts it without a window. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** `KYN_CHROMIUM`, or the first Chromium on the PATH; undefined where there is none. */
export function findChromium(): string | undefined {
  const given = process.env.KYN_CHROMIUM;
  if (given) return given;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const QUIET = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** WebGPU on the processor (SwiftShader), so that it is there on machines without a graphics card. */
const SOFTWARE_WEBGPU = [
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];

export function startChromium(executablePath: string, device: 'cpu' | 'webgpu'): Promise<Browser> {
  const args = [...QUIET, ...(device === 'webgpu' ? SOFTWARE_WEBGPU : ['--disable-gpu'])];
  return chromium.launch({ executablePath, headless: true, args });
}
