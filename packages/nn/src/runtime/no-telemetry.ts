/**
 * ONNX Runtime's native build tells its maker of every session, from a queue that it keeps in the user's home, unless the
 * environment forbids it when it is loaded. What is segmented here is nobody else's business; whoever wants it sets
 * ORT_DISABLE_TELEMETRY=0.
 *
 * Called in the main thread: a worker's `process.env` is a copy that native code does not see.
 */
export function forbidTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
}
