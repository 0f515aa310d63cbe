import { z } from "zod";

/** Values by a name that must look like this; zod's own message for a name's flaw says nothing of what is wrong. */
export function recordOf<Value extends z.ZodType>(name: RegExp, flaw: string, value: Value) {
  return z.record(z.string(), value).superRefine((all, context) => {
    for (const key of Object.keys(all)) {
      if (!name.test(key)) context.addIssue({ code: "custom", path: [key], message: flaw });
    }
  });
}
