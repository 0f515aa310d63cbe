export {
  type Argv,
  type CommandAdapterOptions,
  type CommandComponent,
  createCommandAdapter,
} from "./command-adapter.ts";
