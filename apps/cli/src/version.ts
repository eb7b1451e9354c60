/** Put in by `scripts/build.mjs` from the root package.json; the sources run unbuilt only in tests. */
declare const KYN_VERSION: string | undefined;

export const version: string = typeof KYN_VERSION === 'undefined' ? '0.0.0-source' : KYN_VERSION;
