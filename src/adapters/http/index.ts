export { createHttpAdapter, type HttpAdapterOptions } from "./http-adapter.ts";
