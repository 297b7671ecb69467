// @ts-check
/** The build id. The build replaces this file: tweedie.js, worker.js and the wasm must be of one build. */
export const BUILD = 'dev'
