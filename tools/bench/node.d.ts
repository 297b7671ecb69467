// Node, as far as native.js needs it.
declare module 'node:module'
declare module 'node:fs'
declare module 'node:readline'
declare const process: any
