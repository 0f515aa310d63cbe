import { loadRecording, type Recording } from "../../demo/recorded/recording.ts";
import type { Random } from "../../src/core/ports.ts";
import { createSeededRandom } from "../../src/simulation/random.ts";
import { informationBound } from "../../src/statistics/information-bound.ts";
import { createDefault } from "./ours.ts";
import { ALPHA } from "./worlds.ts";

/** A regression of a real model, replayed. */
export interface Replay {
  readonly subject: string;
  readonly figures: Readonly<Record<string, number>>;
}

const SHARE = 0.05;
/** So many answers of the candidate are waited for. */
const PATIENCE = 1000;

/**
 * Questions drawn at random with replacement, one in twenty answered by the newer model. "Wrong answers rise" is judged
 * after every answer of it. Then with the roles changed: an improvement, which must not go back.
 */
export function replay(file: string, seed: string, replays: number): readonly Replay[] {
  const recording = loadRecording(file);
  const { stable, candidate } = recording;
  return [
    figuresOf(`${stable.name} -> ${candidate.name}`, wrongOf(recording, candidate), wrongOf(recording, stable)),
    figuresOf(`${candidate.name} -> ${stable.name}`, wrongOf(recording, stable), wrongOf(recording, candidate)),
    figuresOf(`${stable.name} -> itself`, wrongOf(recording, stable), wrongOf(recording, stable)),
  ];

  function figuresOf(subject: string, newer: readonly boolean[], older: readonly boolean[]): Replay {
    const p1 = newer.filter(Boolean).length / newer.length;
    const p0 = older.filter(Boolean).length / older.length;
    const answers = Array.from({ length: replays }, (_, index) =>
      answersUntil(createSeededRandom(`${seed}/${subject}/${index}`), newer, older, p0),
    );
    const back = answers.filter((count) => count !== undefined).sort((a, b) => a - b);
    const bound = informationBound({ p1, p0, share: SHARE, ratio: 1, points: 0, alpha: ALPHA });
    return {
      subject,
      figures: {
        "wrong %": 100 * p1,
        "wrong before %": 100 * p0,
        replays,
        "rolled back": back.length,
        ...(back.length > replays / 2 && {
          "mean answers": back.reduce((sum, count) => sum + count, 0) / back.length,
          median: back[Math.floor(back.length / 2)]!,
          p90: back[Math.floor(back.length * 0.9)]!,
          bound,
        }),
      },
    };
  }
}

function wrongOf(recording: Recording, model: Recording["stable"]): readonly boolean[] {
  return model.answers.map((answer, question) => !recording.judge(model.name, question, answer));
}

/** The candidate's answers until it goes back; undefined when it does not. */
function answersUntil(
  random: Random,
  newer: readonly boolean[],
  older: readonly boolean[],
  forecast: number,
): number | undefined {
  const judge = createDefault({ null: { ratio: 1, points: 0 }, forecast, share: SHARE });
  const wrong = (answers: readonly boolean[]) => answers[Math.floor(random.next() * answers.length)]!;
  const references = Math.round(1 / SHARE) - 1;
  for (let answers = 1; answers <= PATIENCE; answers++) {
    let k0 = 0;
    for (let left = references; left > 0; left--) if (wrong(older)) k0++;
    const counts = { n1: 1, k1: wrong(newer) ? 1 : 0, n0: references, k0 };
    if (judge.take(counts, answers)) return answers;
  }
  return undefined;
}
