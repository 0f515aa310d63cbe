export { createOpaServerPolicy, type OpaServerOptions } from "./server-policy.ts";
export { createOpaWasmPolicy, type OpaWasmOptions, type OpaWasmPolicy } from "./wasm-policy.ts";
