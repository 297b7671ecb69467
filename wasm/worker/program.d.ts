/** What github.com/syumai/workers puts next to the Worker's modules. */
declare module '*/wasm_exec.js'
declare module '*/runtime.mjs' {
  export function loadModule(): Promise<WebAssembly.Module>
  export function createRuntimeContext(of: { env: object; ctx: ExecutionContext; binding: object }): object
}

declare class Go {
  importObject: Record<string, Record<string, unknown>>
  run(instance: WebAssembly.Instance, context: object): Promise<void>
}
