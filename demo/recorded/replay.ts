import type { Digest } from "../../src/core/digest.ts";
import { ComponentStore } from "../component-service/component-store.ts";
import { type Catalogue, openCatalogue, type ReleaseContent } from "../component-service/release-catalogue.ts";
import type { RecordedModel, Recording } from "./recording.ts";

export interface ReplayAnswer {
  readonly question: number;
  readonly model: string;
  readonly answer: string;
}

/** Recorded models behind two slots, with `model` and `prompt` as their components. */
export interface Replay {
  readonly store: ComponentStore;
  readonly catalogue: Catalogue;
  /** Pinned to the stable model and its prompt. Undefined for a question that is not in the recording. */
  stable(question: number): ReplayAnswer | undefined;
  /** Whatever model and prompt are live. Throws when the recording has no answers of that model to that prompt. */
  live(question: number): ReplayAnswer | undefined;
  /** A component was written: what is live is read anew. */
  changed(): void;
}

interface ModelContent {
  readonly model: string;
  readonly answers: readonly string[];
}

interface PromptContent {
  /** The model that was asked in these words; its answers to other words were not recorded. */
  readonly for: string;
  readonly questions: readonly string[];
}

function contentOf(label: string, recording: Recording, { name, answers }: RecordedModel): ReleaseContent {
  const bytesOf = (value: ModelContent | PromptContent): Uint8Array =>
    new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  return {
    label,
    needs: { model: ["prompt"] },
    artifacts: [
      { component: "model", label: name, bytes: bytesOf({ model: name, answers }) },
      {
        component: "prompt",
        label: `prompt of ${name}`,
        bytes: bytesOf({ for: name, questions: recording.questions.map(({ text }) => text) }),
      },
    ],
  };
}

/** Opens the replay in a data folder; see `openCatalogue` for what later starts do. */
export function openReplay(folder: string, recording: Recording): Replay {
  const store = new ComponentStore(folder);
  const { stable, candidate } = recording;
  const catalogue = openCatalogue(store, `recording ${recording.digest}, ${stable.name} and ${candidate.name}`, () => ({
    stable: contentOf(stable.name, recording, stable),
    candidate: contentOf(candidate.name, recording, candidate),
  }));
  const read = <Content>(digest: Digest): Content =>
    JSON.parse(new TextDecoder().decode(store.artifact(digest))) as Content;
  const answerOf = ({ model, answers }: ModelContent, question: number): ReplayAnswer | undefined => {
    const answer = answers[question];
    return answer === undefined ? undefined : { question, model, answer };
  };
  const liveModel = (): ModelContent => {
    const [model, prompt] = [store.live("model"), store.live("prompt")];
    if (!model || !prompt) throw new Error("no model or no prompt is live");
    const content = read<ModelContent>(model.digest);
    const asked = read<PromptContent>(prompt.digest);
    if (asked.for !== content.model)
      throw new Error(`the recording has no answers of ${content.model} to the ${prompt.label}`);
    return content;
  };
  const pinned = read<ModelContent>(catalogue.stable.revisions["model"]!.digest);
  let now: ModelContent | undefined;
  return {
    store,
    catalogue,
    stable: (question) => answerOf(pinned, question),
    live(question) {
      now ??= liveModel();
      return answerOf(now, question);
    },
    changed: () => {
      now = undefined;
    },
  };
}
