// @ts-check
/** The build id; the build replaces this file. tweedie.js, worker.js and the wasm must be of the same build. */
export const BUILD = 'dev'
