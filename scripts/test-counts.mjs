/**
 * Prints `N passed, N failed, N skipped` from a report of vitest's JSON reporter, and exits with 1 where a
 * test or a file failed or none passed. usage: test-counts.mjs REPORT.json
 */
import { readFileSync } from 'node:fs';

let report;
try {
  report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
} catch {
  // No report means that no test ran.
  console.log('0 passed, 1 failed, 0 skipped');
  process.exit(1);
}
const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = report;
// A file that breaks before its first test has no failed tests to count, but it failed.
const brokenFiles = report.testResults.filter(
  (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
).length;
const failed = numFailedTests + brokenFiles;
console.log(`${numPassedTests} passed, ${failed} failed, ${numPendingTests + numTodoTests} skipped`);
process.exit(failed > 0 || numPassedTests === 0 ? 1 : 0);
