import { gzipSync } from "node:zlib";

/** What a rule of the compiled policy answers; `loops` never does. */
export type RuleValue = { readonly value: unknown } | "undefined" | "loops";

const I32 = 0x7f;
const TABLE = 1024;
const TEXTS = 2048;

/**
 * A module with the exports of OPA's Wasm ABI 1.2 whose rules answer fixed values: small enough to be written here, so
 * that the fast tests need no compiler. Values are kept as JSON texts, so that dumping and parsing are the identity.
 */
export function compiledPolicy(
  rules: Readonly<Record<string, RuleValue>>,
  builtins: readonly string[] = [],
): Uint8Array<ArrayBuffer> {
  const names = Object.keys(rules);
  const data: number[] = [];
  const keep = (value: unknown) => {
    const at = TEXTS + data.length;
    data.push(...Buffer.from(`${JSON.stringify(value)}\0`));
    return at;
  };
  const numbered = (all: readonly string[]) => keep(Object.fromEntries(all.map((name, id) => [name, id])));
  const [entrypoints, expected] = [numbered(names), numbered(builtins)];
  const values = Object.values(rules).map((rule) => keep(typeof rule === "object" ? [{ result: rule.value }] : []));
  const table = values.flatMap((at) => [at & 255, (at >> 8) & 255, at >> 16, 0]);
  const constant = (value: number) => [0x41, ...signed(value)];
  const loops = names.flatMap((name, id) =>
    // if (entrypoint == id) loop for ever
    rules[name] === "loops" ? [0x20, 1, ...constant(id), 0x46, 0x04, 0x40, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b] : [],
  );
  const lookUp = [0x20, 1, ...constant(4), 0x6c, 0x28, 2, ...unsigned(TABLE)];
  const functions: readonly (readonly [string, number, readonly number[]])[] = [
    ["entrypoints", 0, constant(entrypoints)],
    ["builtins", 0, constant(expected)],
    ["opa_json_dump", 1, [0x20, 0]],
    ["opa_malloc", 1, constant(65_536)],
    ["opa_json_parse", 2, [0x20, 0]],
    ["opa_heap_ptr_get", 0, constant(131_072)],
    ["opa_heap_ptr_set", 3, []],
    ["opa_eval", 4, [...loops, ...lookUp]],
  ];
  const type = (args: number, results: number) => [
    0x60,
    ...list(Array(args).fill([I32])),
    ...list(Array(results).fill([I32])),
  ];
  const versions = [1, 2].map((version) => [I32, 0, ...constant(version), 0x0b]);
  const globals = ["opa_wasm_abi_version", "opa_wasm_abi_minor_version"];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list([type(0, 1), type(1, 1), type(2, 1), type(1, 0), type(7, 1)])),
    ...section(2, list([[...text("env"), ...text("memory"), 2, 0, 2]])),
    ...section(3, list(functions.map(([, kind]) => [kind]))),
    ...section(6, list(versions)),
    ...section(
      7,
      list([
        ...functions.map(([name], index) => [...text(name), 0, index]),
        ...globals.map((name, index) => [...text(name), 3, index]),
      ]),
    ),
    ...section(10, list(functions.map(([, , code]) => sized([0, ...code, 0x0b])))),
    ...section(
      11,
      list([
        [0, ...constant(TABLE), 0x0b, ...sized(table)],
        [0, ...constant(TEXTS), 0x0b, ...sized(data)],
      ]),
    ),
  ]);
}

/** A bundle as `opa build` writes it. */
export function bundleOf(files: Readonly<Record<string, string | Uint8Array>>): Uint8Array {
  const blocks = Object.entries(files).flatMap(([name, content]) => {
    const body = Buffer.from(content);
    const head = Buffer.alloc(512);
    head.write(name, 0);
    head.write(`${body.length.toString(8).padStart(11, "0")} `, 124);
    head.write("0", 156);
    return [head, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

function section(id: number, body: readonly number[]): readonly number[] {
  return [id, ...sized(body)];
}

function sized(bytes: readonly number[]): readonly number[] {
  return [...unsigned(bytes.length), ...bytes];
}

function list(items: readonly (readonly number[])[]): readonly number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function text(value: string): readonly number[] {
  return sized([...Buffer.from(value)]);
}

/** LEB128, as the WebAssembly specification writes numbers. */
function unsigned(value: number): readonly number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

function signed(value: number): readonly number[] {
  return value < 64 ? [value] : [(value & 127) | 128, ...signed(value >>> 7)];
}
